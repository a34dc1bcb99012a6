/**
 * Recognises a provider that begins a connection with the past, by the pictures that were sent before. Nothing is then
 * lost and nothing is sent twice. It does so for a reconnection, for a connection that was prepared beside the owner's,
 * and for the first connection of a worker that takes the source over.
 */

import { type Fingerprint, REMEMBERED_TICKS, SentPictures } from '../reading/sent-pictures.ts';
import { contentOf } from '../reading/unit-content.ts';
import type { Unit } from '../reading/units.ts';
import { TICKS_PER_SECOND, ticksBetween, unwrapNear, wrapTicks } from '../syntax/timestamp.ts';
import type { Overlap } from './input.ts';
import { elapsedTicks, isNear, type Placement, type Timeline } from './timeline.ts';

/** What a picture of an input is. */
export type Look =
  /** Nothing special. The timeline knows its place. */
  | 'usual'
  /** It is older than everything that was sent, and must not be sent. */
  | 'past'
  /** It was sent before, or comes next. From here on the input is on the output's timeline. */
  | 'continued'
  /** The input seemed to repeat what was sent, but plays it again, or something else. It is a new one from here on. */
  | 'played_again';

/**
 * A picture of fewer packets may look like another one: nothing moves, and every group of pictures has such ones at the
 * same place. So many in a row are needed.
 */
const TELLING_PACKETS = 4;
const TELLING_ROW = 3;
/**
 * Past media comes faster than it plays. What comes for this long about as fast as it plays is no past but the same
 * media played again: a slate.
 */
const WATCHED_MS = 1_000;
const SLOWEST_PAST = 1.25;
/** What comes slower than this has stood still on its way, and says nothing, but not for as long as a past lasts. */
const SLOWEST_PLAYED = 0.8;
const LONGEST_WATCH_MS = 15_000;
/** So many pictures in a row that others were sent in place of: a second of them. */
const STRANGERS = 25;

/** An input that has begun with what was sent before. Times are on the output timeline, not wrapped. */
interface Repeated {
  /** Of the newest of its pictures. */
  atDts: number;
  /** Of the last picture that was sent before the input. */
  readonly endDts: number;
  /** How many pictures in a row are not those that were sent at their times. */
  strangers: number;
}

/** How fast an input comes. */
interface Watched {
  /** Since when, monotonic ms. */
  readonly beganMs: number;
  /** Since when `ticks` are counted, monotonic ms. */
  atMs: number;
  /** So much media has come since. */
  ticks: number;
  /** Of the newest of its pictures, on its own clock. */
  dts: number;
}

export class Repetition {
  readonly sent = new SentPictures();
  #overlap: Overlap = 'none';
  /**
   * Where the input begins, on its own clock, and whether it resumes after all that was sent; undefined before its first
   * picture.
   */
  #begin: { readonly dts: number; readonly resumes: boolean } | undefined;
  /** When its first picture came, monotonic ms. */
  #beganMs: number | undefined;
  /** The newest of a row of pictures that were sent before, and how many there are. */
  #row: { readonly shift: number; readonly length: number } | undefined;
  /** From the first picture that was sent before until all of them have come. */
  #repeated: Repeated | undefined;
  /** Of an input that was recognised by its content alone. */
  #watched: Watched | undefined;
  /** The newest picture that was looked at; its content is undefined when there was no room for it. */
  #looked: { readonly unit: Unit; readonly content: number | undefined } | undefined;

  beginInput(overlap: Overlap): void {
    this.#overlap = overlap;
    this.#begin = undefined;
    this.#beganMs = undefined;
    this.#row = undefined;
    this.#repeated = undefined;
    this.#watched = undefined;
    this.#looked = undefined;
  }

  /** Whether the input seems to repeat what was sent, by its pictures alone: it may show the same again. */
  get isInDoubt(): boolean {
    return this.#watched !== undefined;
  }

