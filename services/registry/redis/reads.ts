/** Reads of streams, clients and workers without a script: they change nothing, so they need not be atomic. */

import type { Redis } from 'ioredis';
import { z } from 'zod';
import { badRecord } from '../bad-record.ts';
import { clientShape, parsed, reportShape } from '../shapes.ts';
import { Turns } from '../turns.ts';
import type { ClientRecord, ClientReport, StreamRecord, WorkerRecord } from '../types.ts';
import { inBatch } from './batch.ts';
import { keys } from './keys.ts';
import { fieldsOf, readStream, readWorker } from './records.ts';

export async function readStreamRecord(redis: Redis, id: string): Promise<StreamRecord | undefined> {
  const [fields, score] = await inBatch<[Record<string, string>, string | null]>(redis, (batch) =>
    batch.hgetall(keys.spec(id)).zscore(keys.streamIds, id),
  );
  return readStream(fields, Number(score ?? 0));
}

export async function readStreamRecords(redis: Redis, onProgress: OnProgress): Promise<StreamRecord[]> {
  const flat = await redis.zrange(keys.streamIds, '0', '-1', 'WITHSCORES');
  const scores = Object.entries(fieldsOf(flat as string[]));
  const ids = scores.map(([id]) => id);
  const streams: StreamRecord[] = [];
  const turns = new Turns();
  let at = 0;
  for await (const fields of inPages<Record<string, string>>(redis, ids, onProgress, (batch, id) =>
    batch.hgetall(keys.spec(id)),
  )) {
    const stream = readStream(fields ?? {}, Number(scores[at++]?.[1] ?? 0));
    if (stream !== undefined) streams.push(stream);
    if (turns.isOver) await turns.next();
  }
  return streams;
}

/** Streams or workers per round trip; decoding the answer takes some milliseconds. */
const PAGE = 50;

/** Called when Redis has answered a part of the question. */
export type OnProgress = () => void;

/** Asks one or more commands about each of many items, a page at a time. */
async function* inPages<T>(
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

/** The workers with a valid lease. */
export async function readLivingWorkers(redis: Redis): Promise<WorkerRecord[]> {
  const records = await readKnownWorkers(redis);
  const alive = await inBatch<number[]>(redis, (batch) => {
    for (const { incarnation } of records) batch.exists(keys.leasePrefix + incarnation);
    return batch;
  });
  return records.filter((_, at) => alive[at] === 1);
}

/** Also the workers whose lease has run out, until they are cleaned up. */
export async function readKnownWorkers(redis: Redis): Promise<WorkerRecord[]> {
  const records = await redis.hvals(keys.workers);
  return records.flatMap((text) => readWorker(text) ?? []);
}

/**
 * The clients of a stream, or all, whose workers are alive.
 *
 * @param own counters newer than those in Redis, by `counterKey`
 */
export async function readClientRecords(
  redis: Redis,
  streamId: string | undefined,
  own: ReadonlyMap<string, ClientReport>,
  onProgress: OnProgress,
): Promise<ClientRecord[]> {
  const turns = new Turns();
  const stored: StoredClient[] = [];
  const read = async (texts: readonly string[]): Promise<void> => {
    for (const text of texts) {
      const client = parsed(clientShape, text);
      if (client !== undefined) stored.push(client);
      if (turns.isOver) await turns.next();
    }
  };
  let incarnations: string[];
  if (streamId === undefined) {
    const [known, ids] = await inBatch<[string[], string[]]>(redis, (batch) =>
      batch.smembers(keys.incarnations).zrange(keys.streamIds, '0', '-1'),
    );
    incarnations = known;
    for await (const texts of inPages<string[]>(redis, ids, onProgress, (batch, id) => batch.hvals(keys.clients(id)))) {
      await read(texts ?? []);
    }
  } else {
    await read(await redis.hvals(keys.clients(streamId)));
    // Reads only the counters of workers that serve this stream. Those of all workers are as long as a list of all viewers.
    incarnations = [...new Set(stored.map(({ incarnation }) => incarnation))];
  }
  const living = new Set<string>();
  let at = 0;
  for await (const holds of inPages<number>(redis, incarnations, onProgress, (batch, incarnation) =>
    batch.exists(keys.leasePrefix + incarnation),
  )) {
    const incarnation = incarnations[at++];
    if (holds === 1 && incarnation !== undefined) living.add(incarnation);
  }
  const counters = new Map<string, ClientReport>();
  for await (const text of inPages<string | null>(redis, incarnations, onProgress, (batch, incarnation) =>
    batch.get(keys.countersPrefix + incarnation),
  )) {
    for (const report of readReports(text ?? '[]')) {
      counters.set(counterKey(report.streamId, report.clientId), report);
    }
    if (turns.isOver) await turns.next();
  }
  const clients: ClientRecord[] = [];
  for (const { incarnation, ...client } of stored) {
    if (turns.isOver) await turns.next();
    if (!living.has(incarnation)) continue;
    const key = counterKey(client.streamId, client.id);
    const report = own.get(key) ?? counters.get(key);
    const { bytesServed, segmentsServed, lastAccessMs } =
      report?.connectedAtMs === client.connectedAtMs ? report : client;
    clients.push({
      ...client,
      slot: client.slot,
      username: client.username,
      bytesServed,
      segmentsServed,
      lastAccessMs,
    });
  }
  return clients;
}

type StoredClient = ClientRecord & { incarnation: string };

function readReports(text: string): ClientReport[] {
  const reports = parsed(z.array(z.unknown()), text) ?? [];
  return reports.flatMap((each) => reportShape.safeParse(each).data ?? []);
}

/** The key of a client's counters. */
export function counterKey(streamId: string, clientId: string): string {
  return `${streamId} ${clientId}`;
}
