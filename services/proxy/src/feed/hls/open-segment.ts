/** A segment that is being made: its media in the order of the ring. */

import {
  type Counters,
  packetizeSound,
  pcrOfUnit,
  type SegmentProgram,
  SegmentWriter,
} from '../../mpegts/segmenting/segment-writer.ts';
import type { SoundFrame } from '../../mpegts/segmenting/sound-reader.ts';
import { elementaryOf, type Piece, type ScannedUnit } from '../../mpegts/segmenting/unit-scanner.ts';
import type { Mark } from '../marks/mark.ts';
import { type CmafOptions, type CmafPart, CmafSegment, type Init, type KnownTracks } from './cmaf-segment.ts';
import type { FeedTrack } from './feed-program.ts';

/** Private stream 1, if a unit has no stream_id. */
const PRIVATE_STREAM = 0xbd;
/** Audio stream 0 of MPEG. */
const AUDIO_STREAM = 0xc0;

/** Which containers are made. */
export interface Containers {
  readonly ts: boolean;
  readonly fmp4: boolean;
}

export interface SegmentOptions extends Containers {
  readonly cmaf?: CmafOptions | undefined;
  /** No picture in it needs one from before it. */
  readonly independent: boolean;
}

/** Times are 90 kHz on the feed's timeline. */
export interface Picture {
  readonly pts: number;
  readonly dts: number;
  readonly keyframe: boolean;
}

export interface Closed {
  readonly ts: Buffer | undefined;
  readonly counters: Counters;
  readonly fmp4: { readonly bytes: Buffer; readonly init: Init; readonly parts: readonly CmafPart[] } | undefined;
  readonly chunk: number;
}

export class OpenSegment {
  readonly mark: Mark;
  /** Of its first picture, 90 kHz on the feed's timeline. */
  readonly pts: number;
  /** The feed has nothing for it. What belongs to it is left out. */
  readonly isGap: boolean;
  readonly independent: boolean;
  /** Those that have sent for it. */
  readonly soundTracks = new Set<FeedTrack>();
  /** Where its newest picture ends, 90 kHz on the feed's timeline. */
  endPts: number;
  /** Media is missing behind what it has so far, or within. */
  hasHole = false;
  /** Its first picture is in it; its first sound, if the program has no pictures. */
  hasBegun: boolean;
  /** Sound that stands before the first picture in the ring. It follows that picture in the segment. */
  #early: { pid: number; pieces: readonly Piece[] }[] = [];
  /** How many bytes were pushed before the first that it still refers to. */
  #at = Number.POSITIVE_INFINITY;
  /** Its fragmented mp4 is said in parts. */
  readonly hasParts: boolean;
  readonly #writer: SegmentWriter | undefined;
  readonly #cmaf: CmafSegment | undefined;

  constructor(mark: Mark, pts: number, program: SegmentProgram, isGap: boolean, options: SegmentOptions) {
    const { ts, fmp4, cmaf, independent } = options;
    this.mark = mark;
    this.independent = independent;
    this.pts = pts;
    this.endPts = pts;
    this.isGap = isGap;
    this.hasBegun = isGap;
    this.hasParts = cmaf?.partTicks !== undefined;
    this.#writer = isGap || !ts ? undefined : new SegmentWriter(program);
    this.#cmaf = isGap || !fmp4 ? undefined : new CmafSegment(cmaf);
  }

  /** Adds the next picture: the unit of the track that leads. */
  addPicture(unit: ScannedUnit, track: FeedTrack, { pts, dts, keyframe }: Picture): void {
    this.add(unit);
    this.#begin();
    if (track.kind !== 'video') return;
    this.endPts = Math.max(this.endPts, pts + track.stepTicks);
    this.#cmaf?.addPicture(track, elementaryOf(unit), { pts, dts, keyframe });
  }

  /** Adds a unit of data, or packets outside any unit. */
  add(unit: ScannedUnit): void {
    if (this.#writer === undefined) return;
    this.#at = Math.min(this.#at, unit.at);
    this.#writer.add(unit.pid, unit.pieces);
  }

  /** How many bytes were pushed before the first that it still needs; infinite when it needs none. */
  get needsFrom(): number {
    return this.#at;
  }

  /**
   * Adds frames of a unit of sound.
   * @param isWhole these are all of the unit, so its packets stay as they are
   */
  addSound(unit: ScannedUnit, track: FeedTrack, frames: readonly SoundFrame[], isWhole: boolean): void {
    this.soundTracks.add(track);
    const [first] = frames;
    if (this.isGap || first === undefined) return;
    if (track.leads) this.#begin();
    this.#cmaf?.addSound(track, frames);
    if (this.#writer === undefined) return;
    const { pid } = unit;
    const pieces = isWhole ? unit.pieces : repacked(unit, first.pts, frames);
    if (isWhole) this.#at = Math.min(this.#at, unit.at);
    this.#write(pid, pieces);
  }

  #write(pid: number, pieces: readonly Piece[]): void {
    if (this.hasBegun) this.#writer?.add(pid, pieces);
    else this.#early.push({ pid, pieces });
  }

  /** Adds frames for a track that has none. */
  addSilence(track: FeedTrack, frames: readonly SoundFrame[]): void {
    this.soundTracks.add(track);
    const [first] = frames;
    if (this.isGap || first === undefined) return;
    this.#cmaf?.addSilence(track, frames);
    if (this.#writer === undefined) return;
    const { pid, audioCodec } = track;
    const streamId = audioCodec === 'ac3' || audioCodec === 'eac3' ? PRIVATE_STREAM : AUDIO_STREAM;
    for (const frame of frames) this.#write(pid, repacked({ pid, streamId, pieces: [] }, frame.pts, [frame]));
  }

  #begin(): void {
    this.hasBegun = true;
    for (const { pid, pieces } of this.#early.splice(0)) this.#writer?.add(pid, pieces);
  }

  /** Parts that have ended since the last call. @param chunk number of the chunk before them */
  parts(chunk: number): CmafPart[] {
    return this.#cmaf?.parts(chunk) ?? [];
  }

  /** What its fragmented mp4 knows of the tracks, for the segment after it. */
  get known(): KnownTracks | undefined {
    return this.#cmaf?.known;
  }

  /** @param chunk number of the chunk before those that are not written */
  close(counters: Counters, chunk: number): Closed {
    const ts = this.#writer?.close(counters);
    const fmp4 = this.#cmaf?.close(chunk);
    return { ts: ts?.bytes, counters: ts?.counters ?? counters, fmp4, chunk: chunk + (fmp4?.parts.length ?? 0) };
  }
}

/** Some frames of a unit as packets of their own. */
function repacked(
  { pid, streamId = PRIVATE_STREAM, pieces }: Pick<ScannedUnit, 'pid' | 'streamId' | 'pieces'>,
  pts: number,
  frames: readonly SoundFrame[],
) {
  const bytes = packetizeSound(
    { pid, streamId },
    pts,
    frames.map((frame) => frame.bytes),
    pcrOfUnit(pieces),
  );
  return [{ bytes, start: 0, end: bytes.length }];
}
