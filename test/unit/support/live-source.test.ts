// The test provider: what FFmpeg and the judge make of it when it behaves, and that each misbehaviour is what it says.
import { execFile } from 'node:child_process';
import { setImmediate as turn } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { decodeErrors, expectClean, faultsOf, judgeTs, type Verdict } from '../../support/judge/index.ts';
import { ManualClock } from '../../support/live/clock.ts';
import {
  type LiveSource,
  type LiveSourceOptions,
  startLiveSource,
  startLiveSourceProcess,
} from '../../support/live-source.ts';
import { type Recording, type RecordingHandle, record, startRecording } from '../../support/recorder.ts';
import { until } from '../../support/until.ts';

const TICKS = 90_000;
const WRAP = 2 ** 33;
const FRAME_MS = 40;
/** Fast enough to be short, slow enough for one tick to stay below a GOP. */
const FAST = 10;

const open: LiveSource[] = [];
afterAll(async () => {
  await Promise.all(open.splice(0).map((source) => source.close()));
});

/** A viewer who has got everything when it has as many bytes as the source has sent on its connection. */
interface Viewer {
  readonly recording: RecordingHandle;
  hasAll(): Promise<boolean>;
}

/** A source whose time goes on when it is told to, so that a busy machine changes nothing. */
class Scene {
  readonly source: LiveSource;
  readonly #clock: ManualClock;

  constructor(source: LiveSource, clock: ManualClock) {
    this.source = source;
    this.#clock = clock;
  }

  /** Connected; it has got nothing yet that is not sent at once. */
  async viewer(headers: Record<string, string> = {}, path = this.source.paths[0] ?? ''): Promise<Viewer> {
    const channel = this.source.channel(path);
    const recording = startRecording(channel.url, { headers });
    await until(() => recording.snapshot().status === 200, { what: 'the source to answer' });
    const number = (await channel.stats()).connections.length - 1;
    const sent = async () => (await channel.stats()).connections[number]?.bytes;
    return { recording, hasAll: async () => recording.byteCount === (await sent()) };
  }

  /** The source's time goes on, and the viewers get what it sends meanwhile. */
  async play(seconds: number, ...viewers: Viewer[]): Promise<void> {
    this.#clock.advance(seconds * 1_000);
    for (const viewer of viewers) await until(viewer.hasAll, { what: 'everything that was sent to arrive' });
  }

  /** What a viewer gets who comes now and stays for so many seconds of the source's time. */
  async watch(seconds: number, headers: Record<string, string> = {}): Promise<Recording> {
    const viewer = await this.viewer(headers);
    await this.play(seconds, viewer);
    return viewer.recording.stop();
  }

  /** The same while `disturb` happens after half of it. */
  async during(disturb: () => Promise<void>, seconds = 1.6): Promise<Verdict> {
    const viewer = await this.viewer();
    await this.play(seconds / 2, viewer);
    await disturb();
    await this.play(seconds / 2, viewer);
    return judgeTs(await viewer.recording.stop());
  }
}

