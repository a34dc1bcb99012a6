/** Silence in segments, where a track of sound sends nothing while the pictures go on. */

import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import type { Done } from '../../../../services/proxy/src/feed/hls/segment-events.ts';
import { expectClean, judgeTs } from '../../../support/judge/index.ts';
import { type MarkedFeed, markedFeed, SECOND, segmentsOf } from '../../../support/segmented.ts';
import { TsBuilder } from '../../mpegts/build-ts.ts';

const MP4 = { containers: { ts: false, fmp4: true } };
const FRAME = 3_600;
/** A few frames of sound. */
const SMALL_HOLE_MS = 100;
const SAMPLES_PER_SECOND = 48_000;
const SECONDS = 10;

/** One track of sound. */
const of = (codec: string, ...args: readonly string[]) => ['-map', '0:v', '-map', '1:a', '-c:a', codec, ...args];
const SOUND = of('aac', '-ac', '2');

/** 10 s of pictures with a tone, of which `sound` is left in the first track. */
function feedOf(sound: string, codec: readonly string[] = SOUND): MarkedFeed {
  const tone = `sine=sample_rate=${SAMPLES_PER_SECOND}:duration=${SECONDS}`;
  const inputs = ['testsrc2=size=160x90:rate=25', tone, tone];
  const video = ['-filter:a:0', `aselect='${sound}'`, '-c:v', 'libx264', '-preset', 'ultrafast', '-g', '50'];
  const muxer = [
    '-max_interleave_delta',
    '200000',
    '-pes_payload_size',
    '0',
    '-output_ts_offset',
    '10',
    '-f',
    'mpegts',
  ];
  const args = [...inputs.flatMap((input) => ['-f', 'lavfi', '-i', input]), ...video, ...codec, '-t', String(SECONDS)];
  const { stdout, stderr } = spawnSync('ffmpeg', ['-v', 'error', ...args, ...muxer, 'pipe:1'], { maxBuffer: 2 ** 26 });
  if (stdout.length === 0) throw new Error(stderr.toString());
  return markedFeed([{ bytes: stdout, ms: 0 }], {});
}

const bytesOf = (dones: readonly Done[]): Buffer => Buffer.concat(dones.map(({ ts }) => ts?.bytes ?? Buffer.alloc(0)));

/** As fragmented mp4, behind the first initialisation. */
const mp4Of = (dones: readonly Done[]): Buffer =>
  Buffer.concat([dones[0]?.fmp4?.init.bytes ?? Buffer.alloc(0), ...dones.flatMap(({ fmp4 }) => fmp4?.bytes ?? [])]);

/** Samples of one channel, and what FFmpeg says. */
function heard(media: Buffer): { samples: Int16Array; said: string } {
  const args = ['-v', 'warning', '-i', 'pipe:0', '-map', '0:a', '-ac', '1', '-f', 's16le', 'pipe:1'];
  const { stdout, stderr } = spawnSync('ffmpeg', args, { input: media, maxBuffer: 2 ** 26 });
  return { samples: new Int16Array(new Uint8Array(stdout).buffer), said: stderr.toString() };
}

/** Whether something is heard from one second to another. */
function isHeard({ samples }: { readonly samples: Int16Array }, from: number, to: number): boolean {
  return samples.subarray(from * SAMPLES_PER_SECOND, to * SAMPLES_PER_SECOND).some((sample) => Math.abs(sample) > 100);
}

