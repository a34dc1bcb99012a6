/** Reads of streams and workers without a script: they change nothing, so they need not be atomic. */

import type { Redis } from 'ioredis';
import { z } from 'zod';
import { badRecord } from '../bad-record.ts';
import type { WorkerSamples } from '../samples/history.ts';
import { MEASURED, packSamples, type Sample, unpackSamples } from '../samples/sample.ts';
import { parsed } from '../shapes.ts';
import { Turns } from '../turns.ts';
import type { StreamRecord, WorkerRecord } from '../types.ts';
import { inBatch } from './batch.ts';
import { keys } from './keys.ts';
import { fieldsOf, readStream, readWorker } from './records.ts';
import type { RunScript } from './scripts.ts';

export async function readStreamRecord(redis: Redis, id: string): Promise<StreamRecord | undefined> {
  const [fields, score] = await inBatch<[Record<string, string>, string | null]>(redis, (batch) =>
    batch.hgetall(keys.spec(id)).zscore(keys.streamIds, id),
  );
  return readStream(fields, Number(score ?? 0));
}

export async function readStreamRecords(
  redis: Redis,
  run: RunScript,
  onProgress: OnProgress,
  turns: Turns,
): Promise<StreamRecord[]> {
  const flat = await redis.zrange(keys.streamIds, '0', '-1', 'WITHSCORES');
  return readListed(run, Object.entries(fieldsOf(flat as string[])), onProgress, turns);
}

/** Of some streams; those that do not exist are left out. */
export async function readStreamRecordsOf(
  redis: Redis,
  run: RunScript,
  ids: readonly string[],
): Promise<StreamRecord[]> {
  if (ids.length === 0) return [];
  const scores = await redis.zmscore(keys.streamIds, ...ids);
  return readListed(
    run,
    ids.map((id, at) => [id, scores[at] ?? '0']),
    () => undefined,
    new Turns(),
  );
}

/** @param listed ids with the time of the last access, in ms */
async function readListed(
  run: RunScript,
  listed: readonly (readonly [id: string, accessedMs: string])[],
  onProgress: OnProgress,
  turns: Turns,
): Promise<StreamRecord[]> {
  const ids = listed.map(([id]) => id);
  const streams: StreamRecord[] = [];
  let at = 0;
  for await (const flat of readEach(run, 'HGETALL', keys.spec, ids, onProgress)) {
    const stream = readStream(fieldsOf(flat), Number(listed[at++]?.[1] ?? 0));
    if (stream !== undefined) streams.push(stream);
    if (turns.isOver) await turns.next();
  }
  return streams;
}

/** Workers per round trip. */
const PAGE = 50;
/** Hashes per command; Redis reads so many streams in a millisecond, and decoding them takes some. */
const HASHES = 100;

/** Called when Redis has answered a part of the question. */
export type OnProgress = () => void;

/** Asks one or more commands about each of many items, a page at a time. */
export async function* inPages<T>(
  redis: Redis,
  names: readonly string[],
  onProgress: OnProgress,
  fill: (batch: ReturnType<Redis['pipeline']>, name: string) => unknown,
): AsyncGenerator<T | undefined> {
  for (let at = 0; at < names.length; at += PAGE) {
    const batch = redis.pipeline();
    for (const name of names.slice(at, at + PAGE)) fill(batch, name);
    const answers = ((await batch.exec()) ?? []).map(([error, answer]) => {
      // One bad record does not hide the others.
      if (error !== null && badRecord(error) === undefined) throw error;
      return error === null ? (answer as T) : undefined;
    });
    onProgress();
    for (const answer of answers) yield answer;
  }
}

/** Reads many hashes, a page with each command. @param keyOf what is read of each */
export async function* readEach(
  run: RunScript,
  command: 'HGETALL' | 'HVALS',
  keyOf: (name: string) => string,
  names: readonly string[],
  onProgress: OnProgress = () => undefined,
): AsyncGenerator<string[]> {
  for (let at = 0; at < names.length; at += HASHES) {
    const answer = (await run('read-each', command, keyOf(''), ...names.slice(at, at + HASHES))) as string[][];
    onProgress();
    yield* answer;
  }
}

/** Incarnations that a peer has proved dead, and that have not renewed their lease since; see `seized_for` in prelude.lua. */
async function readSeized(redis: Redis): Promise<Set<string>> {
  const proofs = Object.entries(await redis.hgetall(keys.seized));
  if (proofs.length === 0) return new Set();
  const ends = await redis.zmscore(keys.leaseEnds, ...proofs.map(([incarnation]) => incarnation));
  const held = proofs.filter(([, proof], at) => proof.startsWith(`${Number(ends[at] ?? -1)} `));
  return new Set(held.map(([incarnation]) => incarnation));
}

/** Those of some incarnations that have a valid lease, and that no peer has proved dead since they renewed it. */
export async function livingAmong(
  redis: Redis,
  incarnations: readonly string[],
  onProgress: OnProgress = () => undefined,
): Promise<Set<string>> {
  if (incarnations.length === 0) return new Set();
  const leases = incarnations.map((incarnation) => keys.leasePrefix + incarnation);
  const [seized, workers] = await Promise.all([readSeized(redis), redis.mget(...leases)]);
  onProgress();
  return new Set(incarnations.filter((incarnation, at) => workers[at] !== null && !seized.has(incarnation)));
}

/** The workers that live. */
export async function readLivingWorkers(redis: Redis): Promise<WorkerRecord[]> {
  const records = await readKnownWorkers(redis);
  const incarnations = records.map(({ incarnation }) => incarnation);
  const [living, started] = await Promise.all([livingAmong(redis, incarnations), redis.hgetall(keys.started)]);
  return records
    .filter(({ incarnation }) => living.has(incarnation))
    .map((record) => ({ ...record, startedAtMs: Number(started[record.incarnation] ?? record.startedAtMs) }));
}

/** Also the workers whose lease has run out, until they are cleaned up. */
export async function readKnownWorkers(redis: Redis): Promise<WorkerRecord[]> {
  const records = await redis.hvals(keys.workers);
  return records.flatMap((text) => readWorker(text) ?? []);
}

const samplesShape = z.object({ workerId: z.string().min(1), fields: z.int().min(1).max(100), packed: z.string() });

/** The samples of one incarnation, as Redis has them. */
export function samplesText(workerId: string, samples: readonly Sample[]): string {
  return JSON.stringify({ workerId, fields: MEASURED.length, packed: packSamples(samples) });
}

/** Of all incarnations that have written some lately, whether they live or not. */
export async function readSamples(redis: Redis): Promise<WorkerSamples[]> {
  const incarnations = await redis.zrange(keys.sampled, '0', '-1');
  if (incarnations.length === 0) return [];
  const texts = await redis.mget(...incarnations.map((incarnation) => keys.samplesPrefix + incarnation));
  return texts.flatMap((text) => {
    const read = text === null ? undefined : parsed(samplesShape, text);
    return read === undefined ? [] : [{ workerId: read.workerId, samples: unpackSamples(read.packed, read.fields) }];
  });
}
