/** One provider, one worker and many viewers at once: what every test of a misbehaving source is played on. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type CleanExpectation,
  decodeErrors,
  expectClean,
  judgeTs,
  type PidVerdict,
  type Verdict,
} from '../../support/judge/index.ts';
import { type SyncMark, syncMarks } from '../../support/judge/sync.ts';
import { leakCheck } from '../../support/leaks.ts';
import {
  type ChannelControl,
  type ChannelStats,
  type LiveSource,
  type LiveSourceOptions,
  startLiveSource,
} from '../../support/live-source.ts';
import { type Recording, type RecordingHandle, startRecording } from '../../support/recorder.ts';
import { until } from '../../support/until.ts';
import { startWorker, type Worker, type WorkerEnv } from '../../support/worker.ts';
import type { CreateBody } from '../../support/worker-api.ts';

/** As cheap as an encoder gets, so that many channels play at once. */
export const CHEAP_PROFILE =
  '-i {input_url} -c:v libx264 -preset ultrafast -g 250 -sc_threshold 0 -c:a aac -b:a 64k -ac 2 -ar 48000 -f {format}';

/** A step this long between two PES is a gap: the loops have a PES of sound every 400 ms. */
const GAP_MS = 450;

/** `direct`: the source feed itself, where the repaired timeline is plain to see. */
export type Path = 'transcoded' | 'direct';
export const PATHS: readonly Path[] = ['transcoded', 'direct'];

export interface Viewing {
  readonly verdict: Verdict;
  readonly recording: Recording;
  readonly stats: ChannelStats;
  readonly decodeErrors: readonly string[];
  /** Of the `sync` loop only. */
  readonly marks: readonly SyncMark[];
}

export interface Scene {
  /** Recorded after the first byte, in seconds. */
  seconds: number;
  paths?: readonly Path[];
  profile?: string;
  body?: Partial<CreateBody>;
  /** Runs when every viewer has a picture. */
  act?: (channel: ChannelControl, stage: Stage) => Promise<void>;
}

export class Stage {
  readonly source: LiveSource;
  readonly worker: Worker;

  private constructor(source: LiveSource, worker: Worker) {
    this.source = source;
    this.worker = worker;
  }

  static async open(options: LiveSourceOptions, env: WorkerEnv = {}): Promise<Stage> {
    const source = await startLiveSource(options);
    return new Stage(source, await startWorker({ SHARE_DIRECT_STREAMS: 'true', SHARED_STREAM_GRACE: '1', ...env }));
  }

  /** Ends everything; fails when an FFmpeg or a connection is left behind. */
  async close(): Promise<void> {
    try {
      await leakCheck({ workers: [this.worker], sources: [this.source] });
    } finally {
      await this.worker.stop();
      await this.source.close();
    }
  }

  /** Starts one viewer of a URL. */
  async watch(url: string, path: Path, scene: Pick<Scene, 'profile' | 'body'> = {}): Promise<RecordingHandle> {
    const { api } = this.worker;
    const stream =
      path === 'direct'
        ? await api.createStream({ ...scene.body, url })
        : await api.createTranscode({ ...scene.body, url, profile: scene.profile ?? CHEAP_PROFILE });
    return startRecording(stream.playUrl);
  }

  /** Plays one channel's scene for viewers of every path, all on one connection to the provider. */
  async play(channelPath: string, scene: Scene): Promise<Map<Path, Viewing>> {
    const channel = this.source.channel(channelPath);
    const viewers = new Map<Path, RecordingHandle>();
    for (const path of scene.paths ?? PATHS) viewers.set(path, await this.watch(channel.url, path, scene));
    await firstBytes([...viewers.values()]);
    await Promise.all([sleep(scene.seconds * 1000), scene.act?.(channel, this)]);
    const viewings = new Map<Path, Viewing>();
    const recordings = await Promise.all(
      [...viewers].map(async ([path, viewer]) => [path, await viewer.stop()] as const),
    );
    const stats = await channel.stats();
    for (const [path, recording] of recordings) viewings.set(path, await viewing(recording, stats));
    return viewings;
  }
}

/** Resolves when every viewer has its first bytes; a response that ends before fails with its reason. */
export async function firstBytes(viewers: readonly RecordingHandle[]): Promise<void> {
  await until(
    () => {
      const ended = viewers.find((viewer) => viewer.ended);
      if (ended !== undefined) throw new Error(`a viewer got no media: ${describe(ended.snapshot())}`);
      return viewers.every((viewer) => viewer.byteCount > 0);
    },
    { timeoutMs: 30_000, what: 'the first bytes of every viewer' },
  );
}

