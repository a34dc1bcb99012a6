/** The media of one segment as fragmented mp4: its samples, its initialisation, and its parts. */

import { createHash } from 'node:crypto';
import type { SoundFrame } from '../../mpegts/segmenting/sound-reader.ts';
import { TICKS_PER_SECOND } from '../../mpegts/syntax/timestamp.ts';
import { chunk, type Sample, type TrackRun } from '../containers/cmaf/chunk.ts';
import { type CmafTrackConfig, initSegment } from '../containers/cmaf/init.ts';
import { type CmafVideoCodec, readPicture, type VideoConfig, videoConfig } from '../containers/cmaf/parameter-sets.ts';
import { type CmafSoundCodec, type SoundConfig, soundConfig, soundSample } from '../containers/cmaf/sound-config.ts';
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

interface SoundTrack {
  readonly track: FeedTrack;
  readonly codec: CmafSoundCodec;
  readonly config: SoundConfig;
  readonly samples: TimedSample[];
}

const KEY_DIGITS = 8;
/** Sound that does not begin where the frame before it ended, by more than this share of a frame, has a hole before it. */
const HOLE_SHARE = 0.5;

/** Whether fragmented mp4 can carry a track: sound of MPEG layers is what browsers do not take from it. */
function soundCodecOf({ audioCodec }: FeedTrack): CmafSoundCodec | undefined {
  return audioCodec === 'mpeg' ? undefined : audioCodec;
}

function videoCodecOf({ codec }: FeedTrack): CmafVideoCodec | undefined {
  return codec === 'h264' || codec === 'hevc' ? codec : undefined;
}

export class CmafSegment {
  #pictures: TimedSample[] = [];
  #stepTicks = 0;
  #video: VideoConfig | undefined;
  #sound: SoundTrack | undefined;

  addPicture(
    track: FeedTrack,
    bytes: Buffer,
    { pts, dts, keyframe }: { pts: number; dts: number; keyframe: boolean },
  ): void {
    const codec = videoCodecOf(track);
    if (codec === undefined) return;
    const { sample, parameterSets } = readPicture(codec, bytes);
    // Those of the first picture hold for the whole segment.
    if (this.#pictures.length === 0) this.#video = videoConfig(codec, parameterSets);
    this.#stepTicks = track.stepTicks;
    this.#pictures.push({ data: sample, at: dts, duration: undefined, sync: keyframe, compositionOffset: pts - dts });
  }

  addSound(track: FeedTrack, frames: readonly SoundFrame[]): void {
    for (const frame of frames) this.#addFrame(track, frame);
  }

  #addFrame(track: FeedTrack, { bytes, pts, ticks }: SoundFrame): void {
    const codec = soundCodecOf(track);
    if (codec === undefined) return;
    // Further channels of the frame before.
    if (ticks === 0) {
      const last = this.#sound?.track === track ? this.#sound.samples.pop() : undefined;
      if (last !== undefined) this.#sound?.samples.push({ ...last, data: [...last.data, bytes] });
      return;
    }
    if (this.#sound === undefined) {
      const config = soundConfig(codec, bytes);
      if (config === undefined) return;
      this.#sound = { track, codec, config, samples: [] };
    }
    // A second track of sound is left out.
    if (this.#sound.track !== track) return;
    const { sampleRate } = this.#sound.config;
    this.#sound.samples.push({
      data: [soundSample(codec, bytes)],
      at: Math.round((pts * sampleRate) / TICKS_PER_SECOND),
      duration: Math.round((ticks * sampleRate) / TICKS_PER_SECOND),
      sync: true,
      compositionOffset: 0,
    });
  }

  /** Undefined when it has nothing that fragmented mp4 can carry. @param number of its chunk */
  close(number: number): { bytes: Buffer; init: Init } | undefined {
    const tracks: CmafTrackConfig[] = [];
    const runs: TrackRun[] = [];
    const add = (track: CmafTrackConfig, samples: readonly TimedSample[], endsAt: number) => {
      tracks.push(track);
      const isVideo = track.kind === 'video';
      runs.push({
        trackId: tracks.length,
        isVideo,
        decodeTime: samples[0]?.at ?? 0,
        samples: withDurations(samples, endsAt),
      });
    };
    const last = this.#pictures.at(-1);
    if (this.#video !== undefined && last !== undefined) {
      add({ kind: 'video', config: this.#video }, this.#pictures, last.at + this.#stepTicks);
    }
    const { track, config, samples = [] } = this.#sound ?? {};
    const end = samples.at(-1);
    if (config !== undefined && end !== undefined) {
      add({ kind: 'audio', config, language: track?.language }, samples, end.at + (end.duration ?? 0));
    }
    if (runs.length === 0) return undefined;
    return { bytes: chunk(number, runs), init: initOf(tracks) };
  }
}

function initOf(tracks: readonly CmafTrackConfig[]): Init {
  const bytes = initSegment(tracks);
  const video = tracks.find((track) => track.kind === 'video')?.config;
  return {
    key: createHash('sha256').update(bytes).digest('hex').slice(0, KEY_DIGITS),
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
