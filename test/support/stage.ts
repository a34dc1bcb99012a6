/** What an integration test uses: workers and sources that end together and leave nothing behind. */
import { test } from 'vitest';
import { emptyCluster, registryIsEmpty, startWorkers, type TestCluster } from './cluster.ts';
import { HlsViewer } from './hls-viewer.ts';
import { leakCheck } from './leaks.ts';
import { type LiveSource, type LiveSourceOptions, startLiveSource, startLiveSourceProcess } from './live-source.ts';
import { type RecordingHandle, type RecordOptions, startRecording } from './recorder.ts';
import { until } from './until.ts';
import { startWorker, type Worker, type WorkerEnv } from './worker.ts';

/** The cheapest FFmpeg, and a cheap one that encodes. */
export const COPY = '-i {input_url} -c copy -f mpegts {output_args}';
export const LIGHT =
  '-i {input_url} -c:v libx264 -preset ultrafast -b:v 200k -c:a aac -ac 2 -ar 48000 -f mpegts {output_args}';

/** The same, but a different profile for the sharing rule. */
export function lightAt(kbits: number): string {
  return LIGHT.replace('200k', `${kbits}k`);
}

/** Times of a test cluster, in seconds. */
const QUICK: WorkerEnv = {
  MAX_CLIENTS_PER_SHARED_STREAM: '100',
  SHARED_STREAM_GRACE: '1',
  HEARTBEAT_INTERVAL: '1',
  CLEANUP_INTERVAL: '1',
};

export class Stage {
  readonly #workers: Worker[] = [];
  readonly #clusters: TestCluster[] = [];
  readonly #closers: (() => Promise<void>)[] = [];
  readonly #sources: LiveSource[] = [];
  readonly #recordings: RecordingHandle[] = [];
  readonly #hlsViewers: HlsViewer[] = [];
  readonly #censuses: FfmpegCensus[] = [];

  async worker(env: WorkerEnv = {}): Promise<Worker> {
    const worker = await startWorker(env);
    this.#workers.push(worker);
    return worker;
  }

  /** Workers `worker-1` to `worker-<count>` on their own Redis, with short times so that things end soon. */
  async cluster(count: number, env: WorkerEnv = {}): Promise<TestCluster> {
    const cluster = await emptyCluster({ ...QUICK, ...env });
    this.#clusters.push(cluster);
    await startWorkers(cluster, count);
    return cluster;
  }

  /** Closes something together with the rest. */
  closeAfter(close: () => Promise<void>): void {
    this.#closers.push(close);
  }

  async source(options: LiveSourceOptions = {}): Promise<LiveSource> {
    const source = await startLiveSource(options);
    this.#sources.push(source);
    return source;
  }

  /** In a separate process, for many channels or clients. */
  async sourceProcess(options: LiveSourceOptions = {}): Promise<LiveSource> {
    const source = await startLiveSourceProcess(options);
    this.#sources.push(source);
    return source;
  }

  /** A viewer. */
  viewer(url: string, options: RecordOptions = {}): RecordingHandle {
    const recording = startRecording(url, options);
    this.#recordings.push(recording);
    return recording;
  }

  viewers(count: number, url: string, options: RecordOptions = {}): RecordingHandle[] {
    return Array.from({ length: count }, () => this.viewer(url, options));
  }

  /** A viewer by HLS. Its session ends with the test: it would count for three target durations more. */
  async hlsViewer(entry: string): Promise<HlsViewer> {
    const viewer = await HlsViewer.open(entry);
    this.#hlsViewers.push(viewer);
    return viewer;
  }

  /** Counts a worker's FFmpegs from now on. */
  census(worker: Worker): FfmpegCensus {
    const census = new FfmpegCensus(worker);
    this.#censuses.push(census);
    return census;
  }

