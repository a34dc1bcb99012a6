/** What a stream is made of, in the words of people who watch television. Pure. */

import type { PlayingStream } from '../../../shared/console/live.ts';
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

/** @example outputOf(stream) // '720p, 720p50 H.264 + AAC, 2.6 Mbit/s' */
export function outputOf({ profile, width, height, frameRate, codecs, bitsPerSecond }: PlayingStream): string {
  const rate = frameRate === undefined ? '' : String(Math.round(frameRate * 100) / 100);
  const size = width === undefined || height === undefined ? '' : `${height}p${rate}`;
  const names = (codecs ?? '').split(',').flatMap((codec) => (codec === '' ? [] : nameOf(codec)));
  const media = [size, names.join(' + ')].filter((part) => part !== '').join(' ');
  const speed = bitsPerSecond === undefined ? '' : `${megabits(bitsPerSecond)} Mbit/s`;
  const made = profile === undefined ? words.now.direct : visible(profile);
  return [made, media, speed].filter((part) => part !== '').join(', ');
}

function nameOf(codec: string): string {
  return CODECS.find(([start]) => codec.startsWith(start))?.[1] ?? visible(codec);
}
