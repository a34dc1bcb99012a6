/** Segments of MPEG-TS: where they begin, what is in them, and that every worker makes the same bytes. */

import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import type { Done } from '../../../../services/proxy/src/feed/hls/segment-events.ts';
import type { LoopName } from '../../../support/fixtures.ts';
import { expectClean, judgeTs, type Verdict } from '../../../support/judge/index.ts';
import { type MarkedFeed, markedFeed, markedLoop, SECOND, segmentsOf } from '../../../support/segmented.ts';
import { AUDIO_PID, TsBuilder } from '../../mpegts/build-ts.ts';

const WRAP = 2 ** 33;
const FRAME = 3_600;

/** FFmpeg's muxer puts so much sound into a PES packet. The pictures are compared one by one. */
const SOUND_UNIT_MS = 450;
const judge = (bytes: Buffer): Verdict => judgeTs(bytes, { hashPes: true, gapMs: SOUND_UNIT_MS });
const bytesOf = (dones: readonly Done[]): Buffer => Buffer.concat(dones.map(({ ts }) => ts?.bytes ?? Buffer.alloc(0)));
const pesOf = (verdict: Verdict, kind: 'video' | 'audio'): string[] =>
  (verdict[kind]?.pes ?? []).map(({ pts, hash }) => `${pts % WRAP} ${hash}`);

/** All bytes of the elementary stream of sound, read here without the worker's code. */
function soundIn(bytes: Buffer): Buffer {
  const parts: Buffer[] = [];
  const pid = judgeTs(bytes).audio?.pid;
  for (let at = 0; at < bytes.length; at += 188) {
    const packet = bytes.subarray(at, at + 188);
    const flags = packet[3] ?? 0;
    if ((packet.readUInt16BE(1) & 0x1fff) !== pid || (flags & 0x10) === 0) continue;
    const payload = packet.subarray((flags & 0x20) === 0 ? 4 : 5 + (packet[4] ?? 0));
    parts.push(((packet[1] ?? 0) & 0x40) === 0 ? payload : payload.subarray(9 + (payload[8] ?? 0)));
  }
  return Buffer.concat(parts);
}

/** 10 s of a provider that sends about 0.3 s of sound in each PES packet. */
function longSound(codec: readonly string[]): Buffer {
  const video = ['-f', 'lavfi', '-i', 'testsrc2=size=160x90:rate=25', '-f', 'lavfi', '-i', 'sine=sample_rate=48000'];
  const encode = ['-t', '10', '-c:v', 'libx264', '-preset', 'ultrafast', '-g', '25', '-bf', '2', '-pix_fmt', 'yuv420p'];
  const muxer = ['-f', 'mpegts', '-pes_payload_size', '6000', 'pipe:1'];
  const made = spawnSync('ffmpeg', ['-v', 'error', ...video, ...encode, ...codec, ...muxer], { maxBuffer: 2 ** 26 });
  return made.stdout;
}

