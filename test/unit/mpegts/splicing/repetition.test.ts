/** A connection that begins with the past is recognised by its pictures, here and on a worker that takes the source over. */

import { describe, expect, it } from 'vitest';
import { TrackSurvey } from '../../../../services/proxy/src/mpegts/reading/track-survey.ts';
import type { Input } from '../../../../services/proxy/src/mpegts/splicing/input.ts';
import { Splicer } from '../../../../services/proxy/src/mpegts/splicing/splicer.ts';
import { startsUnit } from '../../../../services/proxy/src/mpegts/syntax/packet.ts';
import { TsBuilder, VIDEO_PID } from '../build-ts.ts';

const FRAME = 3_600;
const FRAME_MS = 40;
const GOP = 100;
const START = 900_000;

/** What a splicer has sent, in pictures: their numbers by time, and the lengths that tell them apart. */
function splice() {
  const sent: number[] = [];
  const signalled: number[] = [];
  const entries: string[] = [];
  const splicer = new Splicer(
    {
      packets: (bytes, start, end) => {
        for (let at = start; at < end; at += 188) {
          const packet = bytes.subarray(at, at + 188);
          const isVideo = (packet.readUInt16BE(1) & 0x1fff) === VIDEO_PID;
          if (isVideo && startsUnit(packet, 0)) sent.push(packet.readUInt32BE(50));
          if (isVideo && ((packet[3] as number) & 0x20) > 0 && (packet[5] as number) & 0x80)
            signalled.push(sent.length);
        }
      },
      progress: () => undefined,
      programChanged: () => undefined,
      continuation: ({ dts }) => entries.push(`between ${(dts - START) / FRAME}`),
      randomAccess: ({ dts }) => entries.push(`keyframe ${(dts - START) / FRAME}`),
    },
    { holdReordered: false, firstDts: undefined, survey: new TrackSurvey(false) },
  );
  return { splicer, sent, signalled, entries };
}

interface Clip {
  /** Added to all times. */
  readonly clock?: number;
  /** Which picture stands at this place. */
  readonly picture?: (n: number) => number;
  /** Bytes of each picture. */
  readonly bytes?: number;
}

/** Pictures `from` to `to`, each with its number in it, and sound between them. */
function clip(from: number, to: number, about: Clip = {}, ts = new TsBuilder()): Buffer {
  const { clock = 0, picture = (n) => n, bytes = 700 } = about;
  ts.tables();
  for (let n = from; n < to; n++) {
    const at = START + n * FRAME + clock;
    ts.numbered(at, picture(n) % GOP === 0, picture(n), bytes).audio(at);
  }
  return ts.take();
}

/** Plays pictures in real time. The last one is whole only with the next. */
function play(splicer: Splicer, from: number, to: number, about?: Clip, atMs = from * FRAME_MS): void {
  const ts = new TsBuilder();
  for (let n = from; n < to; n++) splicer.push(clip(n, n + 1, about, ts), atMs + (n - from) * FRAME_MS);
}

const upTo = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => from + n);