async function start(options: LiveSourceOptions = {}): Promise<Scene> {
  const clock = new ManualClock();
  const source = await startLiveSource({ join: 'frame', ...options }, clock);
  open.push(source);
  return new Scene(source, clock);
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
    const scene = await start({ fixture, speed: FAST, clockStarts: 'first-connection' });
    const recording = await scene.watch(2.6);
    const verdict = judgeTs(recording);
    const frameTicks = verdict.video === undefined ? undefined : fixture === 'fps-29.97' ? 3003 : 3600;
    expectClean(verdict, { frameTicks, maxAudioSlipTicks: 2, maxSignalled: 0, minSeconds: 25 });
    expect(verdict.video?.dtsSteps.size ?? 1).toBe(1);
    expect(await decodeErrors(recording.bytes)).toEqual([]);
  });

  it('sends as much media as time passes, whatever clock it has', async () => {
    const scene = await start({ fixture: 'plain', clockStarts: 'first-connection' });
    const { durationSeconds } = judgeTs(await scene.watch(3));
    expect(Math.abs(durationSeconds - 3)).toBeLessThan(0.1);
    // A busy machine delays a tick of the real clock; between which moments it came is known all the same.
    const real = await startLiveSource({ fixture: 'plain' });
    open.push(real);
    const ticked = async () => {
      const before = (await real.stats()).mediaSeconds;
      for (;;) {
        const notBeforeMs = performance.now();
        await turn();
        const { mediaSeconds } = await real.stats();
        if (mediaSeconds > before) return { mediaMs: mediaSeconds * 1_000, notBeforeMs, notAfterMs: performance.now() };
      }
    };
    const first = await ticked();
    let last = await ticked();
    while (last.notBeforeMs - first.notAfterMs < 500) last = await ticked();
    const mediaMs = last.mediaMs - first.mediaMs;
    expect(mediaMs).toBeGreaterThanOrEqual(last.notBeforeMs - first.notAfterMs);
    expect(mediaMs).toBeLessThanOrEqual(last.notAfterMs - first.notBeforeMs);
  });

  it('is read by FFmpeg itself', async () => {
    const source = await startLiveSource({
      fixture: 'mpeg2',
      join: 'frame',
      burstSeconds: 2,
      startPhaseSeconds: 8,
    });
    open.push(source);
    const args = ['-v', 'error', '-t', '3', '-i', source.url, '-map', '0:v', '-map', '0:a', '-f', 'framecrc', '-'];
    const { stdout, stderr } = await promisify(execFile)('ffmpeg', args);
    expect(stderr).toBe('');
    expect(stdout).toContain('#dimensions 0: 320x180');
    expect(stdout.split('\n').filter((line) => line.startsWith('0,')).length).toBeGreaterThan(70);
  });

  it('has one clock for all its connections, and sends the past first when asked, also when just started', async () => {
    const scene = await start({ fixture: 'plain', burstSeconds: 2, startPhaseSeconds: 1 });
    const viewers = [await scene.viewer(), await scene.viewer()] as const;
    await scene.play(0, ...viewers);
    const [a, b] = viewers.map(({ recording }) => judgeTs(recording.snapshot())) as [Verdict, Verdict];
    expect(a.video?.dtsList).toEqual(b.video?.dtsList);
    // No time has passed: all of it is the past, from a keyframe on.
    const [, , , control = 0, , flags = 0] = viewers[0].recording.snapshot().bytes;
    expect([control & 0x20, flags & 0x40]).toEqual([0x20, 0x40]);
    expect(a.video?.keyframePts.length).toBeGreaterThan(0);
    expect(a.durationSeconds).toBeGreaterThan(2 - FRAME_MS / 1_000);
    await scene.play(0.5, ...viewers);
    const [c, d] = viewers.map(({ recording }) => judgeTs(recording.snapshot())) as [Verdict, Verdict];
    expect(c.video?.dtsList).toEqual(d.video?.dtsList);
    expect(c.durationSeconds - a.durationSeconds).toBeGreaterThan(0.4);
  });

  it('joins inside a packet where told', async () => {
    const scene = await start({ join: 'mid-packet' });
    const { startsWith } = judgeTs(await scene.watch(0.5));
    expect(startsWith.bytesBeforeSync).toBeGreaterThan(0);
    expect(startsWith.bytesBeforeSync).toBeLessThan(188);
  });

  it('restarts its clock per connection where told', async () => {
    const scene = await start({ clock: 'restart' });
    for (let i = 0; i < 2; i++) {
      const { video } = judgeTs(await scene.watch(0.6));
      expect(Math.abs((video?.dtsList[0] ?? 0) - 1.4 * TICKS)).toBeLessThan(TICKS / 5);
    }
  });

  it('counts connections, bytes and what was refused', async () => {
    const scene = await start({ channels: { '/a.ts': {}, '/b.ts': { fixture: 'mp2' } } });
    const { source } = scene;
    const { bytes } = await scene.watch(0.5, { 'user-agent': 'judge/1' });
    await source.status(404, 1);
    expect((await record(source.url)).status).toBe(404);
    await until(async () => (await source.account()).open === 0, { what: 'the connection to be noticed as closed' });
    const stats = await source.stats();
    expect(stats).toMatchObject({ open: 0, total: 1, maxConcurrent: 1, refused: 1 });
    expect(stats.connections[0]).toMatchObject({ closedBy: 'peer', headers: { 'user-agent': 'judge/1' } });
    expect(stats.connections[0]?.bytes).toBe(bytes.length);
    expect((await source.channel('/b.ts').stats()).total).toBe(0);
  });

  it('runs the same in a process of its own', async () => {
    const source = await startLiveSourceProcess({ channels: { '/a.ts': {}, '/b.ts': {} }, join: 'frame' });
    open.push(source);
    const untilBytes = 101 * 188;
    const [a, b] = await Promise.all(source.paths.map((path) => record(source.origin + path, { untilBytes })));
    expect(judgeTs(a ?? Buffer.alloc(0)).packets).toBeGreaterThan(100);
    expect(judgeTs(b ?? Buffer.alloc(0)).packets).toBeGreaterThan(100);
    await source.jump(5);
    expect(await source.account()).toMatchObject({ total: 2, maxConcurrent: 2 });
    await expect(source.channel('/c.ts').stats()).rejects.toThrow('no channel /c.ts');
  });
});

