/** Which tracks of a program fragmented mp4 can carry, so that browsers play them. */

import { type AudioCodec, audioCodecOf } from '../../mpegts/syntax/audio-frames.ts';
import { classifyStream, type VideoCodec } from '../../mpegts/syntax/elementary.ts';
import type { ProgramMap } from '../../mpegts/syntax/psi.ts';
import type { CmafVideoCodec } from '../containers/cmaf/parameter-sets.ts';
import type { CmafSoundCodec } from '../containers/cmaf/sound-config.ts';

/** Browsers take no sound of MPEG layers from mp4. */
export function cmafSoundCodec({
  audioCodec,
}: {
  readonly audioCodec: AudioCodec | undefined;
}): CmafSoundCodec | undefined {
  return audioCodec === 'mpeg' ? undefined : audioCodec;
}

export function cmafVideoCodec({ codec }: { readonly codec: VideoCodec }): CmafVideoCodec | undefined {
  return codec === 'h264' || codec === 'hevc' ? codec : undefined;
}

/** What fragmented mp4 makes of a program. */
export interface CmafTracks {
  /** Its pictures, or its sound if it has no pictures, can be carried. */
  readonly plays: boolean;
  /** Pictures of HEVC, which Apple's players take from fragmented mp4 only. */
  readonly isHevc: boolean;
  /** How many tracks are left out, by kind. */
  readonly leftOut: { readonly sound: number; readonly other: number };
}

/** The first track of sound that sends is carried, and no other. */
export function cmafTracks({ streams, descriptors }: Pick<ProgramMap, 'streams' | 'descriptors'>): CmafTracks {
  const kinds = streams.map((stream) => ({ stream, ...classifyStream(stream, descriptors) }));
  const video = kinds.find(({ kind }) => kind === 'video');
  const sounds = kinds.filter(({ kind }) => kind === 'audio');
  const carried = sounds.filter(({ stream }) => cmafSoundCodec({ audioCodec: audioCodecOf(stream) }) !== undefined);
  return {
    plays: video === undefined ? carried.length > 0 : cmafVideoCodec(video) !== undefined,
    isHevc: video?.codec === 'hevc',
    leftOut: {
      sound: sounds.length - Math.min(1, carried.length),
      other: kinds.filter(({ kind }) => kind === 'other').length,
    },
  };
}

/** Of the codecs of a feed those that its fragmented mp4 has, pictures first. None stay none. @param codecs as RFC 6381 writes them */
export function carriedCodecs(codecs: readonly string[]): string[] {
  const video = codecs.find((codec) => /^(avc|hvc)1\./.test(codec));
  const sound = codecs.find((codec) => /^(mp4a\.40\.[1-4]$|ac-3|ec-3)/.test(codec));
  return [video, sound].filter((codec) => codec !== undefined);
}
