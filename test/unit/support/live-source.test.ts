// The test provider: what FFmpeg and the judge make of it when it behaves, and that each misbehaviour is what it says.
import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { decodeErrors, expectClean, faultsOf, judgeTs, type Verdict } from '../../support/judge/index.ts';
import {
  type LiveSource,
  type LiveSourceOptions,
  startLiveSource,
  startLiveSourceProcess,
} from '../../support/live-source.ts';
import { record, recordMany, startRecording } from '../../support/recorder.ts';
import { until } from '../../support/until.ts';

const TICKS = 90_000;
const WRAP = 2 ** 33;
/** Fast enough to be short, slow enough for one tick to stay below a GOP. */
const FAST = 10;

const open: LiveSource[] = [];
afterAll(async () => {
  await Promise.all(open.splice(0).map((source) => source.close()));
});

async function start(options: LiveSourceOptions = {}): Promise<LiveSource> {
  const source = await startLiveSource({ join: 'frame', ...options });
  open.push(source);
  return source;
}

/** A recording while `disturb` happens after half of it. */
async function during(source: LiveSource, disturb: () => Promise<void>, seconds = 1.6): Promise<Verdict> {
  const recording = startRecording(source.url, { seconds });
  await sleep((seconds * 1000) / 2);
  await disturb();
  return judgeTs(await recording.done);
}

const anywhere = { cleanStart: false } as const;

// Side by side, as most of their time is waiting for media.
describe.concurrent('a well-behaved source', () => {
  it.each([
    'bframes',
    'mp2',
    'ac3',
    'aac-44.1',
    'fps-29.97',
    'interlaced-h264',
    'mpeg2',
    'hevc',
    'audio-only',
  ] as const)('%s plays over its seam without one', async (fixture) => {
    const source = await start({ fixture, speed: FAST, clockStarts: 'first-connection' });
    const recording = await record(source.url, { seconds: 2.6 });
    const verdict = judgeTs(recording);
    const frameTicks = verdict.video === undefined ? undefined : fixture === 'fps-29.97' ? 3003 : 3600;
    expectClean(verdict, { frameTicks, maxAudioSlipTicks: 2, maxSignalled: 0, minSeconds: 22 });
    expect(verdict.video?.dtsSteps.size ?? 1).toBe(1);
    expect(await decodeErrors(recording.bytes)).toEqual([]);
  });

  it('sends in real time', async () => {
    const source = await start({ fixture: 'plain' });
    const verdict = judgeTs(await record(source.url, { seconds: 3 }));
    expect(verdict.durationSeconds).toBeGreaterThan(2.6);
    expect(verdict.durationSeconds).toBeLessThan(3.3);
    // A source that pauses is meant, not a busy machine.
    expect(verdict.maxStallMs).toBeLessThan(1000);
  });

  it('is read by FFmpeg itself', async () => {
    const source = await start({ fixture: 'mpeg2', burstSeconds: 2, startPhaseSeconds: 8 });
    const args = ['-v', 'error', '-t', '3', '-i', source.url, '-map', '0:v', '-map', '0:a', '-f', 'framecrc', '-'];
    const { stdout, stderr } = await promisify(execFile)('ffmpeg', args);
    expect(stderr).toBe('');
    expect(stdout).toContain('#dimensions 0: 320x180');
    expect(stdout.split('\n').filter((line) => line.startsWith('0,')).length).toBeGreaterThan(70);
  });

  it('has one clock for all its connections, and sends the past first when asked, also when just started', async () => {
    const source = await start({ fixture: 'plain', burstSeconds: 2, startPhaseSeconds: 1 });
    const [first, second] = await recordMany(2, source.url, { seconds: 0.5 });
    const [a, b] = [judgeTs(first ?? Buffer.alloc(0)), judgeTs(second ?? Buffer.alloc(0))];
    expect(a.video?.dtsList.slice(0, 50)).toEqual(b.video?.dtsList.slice(0, 50));
    expect(a.durationSeconds).toBeGreaterThan(2);
    expect(a.firstKeyframeMs ?? 0).toBeLessThan(200);
  });

  it('joins inside a packet where told', async () => {
    const source = await start({ join: 'mid-packet' });
    const { startsWith } = judgeTs(await record(source.url, { seconds: 0.5 }));
    expect(startsWith.bytesBeforeSync).toBeGreaterThan(0);
    expect(startsWith.bytesBeforeSync).toBeLessThan(188);
  });

  it('restarts its clock per connection where told', async () => {
    const source = await start({ clock: 'restart' });
    for (let i = 0; i < 2; i++) {
      const { video } = judgeTs(await record(source.url, { seconds: 0.6 }));
      expect(Math.abs((video?.dtsList[0] ?? 0) - 1.4 * TICKS)).toBeLessThan(TICKS / 5);
    }
  });

  it('counts connections, bytes and what was refused', async () => {
    const source = await start({ channels: { '/a.ts': {}, '/b.ts': { fixture: 'mp2' } } });
    const { bytes } = await record(source.url, { seconds: 0.5, headers: { 'user-agent': 'judge/1' } });
    await source.status(404, 1);
    expect((await record(source.url)).status).toBe(404);
    await until(async () => (await source.account()).open === 0, { what: 'the connection to be noticed as closed' });
    const stats = await source.stats();
    expect(stats).toMatchObject({ open: 0, total: 1, maxConcurrent: 1, refused: 1 });
    expect(stats.connections[0]).toMatchObject({ closedBy: 'peer', headers: { 'user-agent': 'judge/1' } });
    expect(stats.connections[0]?.bytes).toBeGreaterThanOrEqual(bytes.length);
    expect((await source.channel('/b.ts').stats()).total).toBe(0);
  });

  it('runs the same in a process of its own', async () => {
    const source = await startLiveSourceProcess({ channels: { '/a.ts': {}, '/b.ts': {} }, join: 'frame' });
    open.push(source);
    const [a, b] = await Promise.all(source.paths.map((path) => record(source.origin + path, { seconds: 1 })));
    expect(judgeTs(a ?? Buffer.alloc(0)).packets).toBeGreaterThan(100);
    expect(judgeTs(b ?? Buffer.alloc(0)).packets).toBeGreaterThan(100);
    await source.jump(5);
    expect(await source.account()).toMatchObject({ total: 2, maxConcurrent: 2 });
    await expect(source.channel('/c.ts').stats()).rejects.toThrow('no channel /c.ts');
  });
});

