/** The in-memory registry keeps the contract. */

import { MemoryRegistry } from '../../../services/registry/memory/memory-registry.ts';
import { systemClock } from '../../../services/shared/clock.ts';
import { GRACE_MS, REAL_TIME, registryContract } from './contract.ts';

registryContract(async () => {
  let nowMs = 1_000_000;
  const identity = { workerId: 'w1', incarnation: 'i1', address: '', zone: undefined };
  const age = async (ms: number) => {
    nowMs += ms;
  };
  return {
    registry: new MemoryRegistry(identity, GRACE_MS, { ...systemClock, wallMs: () => nowMs }),
    age,
    ...REAL_TIME,
  };
});
