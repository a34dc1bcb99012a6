/** The splicer: own tables, stable PIDs, continuous counters, held pictures, resume points. */

import { describe, expect, it } from 'vitest';
import { TrackSurvey } from '../../../../services/proxy/src/mpegts/reading/track-survey.ts';
import type { Input } from '../../../../services/proxy/src/mpegts/splicing/input.ts';
import {
  type RandomAccess,
  Splicer,
  type SplicerOptions,
} from '../../../../services/proxy/src/mpegts/splicing/splicer.ts';
import {
  counterOf,
  hasDiscontinuityIndicator,
  hasPayload,
  pidOf,
  startsUnit,
} from '../../../../services/proxy/src/mpegts/syntax/packet.ts';
import { readTimestamp } from '../../../../services/proxy/src/mpegts/syntax/timestamp.ts';
import { AUDIO_PID, TsBuilder, VIDEO_PID } from '../build-ts.ts';

const FRAME = 3_600;

function splice(options: Partial<SplicerOptions> = {}) {
  const packets: Buffer[] = [];
  const entries: (RandomAccess & { at: number })[] = [];
  const progress: number[] = [];
  const jumps: number[] = [];
  const changes: number[] = [];
  const splicer = new Splicer(
    {
      packets: (bytes, start, end) => {
        for (let at = start; at < end; at += 188) packets.push(Buffer.from(bytes.subarray(at, at + 188)));
      },
      progress: (dts, _, jumped) => {
        progress.push(dts);
        if (jumped) jumps.push(dts);
      },
      continuation: () => undefined,
      programChanged: () => changes.push(packets.length),
      randomAccess: (point) => entries.push({ ...point, at: packets.length }),
    },
    { holdReordered: false, firstDts: undefined, ...options },
  );
  return { splicer, packets, entries, progress, jumps, changes };
}

/** PIDs whose counters step without a discontinuity packet in between. */
function counterErrors(packets: readonly Buffer[]): string[] {
  const last = new Map<number, number>();
  const errors: string[] = [];
  for (const [index, packet] of packets.entries()) {
    const pid = pidOf(packet, 0);
    const before = last.get(pid);
    const signalled = hasDiscontinuityIndicator(packet, 0);
    const counter = counterOf(packet, 0);
    const expected = before === undefined ? counter : hasPayload(packet, 0) ? (before + 1) & 15 : before;
    if (!signalled && counter !== expected) errors.push(`packet ${index}, PID ${pid}: ${counter}, not ${expected}`);
    last.set(pid, counter);
  }
  return errors;
}

/** Of a unit that begins in this packet. */
function ptsOf(packet: Buffer): number {
  return readTimestamp(packet, packet.indexOf(Buffer.from([0, 0, 1, 0xe0])) + 9);
}

/** 25 fps, a keyframe every `gop`, and audio, from frame `from` on. */
function frames(builder: TsBuilder, from: number, count: number, gop = 10): TsBuilder {
  for (let n = from; n < from + count; n++) {
    const ticks = 900_000 + n * FRAME;
    builder.video(ticks, ticks, n % gop === 0, 400).audio(ticks);
  }
  return builder;
}

