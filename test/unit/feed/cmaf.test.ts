/** What an initialisation says of pictures and sound, beside what FFmpeg writes of the same. */

import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { chunk } from '../../../services/proxy/src/feed/containers/cmaf/chunk.ts';
import { initSegment } from '../../../services/proxy/src/feed/containers/cmaf/init.ts';
import {
  type CmafVideoCodec,
  readPicture,
  videoConfig,
} from '../../../services/proxy/src/feed/containers/cmaf/parameter-sets.ts';
import {
  type CmafSoundCodec,
  soundConfig,
  soundSample,
} from '../../../services/proxy/src/feed/containers/cmaf/sound-config.ts';
import { createFragmenter } from '../../../services/proxy/src/feed/containers/index.ts';

const run = (args: readonly string[], input?: Buffer): Buffer =>
  spawnSync('ffmpeg', ['-v', 'error', ...args, 'pipe:1'], { input, maxBuffer: 2 ** 26 }).stdout;

const picture = (format: string, encoder: readonly string[], size = '320x180'): Buffer =>
  run(['-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=25`, '-frames:v', '1', ...encoder, '-f', format]);
const sound = (format: string, encoder: readonly string[], rate = 48_000): Buffer =>
  run(['-f', 'lavfi', '-i', `sine=sample_rate=${rate}`, '-t', '0.5', ...encoder, '-f', format]);

/** The box of that name in FFmpeg's own mp4 of these bytes. */
function theirBox(name: string, format: string, bytes: Buffer): Buffer {
  const filter = format === 'adts' ? ['-bsf:a', 'aac_adtstoasc'] : format === 'hevc' ? ['-tag:v', 'hvc1'] : [];
  const movie = ['-movflags', '+delay_moov+default_base_moof+frag_keyframe', '-f', 'mp4'];
  const mp4 = run(['-f', format === 'adts' ? 'aac' : format, '-i', 'pipe:0', '-c', 'copy', ...filter, ...movie], bytes);
  const at = mp4.indexOf(name, 0, 'latin1') - 4;
  return mp4.subarray(at, at + mp4.readUInt32BE(at));
}

const X264 = ['-c:v', 'libx264', '-pix_fmt', 'yuv420p'];
const X265 = ['-c:v', 'libx265', '-x265-params', 'log-level=none:info=0'];

describe('the configuration of pictures', () => {
  it.each<[CmafVideoCodec, string, string[], string, RegExp]>([
    ['h264', 'High', X264, '320x180', /^avc1\.64000/],
    ['h264', 'Baseline', [...X264, '-profile:v', 'baseline'], '322x182', /^avc1\.42c0/],
    ['h264', 'High 4:2:2', ['-c:v', 'libx264', '-pix_fmt', 'yuv422p10'], '320x180', /^avc1\.7a00/],
    ['hevc', 'Main', [...X265, '-pix_fmt', 'yuv420p'], '320x180', /^hvc1\.1\.6\.L\d+\.9/],
    ['hevc', 'Main 10', [...X265, '-pix_fmt', 'yuv420p10le'], '322x182', /^hvc1\.2\.4\.L\d+\.9/],
  ])('%s %s is FFmpeg’s', (codec, _, encoder, size, name) => {
    const bytes = picture(codec, encoder, size);
    const { parameterSets, sample } = readPicture(codec, bytes);
    const config = videoConfig(codec, parameterSets);
    expect(config?.codec).toMatch(name);
    expect(`${config?.width}x${config?.height}`).toBe(size);
    expect(config?.box.toString('hex')).toBe(
      theirBox(codec === 'h264' ? 'avcC' : 'hvcC', codec, bytes).toString('hex'),
    );
    // Lengths and units in turn: no start code is left.
    expect(sample.filter((_part, at) => at % 2 === 0).map((head) => head.readUInt32BE(0))).toEqual(
      sample.filter((_part, at) => at % 2 === 1).map(({ length }) => length),
    );
  });

  it('is not known without its parameter sets', () => {
    expect(videoConfig('h264', [])).toBeUndefined();
    expect(videoConfig('h264', [Buffer.from([0x67, 0x42])])).toBeUndefined();
    const { parameterSets } = readPicture('hevc', picture('hevc', [...X265, '-pix_fmt', 'yuv420p']));
    expect(videoConfig('hevc', parameterSets.slice(1))).toBeUndefined();
  });
});

describe('the configuration of sound', () => {
  it.each<[CmafSoundCodec, string, string, string[], number, string]>([
    ['ac3', 'dac3', 'ac3', ['-c:a', 'ac3', '-ac', '2'], 48_000, 'ac-3'],
    ['ac3', 'dac3', 'ac3', ['-c:a', 'ac3', '-ac', '6'], 44_100, 'ac-3'],
    ['eac3', 'dec3', 'eac3', ['-c:a', 'eac3', '-ac', '2', '-b:a', '192k'], 48_000, 'ec-3'],
  ])('%s is FFmpeg’s', (codec, name, format, encoder, rate, shown) => {
    const bytes = sound(format, encoder, rate);
    const config = soundConfig(codec, bytes);
    expect(config).toMatchObject({ codec: shown, sampleRate: rate, samplesPerFrame: 1_536 });
    expect(config?.entry.includes(theirBox(name, format, bytes))).toBe(true);
  });

  it.each([
    [48_000, '1', 'mp4a.40.2', '1188'],
    [44_100, '2', 'mp4a.40.2', '1210'],
    [22_050, '6', 'mp4a.40.2', '13b0'],
  ])('of AAC at %i Hz, %s channels', (rate, channels, shown, specific) => {
    const bytes = sound('adts', ['-c:a', 'aac', '-ac', channels], rate);
    const config = soundConfig('aac', bytes);
    expect(config).toMatchObject({ codec: shown, sampleRate: rate, samplesPerFrame: 1_024 });
    expect(config?.entry.toString('hex')).toContain(`0502${specific}`);
    expect(theirBox('esds', 'adts', bytes).toString('hex')).toContain(specific);
    expect(soundSample('aac', bytes.subarray(0, 100)).length).toBe(93);
  });

  it('is not known of channels that only the stream describes', () => {
    const bytes = sound('adts', ['-c:a', 'aac', '-ac', '2']);
    bytes[2] = (bytes[2] ?? 0) & 0xfe;
    bytes[3] = (bytes[3] ?? 0) & 0x3f;
    expect(soundConfig('aac', bytes)).toBeUndefined();
  });
});

describe('a chunk', () => {
  const { parameterSets } = readPicture('h264', picture('h264', X264));
  const config = videoConfig('h264', parameterSets);
  const sample = (sync: boolean, at: number) => ({
    data: [Buffer.alloc(10, at)],
    duration: 3_600,
    sync,
    compositionOffset: -100,
  });

  it('is one that viewers can join, as the reader of mp4 says, and begins where it says', () => {
    if (config === undefined) throw new Error('FFmpeg has made no picture');
    const found: [boolean, number | undefined][] = [];
    const fragmenter = createFragmenter('mp4', {
      init: () => undefined,
      fragment: (_, randomAccess, seconds) => found.push([randomAccess, seconds]),
    });
    fragmenter.push(initSegment([{ kind: 'video', config }]));
    for (const [number, sync] of [true, false].entries()) {
      const decodeTime = 2 ** 33 + number * 90_000;
      fragmenter.push(
        chunk(number + 1, [{ trackId: 1, isVideo: true, decodeTime, samples: [sample(sync, 1), sample(false, 2)] }]),
      );
    }
    expect(found).toEqual([
      [true, 2 ** 33 / 90_000],
      [false, 2 ** 33 / 90_000 + 1],
    ]);
  });
});
