/** Reads what is known of streams without reading their viewers; scripts/summary.lua says how it is kept. */

import type { Redis } from 'ioredis';
import { z } from 'zod';
import { EVENT_HALVES, type EventPosition, eventId } from '../events/event.ts';
import type { GoneWorker, Overview, StreamSummary } from '../registry.ts';
import type { WorkerRecord } from '../types.ts';
import { inBatch } from './batch.ts';
import { EVENTS_AT_ONCE, newEventsIn, type RawEvents } from './event-records.ts';
import { keys } from './keys.ts';
import { inPages, livingAmong } from './reads.ts';
import { countOf, fieldsOf, readWorker } from './records.ts';
import type { RunScript } from './scripts.ts';

const count = z.int().nonnegative();
/** Viewers, processes, watched, bytes, segments, epoch. */
const counts = z.tuple([count, count, count, count, count, count]);

/** What the scripts write when a stream's records change; its bytes went to viewers who have left. */
type OwnPart = Omit<StreamSummary, 'lastAccessMs'>;

function readOwnPart(text: string): OwnPart | undefined {
  const [, numbers = '', owner = ''] = /^((?:\d+ ){6})(.*)$/s.exec(text) ?? [];
  const read = counts.safeParse(numbers.split(' ').slice(0, -1).map(Number)).data;
  if (read === undefined) return undefined;
  const [viewers, processes, watched, bytesServed, segmentsServed] = read;
  return {
    ...{ viewers, processes, bytesServed, segmentsServed, watched: watched !== 0 },
    owner: owner === '' ? undefined : owner,
  };
}

/** The field of what the current viewers have got. */
const CURRENT = ':current';
const currentField = (id: string): string => id + CURRENT;

/**
 * The summaries of streams, by id: of all, or of some. The cost depends on the number of streams, and not on that of viewers. Where
 * Redis has lost a summary, this writes it anew first.
 */
export async function readSummaries(
  redis: Redis,
  run: RunScript,
  ids?: readonly string[],
): Promise<Map<string, StreamSummary>> {
  const stored = await (ids === undefined ? readAll(redis) : readSome(redis, ids));
  const lost = stored.filter(isLost);
  if (lost.length > 0) {
    const lostIds = lost.map(({ id }) => id);
    await writeSummaries(run, lostIds);
    stored.push(...(await readSome(redis, lostIds)));
  }
  return summariesOf(stored, await viewersOfTheDead(redis));
}

/**
 * The same of all streams, the living workers, and what has happened. Asks Redis one thing only.
 *
 * @param usedMs for how long a stream that nobody watches is told apart from an idle one
 * @param since up to where the asker knows the events; undefined: it wants none
 */
export async function readOverview(
  redis: Redis,
  run: RunScript,
  usedMs: number,
  since: EventPosition | undefined,
): Promise<Overview> {
  const [living, dead, ended, flat, used, events] = (await run(
    'overview',
    usedMs,
    ...(since === undefined ? ['', ''] : EVENT_HALVES.map((half) => eventId(since[half]))),
    EVENTS_AT_ONCE,
  )) as [string[], string[], string[], string[], string[], RawEvents];
  const fields = new Map<string, string>();
  for (let at = 0; at + 1 < flat.length; at += 2) fields.set(flat[at] as string, flat[at + 1] as string);
  const usedAt = fieldsOf(used);
  const stored: Stored[] = [];
  for (const [id, own] of fields) {
    if (!id.endsWith(CURRENT)) stored.push(storedOf(id, own, fields.get(currentField(id)), usedAt[id] ?? '0'));
  }
  const viewersOf = Object.entries(fieldsOf(dead)).flatMap(([id, count]) => Array<string>(countOf(count)).fill(id));
  const workers: WorkerRecord[] = [];
  const leases = new Map<string, number>();
  for (let at = 0; at + 3 < living.length; at += 4) {
    const [incarnation = '', text = '', startedMs, leftMs] = living.slice(at, at + 4);
    const worker = readWorker(text);
    // An incarnation that has just begun has written no record yet.
    if (worker === undefined || worker.incarnation !== incarnation) continue;
    workers.push({ ...worker, startedAtMs: countOf(startedMs) || worker.startedAtMs });
    leases.set(incarnation, countOf(leftMs));
  }
  const gone: GoneWorker[] = [];
  for (let at = 0; at + 1 < ended.length; at += 2) {
    const worker = readWorker(ended[at] ?? '');
    if (worker !== undefined) gone.push({ worker, forMs: countOf(ended[at + 1]) });
  }
  const summaries = stored.some(isLost) ? await readSummaries(redis, run) : summariesOf(stored, viewersOf);
  return { summaries, workers, leases, gone, news: since && newEventsIn(events, since) };
}

function isLost({ own, current }: Stored): boolean {
  return own === undefined || (own.viewers > 0 && current === undefined);
}