describe.concurrent('misbehaviour in time', () => {
  it.each([-4, -30, -110, 10, 3600])('jumps by %i s and keeps its counters', async (seconds) => {
    const source = await start({ fixture: 'bframes' });
    const verdict = await during(source, () => source.jump(seconds));
    expect(verdict.video?.continuityErrors).toEqual([]);
    const jumps = [...(verdict.video?.dtsSteps.keys() ?? [])].filter((step) => step !== 3600);
    expect(jumps).toEqual([seconds * TICKS + 3600]);
  });

  it('jumps by schedule', async () => {
    const source = await start({
      clockStarts: 'first-connection',
      schedule: [{ atSeconds: 0.5, action: { do: 'jump', seconds: -4 } }],
    });
    const { video } = judgeTs(await record(source.url, { seconds: 1 }));
    expect(video?.dtsBackSteps).toHaveLength(1);
  });

  it('plays over the 33-bit wrap', async () => {
    const source = await start({ startPts: WRAP - TICKS, clockStarts: 'first-connection' });
    const verdict = judgeTs(await record(source.url, { seconds: 2 }));
    expectClean(verdict, { ...anywhere, frameTicks: 3600 });
    expect(verdict.video?.dtsList[0]).toBeLessThan(WRAP);
    expect(verdict.video?.dtsList.at(-1)).toBeGreaterThan(WRAP);
  });

  it('stalls, and sends late, at once, or never what was due', async () => {
    const source = await start();
    for (const then of ['burst', 'freeze', 'lose'] as const) {
      const verdict = await during(source, () => source.stall(500, then), 2.4);
      expect(verdict.maxStallMs, then).toBeGreaterThan(400);
      expect(verdict.durationSeconds < 2.15, then).toBe(then === 'freeze');
      expect(verdict.video?.continuityErrors.length, then).toBe(then === 'lose' ? 1 : 0);
    }
  });
});

