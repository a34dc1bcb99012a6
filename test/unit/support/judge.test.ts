// The judge against clean FFmpeg output and against streams broken on purpose: a judge that passes everything is worse than none.
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { fixture, LOOPS, type LoopName } from '../../support/fixtures.ts';
import {
  containerOf,
  decodeErrors,
  expectClean,
  faultsOf,
  judgeTs,
  missingOrDoubledFrames,
  withoutLastPes,
} from '../../support/judge/index.ts';

const PACKET = 188;
const VIDEO = 0x100;
const AUDIO = 0x101;

let clean: Buffer[];
beforeAll(async () => {
  clean = packetsOf(readFileSync((await fixture('plain')).path));
});

function packetsOf(bytes: Buffer): Buffer[] {
  return Array.from({ length: bytes.length / PACKET }, (_, i) => bytes.subarray(i * PACKET, (i + 1) * PACKET));
}

const pidOf = (packet: Buffer): number => packet.readUInt16BE(1) & 0x1fff;
const startsUnit = (packet: Buffer): boolean => (packet.readUInt8(1) & 0x40) !== 0;
const counterOf = (packet: Buffer): number => packet.readUInt8(3) & 15;

/** The n-th packet of a PID that fits. */
function find(pid: number, nth: number, fits: (packet: Buffer, index: number) => boolean = () => true): number {
  const found = clean.flatMap((packet, index) => (pidOf(packet) === pid && fits(packet, index) ? [index] : []))[nth];
  if (found === undefined) throw new Error('no such packet');
  return found;
}

function judge(packets: Buffer[]) {
  return judgeTs(Buffer.concat(packets));
}

const without = (...indexes: number[]): Buffer[] => clean.filter((_, index) => !indexes.includes(index));

/** An adaptation-only packet with discontinuity_indicator. */
function signal(pid: number, counter: number): Buffer {
  const packet = Buffer.alloc(PACKET, 0xff);
  packet.set([0x47, pid >> 8, pid & 0xff, 0x20 | counter, PACKET - 5, 0x80]);
  return packet;
}

describe('a clean recording', () => {
  it.each(Object.keys(LOOPS) as LoopName[])('%s has every frame and no fault', async (name) => {
    const made = await fixture(name);
    const verdict = judgeTs(readFileSync(made.path));
    expectClean(verdict, { video: made.video !== undefined, frameTicks: made.video?.frameTicks, maxAudioSlipTicks: 0 });
    expect(verdict.video?.pesCount).toBe(made.video?.frames);
    expect(verdict.video?.codec).toBe(made.video?.codec);
    expect(verdict.audio?.codec).toBe(made.audio.codec);
    expect(verdict.audio?.audioFrames).toBe(made.audio.frames);
    const audioTicks = (made.audio.frames * made.audio.samplesPerFrame * 90_000) / made.audio.sampleRate;
    expect(audioTicks).toBeCloseTo(made.loopTicks, 6);
    if (made.video !== undefined) expect(made.video.frames * made.video.frameTicks).toBe(made.loopTicks);
  });

  it('has keyframes where the encoder was told to put them', async () => {
    for (const name of ['plain', 'bframes', 'hevc', 'interlaced-h264', 'fps-29.97', 'gop10'] as const) {
      const { path, video } = await fixture(name);
      const { keyframePts = [] } = judgeTs(readFileSync(path)).video ?? {};
      const steps = keyframePts.slice(1).map((pts, i) => pts - (keyframePts[i] ?? 0));
      expect(new Set(steps), name).toEqual(new Set([(video?.gopFrames ?? 0) * (video?.frameTicks ?? 0)]));
    }
    const refresh = judgeTs(readFileSync((await fixture('intra-refresh')).path)).video;
    expect(refresh?.keyframePts).toHaveLength(1);
  });

  it('decodes without a word', async () => {
    expect(await decodeErrors(Buffer.concat(clean))).toEqual([]);
    expect(await decodeErrors(Buffer.concat(clean).subarray(0, 100_000))).toEqual([]);
  });

  it('is judged at far more than its own speed', () => {
    const bytes = Buffer.concat(Array.from({ length: 50 }, () => Buffer.concat(clean)));
    const begin = process.cpuUsage();
    judgeTs(bytes);
    const { user } = process.cpuUsage(begin);
    // 30 clients x 60 s x 1 Mbit/s are 225 MB; a slow machine still does 20 MB/s of its own time.
    expect(bytes.length / user).toBeGreaterThan(20);
  });
});