/** @param viewersOfDead the streams of viewers whose workers are dead, once for each viewer */
function summariesOf(stored: readonly Stored[], viewersOfDead: readonly string[]): Map<string, StreamSummary> {
  const summaries = new Map<string, StreamSummary>();
  for (const { id, own, current, accessedMs } of stored) {
    if (own === undefined) continue;
    const [bytes = 0, segments = 0, readMs = 0] = current ?? [];
    summaries.set(id, {
      ...own,
      bytesServed: own.bytesServed + bytes,
      segmentsServed: own.segmentsServed + segments,
      lastAccessMs: Math.max(accessedMs, readMs),
    });
  }
  for (const id of viewersOfDead) {
    const summary = summaries.get(id);
    if (summary !== undefined && summary.viewers > 0) summary.viewers--;
  }
  for (const summary of summaries.values()) if (summary.viewers === 0) summary.processes = 0;
  return summaries;
}

/** Streams that are summarized in one step; each takes Redis about 10 us. */
const WRITTEN_AT_ONCE = 100;

/** Writes the summaries of streams anew from their records, and removes those of streams that do not exist. */
async function writeSummaries(run: RunScript, ids: readonly string[]): Promise<void> {
  for (let at = 0; at < ids.length; at += WRITTEN_AT_ONCE) {
    await run('summarize', '', ...ids.slice(at, at + WRITTEN_AT_ONCE));
  }
}

/** Viewers whose bytes a cleanup adds up anew; each takes Redis some microseconds. */
const RECOUNTED = 1_000;

/**
 * Writes the summaries of all streams anew. What the current viewers have got is added up for some streams only, others each time:
 * a Redis that has lost a part of its keys may have a wrong sum.
 *
 * @param random says which, from 0 to 1
 */
export async function writeAllSummaries(redis: Redis, run: RunScript, random: () => number): Promise<void> {
  const [ids, fields] = await inBatch<[string[], string[]]>(redis, (batch) =>
    batch.zrange(keys.streamIds, '0', '-1').hkeys(keys.summary),
  );
  await writeSummaries(run, [...new Set([...ids, ...fields.map((field) => field.replace(CURRENT, ''))])]);
  const all = await readSummaries(redis, run);
  const few = [...all].filter(([, { viewers }]) => viewers > 0 && viewers <= RECOUNTED);
  const first = Math.floor(random() * few.length);
  let left = RECOUNTED;
  for (const [id] of [...few.slice(first), ...few.slice(0, first)]) {
    if (left <= 0) break;
    left -= (await run('summarize', '1', id)) as number;
  }
}

/** What Redis has of one stream. */
interface Stored {
  readonly id: string;
  readonly own: OwnPart | undefined;
  /** Bytes, segments and time of the last read of the current viewers. */
  readonly current: number[] | undefined;
  readonly accessedMs: number;
}

function storedOf(
  id: string,
  own: string | null | undefined,
  current: string | null | undefined,
  score: string,
): Stored {
  const sums = /^(\d+) (\d+) (\d+)$/.exec(current ?? '');
  return { id, own: readOwnPart(own ?? ''), current: sums?.slice(1).map(Number), accessedMs: Number(score) };
}

async function readAll(redis: Redis): Promise<Stored[]> {
  const [fields, flat] = await inBatch<[Record<string, string>, string[]]>(redis, (batch) =>
    batch.hgetall(keys.summary).zrange(keys.streamIds, '0', '-1', 'WITHSCORES'),
  );
  const stored: Stored[] = [];
  for (let at = 0; at + 1 < flat.length; at += 2) {
    const id = flat[at] as string;
    stored.push(storedOf(id, fields[id], fields[currentField(id)], flat[at + 1] as string));
  }
  return stored;
}

async function readSome(redis: Redis, ids: readonly string[]): Promise<Stored[]> {
  if (ids.length === 0) return [];
  const [own, current, scores] = await inBatch<(string | null)[][]>(redis, (batch) =>
    batch
      .hmget(keys.summary, ...ids)
      .hmget(keys.summary, ...ids.map(currentField))
      .zmscore(keys.streamIds, ...ids),
  );
  return ids.map((id, at) => storedOf(id, own?.[at], current?.[at], scores?.[at] ?? '0'));
}

/** The streams of clients whose workers are dead and not cleaned up yet, once for each client. */
async function viewersOfTheDead(redis: Redis): Promise<string[]> {
  const incarnations = await redis.smembers(keys.incarnations);
  const living = await livingAmong(redis, incarnations);
  const dead = incarnations.filter((incarnation) => !living.has(incarnation));
  const streams: string[] = [];
  for await (const pairs of inPages<string[]>(
    redis,
    dead,
    () => undefined,
    (batch, incarnation) => batch.smembers(keys.clientsOfPrefix + incarnation),
  )) {
    for (const pair of pairs ?? []) streams.push(pair.slice(0, pair.indexOf(' ')));
  }
  return streams;
}
