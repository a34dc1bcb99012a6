/** What `segments` frames say: the marks of a feed's source. A frame has only those that the follower has not heard of. */

import { z } from 'zod';
import type { Mark } from '../feed/marks/mark.ts';
import { MarkLog } from '../feed/marks/mark-log.ts';
import type { SourceListState } from '../feed/marks/source-list.ts';
import { ticksShape } from './ticks-shape.ts';

/** A worker of an earlier version ends its relay at a frame that it does not know; a later one skips it. */
export const MARKS_VERSION = 2;

/** Marks as they travel. */
export interface SaidMarks {
  /** They have nothing to do with those of the frames before: the source feed is another one. */
  readonly anew?: boolean | undefined;
  readonly marks: readonly Mark[];
  /** Of the source list, behind the newest of its marks. */
  readonly source: SourceListState;
}

/** Of an array that another worker has sent. A sender remembers far fewer. */
const MAX_MARKS = 1_024;
/** Dates that can be written, and some more media. */
const MAX_MS = Date.UTC(9_000, 0, 1);
const count = z
  .number()
  .int()
  .min(0)
  .max(2 ** 52);

const markShape: z.ZodType<Mark> = z.looseObject({
  list: z.enum(['clock', 'source']),
  n: count,
  pts: ticksShape,
  pdtMs: z.number().min(0).max(MAX_MS),
  discontinuities: count,
  discontinuity: z.boolean(),
});

export const marksShape: z.ZodType<SaidMarks> = z.looseObject({
  anew: z.boolean().optional(),
  marks: z.array(markShape).max(MAX_MARKS).refine(areInOrder),
  source: z.looseObject({ openInARow: count, openCounts: z.boolean() }),
});

/** Whether numbers and times of each list grow. */
function areInOrder(marks: readonly Mark[]): boolean {
  return (['clock', 'source'] as const).every((list) =>
    marks
      .filter((mark) => mark.list === list)
      .every((mark, index, all) => {
        const before = all[index - 1];
        return (
          before === undefined ||
          (mark.n > before.n &&
            mark.pts > before.pts &&
            mark.pdtMs >= before.pdtMs &&
            mark.discontinuities >= before.discontinuities)
        );
      }),
  );
}

/** The sending side. */
export class MarkNews {
  readonly #isKnown: boolean;
  #log: MarkLog | undefined;
  #count = 0;

  /** @param version what both sides speak */
  constructor(version: number) {
    this.#isKnown = version >= MARKS_VERSION;
  }

  /** @returns what is due before the next media; undefined when there is nothing new, or the other side would not bear it */
  of(log: MarkLog | undefined): SaidMarks | undefined {
    if (!this.#isKnown || log === undefined) return undefined;
    const isOther = log !== this.#log;
    if (!isOther && log.count === this.#count) return undefined;
    const marks = log.after(isOther ? 0 : this.#count);
    this.#log = log;
    this.#count = log.count;
    return { ...(isOther ? { anew: true } : {}), marks, source: log.state.source };
  }
}

/** The receiving side. */
export class HeardMarks {
  #log = new MarkLog();

  get log(): MarkLog {
    return this.#log;
  }

  take({ anew, marks, source }: SaidMarks): void {
    if (anew === true) this.#log = new MarkLog();
    this.#log.add(marks, source);
  }
}
