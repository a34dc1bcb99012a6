/**
 * The history of a feed's owners: its timeline, and which owner made which media. It decides how a worker that has the
 * beginning of a feed continues with the media of another worker.
 */

import { type Clock, systemClock } from '../../../shared/clock.ts';
import type { SentPictures } from '../mpegts/reading/sent-pictures.ts';
import type { Continuation } from '../mpegts/splicing/input.ts';
import { ticksBetween, wrapTicks } from '../mpegts/syntax/timestamp.ts';

/** A change of owner. */
export interface OwnerChange {
  /** Epoch of the new owner. */
  readonly epoch: number;
  /** DTS of the last picture that it took over from the previous owner, 33 bits; undefined when it had none. */
  readonly afterDts: number | undefined;
}

export interface OwnerHistory {
  /** Feeds with the same id have the same clock. The first owner draws it and every follower keeps it. */
  readonly timeline: string;
  readonly epoch: number;
  /** The newest changes, the oldest of them first. */
  readonly changes: readonly OwnerChange[];
}

/** The clock of a feed's source. */
export interface SourceClock {
  readonly timeline: string;
  /** Ticks between that clock and the feed's clock. */
  readonly shift: number;
  /** With it, a worker that takes over opens the source anew and goes on with the clock. Undefined: it is not known. */
  readonly origin?: SourceOrigin | undefined;
}

/** How a source feed's timeline came from its provider. */
export interface SourceOrigin {
  /** The source feed's key in the registry. */
  readonly source: string;
  /** Ticks between the provider's clock and the source feed's timeline. */
  readonly shift: number;
  /** What the source feed has sent lately. It grows while the source feed does. */
  readonly sent: SentPictures;
}

/** Where a feed ends. */
export interface FeedPoint {
  /** 33-bit ticks; undefined: it has nothing yet, and begins where a viewer would. */
  readonly ticks: number | undefined;
  /** The timeline that this is on, if it is known. */
  readonly timeline: string | undefined;
  /** How media on that timeline goes on there, if pictures have shown that. */
  readonly continues?: Continuation;
}

/** More changes than a follower can miss while its media is still in the ring of some worker. */
const REMEMBERED_CHANGES = 8;

