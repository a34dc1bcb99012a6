/** Reads of clients without a script: they change nothing, so they need not be atomic. */

import type { Redis } from 'ioredis';
import { z } from 'zod';
import { clientShape, parsed } from '../shapes.ts';
import { Turns } from '../turns.ts';
import type { ClientRecord, ClientReport } from '../types.ts';
import { type Counted, counterKey, readCounters } from './counters/client-counters.ts';
import { keys } from './keys.ts';
import { inPages, livingAmong, type OnProgress, readEach } from './reads.ts';
import type { RunScript } from './scripts.ts';

type StoredClient = ClientRecord & { incarnation: string };

/**
 * The clients of a stream, or all, whose workers are alive.
 *
 * @param own counters newer than those in Redis, by `counterKey`
 */
export async function readClientRecords(
  redis: Redis,
  run: RunScript,
  streamId: string | undefined,
  own: ReadonlyMap<string, ClientReport>,
  onProgress: OnProgress,
  turns: Turns,
): Promise<ClientRecord[]> {
  const stored: StoredClient[] = [];
  const ids = streamId === undefined ? await redis.zrange(keys.streamIds, '0', '-1') : [streamId];
  for await (const texts of readEach(run, 'HVALS', keys.clients, ids, onProgress)) {
    for (const text of texts) {
      const client = parsed(clientShape, text);
      if (client !== undefined) stored.push(client);
      if (turns.isOver) await turns.next();
    }
  }
  return withCounters(redis, stored, own, onProgress, turns);
}

export interface ClientPageRequest {
  readonly limit: number;
  /** As the page before has named it. */
  readonly cursor?: string | undefined;
}

export interface ClientPage {
  readonly clients: ClientRecord[];
  /** Undefined: this is the last page. */
  readonly nextCursor: string | undefined;
}

/** Where Redis goes on, and the ids of clients that it has named and that had no room on the page. */
const cursorShape = z.tuple(
  [
    z
      .string()
      .regex(/^\d{1,20}$/)
      .refine((text) => BigInt(text) < 2n ** 64n),
  ],
  z.string(),
);
const FIRST: Cursor = ['0'];
type Cursor = z.infer<typeof cursorShape>;

/** What a cursor means; undefined for text that no page has named. */
function readCursor(text: string): Cursor | undefined {
  return parsed(cursorShape, Buffer.from(text, 'base64url').toString());
}

/** Whether a page may have named this cursor. */
export function isClientCursor(text: string): boolean {
  return readCursor(text) !== undefined;
}

/**
 * Some of a stream's clients, in Redis's own order of its keys. That order stays while clients come and go: a client that is there
 * from the first page to the last is on one of them. Only if so many leave meanwhile that Redis makes its table smaller, a client
 * may be on two. Clients of dead workers are left out, so a page may be shorter than its limit.
 */
export async function readClientPage(
  redis: Redis,
  streamId: string,
  { limit, cursor }: ClientPageRequest,
): Promise<ClientPage> {
  const from = cursor === undefined ? FIRST : readCursor(cursor);
  if (from === undefined) throw new Error(`not a cursor of clients: ${cursor}`);
  let [next, ...left] = from;
  const key = keys.clients(streamId);
  const texts: (string | null)[] = [];
  const waiting = left.splice(0, limit);
  if (waiting.length > 0) texts.push(...(await redis.hmget(key, ...waiting)));
  // 0 ends the scan, and begins it.
  let isBegun = cursor !== undefined;
  while (texts.length < limit && !(isBegun && next === '0')) {
    const [then, flat] = await redis.hscan(key, next, 'COUNT', limit - texts.length);
    isBegun = true;
    next = then;
    for (let at = 0; at + 1 < flat.length; at += 2) {
      if (texts.length < limit) texts.push(flat[at + 1] as string);
      else left.push(flat[at] as string);
    }
  }
  const stored = texts.flatMap((text) => parsed(clientShape, text ?? '') ?? []);
  const clients = await withCounters(redis, stored, new Map(), () => undefined);
  const isLast = next === '0' && left.length === 0;
  const nextCursor = Buffer.from(JSON.stringify([next, ...left])).toString('base64url');
  return { clients, nextCursor: isLast ? undefined : nextCursor };
}

/** Leaves out those whose workers are dead, and says what the others have got. Reads no counters but theirs. */
export async function withCounters(
  redis: Redis,
  stored: readonly StoredClient[],
  own: ReadonlyMap<string, ClientReport>,
  onProgress: OnProgress,
  turns = new Turns(),
): Promise<ClientRecord[]> {
  const counters = new Map<string, Counted>();
  const living = await livingAmong(redis, [...new Set(stored.map(({ incarnation }) => incarnation))], onProgress);
  const keysOf = new Map<string, string[]>([...living].map((incarnation) => [incarnation, []]));
  for (const { incarnation, streamId, id } of stored) keysOf.get(incarnation)?.push(counterKey(streamId, id));
  const asked = [...keysOf.values()];
  for await (const texts of inPages<(string | null)[]>(redis, [...keysOf.keys()], onProgress, (batch, incarnation) =>
    batch.hmget(keys.countersPrefix + incarnation, ...(keysOf.get(incarnation) ?? [])),
  )) {
    const names = asked.shift() ?? [];
    for (const [at, text] of (texts ?? []).entries()) {
      const read = readCounters(text ?? '');
      if (read !== undefined) counters.set(names[at] as string, read);
    }
    if (turns.isOver) await turns.next();
  }
  const clients: ClientRecord[] = [];
  for (const { incarnation, ...client } of stored) {
    if (turns.isOver) await turns.next();
    if (!living.has(incarnation)) continue;
    const key = counterKey(client.streamId, client.id);
    const report = own.get(key) ?? counters.get(key);
    const { bytesServed, segmentsServed, lastAccessMs, skips } =
      report?.connectedAtMs === client.connectedAtMs ? report : client;
    clients.push({
      ...client,
      slot: client.slot,
      username: client.username,
      bytesServed,
      segmentsServed,
      lastAccessMs,
      skips,
    });
  }
  return clients;
}
