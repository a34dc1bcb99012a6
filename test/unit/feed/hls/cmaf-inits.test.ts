/** Initialisations of fragmented mp4: each segment has the one that its own tracks need. */

import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import type { Init } from '../../../../services/proxy/src/feed/hls/cmaf-segment.ts';
import { decodeErrors } from '../../../support/judge/index.ts';
import { markedFeed, markedLoop, segmentsOf } from '../../../support/segmented.ts';

const MP4 = { containers: { ts: false, fmp4: true } };
const SOUND = ['-f', 'lavfi', '-i', 'sine=sample_rate=48000'];

/** MPEG-TS of pictures and what else is asked for, from a time on. */
function made(seconds: number, { from = 10, size = '320x180', sound = [...SOUND, '-c:a', 'aac'] } = {}): Buffer {
  const video = ['-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=25`];
  const inputs = sound.slice(0, sound.indexOf('-c:a') < 0 ? sound.length : sound.indexOf('-c:a'));
  const codec = sound.slice(inputs.length);
  const encode = ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '50', '-bf', '2', '-pix_fmt', 'yuv420p'];
  const args = [...video, ...inputs, ...encode, ...codec, '-t', String(seconds), '-output_ts_offset', String(from)];
  const { stdout, stderr } = spawnSync('ffmpeg', ['-v', 'error', ...args, '-f', 'mpegts', 'pipe:1'], {
    maxBuffer: 2 ** 28,
  });
  if (stdout.length === 0) throw new Error(stderr.toString());
  return stdout;
}

function initsOf(...pieces: readonly Buffer[]): Init[] {
  const feed = markedFeed(
    pieces.map((bytes, at) => ({ bytes, ms: at * 1_000 })),
    {},
  );
  return segmentsOf(feed, MP4).dones.flatMap(({ fmp4 }) => fmp4?.init ?? []);
}

it('is the same while nothing changes, and another one from the cut on at which the pictures have another size', () => {
  const inits = initsOf(made(8), made(8, { from: 18, size: '640x360' }));
  const sizes = inits.map(({ size }) => `${size?.width}x${size?.height}`);
  const later = sizes.indexOf('640x360');
  expect(later).toBeGreaterThan(2);
  expect(sizes.slice(later)).toEqual(sizes.slice(later).map(() => '640x360'));
  expect(inits.length - later).toBeGreaterThan(2);
  expect(new Set(inits.map(({ key }) => key)).size).toBe(2);
  // Whoever needs the same has the same bytes.
  expect(inits[0]?.bytes.equals(inits[later - 1]?.bytes as Buffer)).toBe(true);
});

it('need not be read again by FFmpeg, which reads no second one: pictures of another size decode behind the first', async () => {
  const feed = markedFeed(
    [made(6), made(6, { from: 16, size: '640x360' })].map((bytes, at) => ({ bytes, ms: at * 1_000 })),
    {},
  );
  const media = segmentsOf(feed, MP4).dones.flatMap(({ fmp4 }) => fmp4 ?? []);
  expect(new Set(media.map(({ init }) => init.key)).size).toBe(2);
  const [first] = media;
  expect(await decodeErrors(Buffer.concat([first?.init.bytes as Buffer, ...media.map(({ bytes }) => bytes)]))).toEqual(
    [],
  );
});

it('has no sound that has sent nothing yet, and has it from the segment on in which that begins', () => {
  const late = ['-itsoffset', '5', ...SOUND, '-c:a', 'aac'];
  const codecs = initsOf(made(12, { sound: late })).map(({ codecs: all }) => all.length);
  expect(codecs.length).toBeGreaterThan(4);
  expect(codecs).toEqual([...codecs].sort());
  expect([codecs[0], codecs.at(-1)]).toEqual([1, 2]);
});

it('has the first track of sound of the program, whichever of them comes first in a segment', () => {
  const two = [...SOUND, ...SOUND, '-c:a', 'aac', '-map', '0', '-map', '1', '-map', '2', '-c:a:1', 'ac3'];
  const swapped = [...SOUND, ...SOUND, '-c:a', 'ac3', '-map', '0', '-map', '1', '-map', '2', '-c:a:1', 'aac'];
  for (const [sound, name] of [
    [two, 'mp4a.40.2'],
    [swapped, 'ac-3'],
  ] as const) {
    const inits = initsOf(made(8, { sound }));
    expect(inits.length).toBeGreaterThan(2);
    expect(new Set(inits.map(({ codecs }) => codecs[1]))).toEqual(new Set([name]));
  }
});

it('says what the first segment that a worker cuts needs, wherever it has joined', async () => {
  const feed = await markedLoop('bframes', { seconds: 13 });
  const [whole, late] = [segmentsOf(feed, MP4), segmentsOf(feed, { ...MP4, entry: 2 })];
  expect(late.dones.length).toBeLessThan(whole.dones.length);
  for (const { n, fmp4 } of late.dones) {
    const same = whole.dones.find((done) => done.n === n);
    expect([fmp4?.init.key, fmp4?.init.bytes]).toEqual([same?.fmp4?.init.key, same?.fmp4?.init.bytes]);
  }
});