describe('Splicer', () => {
  it('starts with tables and a keyframe, whatever the input starts with', () => {
    const { splicer, packets, entries } = splice();
    splicer.beginInput({ kind: 'source' });
    splicer.push(frames(new TsBuilder().tables(), 5, 30).take(), 0);
    expect(pidOf(packets[0] as Buffer, 0)).toBe(0);
    expect(entries.map((entry) => entry.dts)).toEqual(
      [10, 20].map((n) => 900_000 + n * FRAME).concat([900_000 + 30 * FRAME]),
    );
    expect(counterErrors(packets)).toEqual([]);
  });

  it('leaves out the pictures of an open GOP that need what a source did not send', () => {
    const { splicer, packets } = splice({ survey: new TrackSurvey(false) });
    const at = (n: number) => 900_000 + n * FRAME;
    /** A keyframe, two pictures that are shown before it, and two after it. */
    const openGop = (ts: TsBuilder, from: number) => {
      ts.tables().video(at(from + 2), at(from), true, 400);
      for (const n of [1, 2]) ts.video(at(from + n - 1), at(from + n), false, 400);
      for (const n of [3, 4]) ts.video(at(from + n), at(from + n), false, 400);
      return ts;
    };
    const first = new TsBuilder();
    splicer.beginInput({ kind: 'source' });
    splicer.push(openGop(openGop(first, 0), 5).video(at(10), at(10), false).take(), 0);
    splicer.endInput(false);
    splicer.beginInput({ kind: 'reconnection', shift: splicer.shift ?? 0 });
    splicer.push(openGop(new TsBuilder(), 20).video(at(25), at(25), false).take(), 1_000);
    const shown = packets.filter((packet) => pidOf(packet, 0) === VIDEO_PID && startsUnit(packet, 0)).map(ptsOf);
    expect(shown.map((pts) => (pts - 900_000) / FRAME)).toEqual([2, 3, 4, 7, 5, 6, 8, 9, 22, 23, 24]);
  });

  it('says at the first picture after a jump of the clock that it comes after one, and at no other', () => {
    const { splicer, progress, jumps } = splice();
    splicer.beginInput({ kind: 'source' });
    splicer.push(frames(new TsBuilder().tables(), 0, 25).take(), 0);
    // The provider's clock steps by an hour in the middle of a group.
    splicer.push(frames(new TsBuilder().tables(), 90_025, 30).take(), 1_000);
    const pictures = [...new Set(progress)];
    expect(pictures).toHaveLength(25 + 30);
    expect(jumps).toEqual([pictures[25]]);
  });

  it('says no jump where a connection that broke goes on with the time, and one where its clock is another', () => {
    const { splicer, progress, jumps } = splice();
    splicer.beginInput({ kind: 'source' });
    splicer.push(frames(new TsBuilder().tables(), 0, 25).take(), 0);
    splicer.endInput(false);
    splicer.beginInput({ kind: 'reconnection', shift: splicer.shift ?? 0 });
    splicer.push(frames(new TsBuilder().tables(), 100, 25).take(), 3_000);
    splicer.endInput(false);
    splicer.beginInput({ kind: 'reconnection', shift: splicer.shift ?? 0 });
    splicer.push(frames(new TsBuilder().tables(), 90_000, 15).take(), 6_000);
    const pictures = [...new Set(progress)];
    expect(jumps).toEqual([pictures[25 + 25]]);
  });

  it('gives every joiner a prefix whose counters lead into the shared packets', () => {
    const { splicer, packets, entries } = splice();
    splicer.beginInput({ kind: 'source' });
    splicer.push(frames(new TsBuilder().tables(), 0, 35).tables().take(), 0);
    splicer.push(frames(new TsBuilder().tables(), 35, 20).take(), 0);
    for (const { prefix, at } of entries) {
      const own = [];
      for (let offset = 0; offset < prefix.length; offset += 188) own.push(prefix.subarray(offset, offset + 188));
      expect(counterErrors([...own, ...packets.slice(at)])).toEqual([]);
    }
  });

  it('keeps counters, PIDs and order when another input with other PIDs continues', () => {
    const { splicer, packets, progress } = splice();
    splicer.beginInput({ kind: 'source' });
    splicer.push(frames(new TsBuilder().tables(), 0, 23).take(), 0);
    splicer.endInput(false);
    splicer.beginInput({ kind: 'reconnection', shift: splicer.shift ?? 0 });
    const other = new TsBuilder([
      { pid: 0x21, type: 0x0f, descriptors: Buffer.alloc(0) },
      { pid: VIDEO_PID, type: 0x1b, descriptors: Buffer.alloc(0) },
    ]);
    for (let n = 0; n < 20; n++) other.video(n * FRAME, n * FRAME, n === 0);
    splicer.push(Buffer.concat([new TsBuilder().tables().take(), other.take()]), 1_000);
    expect(counterErrors(packets)).toEqual([]);
    expect(new Set(packets.map((packet) => pidOf(packet, 0)))).toEqual(new Set([0, 0x1000, VIDEO_PID, AUDIO_PID]));
    expect([...progress].sort((a, b) => a - b)).toEqual(progress);
  });

  it('sends nothing twice and loses nothing when a new connection begins with the past', () => {
    const { splicer, packets, progress } = splice({ survey: new TrackSurvey(false) });
    splicer.beginInput({ kind: 'source' });
    splicer.push(frames(new TsBuilder().tables(), 0, 37).take(), 1_480);
    splicer.endInput(false);
    splicer.beginInput({ kind: 'reconnection', shift: splicer.shift ?? 0 });
    splicer.push(frames(new TsBuilder().tables(), 20, 40).take(), 2_480);
    // A picture and a sound for each frame, but no sound before the first picture, and no picture that is not whole yet.
    const wanted = Array.from({ length: 120 }, (_, n) => Math.floor(n / 2)).slice(1, -1);
    expect(progress.map((dts) => (dts - 900_000) / FRAME).sort((a, b) => a - b)).toEqual(wanted);
    expect(counterErrors(packets)).toEqual([]);
    expect(packets.filter((packet) => pidOf(packet, 0) >= VIDEO_PID && hasDiscontinuityIndicator(packet, 0))).toEqual(
      [],
    );
  });

  it.each<[string, Input, number]>([
    ['with the same pictures', { kind: 'run', continues: { samePictures: true } }, 0],
    ['with pictures of its own', { kind: 'run', continues: { samePictures: false } }, 4],
    ['on another clock', { kind: 'run', continues: undefined }, 4],
    ['of another worker with the same pictures', { kind: 'relay', continues: { samePictures: true } }, 0],
    ['of another worker with pictures of its own', { kind: 'relay', continues: { samePictures: false } }, 4],
    ['whose clock nobody knows', { kind: 'source' }, 4],
  ])('an input %s loses only what lies before its first keyframe, if anything', (_what, input, lost) => {
    const { splicer, packets } = splice();
    splicer.beginInput({ kind: 'run', continues: undefined });
    splicer.push(frames(new TsBuilder().tables(), 0, 37).take(), 1_480);
    splicer.endInput(false);
    splicer.beginInput(input);
    splicer.push(frames(new TsBuilder().tables(), 36, 24).take(), 1_500);
    splicer.endInput(true);
    const pictures = packets.filter((packet) => pidOf(packet, 0) === VIDEO_PID && startsUnit(packet, 0));
    // 60 frames. The first input ended inside of frame 36; the next keyframe is frame 40.
    expect(pictures).toHaveLength(60 - lost);
    expect(counterErrors(packets)).toEqual([]);
  });

  it('does not take a restarted clock for the past', () => {
    const { splicer, progress } = splice();
    splicer.beginInput({ kind: 'source' });
    splicer.push(frames(new TsBuilder().tables(), 0, 37).take(), 1_480);
    splicer.endInput(false);
    splicer.beginInput({ kind: 'reconnection', shift: splicer.shift ?? 0 });
    const other = new TsBuilder().tables();
    // The time of an earlier keyframe, but not its picture.
    for (let n = 20; n < 40; n++) other.video(900_000 + n * FRAME, 900_000 + n * FRAME, n % 10 === 0, 800);
    splicer.push(other.take(), 2_480);
    expect(Math.max(...progress)).toBeGreaterThan(900_000 + 60 * FRAME);
  });

  it('signals lost packets instead of hiding them', () => {
    const { splicer, packets } = splice();
    splicer.beginInput({ kind: 'source' });
    const builder = frames(new TsBuilder().tables(), 0, 5);
    splicer.push(frames(builder.lose(VIDEO_PID, 3), 5, 5).take(), 0);
    expect(counterErrors(packets)).toEqual([]);
    expect(
      packets.filter((packet) => pidOf(packet, 0) === VIDEO_PID && hasDiscontinuityIndicator(packet, 0)),
    ).toHaveLength(1);
  });

  it('holds reordered pictures back until their group is complete, and resumes behind the last one', () => {
    const { splicer, packets, progress } = splice({ holdReordered: true });
    splicer.beginInput({ kind: 'source' });
    const builder = new TsBuilder().tables();
    // Display order 0 … 8 in decode order I0 P4 B2 B1 B3 P8 B6 …, DTS two frames behind.
    const pts = [0, 4, 2, 1, 3, 8, 6];
    for (const [n, p] of pts.entries()) {
      builder.video(900_000 + p * FRAME, 900_000 + (n - 2) * FRAME, n === 0).audio(900_000 + n * FRAME);
    }
    splicer.push(builder.take(), 0);
    const video = progress.filter((dts) => dts <= 900_000 + 2 * FRAME).length;
    expect(video).toBeGreaterThanOrEqual(5);
    splicer.endInput(false);
    expect(splicer.resumePoint.videoPts).toBe(900_000 + 5 * FRAME);
    expect(splicer.resumePoint.audioPts).toBe(900_000 + 7 * FRAME);
    expect(counterErrors(packets)).toEqual([]);
  });

  it('measures time by when a unit begins to arrive, not by when its end is known', () => {
    const { splicer, progress } = splice();
    splicer.beginInput({ kind: 'source' });
    const builder = frames(new TsBuilder().tables(), 0, 11);
    splicer.push(builder.take(), 400);
    // Three seconds are lost while nothing comes; only then the last picture before them proves to be whole.
    splicer.push(frames(builder, 86, 2).take(), 3_440);
    expect(Math.max(...progress)).toBe(900_000 + 87 * FRAME);
  });

  it('resumes sound behind all the frames of the last unit, however many there were before', () => {
    const { splicer } = splice({ holdReordered: true });
    splicer.beginInput({ kind: 'source' });
    const builder = new TsBuilder().tables();
    const pictures = (from: number, to: number) => {
      for (let n = from; n < to; n++) builder.video(900_000 + n * FRAME, 900_000 + n * FRAME, n === 0);
    };
    pictures(0, 2);
    builder.adts(900_000, 10);
    pictures(2, 8);
    builder.adts(900_000 + 10 * 1_920, 1);
    pictures(8, 12);
    splicer.push(builder.take(), 0);
    splicer.endInput(false);
    expect(splicer.resumePoint.audioPts).toBe(900_000 + 11 * 1_920);
  });

  it('sends nothing of a unit whose end never came', () => {
    const { splicer, packets } = splice();
    splicer.beginInput({ kind: 'source' });
    const bytes = frames(new TsBuilder().tables(), 0, 3)
      .video(900_000 + 3 * FRAME, 900_000 + 3 * FRAME, false, 2_000)
      .take();
    splicer.push(bytes.subarray(0, bytes.length - 300), 0);
    const before = packets.length;
    splicer.endInput(false);
    expect(packets).toHaveLength(before);
  });

  it('says where other tracks begin, and enters sound at once where the pictures are gone', () => {
    const { splicer, packets, entries, changes } = splice();
    splicer.beginInput({ kind: 'source' });
    splicer.push(frames(new TsBuilder().tables(), 0, 20).tables().take(), 800);
    expect(changes).toEqual([]);
    const before = entries.length;
    const sound = new TsBuilder([{ pid: AUDIO_PID, type: 0x0f, descriptors: Buffer.alloc(0) }]).tables();
    for (let n = 20; n < 40; n++) sound.audio(900_000 + n * FRAME);
    splicer.push(sound.take(), 1_600);
    expect(changes).toHaveLength(1);
    expect(pidOf(packets[changes[0] as number] as Buffer, 0)).toBe(0);
    expect(entries.length).toBeGreaterThan(before);
    expect(counterErrors(packets)).toEqual([]);
  });

  it('keeps the tracks in mind until the next input has described its own', () => {
    const { splicer } = splice();
    const shown = () => splicer.tracks.map(({ pid, alive }) => [pid, alive]);
    const both = [
      [VIDEO_PID, true],
      [AUDIO_PID, true],
    ];
    splicer.beginInput({ kind: 'source' });
    splicer.push(frames(new TsBuilder().tables(), 0, 20).take(), 800);
    expect(shown()).toEqual(both);
    splicer.endInput(false);
    expect(shown()).toEqual(both);
    splicer.beginInput({ kind: 'reconnection', shift: splicer.shift ?? 0 });
    expect(shown()).toEqual(both);
    splicer.push(new TsBuilder([{ pid: AUDIO_PID, type: 0x0f, descriptors: Buffer.alloc(0) }]).tables().take(), 900);
    expect(shown()).toEqual([[AUDIO_PID, true]]);
  });

  it('offers sound as an entry where there are no pictures', () => {
    const { splicer, entries } = splice();
    splicer.beginInput({ kind: 'source' });
    const builder = new TsBuilder([{ pid: AUDIO_PID, type: 0x0f, descriptors: Buffer.alloc(0) }]).tables();
    for (let n = 0; n < 100; n++) builder.audio(n * 1_920);
    splicer.push(builder.take(), 0);
    expect(entries.length).toBeGreaterThan(5);
    expect(entries.length).toBeLessThan(15);
  });

  it('enters intra refresh after 12 s without a keyframe', () => {
    const { splicer, entries } = splice();
    splicer.beginInput({ kind: 'source' });
    const builder = new TsBuilder().tables();
    for (let n = 0; n < 20 * 25; n++) {
      builder.video(n * FRAME, n * FRAME, false).audio(n * FRAME);
      splicer.push(builder.take(), n * 40);
    }
    expect(entries[0]?.dts).toBeGreaterThanOrEqual(12 * 90_000);
    expect(entries[0]?.dts).toBeLessThanOrEqual(12.2 * 90_000);
    expect(entries.length).toBeGreaterThan(5);
  });

  it('takes no other picture for an entry because the input has paused', () => {
    const { splicer, entries } = splice();
    splicer.beginInput({ kind: 'source' });
    const builder = new TsBuilder().tables();
    for (let n = 0; n < 200; n++) {
      builder.video(n * FRAME, n * FRAME, n % 50 === 0).audio(n * FRAME);
      // It stands still for 20 s in the middle of a GOP, and then goes on with what has waited.
      splicer.push(builder.take(), n * 40 + (n > 120 ? 20_000 : 0));
    }
    expect(entries.map(({ dts }) => ((dts - (entries[0]?.dts ?? 0)) / FRAME) % 50)).toEqual([0, 0, 0, 0]);
  });

  it('survives any bytes', () => {
    const { splicer } = splice({ holdReordered: true });
    let seed = 7;
    const random = () => {
      seed = (seed * 1_103_515_245 + 12_345) & 0x7fffffff;
      return seed;
    };
    splicer.beginInput({ kind: 'source' });
    for (let round = 0; round < 200; round++) {
      const good = frames(new TsBuilder().tables(), round, 3).take();
      for (let n = 0; n < 20; n++) good[random() % good.length] = random() & 0xff;
      splicer.push(good, round * 100);
    }
    splicer.endInput(true);
  });
});
