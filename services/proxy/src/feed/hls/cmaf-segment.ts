/** The media of one segment as fragmented mp4: its samples, its initialisation, and its parts. */

import { createHash } from 'node:crypto';
import type { SoundFrame } from '../../mpegts/segmenting/sound-reader.ts';
import { TICKS_PER_SECOND } from '../../mpegts/syntax/timestamp.ts';
import { chunk, type Sample, type TrackRun } from '../containers/cmaf/chunk.ts';
import { type CmafTrackConfig, initSegment } from '../containers/cmaf/init.ts';
import { readPicture, type VideoConfig, videoConfig } from '../containers/cmaf/parameter-sets.ts';
import { type CmafSoundCodec, type SoundConfig, soundConfig, soundSample } from '../containers/cmaf/sound-config.ts';
import { cmafSoundCodec, cmafVideoCodec } from './cmaf-tracks.ts';
import type { FeedTrack } from './feed-program.ts';

export interface Init {
  /** The first digits of its hash. Equal texts mean equal bytes. */
  readonly key: string;
  readonly bytes: Buffer;
  /** As RFC 6381 writes them. */
  readonly codecs: readonly string[];
  readonly size: { readonly width: number; readonly height: number } | undefined;
}

interface TimedSample extends Omit<Sample, 'duration'> {
  /** Decoding time in units of the track's time scale. */
  readonly at: number;
  /** Undefined: until the next one. */
  readonly duration: number | undefined;
}

/** The track of sound that segments carry. */
export interface KnownSound {
  readonly track: FeedTrack;
  readonly codec: CmafSoundCodec;
  readonly config: SoundConfig;
}

/** What a segment knows of its tracks, for the one after it. */
export interface KnownTracks {
  readonly video: { readonly track: FeedTrack; readonly config: VideoConfig } | undefined;
  readonly sound: KnownSound | undefined;
}

interface HeardSound {
  readonly known: KnownSound;
  samples: TimedSample[];
  /** It has nothing but silence. */
  isSilent: boolean;
}

const KEY_DIGITS = 8;
/** Sound that does not begin where the frame before it ended, by more than this share of a frame, has a hole before it. */
const HOLE_SHARE = 0.5;

/** Samples that go into one chunk. */
interface PartSamples {
  readonly pictures: readonly TimedSample[];
  readonly sounds: readonly TimedSample[];
  /** Where its last picture ends, 90 kHz. */
  readonly endsAt: number;
}

/** A chunk of a segment, in its order. */
export interface CmafPart {
  readonly bytes: Buffer;
  readonly init: Init;
  readonly seconds: number;
  readonly independent: boolean;
}

export interface CmafOptions {
  /** PART-TARGET, 90 kHz; undefined: the segment is one chunk. */
  readonly partTicks?: number | undefined;
  /** Of the segment before. With parts, the initialisation has to be known with the first one. */
  readonly before?: KnownTracks | undefined;
}

export class CmafSegment {
  readonly #partTicks: number | undefined;
  #pictures: TimedSample[] = [];
  readonly #heard = new Map<FeedTrack, HeardSound>();
  /** Parts that have ended and are not written. */
  #ended: PartSamples[] = [];
  readonly #chunks: Buffer[] = [];
  /** Known with the first chunk, and the same for all. */
  #init: Init | undefined;
  /** Sound that came behind the first chunk, which the initialisation does not have. */
  #late: KnownSound | undefined;
  #stepTicks = 0;
  #hasPicture = false;
  #hasSound = false;
  #video: KnownTracks['video'];
  readonly #before: KnownTracks | undefined;

  constructor({ partTicks, before }: CmafOptions = {}) {
    this.#partTicks = partTicks;
    this.#before = before;
    const sound = partTicks === undefined ? undefined : before?.sound;
    if (sound !== undefined) this.#heard.set(sound.track, { known: sound, samples: [], isSilent: true });
  }

