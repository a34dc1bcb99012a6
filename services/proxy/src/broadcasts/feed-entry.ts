/** With which segment of a feed a broadcast begins, or goes on. Pure. */

import type { FeedPosition } from '../../../registry/broadcasts/broadcast.ts';
import type { FeedSegment } from './segment-groups.ts';

export interface FeedEntry {
  /** Number of the first segment that is taken; those that come later are taken too. */
  readonly from: number;
  /** Media is missing before it, or may be. */
  readonly isBroken: boolean;
}

/** The same segment has the same time on every worker. Another one with its number, of a feed that began anew, does not. */
const SAME_MS = 1_000;

/**
 * @param listed of the feed, the oldest first; not empty
 * @param position up to where the feed is in the broadcast; undefined: it begins, with the newest segment
 */
export function feedEntry(listed: readonly FeedSegment[], position: FeedPosition | undefined): FeedEntry {
  const newest = listed.at(-1)?.n ?? 0;
  if (position === undefined) return { from: newest, isBroken: false };
  const { next, endMs } = position;
  const isNear = ({ pdtMs }: FeedSegment) => Math.abs(pdtMs - endMs) <= SAME_MS;
  const before = listed.find(({ n }) => n === next - 1);
  const isBefore = before !== undefined && Math.abs(endOf(before) - endMs) <= SAME_MS;
  if (isBefore && before.mediaSeconds !== undefined) return { from: next, isBroken: true };
  if (listed.some((segment) => segment.n === next && isNear(segment))) return { from: next, isBroken: false };
  // It has not got any further yet.
  if (isBefore) return { from: next, isBroken: false };
  const first = listed.find(({ pdtMs }) => pdtMs >= endMs - SAME_MS);
  return { from: first?.n ?? newest + 1, isBroken: true };
}

/** Where its media ends, ms since 1970. */
function endOf({ pdtMs, seconds, mediaSeconds = seconds }: FeedSegment): number {
  return pdtMs + mediaSeconds * 1000;
}
