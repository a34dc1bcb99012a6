/** Frames of sound in units: whole ones, those that stand in two, and bytes that are none. */

import { describe, expect, it } from 'vitest';
import { SoundReader } from '../../../../services/proxy/src/mpegts/segmenting/sound-reader.ts';

const FRAME_TICKS = 1_920;

/** An ADTS frame of 48 kHz with `bytes` bytes, filled with a number. */
function adts(bytes: number, fill: number): Buffer {
  const frame = Buffer.alloc(bytes, fill);
  frame.set([0xff, 0xf1, 0x4c, 0x80 | (bytes >> 11), (bytes >> 3) & 0xff, ((bytes & 7) << 5) | 0x1f, 0xfc]);
  return frame;
}

const frames = [adts(60, 1), adts(61, 2), adts(62, 3), adts(63, 4)];
const shown = (reader: SoundReader, bytes: Buffer, pts: number) => {
  const unit = reader.read(bytes, pts);
  return {
    at: unit.frames.map((frame) => frame.pts),
    sizes: unit.frames.map((frame) => frame.bytes.length),
    isPlain: unit.isPlain,
  };
};

describe('a unit of sound', () => {
  it('with whole frames is plain, and each frame has its time', () => {
    expect(shown(new SoundReader('aac'), Buffer.concat(frames), 900)).toEqual({
      at: [0, 1, 2, 3].map((n) => 900 + n * FRAME_TICKS),
      sizes: [60, 61, 62, 63],
      isPlain: true,
    });
  });

  it.each([1, 6, 7, 30, 59])('that ends %i bytes into a frame leaves the rest to the next one', (cut) => {
    const reader = new SoundReader('aac');
    const all = Buffer.concat(frames);
    expect(shown(reader, all.subarray(0, 121 + cut), 900)).toEqual({
      at: [900, 900 + FRAME_TICKS],
      sizes: [60, 61],
      isPlain: false,
    });
    // Its time is that of the first frame that begins in it: the fourth.
    expect(shown(reader, all.subarray(121 + cut), 900 + 3 * FRAME_TICKS)).toEqual({
      at: [900 + 2 * FRAME_TICKS, 900 + 3 * FRAME_TICKS],
      sizes: [62, 63],
      isPlain: false,
    });
  });

  it('leaves out what is no frame', () => {
    const junk = Buffer.from([0xff, 0xf1, 0, 0, 0, 0, 0, 0, 0xff]);
    expect(shown(new SoundReader('aac'), Buffer.concat([junk, frames[0] as Buffer]), 900)).toEqual({
      at: [900],
      sizes: [60],
      isPlain: false,
    });
  });

  it('counts as one frame when its codec is not known', () => {
    expect(shown(new SoundReader(undefined), Buffer.alloc(500), 900)).toEqual({
      at: [900],
      sizes: [500],
      isPlain: true,
    });
  });

  it('that is longer than any sound is left out, and what follows is read', () => {
    const reader = new SoundReader('aac');
    expect(shown(reader, Buffer.alloc(2 ** 23, 0xff), 900)).toEqual({ at: [], sizes: [], isPlain: false });
    expect(shown(reader, Buffer.concat(frames), 900).sizes).toEqual([60, 61, 62, 63]);
  });
});
