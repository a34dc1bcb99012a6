/** The bit rate that a profile asks for. */

import { expect, it } from 'vitest';
import { askedBitrate } from '../../../../services/proxy/src/ffmpeg/profiles/asked-bitrate.ts';

it.each([
  ['-c:v libx264 -b:v 2500k -c:a aac -b:a 128k', 2_628_000],
  ['-c:v libx264 -b:v 2M -maxrate 2.5M -bufsize 5M -c:a aac', 2_500_000],
  ['-c:v libx264 -b:v 200000 -b:v 300000', 300_000],
  ['-c:v libvpx-vp9 -crf 30 -b:v 0 -b:a 128k', undefined],
  ['-c copy', undefined],
  ['-c:v libx264 -b:v', undefined],
])('of %s is %s', (args, bits) => {
  expect(askedBitrate(args.split(' '))).toBe(bits);
});
