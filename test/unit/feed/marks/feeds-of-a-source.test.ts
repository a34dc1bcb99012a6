/**
 * Feeds of one source begin their segments at the same pictures, with the same numbers and dates: three that began at different
 * keyframes, and one whose run was killed in the middle of a group. For each kind of source, over the wrap of its clock.
 */

import { describe, expect, it } from 'vitest';
import { TIMESTAMP_WRAP } from '../../../../services/proxy/src/mpegts/syntax/timestamp.ts';
import { cutsOfCopy } from '../../../support/feed-cuts.ts';
import type { LoopName } from '../../../support/fixtures.ts';
import { type MarkedFeed, markedFeed, markedLoop, SECOND } from '../../../support/segmented.ts';
import { TsBuilder } from '../../mpegts/build-ts.ts';

/** The wrap is 11 s behind the beginning. */
const firstDts = TIMESTAMP_WRAP - 11 * SECOND;

/** Pictures that come after 20 to 100 ms, and once after 3 s; a keyframe about every second. */
function irregular(): MarkedFeed {
  function* pieces() {
    const builder = new TsBuilder().tables();
    let ticks = 900_000;
    for (let n = 0; n < 600; n++) {
      builder.video(ticks, ticks, n % 20 === 0, 300 + (n % 7) * 150);
      if (n % 20 === 10) builder.tables();
      ticks += n === 333 ? 3 * SECOND : 1_800 * (1 + ((n * n + n) % 5));
      yield { bytes: builder.take(), ms: (ticks - 900_000) / 90 };
    }
  }
  return markedFeed(pieces(), { firstDts });
}

const loop = (name: LoopName, seconds: number) => () => markedLoop(name, { seconds, firstDts });

describe('copies of one source', () => {
  it.each<[string, () => MarkedFeed | Promise<MarkedFeed>, number?]>([
    ['25 pictures a second, with B-frames', loop('bframes', 24)],
    ['50 fields a second', loop('interlaced-h264', 24)],
    ['50 fields a second of MPEG-2', loop('interlaced-mpeg2', 24)],
    ['29.97 pictures a second', loop('fps-29.97', 24)],
    ['irregular pictures', irregular],
    ['a keyframe each 10 s', loop('gop10', 52)],
    ['open groups', loop('numbered-open-gop', 24)],
    ['HEVC', loop('hevc', 24)],
    ['50 pictures a second', loop('fps-50', 24)],
    ['sound alone', loop('audio-only', 24)],
  ])('with %s begin the same segments', async (name, make) => {
    const source = await make();
    const { entries, bytes, marks } = source;
    const hasPictures = name !== 'sound alone';
    const between = (at: number) =>
      Math.floor((at + (entries.find((entry) => entry.at > at)?.at ?? at)) / 2 / 188) * 188;
    const early = Math.floor(entries.length * 0.1) + 1;
    const late = Math.floor(entries.length * 0.3) + 1;
    const kills = [0.35, 0.6].map((share) => between(bytes.length * share));
    const feeds = [
      cutsOfCopy(source, { entry: 0, hasPictures }),
      cutsOfCopy(source, { entry: early, hasPictures }),
      cutsOfCopy(source, { entry: late, hasPictures }),
      cutsOfCopy(source, { entry: 0, kills, hasPictures }),
    ];
    const all = marks.map(({ mark: { n, pts, pdtMs } }) => ({ n, pts, pdtMs }));
    expect(all.length).toBeGreaterThan(3);
    expect(all.at(-1)?.pts).toBeGreaterThan(TIMESTAMP_WRAP);
    expect(feeds.map(({ faults }) => faults)).toEqual([[], [], [], []]);
    for (const [index, { begins }] of feeds.entries()) {
      const entry = entries[[0, early, late, 0][index] as number];
      const expected = all.filter(({ pts }) => pts >= (entry?.pts ?? 0));
      expect({ index, begins }).toEqual({ index, begins: expected });
      expect(begins.length).toBeGreaterThan(1);
    }
  });
});
