/**
 * When a source that still sends is worth leaving for another one. Without another source the worker keeps it. Pure.
 */

/** In the terms of the failover resolver's contract, or of ours. */
export const SOURCE_TROUBLES = ['low_bitrate', 'no_video', 'scrambled', 'live_stream_loops', 'too_slow'] as const;

export type SourceTrouble = (typeof SOURCE_TROUBLES)[number];

/** What is wrong with what a source shows and sounds like. */
export const LEVEL_TROUBLES = ['silence_detected', 'black_detected', 'freeze_detected'] as const;

/** A source that had both and sends audio without pictures for this long is broken. */
const NO_VIDEO_MS = 10_000;
/** A picture may be late by this many of the source's own intervals. */
const LATE_INTERVALS = 3;
/** The limit while there is no interval yet: one picture does not tell when the next is due. */
const FIRST_INTERVAL_MS = 60_000;
/** A viewer should see something within STREAM_TIMEOUT. A late descrambler may use this share of it. */
const DESCRAMBLER_SHARE = 2 / 3;
/** How long a source that is too slow is kept after a failover. The next one may be no faster. */
const TOO_SLOW_AGAIN_MS = 30_000;

export interface SourceSigns {
  /** It delivers less than MIN_BITRATE_THRESHOLD. */
  readonly isSlow: boolean;
  /** Its media falls behind the clock; see `MediaLag`. */
  readonly lags: boolean;
  /** It repeats the same clip again and again. */
  readonly loops: boolean;
  /** How long most of its media has been scrambled, in ms. */
  readonly scrambledMs: number;
  readonly streamTimeoutMs: number;
  /** Arrival of the newest unit of each kind, monotonic ms; undefined before the first, or when nobody watches. */
  readonly lastVideoMs?: number | undefined;
  readonly lastAudioMs?: number | undefined;
  /** Recent time between two of its pictures; undefined before the second. */
  readonly videoIntervalMs?: number | undefined;
}

/** What is wrong with a source, or undefined. */
export function troubleOf(signs: SourceSigns): SourceTrouble | undefined {
  const { lastVideoMs, lastAudioMs, videoIntervalMs } = signs;
  if (signs.scrambledMs > scrambledLimitMs(signs.streamTimeoutMs)) return 'scrambled';
  if (signs.loops) return 'live_stream_loops';
  if (signs.isSlow) return 'low_bitrate';
  if (lastVideoMs !== undefined && lastAudioMs !== undefined) {
    if (lastAudioMs - lastVideoMs > pictureDueMs(NO_VIDEO_MS, videoIntervalMs)) return 'no_video';
  }
  return signs.lags ? 'too_slow' : undefined;
}

/**
 * Whether a source may be left for this reason now.
 * @param sinceMoveMs how long ago its group has moved; undefined: never
 */
export function mayLeave(reason: string, sinceMoveMs: number | undefined): boolean {
  return reason !== 'too_slow' || sinceMoveMs === undefined || sinceMoveMs >= TOO_SLOW_AGAIN_MS;
}

/** How long a source may stay scrambled. */
function scrambledLimitMs(streamTimeoutMs: number): number {
  return streamTimeoutMs * DESCRAMBLER_SHARE;
}

/**
 * How long after a picture the next one counts as missing.
 * @param usualMs for a source that sends many pictures a second
 * @param intervalMs the source's own interval, if it is known
 */
export function pictureDueMs(usualMs: number, intervalMs: number | undefined): number {
  return Math.max(usualMs, intervalMs === undefined ? FIRST_INTERVAL_MS : intervalMs * LATE_INTERVALS);
}