function describe({ status, error, bytes }: Recording): string {
  return `${status} ${error ?? ''} ${bytes.toString('utf8', 0, 300)}`;
}

async function viewing(recording: Recording, stats: ChannelStats): Promise<Viewing> {
  const verdict = judgeTs(recording, { gapMs: GAP_MS });
  return { verdict, recording, stats, decodeErrors: await decodeErrors(recording.bytes), marks: [] };
}

/** Adds what can be seen of sound against pictures; the channel must play the `sync` loop. */
export async function withMarks(viewing: Viewing): Promise<Viewing> {
  return { ...viewing, marks: await syncMarks(viewing.recording.bytes) };
}

export interface Expectation extends CleanExpectation {
  /** Connections to the provider, one after another; default 1. */
  connections?: number;
  /** Most lines of a decoder about it; default 0. */
  maxDecodeErrors?: number;
}

/** What holds for every viewer, whatever its source did: connected to the end, clean by the judge, one connection at a time. */
export function expectWatched({ recording, verdict, stats, ...rest }: Viewing, expectation: Expectation): void {
  const { connections = 1, maxDecodeErrors = 0, ...clean } = expectation;
  const faults: string[] = [];
  if (recording.endedBy !== 'limit')
    faults.push(`the response was over: ${recording.endedBy} ${recording.error ?? ''}`);
  if (stats.maxConcurrent !== 1) faults.push(`${stats.maxConcurrent} connections at once`);
  if (stats.total !== connections) faults.push(`${stats.total} connections, expected ${connections}`);
  if (rest.decodeErrors.length > maxDecodeErrors) {
    faults.push(`${rest.decodeErrors.length} decode errors: ${rest.decodeErrors.slice(0, 5).join(' | ')}`);
  }
  const { maxGapMs = verdict.gapMs } = clean;
  const judged = maxGapMs < verdict.gapMs ? judgeTs(recording, { gapMs: maxGapMs }) : verdict;
  try {
    expectClean(judged, clean);
  } catch (error) {
    faults.push(String(error));
  }
  if (faults.length > 0) throw new Error(faults.join('\n'));
}

/** Sound may be off by an AAC frame and the detectors' own 20 ms or so on each side. */
const SYNC_SLACK_SECONDS = 0.09;

const HOLE_TICKS = 150 * 90;

/** Where pictures or sound of a PID are missing, in ticks of 90 kHz. A PES may hold many frames of sound, so only the slips tell. */
function holesOf({ kind, dtsList, audioSlips }: PidVerdict): [from: number, to: number][] {
  if (kind !== 'video') {
    const missing = audioSlips.filter(({ slipTicks }) => slipTicks > HOLE_TICKS);
    return missing.map(({ pts, slipTicks }) => [pts - slipTicks, pts]);
  }
  const steps = dtsList.slice(1).map((to, n): [number, number] => [dtsList[n] ?? to, to]);
  return steps.filter(([from, to]) => to - from > HOLE_TICKS);
}

/** Every flash has its beep, but for those within `exceptSeconds` of a hole in pictures or sound, which may have lost either. */
export function expectInSync({ marks, verdict }: Viewing, least: number, exceptSeconds = 0): void {
  const holes = verdict.pids.flatMap(holesOf);
  // A detector reports what it was in the middle of when the recording ended, too.
  const endSeconds = Math.max(...(verdict.video?.ptsList ?? [0])) / 90_000 - 0.7;
  const whole = marks.filter(({ atSeconds }) => atSeconds < endSeconds);
  const apart = whole.filter(({ atSeconds, beepLagSeconds }) => {
    const near = holes.some(
      ([from, to]) => atSeconds > from / 90_000 - exceptSeconds && atSeconds < to / 90_000 + exceptSeconds,
    );
    return !near && Math.abs(beepLagSeconds) > SYNC_SLACK_SECONDS;
  });
  const list = whole.map((mark) => `${mark.atSeconds.toFixed(2)}: ${mark.beepLagSeconds.toFixed(3)}`).join(', ');
  if (whole.length < least || apart.length > 0) {
    throw new Error(
      `${whole.length} flashes (at least ${least} expected), ${apart.length} without their beep: ${list}`,
    );
  }
}