describe('silence', () => {
  it.each([
    ['aac', SOUND],
    ['ac3', of('ac3', '-ac', '6')],
    ['eac3', of('eac3')],
  ])(
    'of %s stands where the sound ends before the pictures, in both containers, and nothing changes for players',
    (_codec, track) => {
      const feed = feedOf('lt(t,3)', track);
      const [ts, fmp4] = [segmentsOf(feed).dones, segmentsOf(feed, MP4).dones];
      expectClean(judgeTs(bytesOf(ts), { gapMs: SMALL_HOLE_MS }), {
        video: true,
        audio: true,
        minSeconds: SECONDS - 0.2,
        maxGapMs: SMALL_HOLE_MS,
        maxSignalled: 0,
      });
      for (const done of ts) expect(judgeTs(done.ts?.bytes ?? Buffer.alloc(0)).audio?.pesCount).toBeGreaterThan(20);
      expect(new Set(fmp4.map(({ fmp4: media }) => media?.init.key)).size).toBe(1);
      for (const media of [bytesOf(ts), mp4Of(fmp4)]) {
        const sound = heard(media);
        expect(sound.said).toBe('');
        expect(sound.samples.length / SAMPLES_PER_SECOND).toBeCloseTo(SECONDS, 0);
        expect([isHeard(sound, 0.5, 2.5), isHeard(sound, 3.2, SECONDS)]).toEqual([true, false]);
      }
    },
  );

  it.each([
    ['aac', SOUND],
    ['ac3', of('ac3')],
  ])('of %s stands in a hole, behind which the sound goes on at its time, for every reader', (_codec, track) => {
    const feed = feedOf('not(between(t,3.1,6.5))', track);
    const { dones, lateSounds } = segmentsOf(feed);
    expect(lateSounds).toBe(0);
    const sound = heard(bytesOf(dones));
    expect(sound.said).toBe('');
    expect([isHeard(sound, 1, 3), isHeard(sound, 3.3, 6.3), isHeard(sound, 6.7, 9.5)]).toEqual([true, false, true]);
    const steps = judgeTs(bytesOf(dones)).audio?.dtsSteps ?? new Map();
    expect(Math.max(...steps.keys())).toBeLessThan((SMALL_HOLE_MS / 1000) * SECOND);
    expect(Math.min(...steps.keys())).toBeGreaterThan(0);
    const endBefore = (n: number) => dones.find((done) => done.n === n - 1);
    // Of its first segment it lacks the sound that stands before the first picture.
    const [, ...late] = segmentsOf(feed, { entry: 1, pieceBytes: 188, endBefore }).dones;
    expect(late.map(({ n, ts }) => [n, ts?.crc])).toEqual(
      dones.filter(({ n }) => n >= (late[0]?.n ?? 0)).map(({ n, ts }) => [n, ts?.crc]),
    );
    expect(late.length).toBeGreaterThan(2);
  });

  it('has no parts in time, but parts have silence, and the segment of the sound goes on', () => {
    const { dones, parts } = segmentsOf(feedOf('lt(t,3)'), { ...MP4, partTicks: 0.33 * SECOND });
    expect(parts.length).toBeGreaterThan(20);
    expect(new Set(parts.map(({ init }) => init.key)).size).toBe(1);
    expect(heard(mp4Of(dones)).samples.length / SAMPLES_PER_SECOND).toBeCloseTo(SECONDS, 0);
  });

  it('stands nowhere in sound that is late, short pauses, and where the pictures pause too', () => {
    const built = (sends: (frame: number) => boolean, hasSound = sends) => {
      const builder = new TsBuilder().tables();
      for (let frame = 0; frame < 9 * 25; frame++) {
        const ticks = 900_000 + frame * FRAME;
        if (sends(frame)) builder.video(ticks, ticks, frame % 25 === 0, 300);
        if (hasSound(frame)) builder.adts(ticks, 1);
      }
      const feed = markedFeed([{ bytes: builder.take(), ms: 0 }], { firstDts: 900_000 });
      return bytesOf(segmentsOf(feed).dones);
    };
    const soundsIn = (bytes: Buffer) => judgeTs(bytes).audio?.pesCount;
    const all = soundsIn(built(() => true)) ?? 0;
    expect(all).toBeGreaterThan(220);
    expect(
      soundsIn(
        built(
          () => true,
          (frame) => frame < 60 || frame > 80,
        ),
      ),
    ).toBe(all - 21);
    expect(soundsIn(built((frame) => frame < 60 || frame >= 150))).toBe(all - 90);
    expect(
      soundsIn(
        built(
          () => true,
          (frame) => frame < 60 || frame > 90,
        ),
      ),
    ).toBeGreaterThan(all);
  });

  it('leaves fragmented mp4 to another track of sound that goes on', () => {
    const other = ['-map', '0:v', '-map', '1:a', '-map', '2:a', '-c:a', 'aac', '-ac', '2'];
    const { dones } = segmentsOf(feedOf('lt(t,3)', other), MP4);
    const sound = heard(mp4Of(dones));
    expect([sound.said, isHeard(sound, 0.5, 2.5), isHeard(sound, 6.5, 9.5)]).toEqual(['', true, true]);
  });
});