describe('continuity', () => {
  it('misses a dropped packet, and the PES it was in', () => {
    const lost = find(VIDEO, 100, (packet) => !startsUnit(packet));
    const { video } = judge(without(lost));
    expect(video?.continuityErrors).toHaveLength(1);
    expect(video?.continuityErrors[0]?.packetIndex).toBeGreaterThanOrEqual(lost);
    expect(video?.partialPes.map(({ reason }) => reason)).toEqual(['gap']);
  });

  it('allows a packet twice, but not three times', () => {
    const index = find(VIDEO, 100, (packet) => !startsUnit(packet));
    const packet = clean[index] ?? Buffer.alloc(0);
    const twice = judge([...clean.slice(0, index), packet, ...clean.slice(index)]);
    expect(twice.video?.duplicates).toBe(1);
    expect(faultsOf(twice)).toEqual([]);
    const thrice = judge([...clean.slice(0, index), packet, packet, ...clean.slice(index)]);
    expect(thrice.video?.continuityErrors).toHaveLength(1);
  });

  it('is no error where discontinuity_indicator announces it', () => {
    const at = find(VIDEO, 20, startsUnit);
    const next = find(VIDEO, 23, startsUnit);
    const lost = clean.flatMap((packet, i) => (i >= at && i < next && pidOf(packet) === VIDEO ? [i] : []));
    const counter = (counterOf(clean[next] ?? Buffer.alloc(4)) + 15) & 15;
    const packets = without(...lost);
    const place = packets.indexOf(clean[next] ?? Buffer.alloc(0));
    const verdict = judge([...packets.slice(0, place), signal(VIDEO, counter), ...packets.slice(place)]);
    expectClean(verdict);
    expect(verdict.video?.signalledDiscontinuities).toHaveLength(1);
    expect(faultsOf(verdict, { maxSignalled: 0 }).join()).toContain('signalled');
    expect(faultsOf(verdict, { frameTicks: 3600 }).join()).toContain('3 frames missing');
    expect(faultsOf(judge(packets)).join()).toContain('counter');
  });

  it('is checked on adaptation-only packets too: their counter must not grow', () => {
    const index = find(VIDEO, 100);
    const packet = signal(VIDEO, (counterOf(clean[index] ?? Buffer.alloc(4)) + 1) & 15);
    packet[5] = 0;
    const verdict = judge([...clean.slice(0, index + 1), packet, ...clean.slice(index + 1)]);
    expect(verdict.video?.continuityErrors[0]?.packetIndex).toBe(index + 1);
  });

  it('a join prefix counts as being at the start', () => {
    const first = clean[find(VIDEO, 0)] ?? Buffer.alloc(4);
    const verdict = judge([...clean.slice(0, 3), signal(VIDEO, (counterOf(first) + 15) & 15), ...clean.slice(3)]);
    expectClean(verdict, { maxSignalled: 0 });
    expect(verdict.video?.signalledDiscontinuities[0]?.atStart).toBe(true);
  });
});

describe('PES', () => {
  it('is broken when cut short against its length', () => {
    const starts = clean.flatMap((packet, i) => (pidOf(packet) === AUDIO && startsUnit(packet) ? [i] : []));
    const last = find(
      AUDIO,
      0,
      (_, i) => i === clean.findLastIndex((p, j) => pidOf(p) === AUDIO && j < (starts[3] ?? 0)),
    );
    const cut = clean.flatMap((packet, i) => {
      if (i === last) return [];
      const copy = Buffer.from(packet);
      // Counters go on as if nothing had been cut.
      if (pidOf(copy) === AUDIO && i > last) copy[3] = ((copy[3] ?? 0) & 0xf0) | ((counterOf(copy) + 15) & 15);
      return [copy];
    });
    const { audio } = judge(cut);
    expect(audio?.continuityErrors).toEqual([]);
    expect(audio?.partialPes.map(({ reason }) => reason)).toEqual(['short']);
    expect(audio?.audioSlips.length).toBeGreaterThan(0);
  });

  it('without its start is reported', () => {
    const start = find(VIDEO, 0, startsUnit);
    const { video } = judge(without(start));
    expect(video?.partialPes[0]?.reason).toBe('no-start');
  });
});

