/** What is read of streams, clients and workers without a script: nothing is changed here, so nothing has to be atomic. */

import type { Redis } from 'ioredis';
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

export async function readStreamRecords(redis: Redis): Promise<StreamRecord[]> {
  const flat = await redis.zrange(keys.streamIds, '0', '-1', 'WITHSCORES');
  const ids = Object.entries(fieldsOf(flat as string[]));
  const found = await inBatch<Record<string, string>[]>(redis, (batch) => {
    for (const [id] of ids) batch.hgetall(keys.spec(id));
    return batch;
  });
  return found.flatMap((fields, at) => readStream(fields, Number(ids[at]?.[1] ?? 0)) ?? []);
}

/** Those whose lease holds. */
export async function readLivingWorkers(redis: Redis): Promise<WorkerRecord[]> {
  const records = await readKnownWorkers(redis);
  const alive = await inBatch<number[]>(redis, (batch) => {
    for (const { incarnation } of records) batch.exists(keys.leasePrefix + incarnation);
    return batch;
  });
  return records.filter((_, at) => alive[at] === 1);
}

/** Also those whose lease has run out, until they are cleaned up. */
export async function readKnownWorkers(redis: Redis): Promise<WorkerRecord[]> {
  const records = await redis.hvals(keys.workers);
  return records.map(readWorker);
}

/**
 * The clients of a stream, or all, as far as their workers live.
 *
 * @param own counters newer than those in Redis, by `counterKey`
 */
export async function readClientRecords(
  redis: Redis,
  streamId: string | undefined,
  own: ReadonlyMap<string, ClientReport>,
): Promise<ClientRecord[]> {
  let clients: StoredClient[] = [];
  let [incarnations, ids]: [string[], string[]] = [[], []];
  if (streamId === undefined) {
    [incarnations, ids] = await inBatch<[string[], string[]]>(redis, (batch) =>
      batch.smembers(keys.incarnations).zrange(keys.streamIds, '0', '-1'),
    );
  } else {
    clients = readClients(await redis.hvals(keys.clients(streamId)));
    // The counters of those who serve one; those of all workers are as much as a list of all viewers.
    incarnations = [...new Set(clients.map(({ incarnation }) => incarnation))];
  }
  const answers = await inBatch<(string[] | string | number | null)[]>(redis, (batch) => {
    for (const id of ids) batch.hvals(keys.clients(id));
    for (const incarnation of incarnations) batch.get(keys.countersPrefix + incarnation);
    for (const incarnation of incarnations) batch.exists(keys.leasePrefix + incarnation);
  });
  for (const texts of answers.slice(0, ids.length)) clients.push(...readClients(texts as string[]));
  const leasesAt = ids.length + incarnations.length;
  const living = new Set(incarnations.filter((_, at) => answers[leasesAt + at] === 1));
  const counters = new Map<string, ClientReport>();
  for (const text of answers.slice(ids.length, leasesAt)) {
    for (const report of JSON.parse((text as string | null) ?? '[]') as ClientReport[]) {
      counters.set(counterKey(report.streamId, report.clientId), report);
    }
  }
  for (const [key, report] of own) counters.set(key, report);
  return clients
    .filter(({ incarnation }) => living.has(incarnation))
    .map(({ incarnation: _, ...client }) => {
      const report = counters.get(counterKey(client.streamId, client.id));
      const { bytesServed, segmentsServed, lastAccessMs } =
        report?.connectedAtMs === client.connectedAtMs ? report : client;
      return { ...client, slot: client.slot, username: client.username, bytesServed, segmentsServed, lastAccessMs };
    });
}

type StoredClient = ClientRecord & { incarnation: string };

function readClients(texts: readonly string[]): StoredClient[] {
  return texts.map((text) => JSON.parse(text) as StoredClient);
}

/** What a client's counters are found by. */
export function counterKey(streamId: string, clientId: string): string {
  return `${streamId} ${clientId}`;
}
