/** What a cluster asks of its Redis: for a viewer who comes, one who goes, a second of a worker, a process. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { startCluster } from '../support/cluster.ts';
import { startLiveSourceProcess } from '../support/live-source.ts';
import { type RecordingHandle, startRecording } from '../support/recorder.ts';
import { until } from '../support/until.ts';
import type { Worker } from '../support/worker.ts';
import type { Bench } from './main.ts';
import { COPY_PROFILE } from './profiles.ts';
import { RedisLog } from './redis-log.ts';
import type { Row } from './table.ts';

const WORKERS = 3;
const STREAMS = 3;
/** Viewers of each stream, over all workers: those who stay, and those who come and go. */
const STAYING = 9;
const COMING = 12;
/** For what follows a join or a leave. */
const SETTLE_MS = 2_000;

export async function commands({ quick, say }: Bench): Promise<Row[]> {
  const windowMs = quick ? 4_000 : 8_000;
  const paths = Array.from({ length: STREAMS }, (_, n) => `/${n}.ts`);
  const source = await startLiveSourceProcess({ channels: Object.fromEntries(paths.map((path) => [path, {}])) });
  // Without the searches for what has expired, which come once a minute.
  const cluster = await startCluster(WORKERS, {
    LOG_LEVEL: 'info',
    MAX_CLIENTS_PER_SHARED_STREAM: '0',
    CLEANUP_INTERVAL: '600',
  });
  const log = await RedisLog.start(cluster.redis.port);
  const viewers: RecordingHandle[] = [];
  const join = async (each: number): Promise<RecordingHandle[]> => {
    const joined = streams.flatMap((path) => spreadOver(cluster.workers, each, path));
    viewers.push(...joined);
    await until(() => joined.every(({ byteCount }) => byteCount > 0), { timeoutMs: 15_000, what: 'all to play' });
    await sleep(SETTLE_MS);
    return joined;
  };
  const streams: string[] = [];
  try {
    say('commands: idle workers');
    log.take();
    await sleep(windowMs);
    const idle = log.take();
    say(`commands: ${STREAMS * STAYING} viewers of ${STREAMS} processes`);
    const [first] = cluster.workers as [Worker];
    for (const path of paths) {
      const stream = await first.api.createTranscode({ url: source.origin + path, profile: COPY_PROFILE });
      streams.push(stream.stream_endpoint);
    }
    await join(STAYING);
    log.take();
    await sleep(windowMs);
    const running = log.take();
    say(`commands: ${STREAMS * COMING} viewers come and go`);
    const coming = await join(COMING);
    const joins = without(log.take(), running);
    await Promise.all(coming.map((viewer) => viewer.stop()));
    await sleep(SETTLE_MS);
    const leaves = without(log.take(), running);
    const part = 'Redis';
    const workerSeconds = (WORKERS * windowMs) / 1000;
    const processSeconds = (STREAMS * windowMs) / 1000;
    const count = STREAMS * COMING;
    return [
      {
        ...{ part, what: `commands for a viewer of a running stream who joins, of ${count}`, unit: '' },
        ...{ ours: total(joins) / count, goal: { of: 'ours', max: 1 }, note: listed(joins) },
      },
      {
        ...{ part, what: 'commands for a viewer who leaves', unit: '' },
        ...{ ours: total(leaves) / count, goal: { of: 'ours', max: 1 }, note: listed(leaves) },
      },
      {
        ...{ part, what: `commands a worker and second, with ${STREAMS * STAYING} viewers`, unit: '' },
        ...{ ours: total(running) / workerSeconds, goal: { of: 'ours', max: 1.2 }, note: listed(running) },
        ...{ floor: total(idle) / workerSeconds, floorIs: 'idle workers' },
      },
      {
        ...{ part, what: 'commands a process and second, beyond those of its worker', unit: '' },
        ...{ ours: total(without(running, idle)) / processSeconds, goal: { of: 'ours', max: 0 } },
      },
    ];
  } finally {
    await Promise.all(viewers.map((viewer) => viewer.stop()));
    log.stop();
    await cluster.stop();
    await source.close();
  }
}

/** Each has an id of its own: viewers of one address and player would supersede each other, which costs commands. */
function spreadOver(workers: readonly Worker[], count: number, path: string): RecordingHandle[] {
  return Array.from({ length: count }, (_, n) =>
    startRecording(`${workers[n % workers.length]?.url}${path}?client_id=${randomUUID()}`, { keep: false }),
  );
}

type Counts = ReadonlyMap<string, number>;

/** The commands that are of another kind than those that come anyway. */
function without(counts: Counts, background: Counts): Counts {
  return new Map([...counts].filter(([name]) => !background.has(name)));
}

function total(counts: Counts): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}

function listed(counts: Counts): string {
  return [...counts].map(([name, count]) => `${name} ${count}`).join(', ');
}
