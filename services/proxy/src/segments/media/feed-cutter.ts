/**
 * Cuts a feed into segments while its media comes. It reads the ring up to its head each time something is published, and says each mark
 * before the media that it is about.
 */

import { CHUNK_BYTES, type Chunk } from '../../feed/chunk.ts';
import type { Feed } from '../../feed/feed.ts';
import type { PartDecision } from '../../feed/hls/part-rule.ts';
import type { Container, Cut, Done, Part, SegmentEnd } from '../../feed/hls/segment-events.ts';
import type { ListedSegment } from '../../feed/hls/segment-list.ts';
import { Segmenter } from '../../feed/hls/segmenter.ts';
import { type FeedMarks, ptsOn } from '../../feed/marks/feed-marks.ts';
import type { Mark } from '../../feed/marks/mark.ts';
import type { MarkLog } from '../../feed/marks/mark-log.ts';
import { TICKS_PER_MS, TICKS_PER_SECOND } from '../../mpegts/syntax/timestamp.ts';

/** What is said with a segment. */
export interface CutFacts {
  /** From the numbers of the marks to those of the segments. */
  readonly offset: number;
  /** What of it stands before its first picture in the ring may be missing. */
  readonly isFirst: boolean;
  /** PART-TARGET, in s, as the first segment allows it. */
  readonly partTarget: number | undefined;
}

export interface FeedCutterDeps {
  readonly feed: Feed;
  /** Undefined while nobody knows any. */
  readonly marks: () => FeedMarks | undefined;
  readonly onCut: (cut: Cut) => void;
  readonly onPart: (part: Part, offset: number) => void;
  readonly onDone: (done: Done, facts: CutFacts) => void;
  /** The first picture at a mark was no keyframe. */
  readonly onFault: (mark: Mark) => void;
  /** The newest segment that has been said. */
  readonly after: Pick<ListedSegment, 'n' | 'mark' | 'discontinuities'> | undefined;
  /** Of the first segment to cut; undefined: the oldest that the ring has. */
  readonly from: number | undefined;
  readonly container: Container;
  /** HLS_PART_TIME, in s. 0: no parts. */
  readonly partSeconds: number;
  /** What the list of the feed says of parts: PART-TARGET, in s. Undefined: nothing is decided. */
  readonly decided: () => { readonly partTarget: number | undefined } | undefined;
  /** With what the segment before `n` ended, if anybody knows. */
  readonly endBefore: (n: number) => SegmentEnd | undefined;
}

export class FeedCutter {
  readonly #deps: FeedCutterDeps;
  readonly #unsubscribe: () => void;
  readonly #unsubscribeEnd: () => void;
  #isClosed = false;
  #segmenter: Segmenter | undefined;
  /** Up to where the ring has been read. */
  #position = 0;
  /** How many bytes the segmenter got. */
  #pushed = 0;
  /** Memory of the ring that the segmenter refers to, the oldest first: it is not used anew meanwhile. */
  #held: { readonly chunk: Chunk; pushed: number }[] = [];
  #timeline: string | undefined;
  #log: MarkLog | undefined;
  /** How many marks of the log have been said. */
  #said = 0;
  /** From the numbers of the marks to those of the segments. */
  #offset = 0;
  #lastNumber: number;
  readonly #from: number;
  #newestDone: number | undefined;
  /** As the marks count them, and as the segments do. */
  #marked: number | undefined;
  #discontinuities: number;

  constructor(deps: FeedCutterDeps) {
    this.#deps = deps;
    const { n = Number.NEGATIVE_INFINITY, discontinuities = 0 } = deps.after ?? {};
    this.#lastNumber = n;
    this.#from = deps.from ?? Number.NEGATIVE_INFINITY;
    this.#offset = deps.after === undefined ? 0 : deps.after.n - deps.after.mark;
    this.#discontinuities = discontinuities;
    this.#unsubscribe = deps.feed.onPublish(() => this.#read());
    this.#read();
    this.#unsubscribeEnd = deps.feed.onEnd(() => this.#end());
  }

  /** From the numbers of the marks to those of the segments. */
  get offset(): number {
    return this.#offset;
  }

