/** How much media the ring of a feed may hold, so that all rings together leave the worker enough of its memory. Pure. */

import type { Config } from '../config/config.ts';
import type { RingLimits } from '../feed/ring.ts';
import { RETAIN_MS } from '../timing.ts';

/** All rings together take at most this share of the memory limit. */
const RING_MEMORY_SHARE = 0.4;
/** A smaller ring does not work. */
const RING_MIN_BYTES = 2 * 1024 * 1024;

export type RingSettings = Pick<Config, 'memoryLimitBytes' | 'ringMaxBytes' | 'joinBufferMs'>;

/**
 * @param feeds how many feeds the worker has
 * @param windowBytes what the windows of network channels take of the same memory
 */
export function ringLimits(
  { memoryLimitBytes, ringMaxBytes, joinBufferMs }: RingSettings,
  feeds: number,
  windowBytes = 0,
): RingLimits {
  const all = memoryLimitBytes * RING_MEMORY_SHARE - windowBytes;
  const share = Math.max(RING_MIN_BYTES, all / Math.max(1, feeds));
  return { retainMs: RETAIN_MS, joinBufferMs, maxBytes: Math.min(ringMaxBytes, share) };
}