  /** Ends the viewers, then requires that FFmpegs and connections end by themselves, then ends the rest. */
  async clear(): Promise<void> {
    for (const census of this.#censuses.splice(0)) census.stop();
    await Promise.all(this.#recordings.splice(0).map((recording) => recording.stop()));
    const workers = this.#workers.splice(0);
    const clusters = this.#clusters.splice(0);
    const sources = this.#sources.splice(0);
    const running = workers.filter((worker) => worker.exit === undefined);
    // Dead workers of a cluster count too: nothing of them may be left.
    const clustered = clusters.flatMap((cluster) => cluster.workers);
    const alive = [...workers, ...clustered].filter((worker) => worker.exit === undefined);
    try {
      for (const { clientId } of this.#hlsViewers.splice(0)) {
        // A worker alone knows its own sessions only.
        await Promise.all(alive.map(({ api }) => api.del(`/hls/any/clients/${encodeURIComponent(clientId)}`)));
      }
      await leakCheck({ workers: [...running, ...clustered], sources });
      for (const cluster of clusters) await registryIsEmpty(cluster);
    } finally {
      await Promise.all(clusters.map((cluster) => cluster.stop()));
      for (const close of this.#closers.splice(0)) await close();
      await Promise.all(workers.map((worker) => worker.stop(worker.exit === undefined ? 'SIGINT' : 'SIGKILL')));
      await Promise.all(sources.map((source) => source.close()));
    }
  }
}

/**
 * `it` with its own stage for each test, so that tests can run side by side.
 *
 * @example
 * staged.concurrent('plays', async ({ stage }) => {
 *   const worker = await stage.worker({ MAX_CLIENTS_PER_SHARED_STREAM: '2' });
 * });
 */
export const staged = test.extend<{ stage: Stage }>({
  stage: async ({ onTestFinished }, use) => {
    const stage = new Stage();
    // Not behind `use`: Vitest 4 fails each further try of a test with what has failed there once.
    onTestFinished(() => stage.clear(), CLEAR_MS);
    await use(stage);
  },
});

/** More than all that `Stage.clear` waits for. */
const CLEAR_MS = 120_000;

const CENSUS_INTERVAL_MS = 50;

/** Every FFmpeg that a worker was seen to run. One that lives for less than 50 ms may be missed. */
export class FfmpegCensus {
  readonly #worker: Worker;
  readonly #timer: NodeJS.Timeout;
  readonly seen = new Set<number>();
  /** The most at the same time. */
  most = 0;

  constructor(worker: Worker) {
    this.#worker = worker;
    this.#timer = setInterval(() => this.#count(), CENSUS_INTERVAL_MS);
    this.#count();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #count(): void {
    const pids = this.#worker.ffmpegPids();
    for (const pid of pids) this.seen.add(pid);
    this.most = Math.max(this.most, pids.length);
  }
}

/** Waits until every viewer has media. */
export async function allPlaying(viewers: readonly RecordingHandle[], timeoutMs = 15_000): Promise<void> {
  await until(() => viewers.every((viewer) => viewer.byteCount > 0), {
    timeoutMs,
    what: () => {
      const waiting = viewers.filter((viewer) => viewer.byteCount === 0);
      const [first] = waiting.map((viewer) => viewer.snapshot());
      return `${waiting.length} of ${viewers.length} viewers to play; the first: ${first?.status} ${first?.error ?? ''}`;
    },
  });
  for (const viewer of viewers) {
    const got = viewer.snapshot();
    // The reason of an error is in its body.
    if (got.status >= 400) throw new Error(`${got.url} does not play: ${got.status} ${got.bytes.toString()}`);
  }
}

interface Pooling {
  readonly clients: number;
  readonly skips: number;
  readonly stalls: number;
  readonly feeds: readonly {
    readonly stream_id: string;
    readonly pid: number | null;
    readonly restarts: number;
    readonly buffered_bytes: number;
  }[];
}

/** What the worker reports about its shared processes. */
export async function poolingOf(worker: Worker): Promise<Pooling> {
  return (await worker.api.get<{ pooling: Pooling }>('/stats')).body.pooling;
}

/** Waits until a source has exactly `count` connections. */
export async function connectionCount(source: LiveSource, count: number, timeoutMs = 2_000): Promise<void> {
  await until(async () => (await source.account()).open === count, {
    timeoutMs,
    what: async () => `${count} connections; there are ${(await source.account()).open}`,
  });
}

/** Waits until a worker runs exactly `count` FFmpegs. */
export async function ffmpegCount(worker: Worker, count: number, timeoutMs = 10_000): Promise<number[]> {
  await until(() => worker.ffmpegPids().length === count, {
    timeoutMs,
    what: () => `${count} FFmpegs; there are ${worker.ffmpegPids().length}`,
  });
  return worker.ffmpegPids();
}
