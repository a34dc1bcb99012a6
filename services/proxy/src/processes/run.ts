/** A run: makes a feed's bytes on this worker until it ends or is replaced. It is an FFmpeg or a plain copy. */

import type { Readable } from 'node:stream';
import type { SourceError } from '../errors.ts';
import type { SourceClock, SourceOrigin } from '../feed/feed-history.ts';
import type { MarkLog } from '../feed/marks/mark-log.ts';
import type { FfmpegExit } from '../ffmpeg/process/exit.ts';
import type { FfmpegSaid } from '../ffmpeg/process/stderr.ts';
import type { ResumePoint } from '../mpegts/splicing/resume-point.ts';
import { wrapTicks } from '../mpegts/syntax/timestamp.ts';
import type { SourceFeed } from '../sources/source-feed.ts';
import type { GroupSource, SourceAddress } from '../upstream/provider/source-address.ts';

export interface RunRequest {
  readonly streamId: string;
  readonly source: GroupSource;
  /** Where that is now. */
  readonly address: SourceAddress;
  /** It begins with media of this address, not with that of an earlier one which the source feed still has. */
  readonly isFresh?: boolean;
  /** Viewers have media of the feed already, so it goes on, whatever kind of source this one is. */
  readonly goesOn?: boolean;
  /** MPEG-TS is made of a source that is not: who records it has no connection of its own. */
  readonly converts?: boolean;
  /** Whether there is another source to use if this one shows no picture. */
  readonly canFailOver: boolean;
  /** Where to continue the output of an earlier run, if this one's source feed is on that timeline. */
  readonly resume?: Resume | undefined;
  /** Aborted when nobody wants the run any more, even while its source is being opened. */
  readonly signal: AbortSignal;
}

/** Where to continue, on the clock of the source. */
export interface Resume {
  readonly timeline: string;
  readonly point: ResumePoint;
  /** How a source feed that is opened anew goes on with that timeline, if it is known. */
  readonly origin: SourceOrigin | undefined;
  /** The marks of that source feed, if they are known. */
  readonly marks: MarkLog | undefined;
}

/**
 * Converts a point on a feed's timeline to the clock of its source.
 * @param marks of that source
 */
export function resumeOn(
  clock: SourceClock,
  { videoPts, audioPts, videoDts }: ResumePoint,
  marks: MarkLog | undefined,
): Resume {
  const back = (ticks: number | undefined) => (ticks === undefined ? undefined : wrapTicks(ticks - clock.shift));
  const point = { videoPts: back(videoPts), audioPts: back(audioPts), videoDts: back(videoDts) };
  return { timeline: clock.timeline, point, origin: clock.origin, marks };
}

export interface RunEnd {
  /** Undefined for a run without a process. */
  readonly exit: FfmpegExit | undefined;
  /** The source error that ended the run, if one did. */
  readonly sourceError: SourceError | undefined;
  /** The output is complete and not cut off. */
  readonly orderly: boolean;
}

export interface Run {
  readonly output: Readable;
  readonly ended: Promise<RunEnd>;
  /** Live MPEG-TS that this worker reads itself; undefined when FFmpeg opened the source. */
  readonly source: SourceFeed | undefined;
  /** Process id of its FFmpeg. */
  readonly pid: number | undefined;
  /** What its FFmpeg has said, as of the moment of asking; undefined: it has none. */
  readonly said?: FfmpegSaid | undefined;
  /** When FFmpeg, which opened the source, last got something of it, monotonic ms; undefined: nothing yet, or the worker reads the source. */
  readonly lastInputMs?: number | undefined;
  /** FFmpeg opened the source, and that has stopped working; see `hasStoppedWorking`. */
  readonly isRefused?: boolean | undefined;
  /** Duration in seconds, once known, when FFmpeg opened the source; undefined: the source has no end. */
  readonly duration: Promise<number | undefined>;
  /** Ends it at once. The source stays open for the next run until `release`. */
  kill(): void;
  /** Frees the source. */
  release(): void;
}

/** @throws {SourceError} when the source cannot be opened */
export type StartRun = (request: RunRequest) => Promise<Run>;
