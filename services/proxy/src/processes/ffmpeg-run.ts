/**
 * One run of one FFmpeg: its input, its output and its end. The input is a source feed, or a URL that it opens through
 * the gateway.
 */

import type { StreamProfile } from '../../../registry/types.ts';
import type { Logger } from '../../../shared/log.ts';
import { maskUrl } from '../../../shared/masking/mask.ts';
import { SourceError } from '../errors.ts';
import { Cursor, type CursorSink } from '../feed/cursor.ts';
import type { EntryPoint, Ring } from '../feed/ring.ts';
import type { OptionReading } from '../ffmpeg/arguments/own-reading.ts';
import type { Sandbox } from '../ffmpeg/host/sandbox.ts';
import { buildArguments, type CommandOptions, type FfmpegInput, takesFirstTracks } from '../ffmpeg/process/command.ts';
import type { FfmpegExit } from '../ffmpeg/process/exit.ts';
import { type FfmpegProcess, spawnFfmpeg } from '../ffmpeg/process/process.ts';
import type { FfmpegSaid } from '../ffmpeg/process/stderr.ts';
import type { FfmpegTally } from '../ffmpeg/process/tally.ts';
import { isOutdated as isChoiceOutdated } from '../ffmpeg/process/track-choice.ts';
import type { ResolvedProfile } from '../ffmpeg/profiles/profiles.ts';
import type { ResumePoint } from '../mpegts/splicing/resume-point.ts';
import { TICKS_PER_MS, TICKS_PER_SECOND, TIMESTAMP_WRAP, unwrapNear } from '../mpegts/syntax/timestamp.ts';
import type { SourceFeed } from '../sources/source-feed.ts';
import type { SourceFeeds, SourceLease } from '../sources/source-feeds.ts';
import type { Gateway } from '../upstream/gateway/gateway.ts';
import { type GatewayInput, openThroughGateway } from '../upstream/gateway/gateway-input.ts';
import { MANIFEST_INSTEAD } from '../upstream/provider/source-kind.ts';
import type { Run, RunRequest } from './run.ts';
import { enterSource, leaseSource } from './run-entry.ts';
import { lacksLanguage, languagesOf, TrackTrials } from './track-trials.ts';
import { wantedVariant } from './wanted-variant.ts';

export interface RunDeps {
  readonly sources: SourceFeeds;
  readonly gateway: Gateway;
  readonly sandbox: Sandbox;
  /** Counts the FFmpegs. Unset: nobody does. */
  readonly tally?: FfmpegTally | undefined;
  readonly reading: OptionReading;
  /** HLS_SEGMENT_TIME */
  readonly segmentMs: number;
  /** In the form of `languageCode`, the preferred one first. */
  readonly preferredAudioLanguages: readonly string[];
  /** How long a live source may take to send its first random access point. */
  readonly firstPictureTimeoutMs: number;
  readonly log: Logger;
}

/** FFmpeg takes a start this close before the 33-bit wrap for negative time and drops video. */
const WRAP_TRAP_TICKS = 65 * TICKS_PER_SECOND;
const WRAP_SECONDS = TIMESTAMP_WRAP / TICKS_PER_SECOND;

/**
 * Opens the source, or joins its readers, and starts FFmpeg on it.
 *
 * @throws {SourceError} when the source cannot be opened
 */
export async function startFfmpegRun(
  profile: StreamProfile,
  request: RunRequest,
  deps: RunDeps,
  trials = new TrackTrials(languagesOf(profile, deps.preferredAudioLanguages)),
): Promise<Run> {
  return ffmpegRunOn(await leaseSource(request, deps.sources), profile, request, deps, trials);
}

