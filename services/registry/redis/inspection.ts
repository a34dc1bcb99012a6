/** Reads of the registry in Redis for people; no worker needs them. They change nothing. */

import type { Redis } from 'ioredis';
import { processFeedKey } from '../feed-keys.ts';
import type { Owner } from '../types.ts';
import { keys } from './keys.ts';
import { livingAmong } from './reads.ts';

/** The incarnations with a valid lease. */
export async function leases(redis: Redis): Promise<Set<string>> {
  return livingAmong(redis, await redis.smembers(keys.incarnations));
}

/** How many viewers each shared process of a stream has, by slot. */
export async function slotsOf(redis: Redis, streamId: string): Promise<Map<number, number>> {
  const counts = await redis.hgetall(keys.slots(streamId));
  const slots = Object.entries(counts).map(([slot, viewers]) => [Number(slot), Number(viewers)] as const);
  return new Map(slots.filter(([slot, viewers]) => Number.isInteger(slot) && Number.isInteger(viewers)));
}

/** The owner of each of a stream's process feeds; slots without an owner are absent. */
export async function feedOwners(
  redis: Redis,
  streamId: string,
  slots: readonly number[],
): Promise<Map<number, Owner>> {
  const owners = new Map<number, Owner>();
  const read = async (slot: number): Promise<void> => {
    const fields = await redis.hgetall(keys.ownerPrefix + processFeedKey(streamId, slot));
    const { incarnation, worker: workerId, address, epoch } = fields;
    if (incarnation === undefined || workerId === undefined || address === undefined) return;
    owners.set(slot, { incarnation, workerId, address, epoch: Number(epoch) });
  };
  await Promise.all(slots.map(read));
  return owners;
}
