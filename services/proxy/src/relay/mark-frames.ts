/** What `segments` frames say: the marks of a feed's source, and its own. A frame has only those that the follower has not heard of. */

import { z } from 'zod';
import type { Jump, Jumps, Mark } from '../feed/marks/mark.ts';
import { MarkLog } from '../feed/marks/mark-log.ts';
import type { SourceListState } from '../feed/marks/source-list.ts';
import { ticksShape } from './ticks-shape.ts';

/** A worker of an earlier version ends its relay at a frame that it does not know; a later one skips it. */
export const MARKS_VERSION = 2;

/** The marks that go with a feed. */
export interface RelayedMarks {
  /** Of the source feed that it is or was made of, on that one's timeline. Undefined when it has none. */
  readonly source: MarkLog | undefined;
  /** The feed's own, if it makes some. */
  readonly own: MarkLog | undefined;
}

/** Marks as they travel. */
export interface SaidMarks {
  /** They are the feed's own. Else they are those of its source. */
  readonly own?: boolean | undefined;
  /** They have nothing to do with those of the frames before: another feed has made them. */
  readonly anew?: boolean | undefined;
  readonly marks: readonly Mark[];
  /** Of the source list, behind the newest of its marks. */
  readonly source: SourceListState;
  /** Undefined: there has been none, or an earlier version says none. */
  readonly jumps?: Jumps | undefined;
}

const NO_ENTRIES: SourceListState = { openInARow: 0, openCounts: false };
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

const jumpShape: z.ZodType<Jump> = z.looseObject({ dts: ticksShape, discontinuities: count });

export const marksShape: z.ZodType<SaidMarks> = z.looseObject({
  own: z.boolean().optional(),
  anew: z.boolean().optional(),
  marks: z.array(markShape).max(MAX_MARKS).refine(areInOrder),
  source: z.looseObject({ openInARow: count, openCounts: z.boolean() }),
  jumps: z.looseObject({ clock: jumpShape.optional(), source: jumpShape.optional() }).optional(),
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

/** The sending side, for one of the logs that go with a feed. */
export class MarkNews {
  readonly #isKnown: boolean;
  readonly #own: boolean;
  #log: MarkLog | undefined;
  #count = 0;
  #revision = 0;

  /**
   * @param version what both sides speak
   * @param own whether it is for the feed's own marks
   */
  constructor(version: number, own = false) {
    this.#isKnown = version >= MARKS_VERSION;
    this.#own = own;
  }

  /** @returns what is due before the next media; undefined when there is nothing new, or the other side would not bear it */
  of(log: MarkLog | undefined): SaidMarks | undefined {
    const isOther = log !== this.#log;
    if (!this.#isKnown || (!isOther && (log?.revision ?? 0) === this.#revision)) return undefined;
    const marks = log?.after(isOther ? 0 : this.#count) ?? [];
    this.#log = log;
    this.#count = log?.count ?? 0;
    this.#revision = log?.revision ?? 0;
    const { source = NO_ENTRIES, jumps } = log?.state ?? {};
    return { ...(this.#own ? { own: true } : {}), ...(isOther ? { anew: true } : {}), marks, source, jumps };
  }
}

/** The receiving side. It has only what has marks. */
export class HeardMarks implements RelayedMarks {
  #source = new MarkLog();
  #own = new MarkLog();

  get source(): MarkLog | undefined {
    return this.#source.count > 0 ? this.#source : undefined;
  }

  get own(): MarkLog | undefined {
    return this.#own.count > 0 ? this.#own : undefined;
  }

  take({ own, anew, marks, source, jumps = {} }: SaidMarks): void {
    if (anew === true && own === true) this.#own = new MarkLog();
    else if (anew === true) this.#source = new MarkLog();
    const log = own === true ? this.#own : this.#source;
    log.add(marks, source);
    log.owe(jumps);
  }
}