  /** A picture was sent, at this place. */
  remember(unit: Unit, { dts, shift }: Pick<Placement, 'dts' | 'shift'>): void {
    const content = this.#contentOf(unit);
    // Its packets belong to the ring now.
    this.#looked = undefined;
    if (content !== undefined) this.sent.add({ dts, content, shift, isTelling: isTelling(unit) }, unit.arrivedMs);
  }

  /**
   * Looks at a picture before it is placed. Tells the timeline when the input is another one than it seemed to be.
   * @param dts on the input's clock
   */
  look(unit: Unit, dts: number, timeline: Timeline): Look {
    if (this.#repeated === undefined && !timeline.fresh) return 'usual';
    const { fresh, clock, shift } = timeline;
    if (this.#repeated !== undefined && shift !== undefined) {
      return this.#lookAgain(this.#repeated, unit, { dts, shift }, timeline);
    }
    const { newest } = this.sent;
    if (!fresh || clock === 'aligned' || this.#overlap === 'none' || newest === undefined) return 'usual';
    this.#begin ??= { dts, resumes: clock === 'resume' && timeline.resumes(dts, unit.arrivedMs) };
    const content = this.#contentOf(unit);
    if (content === undefined) return 'usual';
    if (clock === 'resume' && shift !== undefined) {
      const outDts = unwrapNear(dts + shift, newest.dts);
      if (this.sent.has(content, wrapTicks(outDts))) return this.#continue(timeline, outDts, dts);
      if (this.sent.nextDts === outDts) {
        timeline.beginInput('aligned');
        return 'continued';
      }
    }
    if (!this.sent.knows(content) && this.#seemsPast(unit, dts, newest, timeline)) return 'past';
    // A source may show the same again after a while. By its clock, this is not the past. But a clock that has jumped back
    // may seem to go on: the past has the very times that it had.
    if (this.#begin.resumes) {
      const sentAt = this.sent.isLoop ? undefined : this.sent.timeAtProvider(content, dts);
      return sentAt === undefined ? 'usual' : this.#continue(timeline, sentAt, dts);
    }
    // A connection with its own clock is recognised by its pictures alone, unless they repeat a slate.
    const sentAt = this.sent.isLoop ? undefined : this.sent.timeOf(content);
    if (sentAt !== undefined && this.#isTelling(unit, sentAt - dts)) {
      this.#watched = { beganMs: unit.arrivedMs, atMs: unit.arrivedMs, ticks: 0, dts };
      return this.#continue(timeline, sentAt, dts);
    }
    const mayBePast = this.#overlap === 'surely' && unit.track.kind === 'video' && !this.sent.knows(content);
    return mayBePast && ticksBetween(this.#begin.dts, dts) <= REMEMBERED_TICKS ? 'past' : 'usual';
  }

  /**
   * Whether a picture that was never sent comes before pictures that were, by the clock of the connection before. Media was missing
   * there when it was sent. What comes so for long is no past, which comes at once: the clock has jumped.
   */
  #seemsPast({ arrivedMs }: Unit, dts: number, newest: Fingerprint, { clock, shift }: Timeline): boolean {
    if (clock !== 'resume' || shift === undefined) return false;
    this.#beganMs ??= arrivedMs;
    const beforeTicks = newest.dts - unwrapNear(dts + shift, newest.dts);
    return beforeTicks > 0 && beforeTicks < REMEMBERED_TICKS && arrivedMs - this.#beganMs < WATCHED_MS;
  }

  /**
   * Looks at a picture of an input that has begun with what was sent before. What was sent has several clocks when its
   * provider has jumped, or when media is missing in it: each picture is compared.
   */
  #lookAgain(
    repeated: Repeated,
    unit: Unit,
    { dts, shift }: { readonly dts: number; readonly shift: number },
    timeline: Timeline,
  ): Look {
    const { atDts, endDts } = repeated;
    const outDts = unwrapNear(dts + shift, endDts);
    const ahead = outDts - endDts;
    const isLikely = ahead > 0 && isNear(ahead, elapsedTicks(this.sent.newestAtMs, unit.arrivedMs));
    if (atDts >= endDts) {
      this.beginInput('none');
      if (isLikely) return 'usual';
      // The clock has jumped where the past ends. Nothing is missing between two pictures of one connection.
      timeline.beginInput('aligned', false, (this.sent.nextDts ?? endDts) - dts);
      return 'continued';
    }
    // Of every picture, because media may be missing in what was sent.
    if (this.#isPlayedAgain(dts, unit.arrivedMs)) return this.#isAnother(timeline);
    const content = this.#contentOf(unit);
    const isAsSent = content === undefined ? ahead <= 0 : this.sent.has(content, wrapTicks(outDts));
    if (isAsSent && outDts > atDts) {
      repeated.atDts = outDts;
      repeated.strangers = 0;
      this.sent.cameAgain(wrapTicks(outDts), shift);
      return 'usual';
    }
    const sentAt = content === undefined ? undefined : this.#sentAfter(atDts, content, unit, dts);
    if (sentAt !== undefined) return this.#continue(timeline, sentAt, dts);
    if (isLikely) {
      this.beginInput('none');
      return 'usual';
    }
    // What is missing in what was sent, and comes now, is past. Else it is another clock, or another programme.
    const isOff = ahead > 0 || ahead <= -REMEMBERED_TICKS;
    if (this.sent.hasAt(wrapTicks(outDts))) repeated.strangers++;
    return isOff || repeated.strangers >= STRANGERS ? this.#isAnother(timeline) : 'usual';
  }

  /** The input goes on with a picture that was sent at `outDts`, not wrapped. */
  #continue(timeline: Timeline, outDts: number, dts: number): Look {
    const endDts = this.#repeated?.endDts ?? this.sent.newest?.dts ?? outDts;
    this.#repeated = { atDts: outDts, endDts, strangers: 0 };
    this.sent.cameAgain(wrapTicks(outDts), wrapTicks(outDts - dts));
    timeline.beginInput('aligned', false, outDts - dts);
    return 'continued';
  }

  #isAnother(timeline: Timeline): Look {
    this.beginInput('none');
    timeline.beginInput('rebase');
    return 'played_again';
  }

  /** When a picture with this content was sent after `atDts`, if it is surely that one. */
  #sentAfter(atDts: number, content: number, unit: Unit, dts: number): number | undefined {
    const sentAt = this.sent.isLoop ? undefined : this.sent.timeOf(content);
    if (sentAt === undefined || sentAt <= atDts) return undefined;
    const isNext = this.sent.following(atDts)?.dts === sentAt;
    return isNext || this.#isTelling(unit, sentAt - dts) ? sentAt : undefined;
  }

