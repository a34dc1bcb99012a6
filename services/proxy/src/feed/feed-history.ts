/**
 * Whose a feed is, over time: the timeline it is on, and which owner made which part of it. Decides how a worker that has some
 * of a feed goes on with the rest from another worker.
 */

import { randomUUID } from 'node:crypto';
import type { InputKind } from '../mpegts/splicing/splicer.ts';
import type { InputClock } from '../mpegts/splicing/timeline.ts';
import { ticksBetween, wrapTicks } from '../mpegts/syntax/timestamp.ts';

/** A change of owner. */
export interface OwnerChange {
  /** Of the new owner. */
  readonly epoch: number;
  /** DTS of the last picture it took over from the one before, 33 bits; undefined when it had none. */
  readonly afterDts: number | undefined;
}

export interface OwnerHistory {
  /** Feeds with the same id have the same clock. Drawn where a feed begins, and kept by all who follow it. */
  readonly timeline: string;
  readonly epoch: number;
  /** The newest changes, oldest first. */
  readonly changes: readonly OwnerChange[];
}

/** The clock of what a feed is made from. */
export interface SourceClock {
  readonly timeline: string;
  /** Ticks between that clock and the feed's. */
  readonly shift: number;
}

/** More changes than a follower can have missed while its media was still in somebody's ring. */
const REMEMBERED_CHANGES = 8;

export class FeedHistory {
  #timeline: string = randomUUID();
  #epoch = 0;
  #changes: readonly OwnerChange[] = [];
  /** Another timeline that this feed follows, moved onto its own. */
  #foreign: string | undefined;

  get current(): OwnerHistory {
    return { timeline: this.#timeline, epoch: this.#epoch, changes: this.#changes };
  }

  /** What comes now from its owner has the clock of this feed. */
  get isForeign(): boolean {
    return this.#foreign !== undefined;
  }

  /** This worker makes the feed from here on. */
  own(epoch: number, lastDts: number | undefined): void {
    if (epoch === this.#epoch) return;
    this.#foreign = undefined;
    this.#note({ epoch, afterDts: lastDts });
  }

  /**
   * What comes now is another worker's.
   * @param lastDts of the newest picture here, 33 bits; undefined in an empty feed
   * @returns how its bytes continue those that are here
   */
  follow(theirs: OwnerHistory, lastDts: number | undefined): { clock: InputClock; kind: InputKind } {
    if (lastDts === undefined) {
      this.#timeline = theirs.timeline;
      this.#epoch = theirs.epoch;
      this.#changes = theirs.changes;
      this.#foreign = undefined;
      return { clock: 'aligned', kind: { shift: 0 } };
    }
    const mine = this.current;
    if (theirs.timeline === this.#timeline) {
      const midPicture = hasSamePictures(mine, theirs, lastDts);
      this.#epoch = theirs.epoch;
      this.#changes = theirs.changes;
      this.#foreign = undefined;
      return { clock: 'aligned', kind: { shift: 0, midPicture } };
    }
    const known = theirs.timeline === this.#foreign;
    this.#foreign = theirs.timeline;
    const midPicture = known && theirs.epoch === mine.epoch;
    if (!midPicture) this.#note({ epoch: theirs.epoch, afterDts: lastDts });
    return known ? { clock: 'aligned', kind: { midPicture } } : { clock: 'rebase', kind: {} };
  }

  /** A time of this feed on the clock of the feed it follows; `shift` as the splicer has it. */
  toTheirs(ticks: number, shift: number | undefined): number {
    return wrapTicks(ticks - (this.isForeign ? (shift ?? 0) : 0));
  }

  #note(change: OwnerChange): void {
    this.#epoch = change.epoch;
    this.#changes = [...this.#changes, change].slice(-REMEMBERED_CHANGES);
  }
}

/**
 * Whether the pictures up to `lastDts` are the very same ones here and there, so that the next one there continues those here.
 * Each owner since has to have had all of them when it began: encoders of their own make others.
 */
export function hasSamePictures(mine: OwnerHistory, theirs: OwnerHistory, lastDts: number): boolean {
  if (mine.epoch > theirs.epoch) return false;
  return theirs.changes
    .filter(({ epoch }) => epoch > mine.epoch)
    .every(({ afterDts }) => afterDts !== undefined && ticksBetween(lastDts, afterDts) >= 0);
}