describe('segments', () => {
  it.each<[LoopName, boolean]>([
    ['plain', true],
    ['bframes', true],
    ['mp2', true],
    ['ac3', true],
    ['mpeg2', true],
    ['hevc', true],
    ['fps-29.97', true],
    ['aac-44.1', true],
    ['numbered-open-gop', true],
    ['audio-only', false],
  ])('of %s are together what the feed has, without a gap', async (name, hasVideo) => {
    const feed = await markedLoop(name, { seconds: 13, firstDts: WRAP - 7 * SECOND });
    const { cuts, dones, lateSounds } = segmentsOf(feed);
    expect(lateSounds).toBe(0);
    expect(dones.length).toBeGreaterThanOrEqual(5);
    expect(dones.map(({ n }) => n)).toEqual(dones.map((_, index) => (dones[0]?.n ?? 0) + index));
    expect(dones.slice(0, -1).map(({ seconds }) => seconds)).toEqual(
      cuts.slice(1).map(({ mark }, index) => (mark.pts - (cuts[index]?.mark.pts ?? 0)) / SECOND),
    );
    const [whole, all] = [judge(feed.bytes), judge(bytesOf(dones))];
    expectClean(all, {
      video: hasVideo,
      audio: true,
      minSeconds: 9,
      maxGapMs: SOUND_UNIT_MS,
      maxSignalled: 0,
      maxAudioSlipTicks: 2,
    });
    const [theirs, ours] = [pesOf(whole, 'video'), pesOf(all, 'video')];
    expect(ours).toEqual(theirs.slice(-ours.length));
    expect(ours.length).toBeGreaterThanOrEqual(theirs.length - 75);
    const [heard, hears] = [soundIn(feed.bytes), soundIn(bytesOf(dones))];
    expect(heard.subarray(-hears.length).equals(hears)).toBe(true);
    expect(hears.length).toBeGreaterThan(0.7 * heard.length);
    for (const [index, { ts }] of dones.slice(0, -1).entries()) {
      const one = judge(ts?.bytes ?? Buffer.alloc(0));
      expectClean(one, { video: hasVideo, audio: true });
      if (!hasVideo) continue;
      const first = cuts[index]?.pts ?? 0;
      expect((one.video?.ptsList[0] ?? 0) % WRAP).toBe(first % WRAP);
      const apart = ((one.audio?.ptsList[0] ?? 0) % WRAP) - (first % WRAP);
      expect(Math.abs(apart)).toBeLessThan(0.1 * SECOND);
    }
  });

  it.each([188, 188 * 7, 188 * 5_000])(
    'are the same bytes for every reader that has the feed, in pieces of %i bytes',
    async (pieceBytes) => {
      const feed = await markedLoop('bframes', { seconds: 21 });
      const { dones } = segmentsOf(feed);
      for (const entry of [1, 2, 4]) {
        // It knows with which counters its first segment begins.
        const late = segmentsOf(feed, { entry });
        const before = dones.find(({ n }) => n + 1 === late.dones[0]?.n);
        const { dones: theirs } = segmentsOf(feed, { entry, pieceBytes, ...(before && { counters: before.counters }) });
        expect(theirs.length).toBeGreaterThan(3);
        for (const { n, ts, seconds } of theirs) {
          const mine = dones.find((done) => done.n === n);
          expect({ n, seconds, crc: ts?.crc }).toEqual({ n, seconds: mine?.seconds, crc: mine?.ts?.crc });
          expect(ts?.bytes.equals(mine?.ts?.bytes ?? Buffer.alloc(0))).toBe(true);
        }
      }
    },
  );

  it.each([
    ['aac', ['-c:a', 'aac']],
    ['ac3', ['-c:a', 'ac3']],
    ['eac3', ['-c:a', 'eac3']],
    ['mp2', ['-c:a', 'mp2']],
    ['aac at 44.1 kHz', ['-c:a', 'aac', '-ar', '44100']],
  ])('of a source with long PES packets of %s begin with their sound', (_, codec) => {
    const provider = longSound(codec);
    const feed = markedFeed([{ bytes: provider, ms: 0 }], {});
    const [whole, { cuts, dones }] = [judge(feed.bytes), segmentsOf(feed)];
    expect(Math.max(...(whole.audio?.dtsSteps.keys() ?? []))).toBeGreaterThan(0.1 * SECOND);
    const all = judge(bytesOf(dones));
    expectClean(all, { video: true, audio: true, maxSignalled: 0, maxAudioSlipTicks: 2 });
    expect(pesOf(all, 'video')).toEqual(pesOf(whole, 'video'));
    // What plays before the first picture belongs to no segment.
    const [heard, hears] = [soundIn(feed.bytes), soundIn(bytesOf(dones))];
    expect(heard.subarray(-hears.length).equals(hears)).toBe(true);
    expect(hears.length).toBeGreaterThan(0.9 * heard.length);
    for (const [index, { ts }] of dones.slice(0, -1).entries()) {
      const { audio } = judge(ts?.bytes ?? Buffer.alloc(0));
      const cut = cuts[index]?.pts ?? 0;
      expect((audio?.ptsList[0] ?? 0) - cut).toBeGreaterThanOrEqual(0);
      if (index > 0) expect((audio?.ptsList[0] ?? 0) - cut).toBeLessThanOrEqual(0.035 * SECOND);
    }
  });
});