  /** Undefined when there are too many pictures. */
  #contentOf(unit: Unit): number | undefined {
    if (this.#looked?.unit !== unit) {
      this.#looked = { unit, content: this.sent.takes(unit.arrivedMs) ? contentOf(unit) : undefined };
    }
    return this.#looked.content;
  }

  #isTelling(unit: Unit, shift: number): boolean {
    const length = this.#row?.shift === shift ? this.#row.length + 1 : 1;
    this.#row = { shift, length };
    return isTelling(unit) || length >= TELLING_ROW;
  }

  /** @param dts of each picture of a repetition, on the input's clock */
  #isPlayedAgain(dts: number, nowMs: number): boolean {
    const watched = this.#watched;
    if (watched === undefined) return false;
    const step = ticksBetween(watched.dts, dts);
    watched.dts = dts;
    // A step back, or a longer one, is a jump of its clock.
    if (step > 0 && step < REMEMBERED_TICKS) watched.ticks += step;
    const passedMs = nowMs - watched.atMs;
    if (passedMs < WATCHED_MS) return false;
    const speed = (watched.ticks * 1000) / TICKS_PER_SECOND / passedMs;
    // Another second, because the machine or the network may have stood still in this one.
    watched.atMs = nowMs;
    watched.ticks = 0;
    return (speed > SLOWEST_PLAYED && speed < SLOWEST_PAST) || nowMs - watched.beganMs > LONGEST_WATCH_MS;
  }
}

function isTelling({ keyframe, packets }: Unit): boolean {
  return keyframe || packets.length >= TELLING_PACKETS;
}