  get #partTarget(): number | undefined {
    const ticks = this.#segmenter?.partDecision?.ticks;
    return ticks === undefined ? undefined : ticks / TICKS_PER_SECOND;
  }

  /** Number of the newest segment that has been cut. */
  get newestDone(): number | undefined {
    return this.#newestDone;
  }

  /** Reads nothing more. */
  close(): void {
    this.#isClosed = true;
    this.#unsubscribe();
    // The end may have closed it before it could be waited for.
    this.#unsubscribeEnd?.();
    this.#segmenter = undefined;
    this.#letGo(Number.POSITIVE_INFINITY);
  }

  #end(): void {
    if (this.#isClosed) return;
    this.#read();
    this.#segmenter?.end();
    this.close();
  }

  #read(): void {
    const { ring } = this.#deps.feed;
    const segmenter = this.#begun();
    if (segmenter === undefined) return;
    this.#hear(segmenter);
    // What the ring has dropped unread is missing in the segments as in the feed of a reader that was too slow.
    this.#position = Math.max(this.#position, ring.tail);
    while (this.#position < ring.head) {
      const chunk = ring.chunkAt(this.#position);
      if (chunk === undefined) break;
      const start = this.#position % CHUNK_BYTES;
      const end = Math.min(CHUNK_BYTES, start + ring.head - this.#position);
      this.#hold(chunk, end - start);
      this.#position += end - start;
      segmenter.push(chunk.bytes, start, end);
    }
    this.#letGo(segmenter.needsFrom);
  }

  #hold(chunk: Chunk, length: number): void {
    this.#pushed += length;
    const newest = this.#held.at(-1);
    if (newest?.chunk === chunk) newest.pushed = this.#pushed;
    else {
      chunk.hold();
      this.#held.push({ chunk, pushed: this.#pushed });
    }
  }

  /** @param from what was pushed before it is not needed */
  #letGo(from: number): void {
    for (let [oldest] = this.#held; oldest !== undefined && oldest.pushed <= from; [oldest] = this.#held) {
      oldest.chunk.release();
      this.#held.shift();
    }
  }

  /** Begins with the oldest picture that the ring has and can be entered. */
  #begun(): Segmenter | undefined {
    const [oldest] = this.#deps.feed.ring.entries;
    if (this.#segmenter !== undefined || oldest === undefined) return this.#segmenter;
    const nearTicks = Math.round(oldest.mediaMs * TICKS_PER_MS);
    const { container, partSeconds, onCut, onPart, onDone, onFault, endBefore } = this.#deps;
    const containers = { ts: container === 'ts', fmp4: container === 'fmp4' };
    const sink = {
      cut: onCut,
      part: (part: Part) => onPart(part, this.#offset),
      done: (done: Done) => {
        const isFirst = this.#newestDone === undefined;
        this.#newestDone = done.n;
        onDone(done, { offset: this.#offset, isFirst, partTarget: this.#partTarget });
      },
      fault: onFault,
    };
    const hasParts = container === 'fmp4' && partSeconds > 0;
    const partTicks = hasParts ? Math.round(partSeconds * TICKS_PER_SECOND) : undefined;
    const decided = () => this.#decided();
    this.#segmenter = new Segmenter(sink, { nearTicks, containers, endBefore, partTicks, decided });
    this.#segmenter.push(oldest.prefix);
    this.#pushed = oldest.prefix.length;
    this.#position = oldest.position;
    return this.#segmenter;
  }

  #decided(): PartDecision | undefined {
    const decided = this.#deps.decided();
    if (decided === undefined) return undefined;
    const { partTarget } = decided;
    return { ticks: partTarget === undefined ? undefined : Math.round(partTarget * TICKS_PER_SECOND) };
  }

  #hear(segmenter: Segmenter): void {
    const marks = this.#deps.marks();
    if (marks === undefined) return;
    const { log, list, timeline } = marks;
    const isOther = this.#timeline !== undefined && timeline !== this.#timeline;
    this.#timeline = timeline;
    if (log !== this.#log) this.#said = 0;
    this.#log = log;
    if (log.count === this.#said) return;
    const near = segmenter.nearTicks;
    const all = log
      .after(this.#said)
      .filter((mark) => mark.list === list)
      .map((mark) => ({ ...mark, pts: ptsOn(marks, mark, near) }));
    // Of another source, what was before it is not in this feed.
    const due = isOther ? all.filter(({ pts }) => pts > near) : all;
    this.#said = log.count;
    const [first] = due;
    if (first === undefined) return;
    if (isOther) this.#changeList(first.n, first.discontinuities);
    for (const mark of due) this.#say(segmenter, mark);
  }

  /** Numbers go on, whatever those of the other list are. */
  #changeList(firstNumber: number, discontinuities: number): void {
    this.#offset = Math.max(0, this.#lastNumber + 1 - firstNumber);
    this.#marked = discontinuities - 1;
  }

  #say(segmenter: Segmenter, mark: Mark): void {
    const n = mark.n + this.#offset;
    if (n > this.#lastNumber) {
      const before = this.#discontinuities;
      if (before === 0) this.#discontinuities = mark.discontinuities;
      else if (this.#marked !== undefined) this.#discontinuities += Math.max(0, mark.discontinuities - this.#marked);
      this.#lastNumber = n;
    }
    this.#marked = mark.discontinuities;
    if (n >= this.#from) segmenter.mark({ ...mark, n, discontinuities: this.#discontinuities }, 0);
  }
}