describe('time', () => {
  /** The recording once more behind itself, with counters that go on, and timestamps as they were. */
  it('sees DTS and PCR step back', () => {
    const doubled = judge([...clean, ...clean]);
    expect(doubled.video?.dtsBackSteps).toHaveLength(1);
    expect(doubled.audio?.dtsBackSteps).toHaveLength(1);
    expect(doubled.pcr.backSteps).toHaveLength(1);
  });

  it('sees frames missing and doubled', () => {
    expect(missingOrDoubledFrames([0, 3600, 7200, 7200, 14_400, ...range(18_000, 12)], 3600)).toEqual({
      missing: [{ afterPts: 7200, count: 1 }],
      doubled: [7200],
    });
    expect(missingOrDoubledFrames(range(0, 20), 3600)).toEqual({ missing: [], doubled: [] });
    expect(missingOrDoubledFrames({ ptsList: [0, 10_800, 3600], dtsList: [0, 1, 3600] }, 3600).missing).toEqual([]);
  });

  it('measures stalls and the first keyframe from arrival times', () => {
    const bytes = Buffer.concat(clean);
    const arrivals = [
      { atMs: 40, endOffset: 188 * 2 },
      { atMs: 90, endOffset: 188 * 1000 },
      { atMs: 2090, endOffset: bytes.length },
    ];
    const verdict = judgeTs({ bytes, arrivals, endedMs: 2500 });
    expect(verdict).toMatchObject({ firstByteMs: 40, firstKeyframeMs: 90, maxStallMs: 2000 });
    expect(faultsOf(verdict, { maxStallMs: 1000 }).join()).toContain('nothing arrived for 2000 ms');
  });
});

describe('a limit for gaps', () => {
  it('is refused where the judge has not looked for gaps that short', () => {
    const bytes = Buffer.concat(clean);
    const verdict = judgeTs(bytes);
    expect(() => expectClean(verdict, { maxGapMs: 999 })).toThrow(/only gaps over 1000 ms were looked for/);
    expectClean(verdict, { maxGapMs: 1000 });
    expect(() => expectClean(judgeTs(bytes, { gapMs: 1001 }))).toThrow(RangeError);
    expect(faultsOf(judgeTs(bytes, { gapMs: 30 }), { maxGapMs: 30 }).join()).toContain('gap of 40 ms');
  });
});

describe('the start and the grid', () => {
  it('misses a PAT that does not come first, and one that never comes', () => {
    const pat = find(0, 0);
    expect(faultsOf(judge(clean.slice(pat + 1))).join()).toContain('before the first PAT');
    const never = judge(clean.filter((packet) => pidOf(packet) !== 0));
    expect(never.startsWith.pat).toBeUndefined();
    expect(faultsOf(never).join()).toContain('first PAT (none)');
  });

  it('misses a keyframe', () => {
    const head = clean.slice(0, 3);
    const second = find(VIDEO, 1, startsUnit);
    expect(faultsOf(judge([...head, ...clean.slice(second)])).join()).toContain('no keyframe');
  });

  it('finds the grid again after stray bytes', () => {
    const verdict = judge([...clean.slice(0, 50), Buffer.alloc(77, 1), ...clean.slice(50)]);
    expect(verdict.syncErrors).toEqual([{ offset: 50 * PACKET, skippedBytes: 77 }]);
    expect(verdict.packets).toBe(clean.length);
  });

  it('sees a damaged table', () => {
    const damaged = Buffer.from(clean[find(0, 0)] ?? Buffer.alloc(PACKET));
    damaged[10] = (damaged[10] ?? 0) ^ 1;
    expect(judge([damaged, ...clean]).crcErrors).toBe(1);
  });

  it('finds no stream in HTML', () => {
    const verdict = judgeTs(Buffer.from('<html>expired</html>'));
    expect(faultsOf(verdict).join()).toContain('no MPEG-TS packet');
    expect(() => expectClean(verdict)).toThrow(/faults in 0 packets/);
  });
});

it('cuts a recording back to whole PES', () => {
  const bytes = withoutLastPes(Buffer.concat(clean).subarray(0, 150_000));
  expect(containerOf(bytes)).toBe('mpegts');
  expect(judgeTs(bytes).video?.suspectPes.length).toBeLessThan(3);
});

function range(from: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => from + i * 3600);
}