export class FeedHistory {
  readonly #clock: Clock;
  #timeline: string;
  #epoch = 0;
  #changes: readonly OwnerChange[] = [];
  /** The newest media was made here without the registry. Other workers may have done the same, and all have epoch 0 then. */
  #isAlone = false;
  /** Id of another timeline that this feed follows, shifted onto its own. */
  #foreign: string | undefined;
  /** Of the newest picture here when that one was met. Nothing has come from it until a newer one is here. */
  #metDts: number | undefined;
  readonly #listeners = new Set<() => void>();

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
    this.#timeline = clock.id();
  }

  /**
   * Calls back when the next media has another owner than all before it, which is in the feed by then.
   * @returns a function that ends the calls
   */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get current(): OwnerHistory {
    return { timeline: this.#timeline, epoch: this.#epoch, changes: this.#changes };
  }

  /** What comes now from the owner has another clock than this feed. */
  get isForeign(): boolean {
    return this.#foreign !== undefined;
  }

  /** The feed is empty and goes on with a timeline that another worker has made so far. */
  goOn(timeline: string): void {
    this.#timeline = timeline;
    this.#foreign = undefined;
  }

  /** This worker makes the feed from here on. */
  own(epoch: number, lastDts: number | undefined): void {
    this.#isAlone = epoch === 0;
    if (epoch === this.#epoch) return;
    this.#foreign = undefined;
    this.#note({ epoch, afterDts: lastDts });
    this.#tell();
  }

  /**
   * What comes now is another worker's media.
   * @param lastDts DTS of the newest picture here, 33 bits; undefined in an empty feed
   * @returns how its bytes continue the media that is here; undefined when they are on another timeline
   */
  follow(theirs: OwnerHistory, lastDts: number | undefined): Continuation | undefined {
    const { epoch } = this.current;
    const continues = this.#follow(theirs, lastDts);
    if (this.#epoch !== epoch) this.#tell();
    return continues;
  }

  #follow(theirs: OwnerHistory, lastDts: number | undefined): Continuation | undefined {
    if (lastDts === undefined) {
      this.#timeline = theirs.timeline;
      this.#epoch = theirs.epoch;
      this.#changes = theirs.changes;
      this.#foreign = undefined;
      return { shift: 0, samePictures: false };
    }
    const mine = this.current;
    if (theirs.timeline === this.#timeline) {
      const samePictures = !this.#isAlone && hasSamePictures(mine, theirs, lastDts);
      this.#isAlone = false;
      this.#epoch = theirs.epoch;
      this.#changes = theirs.changes;
      this.#foreign = undefined;
      return { shift: 0, samePictures };
    }
    const known = this.#isKnown(theirs.timeline, lastDts);
    if (!known) this.#metDts = lastDts;
    this.#foreign = theirs.timeline;
    const samePictures = known && theirs.epoch === mine.epoch;
    if (!samePictures) this.#note({ epoch: theirs.epoch, afterDts: lastDts });
    return known ? { samePictures } : undefined;
  }

  /**
   * Pictures of another feed have other times than here, although both are on one timeline: each went on by itself, and one of them
   * could not know how much it missed. From here on this feed is on a timeline of its own.
   * @param lastDts as `follow` has it
   * @param shift ticks from its clock to this feed's
   */
  partFrom({ timeline, epoch }: OwnerHistory, lastDts: number, shift: number): FeedPoint {
    if (timeline === this.#timeline) this.#timeline = this.#clock.id();
    this.#foreign = timeline;
    this.#metDts = lastDts;
    this.#note({ epoch, afterDts: lastDts });
    return { ticks: wrapTicks(lastDts - shift), timeline, continues: { shift, samePictures: true } };
  }

  /**
   * Where this feed ends, on the timeline of the feed that it follows, if media has come from that one. Else on its own.
   * @param lastDts DTS of the newest picture here, 33 bits
   * @param shift the splicer's
   */
  endOn(lastDts: number, shift: number | undefined): FeedPoint {
    const theirs = this.#foreign;
    if (theirs === undefined || !this.#isKnown(theirs, lastDts)) return { ticks: lastDts, timeline: this.#timeline };
    return { ticks: wrapTicks(lastDts - (shift ?? 0)), timeline: theirs };
  }

  /** Whether media has come from another timeline, so that the splicer knows its shift. */
  #isKnown(timeline: string, lastDts: number): boolean {
    return timeline === this.#foreign && lastDts !== this.#metDts;
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  #note(change: OwnerChange): void {
    this.#epoch = change.epoch;
    this.#changes = [...this.#changes, change].slice(-REMEMBERED_CHANGES);
  }
}

/**
 * Whether both feeds have exactly the same pictures up to `lastDts`, so that the next picture there continues the media
 * here. Every owner since must have had all of them when it began, because another encoder makes other pictures.
 */
export function hasSamePictures(mine: OwnerHistory, theirs: OwnerHistory, lastDts: number): boolean {
  if (mine.epoch > theirs.epoch) return false;
  return theirs.changes
    .filter(({ epoch }) => epoch > mine.epoch)
    .every(({ afterDts }) => afterDts !== undefined && ticksBetween(lastDts, afterDts) >= 0);
}

/**
 * Ticks from another feed's clock to this one's, by the pictures that the sources of both have sent; undefined when it cannot be told.
 * @param sent by this feed, if both are source feeds: then the pictures are on their own timelines
 */
export function shiftBetween(
  mine: SourceClock | undefined,
  theirs: SourceClock | undefined,
  sent: SentPictures | undefined,
): number | undefined {
  if (theirs?.origin === undefined) return undefined;
  if (sent !== undefined) return sent.laterThan(theirs.origin.sent);
  const laterTicks = mine?.origin?.sent.laterThan(theirs.origin.sent);
  return mine === undefined || laterTicks === undefined ? undefined : laterTicks + mine.shift - theirs.shift;
}

/**
 * Whether two feeds have the same relation to the same source. If both are copies of it, they have the same pictures at
 * the same times, even if their workers have not heard of each other.
 */
export function isSameClock(one: SourceClock | undefined, other: SourceClock | undefined): boolean {
  return one !== undefined && one.timeline === other?.timeline && one.shift === other.shift;
}
