/** Codecs and layouts by the names that FFmpeg has for them, from the headers that the standards describe. */

import { expect, it } from 'vitest';
import { layoutName, pictureName, soundName } from '../../../../services/proxy/src/mpegts/naming/ffmpeg-names.ts';

/** A header of ADTS: AAC LC, 48 kHz. */
function adts(channels: number): Buffer {
  return Buffer.from([0xff, 0xf1, 0x4c | (channels >> 2), (channels & 3) << 6, 0x20, 0x1f, 0xfc]);
}

/** syncinfo and the beginning of bsi of AC-3, 48 kHz: mix levels stand where acmod says so. */
function ac3(acmod: number, lfe: number): Buffer {
  const mix = ((acmod & 1) !== 0 && acmod !== 1 ? 2 : 0) + ((acmod & 4) !== 0 ? 2 : 0) + (acmod === 2 ? 2 : 0);
  const bits = (acmod << 13) | (lfe << (12 - mix));
  return Buffer.from([0x0b, 0x77, 0, 0, 0x1e, 8 << 3, bits >> 8, bits & 0xff]);
}

/** The beginning of an independent frame of E-AC-3 with six blocks. */
function eac3(acmod: number, lfe: number): Buffer {
  return Buffer.from([0x0b, 0x77, 0x01, 0xff, 0x30 | (acmod << 1) | lfe, 16 << 3, 0, 0]);
}

/** A header of MPEG audio. @param layer its two bits */
const mpeg = (layer: number, mode: number) => Buffer.from([0xff, 0xf9 | (layer << 1), 0x94, mode << 6, 0, 0, 0]);

it.each([
  ['aac', adts(1), 'mono'],
  ['aac', adts(2), 'stereo'],
  ['aac', adts(6), '5.1'],
  ['aac', adts(7), '7.1'],
  // It stands in the frame itself.
  ['aac', adts(0), undefined],
  ['ac3', ac3(2, 0), 'stereo'],
  ['ac3', ac3(1, 0), 'mono'],
  ['ac3', ac3(7, 1), '5.1(side)'],
  ['ac3', ac3(7, 0), '5.0(side)'],
  ['ac3', ac3(3, 0), '3.0'],
  // FFmpeg has no name for it either.
  ['ac3', ac3(1, 1), undefined],
  ['eac3', eac3(7, 1), '5.1(side)'],
  ['eac3', eac3(2, 0), 'stereo'],
  ['mpeg', mpeg(2, 0), 'stereo'],
  ['mpeg', mpeg(2, 1), 'stereo'],
  ['mpeg', mpeg(1, 3), 'mono'],
] as const)('tells the layout of %s with the header %j', (codec, frame, layout) => {
  expect(layoutName(codec, frame)).toBe(layout);
});

it('tells the layers of MPEG audio apart, and calls the others as they are', () => {
  expect([soundName('mpeg', mpeg(2, 0)), soundName('mpeg', mpeg(1, 0))]).toEqual(['mp2', 'mp3']);
  expect([soundName('aac', adts(2)), soundName('eac3', eac3(2, 0))]).toEqual(['aac', 'eac3']);
});

it('tells MPEG-2 from MPEG-1 by the extension, and guesses no codec that it does not know', () => {
  const sequence = Buffer.from([0, 0, 1, 0xb3, 0x2d, 0x02, 0x40, 0x33]);
  expect(pictureName('mpeg2', Buffer.concat([sequence, Buffer.from([0, 0, 1, 0xb5, 0x14])]))).toBe('mpeg2video');
  expect(pictureName('mpeg2', sequence)).toBe('mpeg1video');
  expect([pictureName('h264', sequence), pictureName('hevc', sequence), pictureName('unknown', sequence)]).toEqual([
    'h264',
    'hevc',
    undefined,
  ]);
});
