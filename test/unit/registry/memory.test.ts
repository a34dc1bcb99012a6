/** The in-memory registry keeps the contract. */

import { MemoryRegistry } from '../../../services/registry/memory/memory-registry.ts';
import { registryContract } from './contract.ts';

registryContract(async (now) => new MemoryRegistry(now));
