/** Where pictures can be entered, by hand for each kind of header and in what real encoders write. */

import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { isClosed, isKeyframe } from '../../../../services/proxy/src/mpegts/syntax/keyframes.ts';

const units = (...headers: readonly number[][]): Buffer =>
  Buffer.concat(headers.flatMap((header) => [Buffer.from([0, 0, 1]), Buffer.from(header)]));
const hevc = (type: number): number[] => [type << 1, 1, 0x80];

const H264_SPS = [0x67, 0x42];
const MPEG2_SEQUENCE = [0xb3, 0x14, 0x00, 0xf0];
const mpeg2Group = (closed: number): number[] => [0xb8, 0x80, 0x08, 0x00, closed << 6];

describe('a keyframe', () => {
  it.each([
    ['h264', 'an IDR picture', units([0x09, 0xf0], H264_SPS, [0x68, 1], [0x65, 0x88]), true, true],
    ['h264', 'a recovery point', units([0x09, 0xf0], [0x06, 6, 1], [0x41, 0x9a]), true, false],
    ['h264', 'parameter sets before a picture that is no IDR', units(H264_SPS, [0x68, 1], [0x41, 0x9a]), true, false],
    ['h264', 'any other picture', units([0x09, 0xf0], [0x41, 0x9a]), false, false],
    ['h264', 'parameter sets alone', units(H264_SPS, [0x68, 1]), true, undefined],
    ['hevc', 'IDR_W_RADL', units(hevc(32), hevc(33), hevc(19)), true, true],
    ['hevc', 'IDR_N_LP', units(hevc(20)), true, true],
    ['hevc', 'CRA', units(hevc(33), hevc(21)), true, false],
    ['hevc', 'BLA_W_LP', units(hevc(16)), true, false],
    ['hevc', 'BLA_N_LP', units(hevc(18)), true, false],
    ['hevc', 'a trailing picture', units(hevc(1)), false, false],
    ['mpeg2', 'a closed group', units(MPEG2_SEQUENCE, mpeg2Group(1), [0x00, 0, 8]), true, true],
    ['mpeg2', 'an open group', units(MPEG2_SEQUENCE, mpeg2Group(0), [0x00, 0, 8]), true, false],
    ['mpeg2', 'a sequence without groups', units(MPEG2_SEQUENCE, [0x00, 0, 8]), true, false],
    ['mpeg2', 'a group header that is cut', units(MPEG2_SEQUENCE, [0xb8, 0x80]), true, undefined],
    ['mpeg4', 'a closed group', units([0xb0, 1], [0xb3, 0, 0, 0x20], [0xb6, 0x10]), true, true],
    ['mpeg4', 'an I-VOP without a group', units([0xb6, 0x10]), true, false],
    ['unknown', 'anything', units([0x65, 0x88]), undefined, undefined],
  ] as const)('%s: %s', (codec, _, bytes, keyframe, closed) => {
    expect(isKeyframe(codec, bytes)).toBe(keyframe);
    expect(isClosed(codec, bytes)).toBe(closed);
  });

  it.each([
    ['h264', 'x264', ['libx264', '-bf', '2'], true],
    ['h264', 'x264 with open groups', ['libx264', '-bf', '2', '-x264-params', 'open-gop=1'], false],
    ['hevc', 'x265', ['libx265', '-x265-params', 'open-gop=0:log-level=none'], true],
    ['hevc', 'x265 with open groups', ['libx265', '-x265-params', 'open-gop=1:log-level=none'], false],
    ['mpeg2', 'FFmpeg', ['mpeg2video', '-bf', '2'], false],
    ['mpeg2', 'FFmpeg, closed', ['mpeg2video', '-bf', '2', '-flags', '+cgop', '-sc_threshold', '1000000000'], true],
  ] as const)('%s of %s, its second one', (codec, _, encoder, closed) => {
    const second = secondEntry(codec, encode(codec, encoder));
    expect(isKeyframe(codec, second)).toBe(true);
    expect(isClosed(codec, second)).toBe(closed);
  });
});

function encode(codec: 'h264' | 'hevc' | 'mpeg2', encoder: readonly string[]): Buffer {
  const source = ['-f', 'lavfi', '-i', 'testsrc2=size=64x64:rate=25', '-frames:v', '12', '-g', '6', '-keyint_min', '6'];
  const format = ['-pix_fmt', 'yuv420p', '-f', codec === 'mpeg2' ? 'mpeg2video' : codec];
  const { stdout } = spawnSync('ffmpeg', ['-v', 'error', ...source, '-c:v', ...encoder, ...format, 'pipe:1']);
  return stdout;
}

/** From the header that begins the second group of pictures on. */
function secondEntry(codec: 'h264' | 'hevc' | 'mpeg2', bytes: Buffer): Buffer {
  const begins: (unit: number) => boolean = {
    h264: (unit: number) => (unit & 0x1f) === 7,
    hevc: (unit: number) => unit >> 1 === 32,
    mpeg2: (unit: number) => unit === 0xb3,
  }[codec];
  const found: number[] = [];
  for (let at = bytes.indexOf('\0\0\x01', 0, 'latin1'); at >= 0; at = bytes.indexOf('\0\0\x01', at + 3, 'latin1')) {
    if (begins(bytes[at + 3] ?? 0)) found.push(at);
  }
  return bytes.subarray(found[1]);
}
