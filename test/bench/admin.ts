/** What the admin API's answers cost in Lambda with 50,000 viewers, beside reading every viewer. */
import { randomBytes, randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { RedisRegistry } from '../../services/registry/redis/redis-registry.ts';
import type { ClientRecord, ClientReport } from '../../services/registry/types.ts';
import { IDLE } from '../support/idle-worker.ts';
import { startRedis } from '../support/redis.ts';
import type { AdminQuestion, AdminTime } from './admin-questions.ts';
import { limitCpu } from './cpu-share.ts';
import type { Bench } from './main.ts';
import { startRemote } from './remote.ts';
import { streamSpec } from './simulated-stream.ts';
import type { Row } from './table.ts';

/** What Lambda gives to a function of 512 MB: 512 / 1769. */
const LAMBDA_CPU = 0.29;
/** A caller gets its answer within 3 s, of which Redis has 2. */
const GOAL_MS = 2_000;
const WORKERS = 100;
const STREAMS = 1_000;
/** Viewers of one process. */
const CAP = 10;
/** Joins under way at a time. */
const AT_ONCE = 200;
/** Longer than the measurement: nothing else happens meanwhile. */
const LEASE_MS = 3_600_000;

export async function admin({ quick, say }: Bench): Promise<Row[]> {
  const viewers = quick ? 5_000 : 50_000;
  const redis = await startRedis();
  const child = startRemote('admin-questions.ts');
  let lift: (() => void) | undefined;
  try {
    say(`admin: ${viewers} viewers of ${STREAMS} streams join ${WORKERS} workers`);
    const streamId = await fill(redis.port, viewers);
    say('admin: answers');
    const ask = (question: AdminQuestion) =>
      child.call<AdminTime>('ask', { redisPort: redis.port, streamId, question });
    // Loads the modules before the limit: Lambda starts a function with a whole CPU.
    await ask('stats');
    lift = limitCpu(child.pid, LAMBDA_CPU);
    const cpu = lift === undefined ? 'a whole CPU: this machine lets nobody make a cgroup' : `${LAMBDA_CPU} CPU`;
    const [stats, streams, page] = [await ask('stats'), await ask('streams'), await ask('viewers')];
    const everyViewer = await ask('every viewer');
    const row = (what: string, { ms, answerBytes }: AdminTime): Row => ({
      ...{ part: 'admin', what, unit: 'ms', ours: ms, goal: { of: 'ours', max: GOAL_MS } },
      ...{ floor: everyViewer.ms, floorIs: 'reading every viewer' },
      note: `${cpu}, answer of ${Math.ceil(answerBytes / 1000)} kB`,
    });
    return [
      row(`/admin/stats with ${STREAMS} streams, ${viewers} viewers`, stats),
      row('/admin/streams, a page of 100', streams),
      row('/admin/streams/{id}, a page of 100 viewers', page),
    ];
  } finally {
    await child.end();
    lift?.();
    await redis.stop();
  }
}

/** @returns the stream that has a tenth of the viewers */
async function fill(port: number, viewers: number): Promise<string> {
  const redis = new Redis({ port, enableAutoPipelining: true });
  const workers = await Promise.all(
    Array.from({ length: WORKERS }, async (_, n) => {
      const me = { workerId: `worker-${n}`, incarnation: randomUUID(), address: `10.0.0.${n}:9085`, zone: undefined };
      const show = () => ({ url: '', profile: '' });
      const registry = new RedisRegistry(redis, me, { leaseMs: LEASE_MS, youngMs: 0, graceMs: 0, show });
      const { capacity: _capacity, ...numbers } = IDLE;
      await registry.heartbeat({ startedAtMs: 1, lastSeenMs: 1, cpu: 0, ...numbers });
      await registry.renew(IDLE);
      return { registry, me, reports: [] as ClientReport[] };
    }),
  );
  const ids = Array.from({ length: STREAMS }, () => randomBytes(16).toString('hex'));
  const [first] = workers;
  await Promise.all(ids.map((id, n) => first?.registry.createStream(streamSpec(id, n), STREAMS)));
  const join = async (n: number): Promise<void> => {
    const worker = workers[n % WORKERS];
    // Every tenth viewer watches the same stream.
    const streamId = ids[n % 10 === 0 ? 0 : Math.floor(n / 10) % STREAMS];
    if (worker === undefined || streamId === undefined) return;
    const nowMs = Date.now();
    const client: Omit<ClientRecord, 'id' | 'slot'> = {
      ...{ streamId, workerId: worker.me.workerId, userAgent: 'Mozilla/5.0 (X11; Linux x64) VLC/3.0.18 LibVLC/3.0.18' },
      ...{ ipAddress: `192.0.2.${n % 256}`, username: undefined },
      ...{ connectedAtMs: nowMs, lastAccessMs: nowMs, bytesServed: 0, segmentsServed: 0 },
    };
    // The crowd shares one process: with a cap, each of its joins would read the counts of its hundreds of processes.
    const cap = n % 10 === 0 ? 0 : CAP;
    const answer = await worker.registry.join({ client, clientId: `client_${randomUUID()}`, cap, localSlots: [] });
    if (answer.kind !== 'joined') throw new Error(`a viewer was not counted in: ${answer.kind}`);
    worker.reports.push({ ...client, clientId: answer.client.id, bytesServed: n * 1_000 });
  };
  let next = 0;
  const some = async (): Promise<void> => {
    while (next < viewers) await join(next++);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, some));
  for (const { registry, reports } of workers) {
    await registry.report(reports);
    // A fifth of its viewers with each renewal.
    for (let renewals = 0; renewals < 5; renewals++) await registry.renew(IDLE);
  }
  redis.disconnect();
  return ids[0] ?? '';
}