describe('a connection that begins between keyframes with what was sent before', () => {
  it.each<[string, (shift: number) => Input, number]>([
    ['on the same clock', (shift) => ({ kind: 'reconnection', shift }), 0],
    ['on another clock', (shift) => ({ kind: 'reconnection', shift }), 7_000_000],
    ['of another source', () => ({ kind: 'other_source', repeats: false }), -500_000],
  ])('goes on with the next picture: %s', (_what, input, clock) => {
    const { splicer, sent, signalled } = splice();
    splicer.beginInput({ kind: 'source' });
    play(splicer, 0, 171);
    splicer.endInput(false);
    splicer.beginInput(input(splicer.shift ?? 0));
    splicer.push(clip(150, 190, { clock }), 7_500);
    expect(sent).toEqual(upTo(0, 189));
    expect(signalled).toEqual([]);
  });

  it('leaves out what is older than all that was sent, of another source that is known to repeat it', () => {
    const { splicer, sent } = splice();
    splicer.beginInput({ kind: 'source' });
    play(splicer, 100, 171);
    splicer.endInput(false);
    splicer.beginInput({ kind: 'other_source', repeats: true });
    splicer.push(clip(0, 190, { clock: 7_000_000 }), 7_500);
    expect(sent).toEqual(upTo(100, 189));
  });

  it('goes on with the next picture though the past begins with what was missing when it was sent', () => {
    const { splicer, sent } = splice();
    splicer.beginInput({ kind: 'source' });
    const ts = new TsBuilder();
    for (const n of [...upTo(0, 110), ...upTo(130, 171)]) splicer.push(clip(n, n + 1, {}, ts), n * FRAME_MS);
    splicer.endInput(false);
    splicer.beginInput({ kind: 'reconnection', shift: splicer.shift ?? 0 });
    splicer.push(clip(115, 190), 7_000);
    expect(sent).toEqual([...upTo(0, 110), ...upTo(130, 189)]);
  });

  it('plays a provider again whose clock has been set back a little', () => {
    const { splicer, sent } = splice();
    splicer.beginInput({ kind: 'source' });
    play(splicer, 0, 171);
    splicer.endInput(false);
    splicer.beginInput({ kind: 'reconnection', shift: splicer.shift ?? 0 });
    const back = { clock: -250 * FRAME };
    play(splicer, 300, 416, back, 7_000);
    // For a second it may be the past. Then it goes on with a keyframe.
    expect(sent).toEqual([...upTo(0, 170), ...upTo(400, 415)]);
  });

  it('goes on where nothing is missing and nothing is repeated', () => {
    const { splicer, sent, signalled } = splice();
    splicer.beginInput({ kind: 'source' });
    play(splicer, 0, 171);
    splicer.endInput(false);
    splicer.beginInput({ kind: 'reconnection', shift: splicer.shift ?? 0 });
    splicer.push(clip(170, 190), 7_000);
    expect(sent).toEqual(upTo(0, 189));
    expect(signalled).toEqual([]);
  });

  it('waits for a keyframe where one picture is missing', () => {
    const { splicer, sent } = splice();
    splicer.beginInput({ kind: 'source' });
    play(splicer, 0, 171);
    splicer.endInput(false);
    splicer.beginInput({ kind: 'reconnection', shift: splicer.shift ?? 0 });
    splicer.push(clip(171, 210), 7_000);
    expect(sent).toEqual([...upTo(0, 170), ...upTo(200, 209)]);
  });

  it('is kept whole by a worker that takes the source over, on the clock of the one before', () => {
    const before = splice();
    before.splicer.beginInput({ kind: 'source' });
    play(before.splicer, 0, 171);
    for (const clock of [0, 7_000_000]) {
      const { splicer, sent, entries } = splice();
      const { newest, newestAtMs } = before.splicer.sentPictures;
      splicer.goOn(newest?.dts ?? 0, newestAtMs);
      splicer.sentPictures.replaceBy(before.splicer.sentPictures);
      splicer.beginInput({ kind: 'reconnection', shift: 0 });
      splicer.push(clip(150, 210, { clock }), 8_000);
      expect(sent).toEqual(upTo(150, 209));
      expect(entries).toEqual(['between 150', 'keyframe 200']);
    }
  });

  it('is new to a worker that takes the source over, if nothing in it was sent', () => {
    const before = splice();
    before.splicer.beginInput({ kind: 'source' });
    play(before.splicer, 0, 171);
    const { splicer, sent, entries } = splice();
    splicer.goOn(before.splicer.sentPictures.newest?.dts ?? 0, before.splicer.sentPictures.newestAtMs);
    splicer.sentPictures.replaceBy(before.splicer.sentPictures);
    splicer.beginInput({ kind: 'reconnection', shift: 0 });
    splicer.push(clip(190, 210), 8_000);
    expect(sent).toEqual(upTo(200, 209));
    // The clock is the provider's, so what is missing is known exactly.
    expect(entries).toEqual(['keyframe 200']);
  });

  it('is recognised on both sides of what was missing in what was sent', () => {
    const { splicer, sent } = splice();
    splicer.beginInput({ kind: 'source' });
    play(splicer, 0, 171);
    splicer.endInput(false);
    splicer.beginInput({ kind: 'reconnection', shift: splicer.shift ?? 0 });
    // On a clock of its own it goes on by the time that has passed, which is half a second more than is missing.
    play(splicer, 200, 251, { clock: 7_000_000 }, 8_500);
    splicer.endInput(false);
    splicer.beginInput({ kind: 'reconnection', shift: splicer.shift ?? 0 });
    splicer.push(clip(150, 310), 11_000);
    expect(sent).toEqual([...upTo(0, 170), ...upTo(200, 309)]);
  });

  it.each([
    ['within what was sent', 160],
    ['where that ends', 170],
  ])('goes on with the next picture when the clock has jumped %s', (_where, at) => {
    for (const jump of [-40_000_000, -4_000, 40_000_000]) {
      const { splicer, sent, signalled } = splice();
      splicer.beginInput({ kind: 'source' });
      play(splicer, 0, at);
      play(splicer, at, 171, { clock: jump });
      splicer.endInput(false);
      splicer.beginInput({ kind: 'reconnection', shift: splicer.shift ?? 0 });
      const before = signalled.length;
      const ts = new TsBuilder();
      splicer.push(Buffer.concat([clip(150, at, {}, ts), clip(at, 200, { clock: jump }, ts)]), 7_500);
      expect(sent).toEqual(upTo(0, 199));
      expect(signalled).toHaveLength(before);
    }
  });

  it.each([
    ['here', 0],
    ['here, after a connection on another clock', 7_000_000],
    ['on a worker that takes the source over', 0],
    ['on a worker that takes the source over, after a connection on another clock', 7_000_000],
  ])('goes on with the next picture though its clock, which has jumped back, seems to go on: %s', (where, clock) => {
    const before = splice();
    const back = { clock: -75 * FRAME };
    before.splicer.beginInput({ kind: 'source' });
    play(before.splicer, 0, 110, { clock });
    play(before.splicer, 110, 121, { clock: clock - 75 * FRAME });
    before.splicer.endInput(false);
    before.splicer.beginInput({ kind: 'other_source', repeats: false });
    const past = (to: number, ts = new TsBuilder()) => Buffer.concat([clip(98, 110, {}, ts), clip(110, to, back, ts)]);
    before.splicer.push(past(171), 7_000);
    const shift = before.splicer.shift ?? 0;
    before.splicer.endInput(false);
    const after = where.startsWith('here') ? before : splice();
    if (after !== before) {
      const { newest, newestAtMs } = before.splicer.sentPictures;
      after.splicer.goOn(newest?.dts ?? 0, newestAtMs);
      after.splicer.sentPictures.replaceBy(before.splicer.sentPictures);
    }
    after.splicer.beginInput({ kind: 'reconnection', shift });
    after.splicer.push(past(200), 7_500);
    expect(after.sent).toEqual(upTo(after === before ? 0 : 98, 199));
  });

  it('is not recognised by one small picture, which may look like any other', () => {
    const { splicer, sent } = splice();
    const small = { bytes: 20, clock: 7_000_000 };
    splicer.beginInput({ kind: 'source' });
    play(splicer, 0, 121, { bytes: 20 });
    splicer.endInput(false);
    splicer.beginInput({ kind: 'reconnection', shift: splicer.shift ?? 0 });
    // The first picture looks like number 110; those after it are new.
    splicer.push(clip(150, 230, { ...small, picture: (n) => (n === 150 ? 110 : n) }), 6_500);
    expect(sent.slice(120)).toEqual(upTo(200, 229));
  });
});

