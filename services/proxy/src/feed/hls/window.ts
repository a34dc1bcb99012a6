/** Which segments a playlist lists, and how long they may be. The owner of the feed decides both; its followers are told. */

/** What a profile asks for (`-hls_time` times `-hls_list_size`), or the number of segments that HLS_LIST_SIZE says. */
export type WindowSize = { readonly seconds: number } | { readonly segments: number };

/** A live playlist holds three target durations at least (RFC 8216, 6.2.2). */
const MIN_TARGET_DURATIONS = 3;
/** FFmpeg's own, where a template does not say. */
const DEFAULT_SEGMENT_SECONDS = 2;
/** In a source's own rhythm a segment is up to this much longer than the segment time. */
const SOURCE_SHARE = 1.75;

/**
 * How many of the newest segments are in the window.
 * @param seconds of all segments, the oldest first
 */
export function windowLength(seconds: readonly number[], size: WindowSize, targetDuration: number): number {
  let length = 0;
  let total = 0;
  const isEnough = () => fillsWindow({ seconds: total, segments: length }, size, targetDuration);
  for (let at = seconds.length - 1; at >= 0 && !isEnough(); at--) {
    length++;
    total += seconds[at] as number;
  }
  return length;
}

/**
 * What a profile asks of FFmpeg's HLS muxer, which does not run.
 * @param args of its template; undefined where it does not say how many segments a playlist has
 */
export function playlistWindow(args: readonly string[]): WindowSize | undefined {
  const segments = numberAfter(args, '-hls_list_size');
  if (segments === undefined) return undefined;
  return { seconds: segments * (numberAfter(args, '-hls_time') ?? DEFAULT_SEGMENT_SECONDS) };
}

function numberAfter(args: readonly string[], name: string): number | undefined {
  const at = args.lastIndexOf(name);
  const value = at < 0 ? Number.NaN : Number(args[at + 1]);
  return value > 0 && Number.isFinite(value) ? value : undefined;
}

/**
 * How long a segment stays in a playlist, in seconds.
 * @param targetDuration no segment is longer
 */
export function windowSeconds(size: WindowSize, targetDuration: number): number {
  const seconds = 'seconds' in size ? size.seconds : size.segments * targetDuration;
  return Math.max(seconds, MIN_TARGET_DURATIONS * targetDuration);
}

/** Whether so much is a whole window. */
export function fillsWindow(
  { seconds, segments }: { readonly seconds: number; readonly segments: number },
  size: WindowSize,
  targetDuration: number,
): boolean {
  const isWide = 'seconds' in size ? seconds >= size.seconds : segments >= size.segments;
  return isWide && seconds >= MIN_TARGET_DURATIONS * targetDuration;
}

/**
 * EXT-X-TARGETDURATION with which a playlist begins, in s.
 * @param longestStepSeconds between two entries of the source, as far as the ring has them
 */
export function firstTargetDuration(list: 'clock' | 'source', segmentSeconds: number, longestStepSeconds = 0): number {
  if (list === 'clock') return Math.ceil(segmentSeconds);
  return Math.max(Math.ceil(SOURCE_SHARE * segmentSeconds), Math.ceil(longestStepSeconds));
}

/** The same after a segment of `seconds`. It grows only where the segment would break the rule (RFC 8216, 4.3.3.1). */
export function grownTargetDuration(before: number, seconds: number): number {
  return Math.max(before, Math.round(seconds));
}
