/** How much media the ring of a feed may hold, so that all rings together leave the worker enough of its memory. Pure. */

import type { Config } from '../config/config.ts';
import type { RingLimits } from '../feed/ring.ts';
import { RETAIN_MS } from '../timing.ts';

/** All rings together take at most this share of the memory limit. */
const RING_MEMORY_SHARE = 0.4;
/** A smaller ring does not work. */
const RING_MIN_BYTES = 2 * 1024 * 1024;

export type RingSettings = Pick<Config, 'memoryLimitBytes' | 'ringMaxBytes' | 'joinBufferMs'>;

/** @param feeds how many feeds the worker has */
export function ringLimits({ memoryLimitBytes, ringMaxBytes, joinBufferMs }: RingSettings, feeds: number): RingLimits {
  const share = Math.max(RING_MIN_BYTES, (memoryLimitBytes * RING_MEMORY_SHARE) / Math.max(1, feeds));
  return { retainMs: RETAIN_MS, joinBufferMs, maxBytes: Math.min(ringMaxBytes, share) };
}
