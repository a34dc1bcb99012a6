/** The shape of pictures, read from what real encoders write; and what follows from a change of it. */
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { TrackSurvey } from '../../../../services/proxy/src/mpegts/reading/track-survey.ts';
import { Splicer } from '../../../../services/proxy/src/mpegts/splicing/splicer.ts';
import { TrackLife } from '../../../../services/proxy/src/mpegts/splicing/track-life.ts';
import { pictureShape } from '../../../../services/proxy/src/mpegts/syntax/picture-shape.ts';

function encode(size: string, sar: string, codec: readonly string[]): Buffer {
  const source = ['-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=25`, '-frames:v', '1'];
  const args = ['-v', 'error', ...source, '-vf', `setsar=${sar}`, ...codec, 'pipe:1'];
  return spawnSync('ffmpeg', args, { maxBuffer: 2 ** 26 }).stdout;
}

const H264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-f', 'h264'];
const INTERLACED = [
  '-c:v',
  'libx264',
  '-flags',
  '+ildct',
  '-x264-params',
  'tff=1',
  '-pix_fmt',
  'yuv420p',
  '-f',
  'h264',
];
const HIGH_422 = ['-c:v', 'libx264', '-pix_fmt', 'yuv422p10', '-f', 'h264'];
const MPEG2 = ['-c:v', 'mpeg2video', '-f', 'mpeg2video'];
const HEVC = ['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', 'log-level=none', '-f', 'hevc'];

describe('the shape of a picture', () => {
  it.each([
    ['h264', '1920x1080', '1', H264, '1920x1080 aspect 1'],
    ['h264', '1920x1080', '1', INTERLACED, '1920x1080 aspect 1'],
    ['h264', '718x574', '1', HIGH_422, '718x574 aspect 1'],
    ['h264', '720x576', '12/11', H264, '720x576 aspect 2'],
    ['h264', '720x576', '16/11', H264, '720x576 aspect 4'],
    ['h264', '720x576', '3/7', H264, '720x576 aspect 3:7'],
    ['mpeg2', '720x576', '16/15', MPEG2, '720x576 aspect 2'],
    ['mpeg2', '720x576', '64/45', MPEG2, '720x576 aspect 3'],
    ['hevc', '1280x718', '1', HEVC, '1280x718'],
  ] as const)('%s %s, pixels of %s', (codec, size, sar, encoder, shape) => {
    expect(pictureShape(codec, encode(size, sar, encoder))).toBe(shape);
  });

  it('is not known of bytes that are cut, or of other pictures', () => {
    const bytes = encode('640x360', '1', H264);
    expect(pictureShape('h264', bytes.subarray(0, 8))).toBeUndefined();
    expect(pictureShape('h264', Buffer.from([0, 0, 1, 0x65, 1, 2, 3]))).toBeUndefined();
    expect(pictureShape('unknown', bytes)).toBeUndefined();
  });
});

describe('a splicer of a provider’s media', () => {
  it('says once, before the entry, that the pictures have another shape, and nothing of the same shape', () => {
    const part = (sar: string) =>
      encode('352x288', sar, ['-frames:v', '20', '-g', '5', '-c:v', 'mpeg2video', '-f', 'mpegts', '-muxdelay', '0']);
    const events: string[] = [];
    const splicer = new Splicer(
      {
        packets: () => undefined,
        progress: () => undefined,
        continuation: () => undefined,
        programChanged: (change) => events.push(change),
        randomAccess: () => events.push('entry'),
      },
      { holdReordered: false, firstDts: undefined, survey: new TrackSurvey() },
    );
    splicer.beginInput({ kind: 'source' });
    for (const [index, sar] of ['16/15', '16/15', '64/45'].entries()) splicer.push(part(sar), index * 800);
    splicer.endInput(true);
    expect(events.filter((event) => event !== 'entry')).toEqual(['shape']);
    expect(events.indexOf('shape')).toBe(8);
  });
});

describe('the life of a track', () => {
  it('ends when it is silent for 5 s while others send', () => {
    const life = new TrackLife();
    life.note(1, 0);
    life.note(2, 1_000);
    life.note(2, 4_900);
    expect(life.isAlive(1, 'video')).toBe(true);
    life.note(2, 5_100);
    expect([life.isAlive(1, 'video'), life.isAlive(2, 'audio')]).toEqual([false, true]);
  });

  it('follows the rhythm of sound', () => {
    const life = new TrackLife();
    for (const ms of [0, 14_000, 28_000]) life.note(1, ms);
    life.note(2, 50_000);
    expect(life.isAlive(1, 'audio')).toBe(true);
    life.note(2, 60_000);
    expect(life.isAlive(1, 'audio')).toBe(false);
  });

  it('leaves a still that comes now and then to those who copy it', () => {
    const life = new TrackLife();
    const alive: boolean[] = [];
    for (let ms = 0; ms < 60_000; ms += 200) {
      life.note(2, ms);
      // Known as a whole only when the next one begins.
      if (ms > 0 && ms % 14_000 === 0) life.note(1, ms);
      if (ms > 2_000) alive.push(life.isAlive(1, 'video'));
    }
    expect(new Set(alive)).toEqual(new Set([false]));
  });

  it('takes pictures back that come steadily again, and an outage of all for none', () => {
    const life = new TrackLife();
    for (const ms of [0, 40, 80]) for (const pid of [1, 2]) life.note(pid, ms);
    for (const ms of [30_000, 30_040]) for (const pid of [1, 2]) life.note(pid, ms);
    expect(life.isAlive(1, 'video')).toBe(true);
    for (let ms = 30_080; ms < 40_000; ms += 40) life.note(2, ms);
    expect(life.isAlive(1, 'video')).toBe(false);
    for (const ms of [40_000, 40_040]) life.note(1, ms);
    expect(life.isAlive(1, 'video')).toBe(true);
  });

  it('takes a track that has sent nothing yet at its word for a moment', () => {
    const life = new TrackLife();
    life.note(2, 0);
    life.note(2, 1_000);
    expect(life.isAlive(1, 'video')).toBe(true);
    life.note(2, 2_000);
    expect([life.isAlive(1, 'video'), life.isAlive(1, 'audio')]).toEqual([false, true]);
  });
});
