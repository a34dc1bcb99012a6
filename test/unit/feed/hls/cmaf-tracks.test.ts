/** Which tracks of a program fragmented mp4 has, and what it leaves out. */

import { expect, it } from 'vitest';
import { carriedCodecs, cmafTracks } from '../../../../services/proxy/src/feed/hls/cmaf-tracks.ts';

const NONE = Buffer.alloc(0);
const AC3 = Buffer.from([0x6a, 0]);
const SUBTITLES = Buffer.from([0x59, 0]);
const stream = (type: number, descriptors = NONE, pid = 0x100) => ({ pid, type, descriptors });
const [H264, HEVC, MPEG2, AAC, MP2] = [0x1b, 0x24, 0x02, 0x0f, 0x03].map((type) => stream(type));

it.each([
  ['H.264 and AAC', [H264, AAC], { plays: true, isHevc: false, leftOut: { sound: 0, other: 0 } }],
  ['HEVC, AAC and AC-3', [HEVC, AAC, stream(6, AC3)], { plays: true, isHevc: true, leftOut: { sound: 1, other: 0 } }],
  ['H.264 and MP2', [H264, MP2], { plays: true, isHevc: false, leftOut: { sound: 1, other: 0 } }],
  ['MP2, AC-3 and subtitles', [H264, MP2, stream(6, AC3), stream(6, SUBTITLES)], { leftOut: { sound: 1, other: 1 } }],
  ['MPEG-2', [MPEG2, AAC], { plays: false }],
  ['AAC alone', [AAC], { plays: true, isHevc: false, leftOut: { sound: 0, other: 0 } }],
  ['MP2 alone', [MP2], { plays: false, leftOut: { sound: 1, other: 0 } }],
])('of %s', (_, streams, expected) => {
  expect(cmafTracks({ streams: streams as ReturnType<typeof stream>[], descriptors: NONE })).toMatchObject(expected);
});

it.each([
  [
    ['avc1.64001f', 'mp4a.40.2'],
    ['avc1.64001f', 'mp4a.40.2'],
  ],
  [
    ['hvc1.1.6.L93.90', 'mp4a.40.33', 'ac-3'],
    ['hvc1.1.6.L93.90', 'ac-3'],
  ],
  [
    ['avc1.64001f', 'ec-3', 'mp4a.40.2'],
    ['avc1.64001f', 'ec-3'],
  ],
  [['mp4a.40.34'], []],
  [[], []],
])('the codecs of %j', (codecs, carried) => {
  expect(carriedCodecs(codecs)).toEqual(carried);
});