describe.concurrent('misbehaviour in time', () => {
  it.each([-4, -30, -110, 10, 3600])('jumps by %i s and keeps its counters', async (seconds) => {
    const scene = await start({ fixture: 'bframes' });
    const verdict = await scene.during(() => scene.source.jump(seconds));
    expect(verdict.video?.continuityErrors).toEqual([]);
    const jumps = [...(verdict.video?.dtsSteps.keys() ?? [])].filter((step) => step !== 3600);
    expect(jumps).toEqual([seconds * TICKS + 3600]);
  });

  it('jumps by schedule', async () => {
    const scene = await start({
      clockStarts: 'first-connection',
      schedule: [{ atSeconds: 0.5, action: { do: 'jump', seconds: -4 } }],
    });
    const { video } = judgeTs(await scene.watch(1));
    expect(video?.dtsBackSteps).toHaveLength(1);
  });

  it('plays over the 33-bit wrap', async () => {
    const scene = await start({ startPts: WRAP - TICKS, clockStarts: 'first-connection' });
    const verdict = judgeTs(await scene.watch(2));
    expectClean(verdict, { ...anywhere, frameTicks: 3600 });
    expect(verdict.video?.dtsList[0]).toBeLessThan(WRAP);
    expect(verdict.video?.dtsList.at(-1)).toBeGreaterThan(WRAP);
  });

  it.each([
    ['burst', 2.4, 0],
    ['freeze', 1.9, 0],
    ['lose', 2.4, 1],
  ] as const)('stalls, and then: %s', async (then, mediaSeconds, gaps) => {
    const scene = await start();
    const viewer = await scene.viewer();
    await scene.play(1.2, viewer);
    await scene.source.stall(500, then);
    const { byteCount } = viewer.recording;
    await scene.play(0.45, viewer);
    expect(viewer.recording.byteCount).toBe(byteCount);
    await scene.play(0.75, viewer);
    const verdict = judgeTs(await viewer.recording.stop());
    expect(Math.abs(verdict.durationSeconds - mediaSeconds)).toBeLessThan(0.1);
    expect(verdict.video?.continuityErrors).toHaveLength(gaps);
  });
});

describe.concurrent('misbehaviour of the media', () => {
  it('loses video while audio and the clock go on, and brings it back', async () => {
    const scene = await start();
    const viewer = await scene.viewer();
    await scene.play(0.6, viewer);
    await scene.source.dropVideo(true);
    await scene.play(1.6, viewer);
    await scene.source.dropVideo(false);
    await scene.play(1.8, viewer);
    const verdict = judgeTs(await viewer.recording.stop(), { gapMs: 300 });
    expect(verdict.video?.gaps).toHaveLength(1);
    expect(Math.abs((verdict.video?.gaps[0]?.gapMs ?? 0) - 1_600)).toBeLessThan(3 * FRAME_MS);
    expect(verdict.video?.continuityErrors).toEqual([]);
    expect(verdict.video?.partialPes.filter(({ reason }) => reason !== 'no-start')).toEqual([]);
    expect(verdict.audio?.audioSlips).toEqual([]);
    expect(verdict.pcr.maxIntervalMs).toBeLessThan(200);
  });

  it('loses sound while video and the clock go on, and brings it back', async () => {
    const scene = await start();
    const viewer = await scene.viewer();
    await scene.play(0.6, viewer);
    await scene.source.dropSound(true);
    await scene.play(1.6, viewer);
    await scene.source.dropSound(false);
    await scene.play(1, viewer);
    const verdict = judgeTs(await viewer.recording.stop(), { gapMs: 500 });
    expect(verdict.audio?.gaps).toHaveLength(1);
    // FFmpeg puts up to 0.35 s of sound into a PES, and the gap is judged between beginnings.
    const { gapMs = 0 } = verdict.audio?.gaps[0] ?? {};
    expect(gapMs).toBeGreaterThan(1_600 - 350);
    expect(gapMs).toBeLessThan(1_600 + 2 * 350);
    expect(verdict.audio?.continuityErrors).toEqual([]);
    expect(verdict.audio?.partialPes.filter(({ reason }) => reason !== 'no-start')).toEqual([]);
    expect(verdict.video?.dtsSteps.size).toBe(1);
    expect(verdict.pcr.maxIntervalMs).toBeLessThan(200);
  });

  it('hides its random access points', async () => {
    const scene = await start({ speed: 4 });
    await scene.source.stripRandomAccessIndicator();
    const { video } = judgeTs(await scene.watch(1.5));
    expect(video?.randomAccessIndicators.onKeyframes).toBe(0);
    expect(video?.randomAccessIndicators.missing).toBeGreaterThan(1);
  });

  it('loses packets', async () => {
    const scene = await start();
    const verdict = await scene.during(() => scene.source.dropPackets(3));
    const errors = (verdict.video?.continuityErrors.length ?? 0) + (verdict.audio?.continuityErrors.length ?? 0);
    expect(errors).toBeGreaterThanOrEqual(1);
    expect(faultsOf(verdict, anywhere).join()).toContain('gap');
  });
});