/** The same on a source that is leased already. The run releases it; so does an error. */
export async function ffmpegRunOn(
  lease: SourceLease,
  profile: StreamProfile,
  request: RunRequest,
  deps: RunDeps,
  trials: TrackTrials,
): Promise<Run> {
  try {
    if (lease.kind === 'dash') throw new SourceError('not_media', MANIFEST_INSTEAD);
    const { process, stop, kill, said, lastInputMs, isRefused } =
      lease.feed === undefined
        ? urlRun(profile, request, deps, trials)
        : await pipedRun(profile, request, lease.feed, deps, trials);
    return {
      output: process.stdout,
      ended: process.exited.then((exit) => ({ exit, sourceError: stop(exit), orderly: exit.code === 0 })),
      source: lease.feed,
      pid: process.pid,
      said,
      get lastInputMs() {
        return lastInputMs?.();
      },
      get isRefused() {
        return isRefused?.();
      },
      duration: lease.feed === undefined ? process.duration : Promise.resolve(undefined),
      kill,
      release: lease.release,
    };
  } catch (error) {
    lease.release();
    throw error;
  }
}

interface Parts {
  readonly process: FfmpegProcess;
  /** Stops reading. Returns what was wrong with the source, if anything. */
  readonly stop: (exit: FfmpegExit) => SourceError | undefined;
  readonly kill: () => void;
  readonly said: FfmpegSaid;
  /** When FFmpeg last got something of a source that it opened, monotonic ms. */
  readonly lastInputMs?: () => number | undefined;
  /** See `Run`. */
  readonly isRefused?: () => boolean;
}

/** How often it checks whether FFmpeg still has the right tracks. */
const LOOK_MS = 1_000;

async function pipedRun(
  profile: StreamProfile,
  request: RunRequest,
  source: SourceFeed,
  deps: RunDeps,
  trials: TrackTrials,
): Promise<Parts> {
  const { feed } = source;
  // Only MPEG-TS can continue the output of another FFmpeg.
  const canGoOn = profile.container === 'mpegts';
  const goesOn = profile.video === 'copy' && canGoOn;
  const { entry, resume, isBetween } = await enterSource(source, request, deps.firstPictureTimeoutMs, goesOn);
  const tracksOf = () => source.tracks.filter(({ kind }) => profile[kind] !== 'none');
  const tracks = trials.choose(request.address.url, tracksOf());
  if (lacksLanguage(profile, tracksOf(), tracks)) {
    const { audioLanguage: language } = profile;
    deps.log.warn(
      { source: maskUrl(request.address.url), language },
      'a source has no sound in the language that is asked for',
    );
  }
  const process = spawn(profile, { kind: 'pipe' }, 'pipe', deps, {
    ...timing(entry, feed.ring, resume),
    betweenKeyframes: isBetween,
    tracks,
  });
  const { stdin } = process;
  if (stdin === null) throw new Error('FFmpeg was started without an input pipe');
  let failure: SourceError | undefined;
  const sink: CursorSink = {
    write: (bytes, done) => void stdin.write(bytes, () => done()),
    finished: (end) => {
      if (end.kind === 'failed' && end.error instanceof SourceError) failure = end.error;
      stdin.end();
    },
    dropped: () => process.kill(),
  };
  const cursor = new Cursor(feed, entry, sink, 0);
  // FFmpeg decodes only the tracks that it found at its start. The next FFmpeg finds the new ones.
  const takesFirst = takesFirstTracks(profile);
  const isOutdated = () => isChoiceOutdated(tracks, tracksOf(), languagesOf(profile, deps.preferredAudioLanguages));
  // What FFmpeg has said of its input is of the program at its start.
  let isAnother = false;
  const unsubscribe = source.onProgramChange((position, change) => {
    isAnother = true;
    const isOver = change === 'shape' ? profile.video === 'encode' && canGoOn : !takesFirst || isOutdated();
    if (isOver) cursor.limitTo(position);
  });
  const look = setInterval(() => {
    if (takesFirst && canGoOn && trials.isSettled && isOutdated()) cursor.limitTo(feed.ring.head);
  }, LOOK_MS);
  const { kill, isFruitless } = watchFruits(process);
  const stop = (exit: FfmpegExit) => {
    if (isFruitless(exit)) trials.failed();
    clearInterval(look);
    unsubscribe();
    cursor.close();
    return failure;
  };
  const said = {
    get shown() {
      return process.said.shown;
    },
    get input() {
      return isAnother ? {} : process.said.input;
    },
    get output() {
      return process.said.output;
    },
  };
  return { process, stop, kill, said };
}

