/** Which recordings are removed because there are too many: `RECORDINGS_MAX`, `RECORDINGS_MAX_BYTES`, `RECORDINGS_MAX_AGE`. Pure. */

export interface RecordingLimits {
  /** How many recordings there may be; 0: no limit. */
  readonly max: number;
  /** What all of them may take; 0: no limit. */
  readonly maxBytes: number;
  /** How long one is kept after its end; 0: for ever. */
  readonly maxAgeMs: number;
}

export interface KeptRecording {
  readonly id: string;
  readonly bytes: number;
  /** ms since 1970; undefined: it runs. */
  readonly endedAtMs: number | undefined;
}

/** The ids of those that have to go, the oldest first. One that runs counts, and never goes. */
export function beyondLimits(
  recordings: readonly KeptRecording[],
  { max, maxBytes, maxAgeMs }: RecordingLimits,
  nowMs: number,
): string[] {
  const ended = recordings.flatMap(({ endedAtMs, ...rest }) => (endedAtMs === undefined ? [] : { ...rest, endedAtMs }));
  ended.sort((one, other) => one.endedAtMs - other.endedAtMs || (one.id < other.id ? -1 : 1));
  let left = recordings.length;
  let bytes = recordings.reduce((sum, each) => sum + each.bytes, 0);
  const gone: string[] = [];
  for (const each of ended) {
    const isTooOld = maxAgeMs > 0 && nowMs - each.endedAtMs > maxAgeMs;
    const isTooMuch = (max > 0 && left > max) || (maxBytes > 0 && bytes > maxBytes);
    if (!isTooOld && !isTooMuch) break;
    gone.push(each.id);
    left--;
    bytes -= each.bytes;
  }
  return gone;
}
