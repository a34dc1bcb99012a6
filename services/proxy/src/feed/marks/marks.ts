/**
 * Makes the marks of a source feed, both lists, as its media passes. Every worker that has the feed takes its units; only
 * the owner decides. The others are told its marks, and go on with them when they take the feed over.
 */

import { TICKS_PER_SECOND } from '../../mpegts/syntax/timestamp.ts';
import { ClockList } from './clock-list.ts';
import { isBefore, isSameJump, type Jumps, type Mark, type MarkList, markAt, type SourceUnit } from './mark.ts';
import { SourceList, type SourceListState } from './source-list.ts';

/** What a worker that has seen nothing of the source needs to go on with its lists. */
export interface MarksState {
  /** The newest mark of each list. */
  readonly newest: readonly Mark[];
  readonly source: SourceListState;
  readonly jumps: Jumps;
}

const LISTS: readonly MarkList[] = ['clock', 'source'];

/** No ring and no relay is so much behind. A mark this far ahead of media is on another clock, and nothing can follow it. */
const FAR_TICKS = 600 * TICKS_PER_SECOND;

export class Marks {
  readonly #segmentTicks: number;
  #clock: ClockList;
  #source: SourceList;
  /** Of each list, among the media that has passed. */
  readonly #newest = new Map<MarkList, Mark>();
  /** Told by the owner, and their media has not come: those of a list in order. */
  #awaited: Mark[] = [];
  /** PTS of what has passed: of each list what could have a mark. */
  readonly #reached = new Map<MarkList, number>();
  #jumps: Jumps = {};
  /** The next unit is of another programme, or its picture has another shape. */
  #isOther = false;
  #decides = true;

  /** @param segmentTicks HLS_SEGMENT_TIME, 90 kHz */
  constructor(segmentTicks: number) {
    this.#segmentTicks = segmentTicks;
    this.#clock = new ClockList(segmentTicks);
    this.#source = new SourceList(segmentTicks);
  }

  get state(): MarksState {
    return { newest: [...this.#newest.values()], source: this.#source.state, jumps: this.#jumps };
  }

  /** Call before the first unit, which may be from before the newest marks. */
  restore({ newest, source, jumps }: MarksState): void {
    this.#decides = false;
    for (const mark of newest) {
      this.#pass(mark);
      if (mark.list === 'source') this.#source.restore(source, mark.pts);
    }
    this.toldJumps(jumps);
  }

  /**
   * This worker decides from here on. A mark whose media has not come holds only if that comes now. Else it is withdrawn: the next
   * one gets its number, and its segment is part of the one before.
   */
  begin(): void {
    this.#decides = true;
  }

  /** What has passed so far has no marks. */
  forget(): void {
    this.#clock.forget();
    this.#source.forget();
  }

  /** The next units are of another programme, or their pictures have another shape. */
  programChanged(): void {
    this.#isOther = true;
  }

  /** A unit has passed. */
  take(unit: SourceUnit): void {
    for (const { list, pts } of this.#newest.values()) if (pts - unit.dts > FAR_TICKS) this.#lose(list);
    // An encoder's clock runs on, whatever that of its source does.
    if (this.#isOther) this.#jump('clock', unit);
    if (this.#isOther || unit.jumped) this.#jump('source', unit);
    this.#isOther = false;
    this.#clock.take(unit);
    this.#source.take(unit);
    this.#reach('clock', unit.pts);
    if (unit.entry !== undefined) this.#reach('source', unit.pts);
    if (!this.#decides) this.#passAwaited();
  }

  #jump(list: MarkList, { pts, dts }: SourceUnit): void {
    const newest = this.#newest.get(list);
    // A relay begins before the newest mark, which was told with those before it.
    if (!this.#decides && newest !== undefined && pts <= newest.pts) return;
    const discontinuities = (newest?.discontinuities ?? 0) + 1;
    this.#jumps = { ...this.#jumps, [list]: { dts, discontinuities } };
    this.#list(list).jump(dts);
  }

  #list(list: MarkList): ClockList | SourceList {
    return list === 'clock' ? this.#clock : this.#source;
  }

  #reach(list: MarkList, pts: number): void {
    this.#reached.set(list, Math.max(this.#reached.get(list) ?? pts, pts));
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
        const before = this.#newest.get(list);
        const said = this.#awaited.find((mark) => mark.list === list && mark.pts === boundary.pts);
        const holds = said !== undefined && before !== undefined && said.n === before.n + 1 && isBefore(before, said);
        const mark = holds ? said : markAt(list, boundary, before, wallMs);
        this.#newest.set(list, mark);
        this.#awaited = this.#awaited.filter((each) => each.list !== list || isBefore(mark, each));
        marks.push(mark);
      }
    }
    return marks;
  }

  /** The list begins anew. */
  #lose(list: MarkList): void {
    this.#newest.delete(list);
    this.#awaited = this.#awaited.filter((mark) => mark.list !== list);
    this.#jumps = { ...this.#jumps, [list]: undefined };
    if (list === 'clock') this.#clock = new ClockList(this.#segmentTicks);
    else this.#source = new SourceList(this.#segmentTicks);
  }

  /**
   * The owner of the source has made this mark. Its media may come later. A number that was told before is taken back: another
   * worker, which had not heard of it, goes on with the list.
   */
  told(mark: Mark): void {
    this.#decides = false;
    this.#awaited = this.#awaited.filter((each) => each.list !== mark.list || isBefore(each, mark));
    this.#awaited.push(mark);
    this.#passAwaited();
  }

  /**
   * The owner of the source has seen these. Where a mark has said one, and its media has come, it is over: with another owner, another
   * mark may say it.
   */
  toldJumps(jumps: Jumps): void {
    for (const list of LISTS) {
      const jump = jumps[list];
      if (jump === undefined || isSameJump(jump, this.#jumps[list])) continue;
      this.#jumps = { ...this.#jumps, [list]: jump };
      if (this.#isOwed(list)) this.#list(list).jump(jump.dts);
    }
  }

  #isOwed(list: MarkList): boolean {
    return (this.#jumps[list]?.discontinuities ?? 0) > (this.#newest.get(list)?.discontinuities ?? 0);
  }

  #passAwaited(): void {
    const isHere = ({ list, pts }: Mark) => pts <= (this.#reached.get(list) ?? Number.NEGATIVE_INFINITY);
    const here = this.#awaited.filter(isHere);
    if (here.length === 0) return;
    this.#awaited = this.#awaited.filter((mark) => !isHere(mark));
    for (const mark of here) this.#pass(mark);
  }

  #pass(mark: Mark): void {
    const { list, pts } = mark;
    this.#newest.set(list, mark);
    this.#list(list).passed(pts);
    if (!this.#isOwed(list)) this.#list(list).jump(undefined);
  }
}
