/** Silent frames of sound, in FFmpeg's decoders: nothing is heard, for as long as the frame that they are like. */

import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { silentFrame } from '../../../../services/proxy/src/mpegts/segmenting/silent-frame.ts';
import { type AudioCodec, audioFrame } from '../../../../services/proxy/src/mpegts/syntax/audio-frames.ts';

const COUNT = 20;

/** 0.3 s of a tone. */
function tone(channels: string, args: readonly string[], format: string): Buffer {
  const source = `sine=sample_rate=48000:duration=0.3,aformat=channel_layouts=${channels}`;
  const all = ['-v', 'error', '-f', 'lavfi', '-i', source, ...args, '-f', format, 'pipe:1'];
  return spawnSync('ffmpeg', all).stdout;
}

/** Samples of all channels, and what the decoder says. */
function heard(frames: Buffer, format: string): { samples: Int16Array; said: string } {
  const args = ['-v', 'warning', '-f', format, '-i', 'pipe:0', '-f', 's16le', 'pipe:1'];
  const { stdout, stderr } = spawnSync('ffmpeg', args, { input: frames, maxBuffer: 2 ** 26 });
  return { samples: new Int16Array(new Uint8Array(stdout).buffer), said: stderr.toString() };
}

const AAC = ['-c:a', 'aac'];
const MP3 = ['-write_xing', '0', '-id3v2_version', '0', '-c:a', 'libmp3lame'];

it.each<[AudioCodec, string, number, readonly string[], string, string]>([
  ['aac', 'mono', 1, AAC, 'adts', 'aac'],
  ['aac', 'stereo', 2, AAC, 'adts', 'aac'],
  ['aac', '3.0', 3, AAC, 'adts', 'aac'],
  ['aac', '4.0', 4, AAC, 'adts', 'aac'],
  ['aac', '5.0', 5, AAC, 'adts', 'aac'],
  ['aac', '5.1', 6, AAC, 'adts', 'aac'],
  ['aac', '7.1', 8, AAC, 'adts', 'aac'],
  ['aac', 'stereo', 2, [...AAC, '-ar', '22050'], 'adts', 'aac'],
  ['mpeg', 'stereo', 2, ['-c:a', 'mp2'], 'mp2', 'mp3'],
  ['mpeg', 'mono', 1, ['-c:a', 'mp2', '-ar', '24000'], 'mp2', 'mp3'],
  ['mpeg', 'stereo', 2, MP3, 'mp3', 'mp3'],
  ['mpeg', 'stereo', 2, [...MP3, '-ar', '22050'], 'mp3', 'mp3'],
])('is silence of %s, %s', (codec, layout, channels, args, muxer, demuxer) => {
  const frames = tone(layout, args, muxer);
  const silent = silentFrame(codec, frames) ?? Buffer.alloc(0);
  const about = audioFrame(codec, silent);
  const { samples, sampleRate } = audioFrame(codec, frames) ?? {};
  expect(about).toMatchObject({ bytes: silent.length, samples, sampleRate });
  // What was heard before sounds on for two frames, in the overlap of the decoder's windows.
  const { samples: all, said } = heard(Buffer.concat([frames, ...Array<Buffer>(COUNT).fill(silent)]), demuxer);
  const quiet = all.subarray(-(COUNT - 2) * (samples ?? 0) * channels);
  expect([said, all.some((sample) => sample !== 0), quiet.some((sample) => sample !== 0)]).toEqual(['', true, false]);
  expect(all.length).toBeGreaterThan((COUNT + 5) * (samples ?? 0) * channels);
});

it('is AAC of 48 kHz in stereo where nobody has heard the track, and nothing where none can be made', () => {
  const usual = silentFrame('aac', undefined) ?? Buffer.alloc(0);
  expect(audioFrame('aac', usual)).toEqual({ bytes: usual.length, samples: 1024, sampleRate: 48_000 });
  const { samples, said } = heard(Buffer.concat(Array<Buffer>(COUNT).fill(usual)), 'aac');
  expect([said, samples.length, samples.some((sample) => sample !== 0)]).toEqual(['', COUNT * 1024 * 2, false]);
  const ac3 = tone('stereo', ['-c:a', 'ac3'], 'ac3');
  expect([silentFrame('ac3', ac3), silentFrame('ac3', undefined), silentFrame('mpeg', undefined)]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  // Its channels are described in the stream itself.
  expect(silentFrame('aac', Buffer.from([0xff, 0xf1, 0x4c, 0, 0, 0xff, 0xfc]))).toBeUndefined();
});
