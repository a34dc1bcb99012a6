/**
 * Puts silence where a track of sound sends nothing while the pictures go on. Players that have got sound wait for more of it, and
 * browsers can neither leave a track out nor add one while they play. What it puts depends on the order of the feed's units alone.
 * Times are 90 kHz on the feed's timeline.
 */

import { silentFrame } from '../../mpegts/segmenting/silent-frame.ts';
import type { SoundFrame } from '../../mpegts/segmenting/sound-reader.ts';
import { type AudioCodec, audioFrame } from '../../mpegts/syntax/audio-frames.ts';
import { TICKS_PER_SECOND } from '../../mpegts/syntax/timestamp.ts';
import type { FeedTrack } from './feed-program.ts';

/** Frames of a track. */
export interface TrackFrames {
  readonly track: FeedTrack;
  readonly frames: readonly SoundFrame[];
}

/** How far the pictures go on before a track is silent. Sound that is later than that is too late for its segment. */
export const SILENT_AFTER = TICKS_PER_SECOND;

export class Silence {
  readonly #tracks = new WeakMap<FeedTrack, TrackSilence>();
  #newestDts = Number.NEGATIVE_INFINITY;

  /**
   * The next picture.
   * @param tracks all of the program
   * @returns the silence that stands behind it
   */
  picture(dts: number, tracks: Iterable<FeedTrack>): TrackFrames[] {
    const sounds = [...tracks].filter(({ kind }) => kind === 'audio').sort((one, other) => one.order - other.order);
    const hasJumped = dts - this.#newestDts > SILENT_AFTER;
    this.#newestDts = Math.max(dts, this.#newestDts);
    const known = sounds.map((track) => ({ track, silence: this.#of(track) }));
    // Where no track has been heard, players wait for the first one.
    const unheard = known.some(({ silence }) => silence.hasSent) ? undefined : known[0];
    return known.flatMap((each) => {
      const { track, silence } = each;
      if (hasJumped) silence.restart(dts);
      if (!silence.hasSent && each !== unheard) return [];
      const frames = silence.behind(dts);
      return frames.length === 0 ? [] : [{ track, frames }];
    });
  }

  /**
   * The next frames of a track.
   * @returns what stands before them, and those whose time is not over
   */
  sound(
    track: FeedTrack,
    frames: readonly SoundFrame[],
  ): { before: readonly SoundFrame[]; due: readonly SoundFrame[] } {
    return this.#of(track).take(frames, this.#newestDts);
  }

  /** The feed is over, and its last picture ends at `pts`. */
  end(pts: number, tracks: Iterable<FeedTrack>): TrackFrames[] {
    return [...tracks].flatMap((track) => {
      const frames = this.#tracks.get(track)?.end(pts) ?? [];
      return frames.length === 0 ? [] : [{ track, frames }];
    });
  }

  #of(track: FeedTrack): TrackSilence {
    const known = this.#tracks.get(track) ?? new TrackSilence(track.audioCodec, this.#newestDts);
    this.#tracks.set(track, known);
    return known;
  }
}

class TrackSilence {
  readonly #codec: AudioCodec | undefined;
  /** Undefined: none can be made. */
  #frame: Buffer | undefined;
  /** DTS of the newest picture when it last sent; of the first picture, if it has not. */
  #sinceDts: number;
  /** Where its frames end. Undefined: they have not begun. */
  #endPts: number | undefined;
  /** Its newest frame is silence. */
  #isSilent = false;
  hasSent = false;

  constructor(codec: AudioCodec | undefined, dts: number) {
    this.#codec = codec;
    this.#sinceDts = dts;
    this.#frame = codec && silentFrame(codec, undefined);
  }

  /** The pictures go on here after a hole. No sound is missing where there are no pictures. */
  restart(dts: number): void {
    this.#sinceDts = dts;
    this.#endPts = undefined;
    this.#isSilent = false;
  }

  /** Silence that is due when the pictures have come to `dts`. */
  behind(dts: number): SoundFrame[] {
    return dts - this.#sinceDts <= SILENT_AFTER ? [] : this.#fill((pts) => pts <= dts - SILENT_AFTER);
  }

  take(
    frames: readonly SoundFrame[],
    newestDts: number,
  ): { before: readonly SoundFrame[]; due: readonly SoundFrame[] } {
    const due = this.#isSilent ? frames.filter(({ pts, ticks }) => pts + ticks / 2 >= (this.#endPts ?? pts)) : frames;
    const [first] = due;
    const last = due.at(-1);
    if (first === undefined || last === undefined) return { before: [], due };
    const hasHole = this.#endPts !== undefined && first.pts - this.#endPts > SILENT_AFTER;
    // Sound may run ahead of the pictures. What is missing there may come.
    const before =
      this.#isSilent || hasHole ? this.#fill((pts, ticks) => pts + ticks / 2 <= Math.min(first.pts, newestDts)) : [];
    if (this.#codec !== undefined && (!this.hasSent || this.#isSilent || this.#frame === undefined))
      this.#frame = silentFrame(this.#codec, first.bytes);
    this.hasSent = true;
    this.#isSilent = false;
    this.#sinceDts = newestDts;
    this.#endPts = Math.max(last.pts + last.ticks, this.#endPts ?? Number.NEGATIVE_INFINITY);
    return { before, due };
  }

  end(pts: number): SoundFrame[] {
    return this.#isSilent ? this.#fill((at, ticks) => at + ticks / 2 <= pts) : [];
  }

  /** Silent frames from where its sound ends, as long as their time is wanted. */
  #fill(isWanted: (pts: number, ticks: number) => boolean): SoundFrame[] {
    const bytes = this.#frame;
    const about = bytes && this.#codec && audioFrame(this.#codec, bytes);
    if (bytes === undefined || about === undefined) return [];
    const ticks = (about.samples * TICKS_PER_SECOND) / about.sampleRate;
    const frames: SoundFrame[] = [];
    for (let pts = this.#endPts ?? this.#sinceDts; isWanted(pts, ticks); pts += ticks) {
      frames.push({ pts, ticks, bytes });
      this.#endPts = pts + ticks;
    }
    if (frames.length > 0) this.#isSilent = true;
    return frames;
  }
}
