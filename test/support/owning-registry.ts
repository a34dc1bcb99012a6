/**
 * Makes the registry of a worker alone behave as one over the network: each call takes its time to get there and to come back, and
 * it remembers who owns what.
 */

import { processFeedKey } from '../../services/registry/feed-keys.ts';
import { MemoryRegistry } from '../../services/registry/memory/memory-registry.ts';
import type { JoinAnswer, ProviderConnection } from '../../services/registry/types.ts';
import { slowly } from './walk.ts';

const NETWORK = [
  'join',
  'leave',
  'stream',
  'locate',
  'acquire',
  'release',
  'releaseSlot',
  'takeConnection',
  'returnConnection',
  'markUnshareable',
  'countError',
  'workers',
  'send',
] as const;

export interface OwningRegistry {
  /** The feeds that have an owner. */
  readonly owned: Set<string>;
  /** Streams whose joins are not told who has the feed, as during an outage. */
  readonly withoutPlace: Set<string>;
  /** The connections to providers that are taken. */
  readonly connections: () => number;
  readonly restore: () => void;
}

/** Changes every memory registry of this process until `restore`. */
export function owningRegistry(): OwningRegistry {
  const owned = new Set<string>();
  const withoutPlace = new Set<string>();
  const taken = new Set<string>();
  const proto = MemoryRegistry.prototype;
  const real = Object.fromEntries(NETWORK.map((name) => [name, proto[name]]));
  /** What is noted of an answer, and the answer that the caller gets. */
  const noted = (name: (typeof NETWORK)[number], args: unknown[], answer: unknown): unknown => {
    const [first, second] = args;
    if (name === 'locate' || name === 'acquire') owned.add(String(first));
    if (name === 'release') owned.delete(String(first));
    if (name === 'releaseSlot' && answer === true) owned.delete(processFeedKey(String(first), Number(second)));
    if (name === 'takeConnection' && answer === true) taken.add((first as ProviderConnection).id);
    if (name === 'returnConnection') taken.delete((first as ProviderConnection).id);
    return name === 'join' ? joined(answer as JoinAnswer) : answer;
  };
  const joined = (answer: JoinAnswer): JoinAnswer => {
    if (answer.kind !== 'joined' || answer.slot === undefined || answer.place === undefined) return answer;
    if (withoutPlace.has(answer.stream.id)) return { ...answer, place: undefined };
    owned.add(processFeedKey(answer.stream.id, answer.slot));
    return answer;
  };
  for (const name of NETWORK) {
    const method = real[name] as (...args: unknown[]) => Promise<unknown>;
    Object.assign(proto, {
      [name](this: MemoryRegistry, ...args: unknown[]) {
        return slowly(`registry.${name}`, async () => noted(name, args, await method.apply(this, args)));
      },
    });
  }
  return { owned, withoutPlace, connections: () => taken.size, restore: () => void Object.assign(proto, real) };
}
