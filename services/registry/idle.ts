/**
 * When a stream is idle: nobody watches it, and nobody is on the way to it. An idle stream still answers on its address, but
 * nothing of its past counts: it begins at its primary source, and the next one who creates it decides what it is.
 */

import type { StreamRecord } from './types.ts';

/**
 * How long a stream that nobody has watched yet is what its creator was told: the viewer is on the way. m3u-editor creates a
 * stream and redirects the player to it, which takes some seconds at most, or never happens when somebody zaps on. Longer
 * would charge the next user's viewing to the one who did not come.
 */
export const FIRST_VIEWER_MS = 30_000;

/**
 * @param viewers how many watch it, on all workers
 * @param graceMs how long a stream stays what it was after its last viewer has left (SHARED_STREAM_GRACE)
 */
export function isIdle(
  { watched, lastAccessMs }: Pick<StreamRecord, 'watched' | 'lastAccessMs'>,
  viewers: number,
  nowMs: number,
  graceMs: number,
): boolean {
  return viewers === 0 && nowMs - lastAccessMs >= (watched ? graceMs : FIRST_VIEWER_MS);
}
