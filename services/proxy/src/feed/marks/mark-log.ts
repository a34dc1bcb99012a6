/**
 * The marks of a source feed that were said lately, and what a worker needs to go on with them. The owner of the source feed fills
 * it; on every other worker it holds what the owner has said.
 */

import { isBefore, isSameJump, type Jumps, type Mark, type MarkList } from './mark.ts';
import type { MarksState } from './marks.ts';
import type { SourceListState } from './source-list.ts';

/** Of each list. As many seconds as the longest ring has, even with a segment time of one. */
const MAX_REMEMBERED = 64;

interface Said {
  readonly mark: Mark;
  /** How many were said before it. */
  readonly at: number;
}

export class MarkLog {
  /** In the order in which they were said. */
  #said: Said[] = [];
  #count = 0;
  #source: SourceListState = { openInARow: 0, openCounts: false };
  #jumps: Jumps = {};
  #revision = 0;

  /** Grows with each mark and each jump. */
  get revision(): number {
    return this.#revision;
  }

  /** How many marks have been said so far. */
  get count(): number {
    return this.#count;
  }

  /** The marks after the first `count` that have been said, as far as they are remembered and hold. */
  after(count: number): readonly Mark[] {
    return this.#said.filter(({ at }) => at >= count).map(({ mark }) => mark);
  }

  get state(): MarksState {
    const newest = (['clock', 'source'] as const).map((list) => this.#of(list).at(-1)?.mark);
    return { newest: newest.filter((mark) => mark !== undefined), source: this.#source, jumps: this.#jumps };
  }

  /**
   * Takes what was said after all that is here. A mark takes the place of another one with its number, and of those after that: a
   * worker that had not heard of them goes on with the list.
   * @param source the state of the source list behind the newest of its marks
   * @returns those that were not here
   */
  add(marks: readonly Mark[], source: SourceListState): Mark[] {
    this.#source = source;
    return marks.filter((mark) => this.#addOne(mark));
  }

  /** Takes what jumps the lists have had. Call before the media that is behind them passes. */
  owe(jumps: Jumps): void {
    if ((['clock', 'source'] as const).every((list) => isSameJump(jumps[list], this.#jumps[list]))) return;
    this.#jumps = jumps;
    this.#revision++;
  }

  #addOne(mark: Mark): boolean {
    const known = this.#of(mark.list).find((said) => said.mark.n === mark.n);
    if (known !== undefined && isSame(known.mark, mark)) return false;
    this.#said = this.#said.filter((said) => said.mark.list !== mark.list || isBefore(said.mark, mark));
    this.#said.push({ mark, at: this.#count++ });
    this.#revision++;
    const ofList = this.#of(mark.list);
    if (ofList.length > MAX_REMEMBERED) this.#said.splice(this.#said.indexOf(ofList[0] as Said), 1);
    return true;
  }

  #of(list: MarkList): Said[] {
    return this.#said.filter(({ mark }) => mark.list === list);
  }
}

function isSame(one: Mark, other: Mark): boolean {
  return (
    one.n === other.n &&
    one.pts === other.pts &&
    one.pdtMs === other.pdtMs &&
    one.discontinuities === other.discontinuities &&
    one.discontinuity === other.discontinuity
  );
}
