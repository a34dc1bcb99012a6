/** Reading FFmpeg's stderr. */
import { describe, expect, test } from 'vitest';
import { StderrReader } from '../../../../services/proxy/src/ffmpeg/process/stderr.ts';
import { maskText } from '../../../../services/shared/masking/mask.ts';

const HEADER = `[info] Input #0, hls, from 'http://h/secret.m3u8':
[info]   Duration: 01:02:03.50, start: 1.458667, bitrate: N/A
[info]   Stream #0:0[0x100](eng): Video: h264 (High) ([27][0][0][0] / 0x001B), yuv420p(tv, bt709, progressive), 1280x720 [SAR 1:1 DAR 16:9], 29.97 fps, 29.97 tbr, 90k tbn
[info]   Stream #0:1[0x101]: Audio: aac (LC) ([15][0][0][0] / 0x000F), 48000 Hz, 5.1(side), fltp, 130 kb/s
[info]   Stream #0:2[0x102]: Audio: mp2, 48000 Hz, stereo, s16p, 192 kb/s
[info] Output #0, mpegts, to 'pipe:1':
[info]   Stream #0:0: Video: hevc, yuv420p(progressive), 640x360 [SAR 1:1 DAR 16:9], q=2-31, 25 fps, 90k tbn
[info]   Stream #0:1: Audio: aac, 48000 Hz, stereo, fltp, 128 kb/s
`;

/** As `maskText` does. */
const masked = (line: string) => maskText(line).trimEnd();

function reader() {
  const durations: (number | undefined)[] = [];
  return { stderr: new StderrReader((seconds) => durations.push(seconds)), durations };
}

describe('StderrReader', () => {
  test('knows the duration and how far FFmpeg got, however the text is cut', () => {
    for (const size of [1, 7, 4096]) {
      const { stderr, durations } = reader();
      for (let at = 0; at < HEADER.length; at += size) stderr.write(HEADER.slice(at, at + size));
      stderr.write(
        '[info] frame=  10 fps=25 q=1.0 size=  10kB time=00:00:01.00 bitrate=2189.8kbits/s speed=1.02x    \r',
      );
      expect(durations).toEqual([3723.5]);
      expect(stderr.progress).toBe('output_open');
      expect(stderr.lines.join()).not.toContain('speed=');
    }
  });

  test('reports a live input as having no duration', () => {
    const { stderr, durations } = reader();
    stderr.write(`[info] Input #0, mpegts, from 'pipe:0':\n[info]   Duration: N/A, start: 1.4, bitrate: N/A\n`);
    expect(durations).toEqual([undefined]);
  });

  test('shows its last 20 lines, the newest statistics among them, and what it has said of itself', () => {
    const { stderr } = reader();
    stderr.write(HEADER);
    expect(stderr.speed).toBeUndefined();
    expect(stderr.shown).toEqual(HEADER.trimEnd().split('\n').map(masked));
    for (let second = 1; second <= 3; second++)
      stderr.write(`[info] frame=${second} time=00:00:0${second}.00 speed=1x\r`);
    for (let n = 0; n < 30; n++) stderr.write(`[warning] line ${n}\n`);
    expect(stderr.shown).toHaveLength(20);
    expect(stderr.speed).toBe(1);
    expect(stderr.shown.at(-1)).toBe('[info] frame=3 time=00:00:03.00 speed=1x');
    expect(stderr.shown.at(-2)).toBe('[warning] line 29');
    expect(stderr.input).toMatchObject({ videoCodec: 'h264', resolution: '1280x720', fps: 29.97, audioCodec: 'aac' });
    expect(stderr.output).toMatchObject({ videoCodec: 'hevc', resolution: '640x360', audioChannels: 'stereo' });
  });

  test('keeps few and short lines of much text, and masks what it keeps and reports', () => {
    const { stderr } = reader();
    const problems = stderr.write(
      `[error] http://u:secret@h/x: no\n${'x'.repeat(100_000)}\n${'[info] line\n'.repeat(1000)}`,
    );
    expect(problems).toEqual(['[error] http://***@h/x: no']);
    expect(stderr.lines.length).toBeLessThanOrEqual(50);
    stderr.write('y'.repeat(1_000_000));
    stderr.end();
    expect(Math.max(...stderr.lines.map((line) => line.length))).toBeLessThanOrEqual(500);
  });
});
