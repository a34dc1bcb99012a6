/** What a stream is made of, in the words of people who watch television. Pure. */

import type { PlayingStream, ShownMedia } from '../../../shared/console/live.ts';
import { megabits } from './numbers.ts';
import { visible } from './visible.ts';
import { words } from './words.ts';

/** The beginning of a codec's name in RFC 6381 → what people call it. */
const CODECS: readonly (readonly [string, string])[] = [
  ['avc', 'H.264'],
  ['hvc', 'HEVC'],
  ['hev', 'HEVC'],
  ['mp4a.40', 'AAC'],
  ['mp4a', 'MPEG audio'],
  ['ac-3', 'AC-3'],
  ['ec-3', 'E-AC-3'],
  ['av01', 'AV1'],
];

/** FFmpeg's name of a codec → what people call it. */
const NAMES: Readonly<Record<string, string>> = {
  h264: 'H.264',
  hevc: 'HEVC',
  mpeg2video: 'MPEG-2',
  av1: 'AV1',
  vp9: 'VP9',
  aac: 'AAC',
  ac3: 'AC-3',
  eac3: 'E-AC-3',
  mp2: 'MP2',
  mp3: 'MP3',
  opus: 'Opus',
};

/** @example mediaOf({ resolution: '1920x1080', fps: 25, videoCodec: 'h264', audioCodec: 'ac3' }) // '1920×1080@25 H.264 + AC-3' */
export function mediaOf({ resolution, fps, videoCodec, audioCodec, audioChannels }: ShownMedia): string {
  const rate = fps === undefined ? '' : `@${Math.round(fps * 100) / 100}`;
  const size = resolution === undefined ? '' : visible(resolution).replace('x', '×') + rate;
  const known = (codec: string | undefined): string => (codec === undefined ? '' : (NAMES[codec] ?? visible(codec)));
  const sound = [known(audioCodec), audioChannels === undefined ? '' : visible(audioChannels)]
    .filter(Boolean)
    .join(' ');
  return [size, [known(videoCodec), sound].filter(Boolean).join(' + ')].filter(Boolean).join(' ');
}

/** @example outputOf(stream) // '720p, 720p50 H.264 + AAC, 2.6 Mbit/s' */
export function outputOf(stream: PlayingStream): string {
  const { profile, width, height, frameRate, codecs, output, bitsPerSecond } = stream;
  const rate = frameRate === undefined ? '' : String(Math.round(frameRate * 100) / 100);
  const size = width === undefined || height === undefined ? '' : `${height}p${rate}`;
  const names = (codecs ?? '').split(',').flatMap((codec) => (codec === '' ? [] : nameOf(codec)));
  const media = mediaOf(output ?? {}) || [size, names.join(' + ')].filter((part) => part !== '').join(' ');
  const speed = bitsPerSecond === undefined ? '' : `${megabits(bitsPerSecond)} Mbit/s`;
  const made = profile === undefined ? words.now.direct : visible(profile);
  return [made, media, speed].filter((part) => part !== '').join(', ');
}

/** What people call a codec that has a name of RFC 6381. */
export function nameOf(codec: string): string {
  return CODECS.find(([start]) => codec.startsWith(start))?.[1] ?? visible(codec);
}
