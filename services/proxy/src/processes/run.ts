/** A run: what makes a feed's bytes on this worker for a while, until it ends or is replaced: an FFmpeg, or a plain copy. */

import type { Readable } from 'node:stream';
import type { SourceError } from '../errors.ts';
import type { SourceClock } from '../feed/feed-history.ts';
import type { FfmpegExit } from '../ffmpeg/process/exit.ts';
import type { ResumePoint } from '../mpegts/splicing/splicer.ts';
import { wrapTicks } from '../mpegts/syntax/timestamp.ts';
import type { SourceFeed } from '../sources/source-feed.ts';
import type { SourceAddress } from '../upstream/provider/source-address.ts';

export interface RunRequest {
  readonly streamId: string;
  readonly address: SourceAddress;
  /** There is another source, if this one cannot be seen. */
  readonly canFailOver: boolean;
  /** Where the output of an earlier run has to go on, if this one's source feed is on that timeline. */
  readonly resume?: Resume | undefined;
  /** The run is no longer wanted, even if its source is still being opened. */
  readonly signal: AbortSignal;
}

/** Where to go on, as the source's clock has it. */
export interface Resume {
  readonly timeline: string;
  readonly point: ResumePoint;
}

/** A point on a feed's timeline, seen by the clock of its source. */
export function resumeOn(clock: SourceClock, { videoPts, audioPts }: ResumePoint): Resume {
  const back = (ticks: number | undefined) => (ticks === undefined ? undefined : wrapTicks(ticks - clock.shift));
  return { timeline: clock.timeline, point: { videoPts: back(videoPts), audioPts: back(audioPts) } };
}

export interface RunEnd {
  /** Undefined for a run without a process. */
  readonly exit: FfmpegExit | undefined;
  /** What was wrong with the source, if that ended the run. */
  readonly sourceError: SourceError | undefined;
  /** Its output is complete, rather than cut off. */
  readonly orderly: boolean;
}

export interface Run {
  readonly output: Readable;
  readonly ended: Promise<RunEnd>;
  /** Live MPEG-TS that this worker reads itself; undefined where FFmpeg opened the source. */
  readonly source: SourceFeed | undefined;
  /** Process id of its FFmpeg. */
  readonly pid: number | undefined;
  /** Seconds, once known, where FFmpeg opened the source; undefined: it has no end. */
  readonly duration: Promise<number | undefined>;
  /** Ends it at once. The source stays open until `release`, for the run that follows. */
  kill(): void;
  /** Lets go of the source. */
  release(): void;
}

/** @throws {SourceError} when the source cannot be opened */
export type StartRun = (request: RunRequest) => Promise<Run>;
