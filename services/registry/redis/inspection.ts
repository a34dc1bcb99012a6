/** Reads of the registry in Redis for people. They change nothing. */

import type { Redis } from 'ioredis';
import { z } from 'zod';
import { processFeedKey } from '../feed-keys.ts';
import { clientShape, parsed } from '../shapes.ts';
import type { Owner } from '../types.ts';
import { type ClientPage, withCounters } from './client-reads.ts';
import { keys } from './keys.ts';
import { livingAmong, readEach } from './reads.ts';
import { fieldsOf } from './records.ts';
import type { RunScript } from './scripts.ts';
import { readSummaries } from './summary.ts';

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
  run: RunScript,
  streamId: string,
  slots: readonly number[],
): Promise<Map<number, Owner>> {
  const owners = new Map<number, Owner>();
  const feeds = slots.map((slot) => processFeedKey(streamId, slot));
  let at = 0;
  for await (const flat of readEach(run, 'HGETALL', (feed) => keys.ownerPrefix + feed, feeds)) {
    const slot = slots[at++];
    const { incarnation, worker: workerId, address, epoch } = fieldsOf(flat);
    if (slot === undefined || incarnation === undefined || workerId === undefined || address === undefined) continue;
    owners.set(slot, { incarnation, workerId, address, epoch: Number(epoch) });
  }
  return owners;
}

export interface ClientSearch {
  readonly field: 'ipAddress' | 'username';
  readonly value: string;
  readonly limit: number;
  /** As the page before has named it. */
  readonly cursor?: string | undefined;
}

/** The stream and the id of the last client of the page before. */
const cursorShape = z.tuple([z.string(), z.string()]);

/** Streams that are searched at once. Redis does other work between two of them. */
const AT_ONCE = 50;

/**
 * The clients of all streams with this address or name. Redis itself looks through the records: there may be 50,000. Clients of dead
 * workers are left out, so a page may be shorter than its limit.
 */
export async function findClients(redis: Redis, run: RunScript, search: ClientSearch): Promise<ClientPage> {
  const { field, value, limit, cursor } = search;
  const [fromStream, fromClient] = cursor === undefined ? ['', ''] : (readCursor(cursor) ?? ['', '']);
  const summaries = await readSummaries(redis, run);
  const watched = [...summaries].filter(([id, { viewers }]) => viewers > 0 && id >= fromStream).map(([id]) => id);
  const ids = watched.sort();
  // One more than fits tells whether there is another page.
  const texts: string[] = [];
  for (let at = 0; at < ids.length && texts.length <= limit; at += AT_ONCE) {
    const pages = await Promise.all(
      ids.slice(at, at + AT_ONCE).map((id) => {
        const after = id === fromStream ? fromClient : '';
        return run('find-clients', id, field, value, plainPart(value), after, limit + 1) as Promise<string[]>;
      }),
    );
    texts.push(...pages.flat());
  }
  const stored = texts.flatMap((text) => parsed(clientShape, text) ?? []);
  const shown = stored.slice(0, limit);
  const last = shown.at(-1);
  const nextCursor = last === undefined || stored.length <= limit ? undefined : cursorAt(last.streamId, last.id);
  return { clients: await withCounters(redis, shown, new Map(), () => undefined), nextCursor };
}

/** Whether a page may have named this cursor. */
export function isSearchCursor(text: string): boolean {
  return readCursor(text) !== undefined;
}

function readCursor(text: string): [string, string] | undefined {
  return parsed(cursorShape, Buffer.from(text, 'base64url').toString());
}

function cursorAt(streamId: string, clientId: string): string {
  return Buffer.from(JSON.stringify([streamId, clientId])).toString('base64url');
}

/** The longest part of a text that every writer of JSON writes as it is. */
function plainPart(text: string): string {
  const parts = text.match(/[\w .:@-]+/g) ?? [];
  return parts.reduce((longest, part) => (part.length > longest.length ? part : longest), '');
}