describe.concurrent('misbehaviour of the media', () => {
  it('loses video while audio and the clock go on, and brings it back', async () => {
    const source = await start();
    const recording = startRecording(source.url, { seconds: 4 });
    await sleep(600);
    await source.dropVideo(true);
    await sleep(1600);
    await source.dropVideo(false);
    const verdict = judgeTs(await recording.done, { gapMs: 300 });
    expect(verdict.video?.gaps).toHaveLength(1);
    expect(verdict.video?.gaps[0]?.gapMs).toBeGreaterThan(1200);
    expect(verdict.video?.continuityErrors).toEqual([]);
    expect(verdict.video?.partialPes.filter(({ reason }) => reason !== 'no-start')).toEqual([]);
    expect(verdict.audio?.audioSlips).toEqual([]);
    expect(verdict.pcr.maxIntervalMs).toBeLessThan(200);
  });

  it('hides its random access points', async () => {
    const source = await start({ speed: 4 });
    await source.stripRandomAccessIndicator();
    const { video } = judgeTs(await record(source.url, { seconds: 1.5 }));
    expect(video?.randomAccessIndicators.onKeyframes).toBe(0);
    expect(video?.randomAccessIndicators.missing).toBeGreaterThan(1);
  });

  it('loses packets', async () => {
    const source = await start();
    const verdict = await during(source, () => source.dropPackets(3));
    const errors = (verdict.video?.continuityErrors.length ?? 0) + (verdict.audio?.continuityErrors.length ?? 0);
    expect(errors).toBeGreaterThanOrEqual(1);
    expect(faultsOf(verdict, anywhere).join()).toContain('gap');
  });
});

describe.concurrent('misbehaviour of connections', () => {
  it('cuts at once, inside a packet, or in good order', async () => {
    for (const framing of ['chunked', 'close'] as const) {
      const source = await start({ framing });
      for (const how of [{}, { midPacket: true }, { graceful: true }]) {
        const recording = startRecording(source.url);
        await until(() => recording.byteCount > 20_000, { what: 'some media' });
        await source.cutConnections(how);
        const { bytes, endedBy } = await recording.done;
        if (framing === 'chunked') expect(endedBy).toBe('graceful' in how ? 'end' : 'error');
        if ('midPacket' in how) expect(bytes.length % 188).toBe(100);
        expect((await source.stats()).open).toBe(0);
      }
    }
  });

  it('answers with anything but media', async () => {
    const source = await start();
    await source.refuse(1);
    expect(await record(source.url)).toMatchObject({ status: 0, endedBy: 'error' });
    await source.html(1);
    expect((await record(source.url)).bytes.toString()).toContain('<html>');
    await source.empty(1);
    expect(await record(source.url)).toMatchObject({ status: 200, endedBy: 'end', byteCount: 0 });
    await source.redirectTo('http://127.0.0.1:1/', 1);
    expect(await record(source.url)).toMatchObject({ status: 302, headers: { location: 'http://127.0.0.1:1/' } });
    await source.hang('request', 1);
    expect(await record(source.url, { seconds: 0.3 })).toMatchObject({ status: 0, endedBy: 'limit' });
    await source.hang('headers', 1);
    expect(await record(source.url, { seconds: 0.3 })).toMatchObject({ status: 200, byteCount: 0 });
    await source.contentLength(50_000, 1);
    expect(await record(source.url)).toMatchObject({ status: 200, byteCount: 50_000, endedBy: 'end' });
    expect((await record(source.url, { seconds: 0.3 })).byteCount).toBeGreaterThan(0);
    await source.refuseTcp(true);
    expect((await record(source.url)).error).toContain('ECONNREFUSED');
    await source.refuseTcp(false);
    expect((await record(source.url, { seconds: 0.3 })).status).toBe(200);
  });

  it('allows one connection only, refusing the second or cutting the older', async () => {
    const source = await start({
      accountLimit: { limit: 1, mode: 'refuse', status: 458 },
      channels: { '/a': {}, '/b': {} },
    });
    const first = startRecording(source.url, { seconds: 5 });
    await until(() => first.byteCount > 0, { what: 'the first connection to play' });
    expect((await record(`${source.origin}/b`)).status).toBe(458);
    await source.maxConnections({ limit: 1, mode: 'cut-older' });
    await first.stop();
    await until(async () => (await source.account()).open === 0, { what: 'room' });
    const cutOlder = await start({ limit: { limit: 1, mode: 'cut-older' } });
    const older = startRecording(cutOlder.url, { seconds: 5 });
    await until(() => older.byteCount > 0, { what: 'the older connection to play' });
    const newer = await record(cutOlder.url, { seconds: 0.5 });
    expect(newer.byteCount).toBeGreaterThan(0);
    expect((await older.done).endedBy).toBe('error');
    expect(await cutOlder.stats()).toMatchObject({ total: 2, maxConcurrent: 1 });
  });
});
