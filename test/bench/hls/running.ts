/** A worker that cuts a stream into segments, and has done so for as long as its window. */
import { setTimeout as sleep } from 'node:timers/promises';
import { HlsViewer } from '../../support/hls-viewer.ts';
import { startLiveSourceProcess } from '../../support/live-source.ts';
import { until } from '../../support/until.ts';
import { type StartOptions, startWorker, type Worker, type WorkerEnv } from '../../support/worker.ts';
import { COPY_PROFILE } from '../profiles.ts';

export interface RunningStream {
  readonly worker: Worker;
  /** Its entry. */
  readonly url: string;
  stop(): Promise<void>;
}

export interface StreamOptions extends StartOptions {
  /** Of media that the source sends at once. */
  readonly burstSeconds?: number;
  /** How many segments there must be. */
  readonly segments?: number;
}

/** Segments in a playlist, where nobody says anything else. */
const WINDOW = 15;

/** @param env of the worker, beyond what a benchmark needs */
export async function startStream(
  env: WorkerEnv = {},
  { burstSeconds = 1, segments = WINDOW, ...options }: StreamOptions = {},
): Promise<RunningStream> {
  const source = await startLiveSourceProcess({ fixture: 'heavy', burstSeconds });
  const worker = await startWorker({ MAX_CLIENTS_PER_SHARED_STREAM: '0', SHARED_STREAM_GRACE: '600', ...env }, options);
  const stop = async () => {
    await worker.stop('SIGINT');
    await source.close();
  };
  try {
    const { stream_id: id } = await worker.api.createTranscode({ url: source.url, profile: COPY_PROFILE });
    const url = `${worker.url}/hls/${id}/playlist.m3u8`;
    const viewer = await HlsViewer.open(url);
    const isFull = async () => (await viewer.playlist()).numbers.length >= segments;
    await until(isFull, { timeoutMs: 60_000, everyMs: 1_000, what: `${segments} segments` });
    await sleep(1_000);
    return { worker, url, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
