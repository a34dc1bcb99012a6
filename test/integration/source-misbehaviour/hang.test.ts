/** A source that hangs but takes connections: its viewers go on with the backup, or wait for it. Nobody is cut off. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { leakCheck } from '../../support/leaks.ts';
import { type LiveSource, startLiveSource } from '../../support/live-source.ts';
import { type RecordingHandle, startRecording } from '../../support/recorder.ts';
import { until } from '../../support/until.ts';
import { startWorker, type Worker } from '../../support/worker.ts';
import { CHEAP_PROFILE, firstBytes } from './stage.ts';

/** An outage is over before the second connection has been given up. */
const ENV = { LIVE_CHUNK_TIMEOUT_SECONDS: '2', STREAM_TOTAL_TIMEOUT: '3', SHARED_STREAM_GRACE: '0' };
const HOUR_MS = 3_600_000;
/** From the hang to the end of the outage by STREAM_TOTAL_TIMEOUT, and some reserve. */
const AWAY_MS = 3_500;

const PATHS = ['direct', 'shared', 'transcoded'] as const;
type Path = (typeof PATHS)[number];

describe('a source that hangs but takes connections', () => {
  let worker: Worker;
  let primary: LiveSource;
  let backup: LiveSource;
  const viewers = new Map<string, RecordingHandle>();

  const watch = async (path: string, by: Path, failoverUrls: string[]): Promise<void> => {
    const { api } = worker;
    const body = { url: primary.channel(path).url, failover_urls: failoverUrls };
    const { playUrl } =
      by === 'transcoded'
        ? await api.createTranscode({ ...body, profile: CHEAP_PROFILE })
        : await api.createStream({ ...body, share: by === 'shared' });
    viewers.set(path, startRecording(playUrl));
  };
  const viewer = (path: string): RecordingHandle => {
    const found = viewers.get(path);
    if (found === undefined) throw new Error(`nobody watches ${path}`);
    return found;
  };
  /** Waits for media that has come after this call. */
  const goesOn = async (path: string) => {
    const before = viewer(path).byteCount;
    await until(() => viewer(path).ended || viewer(path).byteCount > before + 50_000, {
      timeoutMs: 20_000,
      what: `more media for the viewer of ${path}`,
    });
    expect(viewer(path).snapshot()).toMatchObject({ error: undefined, endedBy: 'limit' });
  };

  beforeAll(async () => {
    const lost = PATHS.map((by) => `/lost-${by}.ts`);
    const back = PATHS.map((by) => `/back-${by}.ts`);
    const channels = (paths: string[]) => ({ channels: Object.fromEntries(paths.map((path) => [path, {}])) });
    [primary, backup, worker] = await Promise.all([
      startLiveSource(channels([...lost, ...back])),
      startLiveSource(channels(lost)),
      startWorker(ENV),
    ]);
    for (const by of PATHS) {
      await watch(`/lost-${by}.ts`, by, [backup.channel(`/lost-${by}.ts`).url]);
      await watch(`/back-${by}.ts`, by, []);
    }
    await firstBytes([...viewers.values()]);
    // By now each of them has played.
    await sleep(2_000);
    for (const path of lost) await primary.channel(path).stall(HOUR_MS, 'lose');
    for (const path of back) await primary.channel(path).stall(AWAY_MS, 'lose');
  });

  afterAll(async () => {
    await Promise.all([...viewers.values()].map((each) => each.stop()));
    try {
      await leakCheck({ workers: [worker], sources: [primary, backup] });
    } finally {
      await worker.stop();
      await Promise.all([primary.close(), backup.close()]);
    }
  });

  it.each(PATHS)('%s: the backup is opened, although the outage has lasted for STREAM_TOTAL_TIMEOUT', async (by) => {
    const path = `/lost-${by}.ts`;
    await until(async () => (await backup.channel(path).stats()).total > 0, {
      timeoutMs: 20_000,
      what: 'a connection to the backup',
    });
    await goesOn(path);
    expect(await primary.channel(path).stats()).toMatchObject({ maxConcurrent: 1 });
  });

  it.each(PATHS)('%s: without a backup, its viewer waits until it sends again', async (by) => {
    await goesOn(`/back-${by}.ts`);
    expect(await primary.channel(`/back-${by}.ts`).stats()).toMatchObject({ maxConcurrent: 1 });
  });
});
