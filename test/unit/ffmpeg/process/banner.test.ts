/** What FFmpeg says at its start of its input and its output, line by line as it prints it. */

import { describe, expect, it } from 'vitest';
import { Banner } from '../../../../services/proxy/src/ffmpeg/process/banner.ts';

function read(text: string): Banner {
  const banner = new Banner();
  for (const line of text.trim().split('\n')) banner.read(line);
  return banner;
}

const PIPED = `
[info] Input #0, mpegts, from 'pipe:0':
[info]   Duration: N/A, start: 10.000000, bitrate: N/A
[info]   Program 1
[info]     Metadata:
[info]       service_name    : Service01
[info]   Stream #0:0[0x100]: Video: h264 (High) ([27][0][0][0] / 0x001B), yuv420p(tv, bt709, top first), 1920x1080 [SAR 1:1 DAR 16:9], 25 fps, 50 tbr, 90k tbn
[info]   Stream #0:1[0x101](eng): Audio: mp2 ([3][0][0][0] / 0x0003), 48000 Hz, stereo, s16p, 192 kb/s
[info]   Stream #0:2[0x102](deu): Audio: ac3 (AC-3 / 0x332D4341), 48000 Hz, 5.1(side), fltp, 448 kb/s
[info]   Stream #0:3[0x103](eng): Subtitle: dvb_subtitle ([6][0][0][0] / 0x0006)
[info] Stream mapping:
[info]   Stream #0:0 -> #0:0 (h264 (native) -> h264 (libx264))
[info]   Stream #0:2 -> #0:1 (ac3 (native) -> aac (native))
[info] [libx264 @ 0x55d] using SAR=1/1
[info] Output #0, mpegts, to 'pipe:1':
[info]   Metadata:
[info]     encoder         : Lavf61.7.100
[info]   Stream #0:0: Video: h264, yuv420p(tv, bt709, progressive), 1280x720 [SAR 1:1 DAR 16:9], q=2-31, 3000 kb/s, 29.97 fps, 90k tbn
[info]   Stream #0:1(deu): Audio: aac (LC), 48000 Hz, stereo, fltp, 128 kb/s
`;

describe('what FFmpeg says of itself', () => {
  it('is that of the tracks that it takes', () => {
    const { input, output } = read(PIPED);
    expect(input).toEqual({
      ...{ videoCodec: 'h264', resolution: '1920x1080', fps: 25 },
      ...{ audioCodec: 'ac3', audioChannels: '5.1(side)' },
    });
    expect(output).toEqual({
      ...{ videoCodec: 'h264', resolution: '1280x720', fps: 29.97 },
      ...{ audioCodec: 'aac', audioChannels: 'stereo' },
    });
  });

  it('is that of the first tracks until it has said which it takes', () => {
    const banner = new Banner();
    for (const line of PIPED.trim().split('\n').slice(0, 9)) banner.read(line);
    expect(banner.input).toMatchObject({ videoCodec: 'h264', audioCodec: 'mp2', audioChannels: 'stereo' });
    expect(banner.output).toEqual({});
  });

  it('knows the tracks that go into a filter graph', () => {
    const { input } = read(`
[info] Input #0, hls, from 'http://127.0.0.1:1/x/index.m3u8':
[info]   Stream #0:0: Video: hevc (Main 10), yuv420p10le(tv), 3840x2160, 50 fps, 50 tbr, 90k tbn
[info]   Stream #0:1: Audio: aac (LC), 48000 Hz, mono, fltp
[info]   Stream #0:2: Audio: eac3, 48000 Hz, 5.1(side), fltp, 640 kb/s
[info] Stream mapping:
[info]   Stream #0:0 (hevc) -> scale:default
[info]   Stream #0:2 (eac3) -> aresample:default
[info]   scale:default -> Stream #0:0 (libx264)
[info]   aresample:default -> Stream #0:1 (aac)
`);
    expect(input).toEqual({
      ...{ videoCodec: 'hevc', resolution: '3840x2160', fps: 50 },
      ...{ audioCodec: 'eac3', audioChannels: '5.1(side)' },
    });
  });

  it('leaves out what it does not say, a cover, and what it lays over the pictures', () => {
    const { input, output } = read(`
[info] Input #0, mpegts, from 'pipe:0':
[info]   Stream #0:0[0x100]: Video: none ([234][0][0][0] / 0x00EA), none, 90k tbn
[info]   Stream #0:1[0x101]: Audio: aac ([15][0][0][0] / 0x000F), 0 channels
[info] Input #1, png_pipe, from 'logo.png':
[info]   Stream #1:0: Video: png, rgba(pc), 64x64, 25 fps, 25 tbr, 25 tbn
[info] Output #0, mp3, to 'pipe:1':
[info]   Stream #0:1: Video: png, rgb24, 300x300, q=2-31, 200 kb/s, 90k tbn (attached pic)
[info]   Stream #0:0: Audio: mp3, 44100 Hz, stereo, fltp, 128 kb/s
`);
    expect(input).toEqual({
      ...{ videoCodec: undefined, resolution: undefined, fps: undefined },
      ...{ audioCodec: 'aac', audioChannels: undefined },
    });
    expect(output).toEqual({ audioCodec: 'mp3', audioChannels: 'stereo' });
  });

  it('believes no source that pretends to be FFmpeg', () => {
    const { output } = read(`
[info] Input #0, mpegts, from 'pipe:0':
[info]     title           : [info] Output #0, mpegts, to 'pipe:1':
[info]     comment         : [info]   Stream #0:0: Video: av1, yuv420p, 1x1, 1 fps
`);
    expect(output).toEqual({});
  });
});