/** A feed of pictures with a keyframe each second, and sound where `sound` says so; 25 a second. */
function builtFeed(seconds: number, sound: (builder: TsBuilder, frame: number, ticks: number) => void): MarkedFeed {
  const builder = new TsBuilder().tables();
  for (let frame = 0; frame < seconds * 25; frame++) {
    const ticks = 900_000 + frame * FRAME;
    builder.video(ticks, ticks, frame % 25 === 0, 300);
    sound(builder, frame, ticks);
  }
  return markedFeed([{ bytes: builder.take(), ms: 0 }], { firstDts: 900_000 });
}

describe('a segment', () => {
  it('waits for sound that comes late, up to a second', () => {
    const late = builtFeed(9, (builder, frame, ticks) => {
      if (frame >= 20) builder.adts(ticks - 20 * FRAME, 1);
    });
    const { dones, lateSounds } = segmentsOf(late);
    expect(lateSounds).toBe(0);
    expect(dones.map(({ ts }) => judge(ts?.bytes ?? Buffer.alloc(0)).audio?.pesCount)).toEqual([50, 50, 50, 50, 5]);
  });

  it('leaves out what comes later, and counts it', () => {
    const late = builtFeed(9, (builder, frame, ticks) => {
      if (frame >= 35) builder.adts(ticks - 35 * FRAME, 1);
    });
    const { dones, lateSounds } = segmentsOf(late);
    // Of each segment the last part, as pictures stood a second behind its end when they came.
    expect(lateSounds).toBeGreaterThan(20);
    expect(dones.slice(0, -1).map(({ seconds }) => seconds)).toEqual([2, 2, 2, 2]);
  });

  it('is held by no sound that has ended, in place of which there is silence', () => {
    const ending = builtFeed(9, (builder, frame, ticks) => {
      if (frame < 60) builder.adts(ticks, 1);
    });
    const { dones } = segmentsOf(ending);
    expect(dones.map(({ ts }) => judge(ts?.bytes ?? Buffer.alloc(0)).audio?.pesCount ?? 0)).toEqual([
      49, 86, 94, 94, 46,
    ]);
    expect(dones.map(({ ts }) => judge(ts?.bytes ?? Buffer.alloc(0)).video?.pesCount)).toEqual([50, 50, 50, 50, 25]);
  });

  it('goes on with the pictures when sound runs far ahead of them', () => {
    const early = builtFeed(9, (builder, _, ticks) => builder.adts(ticks + 15 * FRAME, 1));
    const { cuts, dones } = segmentsOf(early);
    for (const [index, { ts }] of dones.slice(1).entries()) {
      const { video, audio } = judge(ts?.bytes ?? Buffer.alloc(0));
      expect(video?.ptsList[0]).toBe(cuts[index + 1]?.pts);
      expect(audio?.ptsList[0]).toBe(cuts[index + 1]?.pts);
      expect(video?.pes[0]?.packetIndex).toBeLessThan(audio?.pes[0]?.packetIndex ?? 0);
    }
    expect(dones.slice(0, -1).map(({ ts }) => judge(ts?.bytes ?? Buffer.alloc(0)).audio?.pesCount)).toEqual([
      34, 50, 50, 50,
    ]);
  });

  it('has no packet that is only a discontinuity, and no table but its first', async () => {
    const feed = await markedLoop('plain', { seconds: 9 });
    for (const { ts } of segmentsOf(feed).dones) {
      const packets = Array.from({ length: (ts?.bytes.length ?? 0) / 188 }, (_, at) =>
        ts?.bytes.subarray(at * 188, at * 188 + 188),
      );
      const pids = packets.map((packet) => (packet?.readUInt16BE(1) ?? 0) & 0x1fff);
      expect(pids.slice(0, 2)).toEqual([0, 0x1000]);
      expect(pids.slice(2).filter((pid) => pid !== 0x100 && pid !== AUDIO_PID)).toEqual([]);
      expect(
        packets.filter((packet) => (packet?.[3] ?? 0) & 0x20 && packet?.[4] && packet[5] && packet[5] & 0x80),
      ).toEqual([]);
    }
  });
});
