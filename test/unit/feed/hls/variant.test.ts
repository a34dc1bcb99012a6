/** What an entry says of a feed, beside what ffprobe says of the same bytes. */

import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { peakOf, readMedia } from '../../../../services/proxy/src/feed/hls/variant.ts';

const X264 = ['-c:v', 'libx264', '-pix_fmt', 'yuv420p', '-preset'];
const X265 = ['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', 'log-level=none', '-pix_fmt'];

/** One second of MPEG-TS. @param audio encoders of sound, one a track */
function encoded(size: string, rate: string, video: readonly string[], audio: readonly string[]): Buffer {
  const sounds = audio.flatMap((encoder, n) => ['-map', '1:a', `-c:a:${n}`, encoder]);
  const sources = ['-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=${rate}`, '-f', 'lavfi', '-i', 'sine=r=48000'];
  const maps = video.length === 0 ? [] : ['-map', '0:v', ...video];
  const args = ['-v', 'error', ...sources, ...maps, ...sounds, '-ac', '2', '-t', '1', '-f', 'mpegts', 'pipe:1'];
  const { stdout, stderr } = spawnSync('ffmpeg', args, { maxBuffer: 2 ** 26 });
  expect(stderr.toString()).toBe('');
  return stdout;
}

/** Size and rate of the pictures. */
function probed(bytes: Buffer): unknown {
  const entries = ['-select_streams', 'v:0', '-show_entries', 'stream=width,height,r_frame_rate'];
  const { stdout } = spawnSync('ffprobe', ['-v', 'error', ...entries, '-of', 'json', '-'], { input: bytes });
  const [stream] = JSON.parse(stdout.toString()).streams;
  const [over, under] = stream.r_frame_rate.split('/').map(Number);
  return { size: { width: stream.width, height: stream.height }, frameRate: (over / under).toFixed(2) };
}

describe('what an entry says of pictures and sound', () => {
  it.each([
    ['640x360', '25', [...X264, 'ultrafast'], ['aac'], ['avc1.42c01e', 'mp4a.40.2']],
    ['1920x1080', '30000/1001', [...X264, 'veryfast', '-bf', '2'], ['aac'], ['avc1.640028', 'mp4a.40.2']],
    ['720x576', '24000/1001', [...X264, 'veryfast', '-profile:v', 'main'], ['aac'], ['avc1.4d401e', 'mp4a.40.2']],
    ['1280x720', '50', [...X264, 'veryfast'], ['aac'], ['avc1.640020', 'mp4a.40.2']],
    [
      '1280x720',
      '60000/1001',
      [...X264, 'veryfast'],
      ['libmp3lame', 'aac'],
      ['avc1.640020', 'mp4a.40.34', 'mp4a.40.2'],
    ],
    ['640x360', '25', [...X264, 'ultrafast'], ['libmp3lame'], ['avc1.42c01e', 'mp4a.40.34']],
    ['640x360', '25', [...X265, 'yuv420p'], ['aac'], ['hvc1.1.6.L63.90', 'mp4a.40.2']],
    ['640x360', '50', [...X265, 'yuv420p10le'], ['aac', 'aac'], ['hvc1.2.4.L90.90', 'mp4a.40.2']],
    // Names that make hls.js give up.
    ['640x360', '25', [...X264, 'ultrafast'], ['mp2'], []],
    ['640x360', '25', [...X264, 'ultrafast'], ['ac3', 'aac'], []],
    ['640x360', '25', [...X264, 'ultrafast'], ['eac3'], []],
    // HLS has no MPEG-2, so the list of codecs would not be whole.
    ['720x576', '25', ['-c:v', 'mpeg2video'], ['aac'], []],
    ['720x576', '25', [...X264, 'ultrafast'], ['libopus'], []],
  ])('of %s at %s, %j, with %j', (size, rate, video, audio, codecs) => {
    const bytes = encoded(size, rate, video, audio);
    const { frameRate, ...rest } = readMedia([bytes.subarray(0, 188 * 100), bytes.subarray(188 * 100)]).described;
    expect({ ...rest, frameRate: frameRate?.toFixed(2) }).toEqual({ ...(probed(bytes) as object), codecs });
  });

  it('of sound alone', () => {
    const bytes = encoded('640x360', '25', [], ['aac']);
    expect(readMedia([bytes]).described).toEqual({ codecs: ['mp4a.40.2'], size: undefined, frameRate: undefined });
  });
});

describe('the peak of what is not cut', () => {
  it('is that of the stretch with the most, of a segment time at least', () => {
    const at = (seconds: number, position: number) => ({ mediaMs: seconds * 1000, position });
    const entries = [at(0, 0), at(1, 900_000), at(2, 1_000_000), at(3, 1_100_000), at(4, 1_200_000)];
    expect(peakOf(entries, 2_000)).toBe(4_000_000);
    expect(peakOf(entries, 1_000)).toBe(7_200_000);
  });

  it('is unknown before one stretch is whole', () => {
    expect(peakOf([], 2_000)).toBeUndefined();
    expect(peakOf([{ mediaMs: 0, position: 0 }], 2_000)).toBeUndefined();
  });
});
