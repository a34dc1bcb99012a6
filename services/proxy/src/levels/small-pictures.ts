/** Small pictures of a feed, as an FFmpeg makes them that decodes its keyframes and nothing else. */

import type { Measure } from './meter.ts';

const WIDTH = 64;
const HEIGHT = 36;
const PICTURE_BYTES = WIDTH * HEIGHT;

/** Luma of a picture, one byte for each point, row by row. */
export const SMALL_PICTURES: Measure<Buffer> = {
  name: 'small pictures',
  kind: 'video',
  input: ['-skip_frame', 'nokey'],
  output: [
    ...['-vf', `scale=${WIDTH}:${HEIGHT}:flags=area,format=gray`],
    ...['-fps_mode', 'passthrough', '-f', 'rawvideo', 'pipe:1'],
  ],
  reader: () => {
    let rest: Buffer = Buffer.alloc(0);
    return (bytes) => {
      const all = Buffer.concat([rest, bytes]);
      const count = Math.floor(all.length / PICTURE_BYTES);
      rest = all.subarray(count * PICTURE_BYTES);
      return Array.from({ length: count }, (_, n) => all.subarray(n * PICTURE_BYTES, (n + 1) * PICTURE_BYTES));
    };
  },
};