  /** For the segment after it. */
  get known(): KnownTracks {
    const heard = this.#hasSound ? this.#sound : undefined;
    const sound = heard?.isSilent === true ? (this.#late ?? heard.known) : (heard?.known ?? this.#late);
    // With parts, a track that has been silent for a whole segment is left out of the next one.
    const before = this.#partTicks === undefined ? this.#before?.sound : undefined;
    return { video: this.#video ?? this.#before?.video, sound: sound ?? before };
  }

  /** The first track of the program that sends, or the first silent one. The others are left out. */
  get #sound(): HeardSound | undefined {
    const all = [...this.#heard.values()];
    const sending = all.filter(({ isSilent }) => !isSilent);
    const [first, ...others] = sending.length > 0 ? sending : all;
    return (
      first && others.reduce((one, other) => (other.known.track.order < one.known.track.order ? other : one), first)
    );
  }

  addPicture(
    track: FeedTrack,
    bytes: Buffer,
    { pts, dts, keyframe }: { pts: number; dts: number; keyframe: boolean },
  ): void {
    const codec = cmafVideoCodec(track);
    if (codec === undefined) return;
    const { sample, parameterSets } = readPicture(codec, bytes);
    // Those of the first picture hold for the whole segment.
    if (!this.#hasPicture) this.#video = this.#videoOf(track, videoConfig(codec, parameterSets));
    this.#hasPicture = true;
    this.#endPartBefore(dts);
    const before = this.#pictures.at(-1);
    this.#stepTicks = before === undefined ? track.stepTicks : dts - before.at;
    this.#pictures.push({ data: sample, at: dts, duration: undefined, sync: keyframe, compositionOffset: pts - dts });
  }

  /** @param config what its first picture brings. Pictures that bring nothing go on with what was there. */
  #videoOf(track: FeedTrack, config: VideoConfig | undefined): KnownTracks['video'] {
    if (config !== undefined) return { track, config };
    const before = this.#before?.video;
    return before?.track === track ? before : undefined;
  }

  /**
   * The part that is open ends before a picture with which it would be too long, if that lasts as long as those before. Where pictures
   * are missing, the last one before them stays for longer, and the next one does not.
   */
  #endPartBefore(dts: number): void {
    const [first] = this.#pictures;
    const last = this.#pictures.at(-1);
    if (this.#partTicks === undefined || first === undefined || last === undefined) return;
    const ticks = Math.min(dts - last.at, this.#stepTicks);
    if (dts + ticks - first.at > this.#partTicks) this.#endPart(dts);
  }

  #endPart(endsAt: number): void {
    this.#ended.push({ pictures: this.#pictures, sounds: this.#sound?.samples.splice(0) ?? [], endsAt });
    this.#pictures = [];
  }

  addSound(track: FeedTrack, frames: readonly SoundFrame[]): void {
    for (const frame of frames) this.#addFrame(track, frame, false);
  }

  /** Adds frames in which nothing is heard. */
  addSilence(track: FeedTrack, frames: readonly SoundFrame[]): void {
    for (const frame of frames) this.#addFrame(track, frame, true);
  }

  #addFrame(track: FeedTrack, { bytes, pts, ticks }: SoundFrame, isSilent: boolean): void {
    const codec = cmafSoundCodec(track);
    if (codec === undefined) return;
    const before = this.#heard.get(track);
    // Further channels of the frame before.
    if (ticks === 0) {
      const last = before?.samples.pop();
      if (last !== undefined) before?.samples.push({ ...last, data: [...last.data, bytes] });
      return;
    }
    // Nobody knows of a track that has only been silent what its sound is like.
    const goesOn = before !== undefined && (isSilent || !before.isSilent || isLike(before.known, bytes));
    const heard = goesOn ? before : this.#hear(track, codec, bytes);
    if (heard === undefined) return;
    this.#hasSound = true;
    if (!isSilent) heard.isSilent = false;
    const { sampleRate } = heard.known.config;
    heard.samples.push({
      data: [soundSample(codec, bytes)],
      at: Math.round((pts * sampleRate) / TICKS_PER_SECOND),
      duration: Math.round((ticks * sampleRate) / TICKS_PER_SECOND),
      sync: true,
      compositionOffset: 0,
    });
  }

  /** @param frame the first one of a track */
  #hear(track: FeedTrack, codec: CmafSoundCodec, frame: Buffer): HeardSound | undefined {
    // Parts that have been said have no room for another track.
    const isClosed = this.#partTicks !== undefined && (this.#heard.size > 0 || this.#init !== undefined);
    if (isClosed && this.#late !== undefined) return undefined;
    const config = soundConfig(codec, frame);
    if (config === undefined) return undefined;
    const known = { track, codec, config };
    if (isClosed) {
      this.#late = known;
      return undefined;
    }
    const heard = { known, samples: [], isSilent: true };
    this.#heard.set(track, heard);
    return heard;
  }

  get #tracks(): CmafTrackConfig[] {
    const sound = this.#sound?.known;
    return [
      ...(this.#video === undefined ? [] : [{ kind: 'video' as const, config: this.#video.config }]),
      ...(sound === undefined
        ? []
        : [{ kind: 'audio' as const, config: sound.config, language: sound.track.language }]),
    ];
  }

  /** The parts that have ended since the last call. @param number of the chunk before them */
  parts(number: number): CmafPart[] {
    const tracks = this.#tracks;
    if (this.#ended.length === 0 || tracks.length === 0) return [];
    this.#init ??= initOf(tracks);
    return this.#ended.splice(0).map((samples, index) => this.#write(number + 1 + index, samples));
  }

  #write(number: number, { pictures, sounds, endsAt }: PartSamples): CmafPart {
    const tracks = this.#tracks;
    const runs = tracks.flatMap((track, index): TrackRun[] => {
      const isVideo = track.kind === 'video';
      const samples = isVideo ? pictures : sounds;
      const last = samples.at(-1);
      if (last === undefined) return [];
      const end = isVideo ? endsAt : last.at + (last.duration ?? 0);
      const decodeTime = samples[0]?.at ?? 0;
      return [{ trackId: index + 1, isVideo, decodeTime, samples: withDurations(samples, end) }];
    });
    const bytes = chunk(number, runs);
    this.#chunks.push(bytes);
    const begins = pictures[0]?.at ?? endsAt;
    // A picture that stays longer than expected must not make the part longer than was promised: players would end.
    const ticks = Math.min(endsAt - begins, this.#partTicks ?? Number.POSITIVE_INFINITY);
    const init = this.#init as Init;
    return { bytes, init, seconds: ticks / TICKS_PER_SECOND, independent: pictures[0]?.sync === true };
  }

  /**
   * Undefined when it has nothing that fragmented mp4 can carry.
   * @param number of the chunk before those that are not written
   */
  close(number: number): { bytes: Buffer; init: Init; parts: CmafPart[] } | undefined {
    const last = this.#pictures.at(-1);
    if (last !== undefined || (this.#sound?.samples.length ?? 0) > 0)
      this.#endPart(last === undefined ? 0 : last.at + this.#stepTicks);
    const parts = this.parts(number);
    if (this.#init === undefined) return undefined;
    return { bytes: Buffer.concat(this.#chunks), init: this.#init, parts };
  }
}

/** @param frame of the same track */
function isLike({ codec, config }: KnownSound, frame: Buffer): boolean {
  return soundConfig(codec, frame)?.entry.equals(config.entry) ?? true;
}

/** How playlists name an initialisation. */
export function initKey(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, KEY_DIGITS);
}

function initOf(tracks: readonly CmafTrackConfig[]): Init {
  const bytes = initSegment(tracks);
  const video = tracks.find((track) => track.kind === 'video')?.config;
  return {
    key: initKey(bytes),
    bytes,
    codecs: tracks.map(({ config }) => config.codec),
    size: video && { width: video.width, height: video.height },
  };
}

/** @param endsAt where the last one ends */
function withDurations(samples: readonly TimedSample[], endsAt: number): Sample[] {
  return samples.map((sample, index) => {
    const next = samples[index + 1]?.at ?? endsAt;
    const isWhole =
      sample.duration !== undefined && Math.abs(next - sample.at - sample.duration) <= sample.duration * HOLE_SHARE;
    const duration = Math.max(1, isWhole ? (sample.duration as number) : next - sample.at);
    return { data: sample.data, sync: sample.sync, compositionOffset: sample.compositionOffset, duration };
  });
}