describe('a slate', () => {
  it('that is shown over and over is not taken for the past', () => {
    const { splicer, sent } = splice();
    const slate = { picture: (n: number) => n % GOP };
    splicer.beginInput({ kind: 'source' });
    play(splicer, 0, 280, slate);
    splicer.endInput(false);
    splicer.beginInput({ kind: 'reconnection', shift: splicer.shift ?? 0 });
    const before = sent.length;
    play(splicer, 300, 320, { ...slate, clock: 7_000_000 }, 12_000);
    expect(sent.slice(before)).toEqual(upTo(0, 19));
  });

  it.each([0, 1_500])(
    'is noticed though cuts have left holes in it, and the source stands still for %d ms',
    (stillMs) => {
      const { splicer, sent } = splice();
      const slate = { picture: (n: number) => n % 300 };
      splicer.beginInput({ kind: 'source' });
      let at = 0;
      for (const [from, to] of [
        [0, 700],
        [730, 900],
        [1_000, 1_034],
      ] as const) {
        play(splicer, from, to, slate);
        splicer.endInput(false);
        splicer.beginInput({ kind: 'reconnection', shift: splicer.shift ?? 0 });
        at = to;
      }
      const before = sent.length;
      play(splicer, at + 30, at + 31, slate);
      play(splicer, at + 31, at + 230, slate, (at + 31) * FRAME_MS + stillMs);
      // Nothing but what lies before the next keyframe is left out.
      expect(sent[before]).toBe(200);
      expect(sent.length - before).toBeGreaterThan(90);
    },
  );

  it.each(['here', 'on a worker that takes the source over'])(
    'that was shown once is not taken for the past when the provider goes on after a hole: %s',
    (where) => {
      const slate = { picture: (n: number) => n % 200 };
      const before = splice();
      before.splicer.beginInput({ kind: 'source' });
      play(before.splicer, 0, 131, slate);
      before.splicer.endInput(false);
      const after = where === 'here' ? before : splice();
      if (after !== before) {
        const { newest, newestAtMs } = before.splicer.sentPictures;
        after.splicer.goOn(newest?.dts ?? 0, newestAtMs);
        after.splicer.sentPictures.replaceBy(before.splicer.sentPictures);
      }
      const count = after.sent.length;
      after.splicer.beginInput({ kind: 'reconnection', shift: 0 });
      // Five seconds after the last picture, the provider begins with its last two: they look like the first ones of all.
      after.splicer.push(clip(200, 251, slate), 251 * FRAME_MS);
      expect(after.sent.slice(count)).toEqual(upTo(0, 50));
      expect(after.entries.at(-1)).toBe('keyframe 200');
    },
  );

  it('is noticed where what was sent before has a hole', () => {
    const { splicer, sent } = splice();
    const slate = { picture: (n: number) => n % 300 };
    splicer.beginInput({ kind: 'source' });
    play(splicer, 0, 41, slate);
    splicer.endInput(false);
    // A clock of its own: what is missing counts as one second less than it is.
    splicer.beginInput({ kind: 'other_source', repeats: false });
    play(splicer, 200, 271, { ...slate, clock: 7_000_000 }, 7_000);
    splicer.endInput(false);
    splicer.beginInput({ kind: 'other_source', repeats: false });
    const before = sent.length;
    // Its first picture is the one of the slate that was sent before the hole.
    play(splicer, 339, 560, { ...slate, clock: 9_000_000 }, 12_600);
    // It takes a second to see that, and the keyframe after that is the 400th.
    expect(sent.slice(before)).toEqual([...upTo(100, 259)].map((n) => n % 300));
  });

  it('that begins anew with each connection is played again', () => {
    const { splicer, sent } = splice();
    splicer.beginInput({ kind: 'source' });
    play(splicer, 0, 251);
    splicer.endInput(false);
    splicer.beginInput({ kind: 'reconnection', shift: splicer.shift ?? 0 });
    const before = sent.length;
    play(splicer, 0, 250, { clock: 7_000_000 }, 10_500);
    // It takes a second to see that the past does not come faster than it plays. Then it goes on with a keyframe.
    expect(sent.slice(before)).toEqual(upTo(100, 249));
  });

  it('that was taken for the past by its pictures alone is not the clock of the next connection', () => {
    const { splicer, sent } = splice();
    const slate = { picture: (n: number) => n % 200 };
    splicer.beginInput({ kind: 'source' });
    play(splicer, 0, 150, slate);
    splicer.endInput(false);
    const shift = splicer.shift ?? 0;
    // It shows the same again, with a clock of its own, and breaks before that is noticed.
    const own = { ...slate, clock: 7_000_000 };
    splicer.beginInput({ kind: 'reconnection', shift });
    play(splicer, 220, 230, own);
    expect(splicer.shift).toBeUndefined();
    splicer.endInput(false);
    const before = sent.length;
    splicer.beginInput({ kind: 'reconnection', shift });
    play(splicer, 240, 400, own);
    expect(sent.slice(before).at(-1)).toBe(198);
    expect(sent.length - before).toBeGreaterThan(60);
  });
});
