/** How a stream's feed is made: by an FFmpeg with its profile, or, for a shared direct stream, by copying its source. */

import type { StreamRecord } from '../../../registry/types.ts';
import type { OpaqueContainer } from '../feed/containers/index.ts';
import type { Feed } from '../feed/feed.ts';
import { type FeedOutput, fragmentOutput, tsOutput } from '../feed/feed-output.ts';
import type { SourceLease } from '../sources/source-feeds.ts';
import { startCopyRun } from './copy-run.ts';
import { type RunDeps, startFfmpegRun } from './ffmpeg-run.ts';
import type { RunRequest, StartRun } from './run.ts';
import { leaseSource } from './run-entry.ts';
import { TrackTrials } from './track-trials.ts';

export interface Production {
  readonly start: StartRun;
  /** Opens what a run will read, or joins those who read it. */
  readonly leaseSource: (request: RunRequest) => Promise<SourceLease>;
  readonly output: (feed: Feed) => FeedOutput;
  /** The feed carries fragments of another container than MPEG-TS. */
  readonly opaque: boolean;
  /** A restarted run repeats the very same pictures, so it may be entered between keyframes. */
  readonly midPicture: boolean;
  /** It takes a process. */
  readonly needsProcess: boolean;
}

export function productionOf({ profile }: StreamRecord, deps: RunDeps): Production {
  const lease = (request: RunRequest) => leaseSource(request, deps.sources);
  if (profile === undefined) {
    return {
      leaseSource: lease,
      start: (request) => startCopyRun(request, deps),
      output: (feed) => tsOutput(feed, false),
      opaque: false,
      midPicture: true,
      needsProcess: false,
    };
  }
  const trials = new TrackTrials(deps.preferredAudioLanguages);
  const opaque = profile.container === 'mpegts' ? undefined : (profile.container as OpaqueContainer);
  return {
    leaseSource: lease,
    start: (request) => startFfmpegRun(profile, request, deps, trials),
    output: (feed) => (opaque === undefined ? tsOutput(feed, true) : fragmentOutput(feed, opaque)),
    opaque: opaque !== undefined,
    midPicture: profile.video === 'copy',
    needsProcess: true,
  };
}
