/** Where the segments of one feed begin: the marks of its source, or its own, and how their clock relates to the feed's. */

import { unwrapNear, wrapTicks } from '../../mpegts/syntax/timestamp.ts';
import type { Mark, MarkList } from './mark.ts';
import type { MarkLog } from './mark-log.ts';

export interface FeedMarks {
  readonly log: MarkLog;
  /** Which of its lists the feed follows. */
  readonly list: MarkList;
  /** Of the feed that has made the marks. A feed that gets the marks of another timeline begins another list. */
  readonly timeline: string;
  /** 33-bit ticks from the clock of the marks to that of the feed. */
  readonly shift: number;
}

/**
 * When a mark is on the timeline of the feed, not wrapped.
 * @param nearTicks a time of the feed near it, not wrapped: the two clocks may be some cycles of 33 bits apart
 */
export function ptsOn({ shift }: FeedMarks, { pts }: Mark, nearTicks: number): number {
  return unwrapNear(wrapTicks(pts + shift), nearTicks);
}
