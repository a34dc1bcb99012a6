/**
 * How a stream's feed is made: by FFmpeg with the stream's profile, or by copying the source of a shared direct stream.
 */

import type { StreamRecord } from '../../../registry/types.ts';
import type { OpaqueContainer } from '../feed/containers/index.ts';
import type { Feed } from '../feed/feed.ts';
import { type FeedOutput, fragmentOutput, tsOutput } from '../feed/feed-output.ts';
import type { Container } from '../feed/hls/segment-events.ts';
import { playlistWindow, type WindowSize } from '../feed/hls/window.ts';
import type { LocalMarks } from '../feed/marks/local-marks.ts';
import type { ResolvedProfile } from '../ffmpeg/profiles/profiles.ts';
import { saidContainer } from '../segments/container-choice.ts';
import type { SourceLease } from '../sources/source-feeds.ts';
import { startCopyRun } from './copy-run.ts';
import { type RunDeps, startFfmpegRun } from './ffmpeg-run.ts';
import { marksFollowedBy, ProcessMarks } from './output/process-marks.ts';
import type { RunRequest, StartRun } from './run.ts';
import { leaseSource } from './run-entry.ts';
import { languagesOf, TrackTrials } from './track-trials.ts';

export interface Production {
  readonly start: StartRun;
  /** Opens the source of a run, or joins its readers. */
  readonly leaseSource: (request: RunRequest) => Promise<SourceLease>;
  /** @param marks take what passes into the feed, if it is MPEG-TS */
  readonly output: (feed: Feed, marks: LocalMarks) => FeedOutput;
  /** Which marks the feed follows. */
  readonly marks: () => ProcessMarks;
  /** The feed carries fragments of a container other than MPEG-TS. */
  readonly opaque: boolean;
  /** A restarted run repeats exactly the same pictures, so readers may enter it between keyframes. */
  readonly samePictures: boolean;
  /**
   * How much of what FFmpeg hands on at once passes at once, if it opens its source itself. The rest passes as it plays. Undefined:
   * all of it, because the container has no clock to go by.
   */
  readonly aheadMs: number | undefined;
  /** Whether it needs a process. */
  readonly needsProcess: boolean;
  /** Which of them a playlist lists; undefined: as HLS_LIST_SIZE says. */
  readonly window?: WindowSize | undefined;
  /** In which container segments are, for viewers who ask for none; undefined: as its pictures need. */
  readonly container?: Container | undefined;
}

/** With so many segments players of HLS begin. */
const AHEAD_SEGMENTS = 3;

export function productionOf({ profile }: StreamRecord, deps: RunDeps): Production {
  const lease = (request: RunRequest) => leaseSource(request, deps.sources);
  const marks = () => new ProcessMarks(marksFollowedBy(profile as ResolvedProfile | undefined), deps.segmentMs);
  if (profile === undefined) {
    return {
      leaseSource: lease,
      start: (request) => startCopyRun(request, deps),
      output: (feed, own) => tsOutput(feed, false, own),
      marks,
      opaque: false,
      samePictures: true,
      aheadMs: AHEAD_SEGMENTS * deps.segmentMs,
      needsProcess: false,
    };
  }
  const trials = new TrackTrials(languagesOf(profile, deps.preferredAudioLanguages));
  const opaque = profile.container === 'mpegts' ? undefined : (profile.container as OpaqueContainer);
  return {
    leaseSource: lease,
    start: (request) => startFfmpegRun(profile, request, deps, trials),
    output: (feed, own) => (opaque === undefined ? tsOutput(feed, true, own) : fragmentOutput(feed, opaque)),
    marks,
    opaque: opaque !== undefined,
    samePictures: profile.video === 'copy',
    aheadMs: opaque === undefined ? AHEAD_SEGMENTS * deps.segmentMs : undefined,
    needsProcess: true,
    window: playlistWindow(profile.args),
    container: saidContainer(profile.args),
  };
}
