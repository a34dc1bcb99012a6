/**
 * Makes the marks of a source feed, both lists, as its media passes. Every worker that has the feed takes its units; only
 * the owner decides. The others are told its marks, and go on with them when they take the feed over.
 */

import { TICKS_PER_SECOND } from '../../mpegts/syntax/timestamp.ts';
import { ClockList } from './clock-list.ts';
import { type Mark, type MarkList, markAt, type SourceUnit } from './mark.ts';
import { SourceList, type SourceListState } from './source-list.ts';

/** What a worker that has seen nothing of the source needs to go on with its lists. */
export interface MarksState {
  /** The newest mark of each list. */
  readonly newest: readonly Mark[];
  readonly source: SourceListState;
}

/** No ring and no relay is so much behind. A mark this far ahead of media is on another clock, and nothing can follow it. */
const FAR_TICKS = 600 * TICKS_PER_SECOND;

export class Marks {
  readonly #segmentTicks: number;
  #clock: ClockList;
  #source: SourceList;
  readonly #newest = new Map<MarkList, Mark>();

  /** @param segmentTicks HLS_SEGMENT_TIME, 90 kHz */
  constructor(segmentTicks: number) {
    this.#segmentTicks = segmentTicks;
    this.#clock = new ClockList(segmentTicks);
    this.#source = new SourceList(segmentTicks);
  }

  get state(): MarksState {
    return { newest: [...this.#newest.values()], source: this.#source.state };
  }

  /** Call before the first unit. */
  restore({ newest, source }: MarksState): void {
    for (const mark of newest) {
      this.told(mark);
      if (mark.list === 'source') this.#source.restore(source, mark.pts);
    }
  }

  /** What has passed so far has no marks. */
  forget(): void {
    this.#clock.forget();
    this.#source.forget();
  }

  /** The next units are of another programme, or their pictures have another shape. */
  programChanged(): void {
    this.#clock.programChanged();
    this.#source.programChanged();
  }

  /** A unit has passed. */
  take(unit: SourceUnit): void {
    for (const { list, pts } of this.#newest.values()) if (pts - unit.dts > FAR_TICKS) this.#lose(list);
    this.#clock.take(unit);
    this.#source.take(unit);
  }

  /**
   * What the owner of the source says after the units that have passed. Each mark comes once, those of a list in order.
   * @param wallMs ms since 1970
   */
  say(wallMs: number): Mark[] {
    const marks: Mark[] = [];
    for (const [list, boundaries] of [
      ['clock', this.#clock.decided()] as const,
      ['source', this.#source.decided()] as const,
    ]) {
      for (const boundary of boundaries) {
        const mark = markAt(list, boundary, this.#newest.get(list), wallMs);
        this.#newest.set(list, mark);
        marks.push(mark);
      }
    }
    return marks;
  }

  /** The list begins anew. */
  #lose(list: MarkList): void {
    this.#newest.delete(list);
    if (list === 'clock') this.#clock = new ClockList(this.#segmentTicks);
    else this.#source = new SourceList(this.#segmentTicks);
  }

  /**
   * The owner of the source has made this mark. Its media may come later. A number that was told before is taken back: another
   * worker, which had not heard of it, goes on with the list.
   */
  told(mark: Mark): void {
    this.#newest.set(mark.list, mark);
    (mark.list === 'clock' ? this.#clock : this.#source).passed(mark.pts);
  }
}
