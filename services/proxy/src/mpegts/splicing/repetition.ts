/**
 * Recognises a provider that begins a connection with the past, by the pictures that were sent before. Nothing is then
 * lost and nothing is sent twice. It does so for a reconnection, for a connection that was prepared beside the owner's,
 * and for the first connection of a worker that takes the source over.
 */

import { REMEMBERED_TICKS, SentPictures } from '../reading/sent-pictures.ts';
import { contentOf } from '../reading/unit-content.ts';
import type { Unit } from '../reading/units.ts';
import { TICKS_PER_SECOND, ticksBetween, wrapTicks } from '../syntax/timestamp.ts';
import type { Overlap } from './input.ts';
import type { Timeline } from './timeline.ts';

/** What a picture of an input is. */
export type Look =
  /** Nothing special. The timeline knows its place. */
  | 'usual'
  /** It is older than everything that was sent, and must not be sent. */
  | 'past'
  /** It was sent before, or comes next. From here on the input is on the output's timeline. */
  | 'continued'
  /** The input seemed to repeat what was sent, but plays it again. It is a new one from here on. */
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
/** What comes slower than this has stood still on its way, and says nothing. */
const SLOWEST_PLAYED = 0.8;

export class Repetition {
  readonly sent = new SentPictures();
  #overlap: Overlap = 'none';
  /**
   * Where the input begins, on its own clock, and whether it resumes after all that was sent; undefined before its first
   * picture.
   */
  #begin: { readonly dts: number; readonly resumes: boolean } | undefined;
  /** The newest of a row of pictures that were sent before, and how many there are. */
  #row: { readonly shift: number; readonly length: number } | undefined;
  /**
   * Since when an input is watched that was recognised by its content alone, until the repetition is over. Times on its
   * clock: of that picture, and of the last one that was sent before.
   */
  #watched: { readonly dts: number; readonly atMs: number; readonly lastDts: number } | undefined;

  beginInput(overlap: Overlap): void {
    this.#overlap = overlap;
    this.#begin = undefined;
    this.#row = undefined;
    this.#watched = undefined;
  }

  /** A picture was sent; `dts` is on the output timeline, not wrapped. */
  remember(unit: Unit, dts: number): void {
    if (this.sent.takes(unit.arrivedMs)) this.sent.add({ dts, content: contentOf(unit) }, unit.arrivedMs);
  }

  /**
   * Looks at a picture before it is placed. Tells the timeline when the input is another one than it seemed to be.
   * @param dts on the input's clock
   */
  look(unit: Unit, dts: number, timeline: Timeline): Look {
    const { fresh, clock, shift } = timeline;
    if (!fresh) {
      if (!this.#isPlayedAgain(dts, unit.arrivedMs)) return 'usual';
      this.beginInput('none');
      timeline.beginInput('rebase');
      return 'played_again';
    }
    const { newest } = this.sent;
    this.#begin ??= { dts, resumes: clock === 'resume' && timeline.resumes(dts, unit.arrivedMs) };
    if (clock === 'aligned' || this.#overlap === 'none' || newest === undefined) return 'usual';
    if (!this.sent.takes(unit.arrivedMs)) return 'usual';
    const content = contentOf(unit);
    if (clock === 'resume' && shift !== undefined && this.#goesOn(content, wrapTicks(dts + shift))) {
      timeline.beginInput('aligned');
      return 'continued';
    }
    // A source may show the same again after a while. By its clock, this is not the past.
    if (this.#begin.resumes) return 'usual';
    // A connection with its own clock is recognised by its pictures alone, unless they repeat a slate.
    const sentAt = this.sent.isLoop ? undefined : this.sent.timeOf(content);
    if (sentAt !== undefined && this.#isTelling(unit, sentAt - dts)) {
      this.#watched = { dts, atMs: unit.arrivedMs, lastDts: wrapTicks(newest.dts - sentAt + dts) };
      timeline.beginInput('aligned', false, sentAt - dts);
      return 'continued';
    }
    const mayBePast = this.#overlap === 'surely' && unit.track.kind === 'video' && !this.sent.knows(content);
    return mayBePast && ticksBetween(this.#begin.dts, dts) <= REMEMBERED_TICKS ? 'past' : 'usual';
  }

  /** Whether the clock is that of the input before, by a picture that was sent at this time, or that comes next. */
  #goesOn(content: number, ticks: number): boolean {
    return this.sent.has(content, ticks) || this.sent.isNext(ticks);
  }

  #isTelling({ keyframe, packets }: Unit, shift: number): boolean {
    const length = this.#row?.shift === shift ? this.#row.length + 1 : 1;
    this.#row = { shift, length };
    return keyframe || packets.length >= TELLING_PACKETS || length >= TELLING_ROW;
  }

  #isPlayedAgain(dts: number, nowMs: number): boolean {
    if (this.#watched === undefined) return false;
    const { dts: from, atMs, lastDts } = this.#watched;
    if (ticksBetween(lastDts, dts) > 0) this.#watched = undefined;
    const passedMs = nowMs - atMs;
    if (this.#watched === undefined || passedMs < WATCHED_MS) return false;
    const speed = (ticksBetween(from, dts) * 1000) / TICKS_PER_SECOND / passedMs;
    // Another second, because the machine or the network may have stood still in this one.
    this.#watched = { dts, atMs: nowMs, lastDts };
    return speed > SLOWEST_PLAYED && speed < SLOWEST_PAST;
  }
}
