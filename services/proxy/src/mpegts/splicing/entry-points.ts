/**
 * Decides where a reader may begin: at keyframes, at audio without video, and at any picture of an input that has sent no
 * keyframe for long.
 */

import type { Unit } from '../reading/units.ts';
import { TICKS_PER_SECOND, ticksBetween } from '../syntax/timestamp.ts';

/** Without a keyframe for this long (intra refresh, open-ended GOPs), any picture is an entry. */
const NO_KEYFRAME_MS = 12_000;
/** Audio waits at most this long for an input's first picture: a still may come only every 15 s. */
const VIDEO_LATE_MS = 1_200;
/** Units of a flowing input come closer together than this. Audio alone comes in pieces of up to 0.7 s. */
const LONGEST_STEP_MS = 1_000;
const MIN_ENTRY_TICKS = TICKS_PER_SECOND / 100;
/**
 * The shortest arrival time between two entries, unless enough packets lie between them. A source may send thousands of
 * one-packet pictures at once, and the prefix of each entry has a packet for every track.
 */
const MIN_ENTRY_MS = 10;
const MIN_ENTRY_PACKETS = 20;
/** Without video, audio units are entries. One per this many ticks is enough. */
const AUDIO_ENTRY_TICKS = 0.2 * TICKS_PER_SECOND;

export class EntryPoints {
  /** How long the input has flowed, without its pauses. Media that did not come during a pause is not missing. */
  #flowMs = 0;
  #lastUnitMs: number | undefined;
  /** On the clock of `#flowMs`: the last entry, or since when the input has been waited for. */
  #lastEntryFlowMs: number | undefined;
  /** On the clock of `#flowMs`. */
  #lastVideoFlowMs: number | undefined;
  #lastEntryDts: number | undefined;
  #lastEntryMs = 0;
  #packetsSinceEntry = 0;
  /** When the keyframe is shown at which the input was entered, until a picture comes that is shown later; 33 bits. */
  #enteredPts: number | undefined;

  beginInput(): void {
    this.#lastEntryFlowMs = undefined;
    this.#enteredPts = undefined;
  }

  /** The input is entered at a keyframe, and lacks what came before that. `pts` has 33 bits. */
  enteredAt(pts: number): void {
    this.#enteredPts = pts;
  }

  /**
   * Whether a picture cannot be decoded because it needs one from before the entry: after the keyframe of an open GOP come
   * pictures that are shown before it. `pts` has 33 bits.
   */
  isLeading(pts: number): boolean {
    if (this.#enteredPts === undefined) return false;
    if (ticksBetween(pts, this.#enteredPts) > 0) return true;
    this.#enteredPts = undefined;
    return false;
  }

  /** From here on the program differs. Its first entry does not wait. */
  programChanged(): void {
    this.#lastEntryDts = undefined;
  }

  /** A unit of the input came. Call once for each, in their order. */
  flow(nowMs: number): void {
    const sinceMs = nowMs - (this.#lastUnitMs ?? nowMs);
    this.#flowMs += Math.min(Math.max(0, sinceMs), LONGEST_STEP_MS);
    this.#lastUnitMs = nowMs;
  }

  /** The unit that came is a picture. */
  sawPicture(): void {
    this.#lastVideoFlowMs = this.#flowMs;
  }

  /** The unit that came is waiting for the input to be entered. */
  sawWaiting(): void {
    this.#lastEntryFlowMs ??= this.#flowMs;
  }

  sent(packets: number): void {
    this.#packetsSinceEntry += packets;
  }

  /** No keyframe came for so long that any picture has to do. */
  get isOverdue(): boolean {
    return this.#sinceEntryMs > NO_KEYFRAME_MS;
  }

  /** The input has flowed for a while without one whole picture. */
  get isVideoLate(): boolean {
    return this.#lastVideoFlowMs === undefined && this.#sinceEntryMs > VIDEO_LATE_MS;
  }

  /**
   * Whether a unit that is sent now is an entry. If it is, later ones are measured from it.
   * @param dts on the output timeline, not wrapped
   * @param tracks what the unit belongs to, and whether the input has a video track
   */
  take(unit: Unit, dts: number, { isVideo, hasVideo }: { isVideo: boolean; hasVideo: boolean }): boolean {
    const isAudio = !isVideo && unit.track.kind === 'audio';
    if (isVideo ? !this.#isPictureEntry(unit, dts) : !(isAudio && this.#isAudioEntry(dts, hasVideo))) return false;
    // Without a keyframe, entries stay overdue until one comes. One entry a second is enough.
    this.#lastEntryFlowMs = unit.keyframe ? this.#flowMs : this.#flowMs - NO_KEYFRAME_MS + 1_000;
    this.#lastEntryDts = dts;
    this.#lastEntryMs = unit.arrivedMs;
    this.#packetsSinceEntry = 0;
    return true;
  }

  #isPictureEntry({ keyframe, arrivedMs }: Unit, dts: number): boolean {
    if (!keyframe && !this.isOverdue) return false;
    if (this.#lastEntryDts === undefined) return true;
    // One entry per 10 ms is enough; more would only cost.
    if (Math.abs(dts - this.#lastEntryDts) < MIN_ENTRY_TICKS) return false;
    return arrivedMs - this.#lastEntryMs >= MIN_ENTRY_MS || this.#packetsSinceEntry >= MIN_ENTRY_PACKETS;
  }

  #isAudioEntry(dts: number, hasVideo: boolean): boolean {
    const isVideoGone =
      !hasVideo || this.#flowMs - (this.#lastVideoFlowMs ?? Number.NEGATIVE_INFINITY) > NO_KEYFRAME_MS;
    return isVideoGone && (this.#lastEntryDts === undefined || dts - this.#lastEntryDts > AUDIO_ENTRY_TICKS);
  }

  get #sinceEntryMs(): number {
    return this.#flowMs - (this.#lastEntryFlowMs ?? this.#flowMs);
  }
}
