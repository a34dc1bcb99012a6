/** When a source that is open and sends is worth leaving for another one; without another one it has to do. Pure. */

export type SourceTrouble = 'low_bitrate' | 'no_video' | 'scrambled' | 'live_stream_loops';

/** Sound without pictures for this long, from a source that had both, is a broken source. */
const NO_VIDEO_MS = 10_000;
/** A picture may be late by so many of the source's own intervals. */
const LATE_INTERVALS = 3;
/** One picture says nothing of when the next is due. */
const FIRST_INTERVAL_MS = 60_000;
/** A viewer is to see something within STREAM_TIMEOUT; this share of it is left to a late descrambler. */
const DESCRAMBLER_SHARE = 2 / 3;

export interface SourceSigns {
  readonly isSlow: boolean;
  /** It goes through the same clip again and again. */
  readonly loops: boolean;
  /** How long most of its media has been scrambled. */
  readonly scrambledMs: number;
  readonly streamTimeoutMs: number;
  /** Monotonic arrival of the newest unit of each kind; undefined before the first, or where nobody looks. */
  readonly lastVideoMs?: number | undefined;
  readonly lastAudioMs?: number | undefined;
  /** Between two of its pictures, lately; undefined before the second. */
  readonly videoIntervalMs?: number | undefined;
}

/** What is wrong with a source, or undefined. */
export function troubleOf(signs: SourceSigns): SourceTrouble | undefined {
  const { lastVideoMs, lastAudioMs, videoIntervalMs } = signs;
  if (signs.scrambledMs > scrambledLimitMs(signs.streamTimeoutMs)) return 'scrambled';
  if (signs.loops) return 'live_stream_loops';
  if (signs.isSlow) return 'low_bitrate';
  if (lastVideoMs === undefined || lastAudioMs === undefined) return undefined;
  return lastAudioMs - lastVideoMs > pictureDueMs(NO_VIDEO_MS, videoIntervalMs) ? 'no_video' : undefined;
}

/** How long a source may stay scrambled. */
export function scrambledLimitMs(streamTimeoutMs: number): number {
  return streamTimeoutMs * DESCRAMBLER_SHARE;
}

/**
 * How long after a picture the next one is missing.
 * @param usualMs for a source that sends many a second
 * @param intervalMs the source's own, as far as it is known
 */
export function pictureDueMs(usualMs: number, intervalMs: number | undefined): number {
  return Math.max(usualMs, intervalMs === undefined ? FIRST_INTERVAL_MS : intervalMs * LATE_INTERVALS);
}