describe.concurrent('misbehaviour of connections', () => {
  it('cuts at once, inside a packet, or in good order', async () => {
    for (const framing of ['chunked', 'close'] as const) {
      const scene = await start({ framing });
      for (const how of [{}, { midPacket: true }, { graceful: true }]) {
        const viewer = await scene.viewer();
        await scene.play(1, viewer);
        await scene.source.cutConnections(how);
        const { bytes, endedBy } = await viewer.recording.done;
        expect(bytes.length).toBeGreaterThan(20_000);
        if (framing === 'chunked') expect(endedBy).toBe('graceful' in how ? 'end' : 'error');
        if ('midPacket' in how) expect(bytes.length % 188).toBe(100);
        expect((await scene.source.stats()).open).toBe(0);
      }
    }
  });

  it('answers with anything but media', async () => {
    const scene = await start();
    const { source } = scene;
    await source.refuse(1);
    expect(await record(source.url)).toMatchObject({ status: 0, endedBy: 'error' });
    await source.html(1);
    expect((await record(source.url)).bytes.toString()).toContain('<html>');
    await source.empty(1);
    expect(await record(source.url)).toMatchObject({ status: 200, endedBy: 'end', byteCount: 0 });
    await source.redirectTo('http://127.0.0.1:1/', 1);
    expect(await record(source.url)).toMatchObject({ status: 302, headers: { location: 'http://127.0.0.1:1/' } });
    const { refused } = await source.stats();
    await source.hang('request', 1);
    const unanswered = startRecording(source.url);
    await until(async () => (await source.stats()).refused > refused, { what: 'the request to be there' });
    // What it would have answered comes before this.
    expect((await scene.watch(0.3)).byteCount).toBeGreaterThan(0);
    expect(await unanswered.stop()).toMatchObject({ status: 0, endedBy: 'limit' });
    await source.hang('headers', 1);
    const silent = await scene.viewer();
    expect((await scene.watch(0.3)).byteCount).toBeGreaterThan(0);
    expect(await silent.recording.stop()).toMatchObject({ status: 200, byteCount: 0, endedBy: 'limit' });
    await source.contentLength(50_000, 1);
    const finite = await scene.viewer();
    await scene.play(3);
    expect(await finite.recording.done).toMatchObject({ status: 200, byteCount: 50_000, endedBy: 'end' });
    await source.refuseTcp(true);
    expect((await record(source.url)).error).toContain('ECONNREFUSED');
    await source.refuseTcp(false);
    expect((await scene.watch(0.3)).byteCount).toBeGreaterThan(0);
  });

  it('allows one connection only, refusing the second or cutting the older', async () => {
    const refusing = await start({
      accountLimit: { limit: 1, mode: 'refuse', status: 458 },
      channels: { '/a': {}, '/b': {} },
    });
    const { source } = refusing;
    const first = await refusing.viewer();
    expect((await record(`${source.origin}/b`)).status).toBe(458);
    await refusing.play(0.5, first);
    expect((await first.recording.stop()).byteCount).toBeGreaterThan(0);
    await until(async () => (await source.account()).open === 0, { what: 'room' });
    expect((await (await refusing.viewer({}, '/b')).recording.stop()).status).toBe(200);
    const cutting = await start({ limit: { limit: 1, mode: 'cut-older' } });
    const older = await cutting.viewer();
    const newer = await cutting.viewer();
    expect((await older.recording.done).endedBy).toBe('error');
    await cutting.play(0.5, newer);
    expect((await newer.recording.stop()).byteCount).toBeGreaterThan(0);
    expect(await cutting.source.stats()).toMatchObject({ total: 2, maxConcurrent: 1 });
  });
});
