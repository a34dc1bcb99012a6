/**
 * When a stream is idle: it has no viewer, and none is joining. An idle stream still answers on its address, but nothing of its
 * past counts: it starts at its primary source, and the next request that creates it defines it anew.
 */

import type { StreamRecord } from './types.ts';

/**
 * How long a new stream waits for its first viewer before it can become idle. m3u-editor creates a stream and redirects the
 * player to it. That takes some seconds at most, or never happens when the viewer zaps on. With a longer time, the next user's
 * viewing would count for the user who never came.
 */
export const FIRST_VIEWER_MS = 30_000;

/**
 * @param viewers how many watch it, on all workers
 * @param graceMs how long a stream stays in use after its last viewer has left (SHARED_STREAM_GRACE)
 */
export function isIdle(
  { watched, lastAccessMs }: Pick<StreamRecord, 'watched' | 'lastAccessMs'>,
  viewers: number,
  nowMs: number,
  graceMs: number,
): boolean {
  return viewers === 0 && nowMs - lastAccessMs >= (watched ? graceMs : FIRST_VIEWER_MS);
}
