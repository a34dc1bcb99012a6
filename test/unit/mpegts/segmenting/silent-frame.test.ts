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
  const args = ['-v', 'warning', '-err_detect', 'crccheck', '-f', format, '-i', 'pipe:0', '-f', 's16le', 'pipe:1'];
  const { stdout, stderr } = spawnSync('ffmpeg', args, { input: frames, maxBuffer: 2 ** 26 });
  return { samples: new Int16Array(new Uint8Array(stdout).buffer), said: stderr.toString() };
}

const AAC = ['-c:a', 'aac'];
const AC3 = ['-c:a', 'ac3'];
const EAC3 = ['-c:a', 'eac3'];
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
  ['ac3', 'mono', 1, [...AC3, '-b:a', '32k'], 'ac3', 'ac3'],
  ['ac3', 'stereo', 2, [...AC3, '-b:a', '192k'], 'ac3', 'ac3'],
  ['ac3', 'stereo', 2, [...AC3, '-ar', '44100'], 'ac3', 'ac3'],
  ['ac3', 'stereo', 2, [...AC3, '-ar', '32000'], 'ac3', 'ac3'],
  ['ac3', '3.0', 3, AC3, 'ac3', 'ac3'],
  ['ac3', '3.0(back)', 3, AC3, 'ac3', 'ac3'],
  ['ac3', 'quad(side)', 4, AC3, 'ac3', 'ac3'],
  ['ac3', '5.0(side)', 5, AC3, 'ac3', 'ac3'],
  ['ac3', '5.1(side)', 6, [...AC3, '-b:a', '640k'], 'ac3', 'ac3'],
  ['eac3', 'mono', 1, EAC3, 'eac3', 'eac3'],
  ['eac3', 'stereo', 2, [...EAC3, '-ar', '44100'], 'eac3', 'eac3'],
  ['eac3', '4.0', 4, EAC3, 'eac3', 'eac3'],
  ['eac3', '5.1(side)', 6, EAC3, 'eac3', 'eac3'],
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

/** Of the first five eighths of a frame of AC-3, behind its sync word (ETSI TS 102 366, 4.4.1.2): 0. FFmpeg looks only at the whole. */
function firstChecksum(frame: Buffer): number {
  const words = frame.length / 2;
  let crc = 0;
  for (const byte of frame.subarray(2, 2 * ((words >> 1) + (words >> 3)))) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = ((crc << 1) ^ (crc & 0x8000 ? 0x18005 : 0)) & 0xffff;
  }
  return crc;
}

it('of AC-3 has both checksums of any frame that it is like', () => {
  const frames = tone('stereo', [...AC3, '-b:a', '192k'], 'ac3');
  const [one, other] = [0, 768].map((at) => frames.subarray(at, at + 768)) as [Buffer, Buffer];
  expect(one.equals(other)).toBe(false);
  const silent = silentFrame('ac3', one) ?? Buffer.alloc(0);
  expect([one, other, silent].map(firstChecksum)).toEqual([0, 0, 0]);
  expect(silentFrame('ac3', other)).toEqual(silent);
  const spoilt = Buffer.from(silent);
  spoilt[5] = (spoilt[5] as number) ^ 1;
  expect([firstChecksum(spoilt), heard(spoilt, 'ac3').said]).toEqual([
    expect.not.toBeOneOf([0]),
    expect.stringContaining('CRC'),
  ]);
});

/** Silence of such a track alone. */
function silence(codec: AudioCodec, like: Buffer | undefined) {
  const frame = silentFrame(codec, like) ?? Buffer.alloc(0);
  const { samples, said } = heard(Buffer.concat(Array<Buffer>(COUNT).fill(frame)), codec);
  return { frame, said, count: samples.length / COUNT, isHeard: samples.some((sample) => sample !== 0) };
}

const USUAL_BYTES = 192_000 / 8 / (48_000 / 1536);

it.each<[AudioCodec, number, number]>([
  ['aac', 13, 1024],
  ['ac3', USUAL_BYTES, 1536],
  ['eac3', USUAL_BYTES, 1536],
])('is %s of 48 kHz in stereo where nobody has heard the track', (codec, bytes, samples) => {
  const { frame, ...said } = silence(codec, undefined);
  expect(audioFrame(codec, frame)).toEqual({ bytes, samples, sampleRate: 48_000 });
  expect(said).toEqual({ said: '', count: 2 * samples, isHeard: false });
});

it.each<[string, AudioCodec, readonly number[], number]>([
  ['AC-3 of two channels apart', 'ac3', [0x0b, 0x77, 0, 0, 0x14, 0x40, 0x0f, 0x80], 1536],
  ['E-AC-3 of two channels apart', 'eac3', [0x0b, 0x77, 0, 0x7f, 0x30, 0x87, 0xc0], 1536],
  ['E-AC-3 of one block', 'eac3', [0x0b, 0x77, 0, 0x7f, 0x04, 0x87, 0xc0], 256],
  ['E-AC-3 of two blocks', 'eac3', [0x0b, 0x77, 0, 0x7f, 0x14, 0x87, 0xc0], 512],
  ['E-AC-3 of three blocks', 'eac3', [0x0b, 0x77, 0, 0x7f, 0x24, 0x87, 0xc0], 768],
  ['E-AC-3 that was AC-3', 'eac3', [0x0b, 0x77, 0x80, 0x7f, 0x34, 0x87, 0xc0], 1536],
])('is silence of %s', (_what, codec, header, samples) => {
  const { frame, ...said } = silence(codec, Buffer.from(header));
  expect(audioFrame(codec, frame)?.samples).toBe(samples);
  expect(said).toEqual({ said: '', count: 2 * samples, isHeard: false });
});

it('is nothing where none can be made', () => {
  expect(silentFrame('mpeg', undefined)).toBeUndefined();
  // Its channels are described in the stream itself.
  expect(silentFrame('aac', Buffer.from([0xff, 0xf1, 0x4c, 0, 0, 0xff, 0xfc]))).toBeUndefined();
  // Further channels of the frame before, and half of 48 kHz.
  expect(silentFrame('eac3', Buffer.from([0x0b, 0x77, 0x41, 0x7f, 0x34, 0x87, 0xc0]))).toBeUndefined();
  expect(silentFrame('eac3', Buffer.from([0x0b, 0x77, 0x01, 0x7f, 0xc4, 0x87, 0xc0]))).toBeUndefined();
  // No room for all channels.
  expect(silentFrame('eac3', Buffer.from([0x0b, 0x77, 0x00, 0x0f, 0x3f, 0x87, 0xc0]))).toBeUndefined();
});
