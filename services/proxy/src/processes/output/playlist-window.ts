/** How much a playlist of a profile lists: what its template asks of FFmpeg's HLS muxer, which does not run. */

import type { WindowSize } from '../../feed/hls/window.ts';

/** FFmpeg's own, where a template does not say. */
const DEFAULT_SEGMENT_SECONDS = 2;

/** @param args of the template; undefined where it does not say how many segments a playlist has */
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