function urlRun(profile: StreamProfile, request: RunRequest, deps: RunDeps, trials: TrackTrials): Parts {
  const attempt = trials.attemptOn(request.address.url);
  const wanted = wantedVariant(profile, deps.preferredAudioLanguages, attempt);
  const opened = openThroughGateway(deps.gateway, request.address, wanted);
  const process = spawn(profile, opened.input, 'none', deps, { ownChoice: attempt > 0 }, opened.gateway);
  const { kill, isFruitless } = watchFruits(process);
  const stop = (exit: FfmpegExit) => {
    if (isFruitless(exit)) trials.failed();
    const { lastError } = opened;
    opened.close();
    return lastError;
  };
  const [lastInputMs, isRefused] = [() => opened.lastMediaMs, () => opened.isRefused];
  return { process, stop, kill, said: process.said, lastInputMs, isRefused };
}

/** Notices an FFmpeg that got input and made no output, whether it ends by itself or has to be killed. */
function watchFruits(process: FfmpegProcess): { kill: () => void; isFruitless: (exit: FfmpegExit) => boolean } {
  let hasOutput = false;
  let killed = false;
  process.stdout.once('readable', () => {
    hasOutput = process.stdout.readableLength > 0;
  });
  const kill = () => {
    killed = true;
    process.kill();
  };
  return { kill, isFruitless: ({ code }) => !hasOutput && (killed || (code !== null && code !== 0)) };
}

interface Timing {
  firstVideoSeconds: number;
  resume?: { videoSeconds?: number; audioSeconds?: number };
  timestampOffsetSeconds?: number;
}

function spawn(
  profile: StreamProfile,
  input: FfmpegInput,
  stdin: 'pipe' | 'none',
  deps: RunDeps,
  timing: Partial<Timing> & Pick<CommandOptions, 'tracks' | 'ownChoice' | 'betweenKeyframes'>,
  gateway?: GatewayInput['gateway'],
): FfmpegProcess {
  const options = { ...timing, keyframeIntervalSeconds: deps.segmentMs / 1000, reading: deps.reading };
  return spawnFfmpeg({
    sandbox: deps.sandbox,
    args: buildArguments(profile as ResolvedProfile, input, options),
    input: stdin,
    log: deps.log,
    name: profile.name,
    tally: deps.tally,
    gateway,
  });
}

/**
 * FFmpeg counts as the feed does: it unwraps timestamps from its start position, and an offset adds the cycles before. All
 * its runs agree on a grid then, because a cycle is no multiple of any interval.
 */
function timing(entry: EntryPoint, ring: Ring, resume: ResumePoint | undefined): Timing {
  const entryTicks = entry.mediaMs * TICKS_PER_MS;
  const cycles = Math.floor(entryTicks / TIMESTAMP_WRAP);
  const isTrapped = entryTicks - cycles * TIMESTAMP_WRAP > TIMESTAMP_WRAP - WRAP_TRAP_TICKS;
  const seconds = (ticks: number) => unwrapNear(ticks, ring.headMs * TICKS_PER_MS) / TICKS_PER_SECOND;
  const { videoPts, audioPts } = resume ?? {};
  const offset = cycles + (isTrapped ? 1 : 0);
  return {
    firstVideoSeconds: entry.shownMs / 1000,
    resume: {
      ...(videoPts === undefined ? {} : { videoSeconds: seconds(videoPts) }),
      ...(audioPts === undefined ? {} : { audioSeconds: seconds(audioPts) }),
    },
    ...(offset > 0 ? { timestampOffsetSeconds: offset * WRAP_SECONDS } : {}),
  };
}
