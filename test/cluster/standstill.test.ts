/**
 * The owner stands still (SIGSTOP): for longer than its lease another worker takes over, and nothing that it would have gone
 * on with when it wakes reaches anybody; for less, nothing changes. If Redis goes away meanwhile, nobody waits for it.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { ffmpegsOf, newPlaces, ownerOf, spread, troubles } from '../support/cluster.ts';
import { freePort } from '../support/free-port.ts';
import { arrivalOf, expectClean, judgeTs, jumpsOf, type Verdict, videoJump } from '../support/judge/index.ts';
import type { Recording, RecordingHandle } from '../support/recorder.ts';
import { type RedisTap, tapRedis } from '../support/redis-tap.ts';
import { seeded, TEST_SEED } from '../support/seed.ts';
import { allPlaying, ffmpegCount, LIGHT, type Stage, staged } from '../support/stage.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';
import type { Worker } from '../support/worker.ts';

const LEASE_MS = 5_000;
const LONG = process.env.STREAMPOOL_LONG === '1';
/** How long the owner stands still: the whole of it, or the lease and a few seconds. */
const STOP_MS = LONG ? 20_000 : 8_000;
/** The lease is asked about four times a second. */
const DECISION_MS = 600;
/** What the owner hears from Redis when it wakes comes this late: time in which it must not guess. */
const REDIS_LATE_MS = 700;
const FRAME_TICKS = 3_600;
const FRAME_MS = 40;
const PACKET = 188;
/** Media that the old owner had sent to its own viewers and not yet to the relay when it stopped. */
const IN_FLIGHT_TICKS = 0.3 * 90_000;

/** `random`: anywhere between two renewals; else with the answer to a renewal unread, or just read. */
const moments = ['random', 'answer unread', 'answer read'] as const;
type Moment = (typeof moments)[number];

interface Scene {
  readonly owner: Awaited<ReturnType<typeof ownerOf>>['owner'];
  readonly others: Awaited<ReturnType<typeof ownerOf>>['others'];
  readonly source: Awaited<ReturnType<Stage['source']>>;
  readonly tap: RedisTap;
  readonly own: RecordingHandle[];
  readonly elsewhere: RecordingHandle[];
  /** From the first viewer's request to its media, in ms: so long FFmpeg takes to start here and now. */
  readonly startMs: number;
}

/** Three viewers of the owner and six on the two others, playing. */
async function scene(stage: Stage, burstSeconds: number | undefined): Promise<Scene> {
  const cluster = await stage.cluster(2);
  const tap = await tapRedis(cluster.redis);
  stage.closeAfter(tap.close);
  const first = await cluster.start('worker-3', tap.env);
  const source = await stage.source(burstSeconds === undefined ? {} : { join: 'keyframe', burstSeconds });
  const { stream_id } = await first.api.createTranscode({ url: source.url, profile: LIGHT });
  const askedMs = performance.now();
  const own = stage.viewers(3, `${first.url}/stream/${stream_id}`);
  await allPlaying(own);
  const startMs = performance.now() - askedMs;
  const { owner, others } = ownerOf(cluster.workers);
  expect(owner).toBe(first);
  const elsewhere = spread(stage, 6, others, stream_id);
  await allPlaying(elsewhere);
  await sleep(1_500);
  return { owner, others, source, tap, own, elsewhere, startMs };
}

/** Stops the owner at that moment of its renewals; answers when. */
async function standStill({ owner, tap }: Scene, moment: Moment): Promise<number> {
  if (moment === 'random') {
    await sleep(seeded(TEST_SEED)() * 1_000);
    owner.signal('SIGSTOP');
    return Date.now();
  }
  return new Promise((resolve) => {
    const stop = () => {
      owner.signal('SIGSTOP');
      resolve(Date.now());
    };
    tap.onAnswer('renew', '', () => {
      if (moment === 'answer unread') stop();
      else setTimeout(stop, 5);
      return undefined;
    });
  });
}

/** Units that a viewer got after its worker woke, and that the new owner's viewers never had. */
function strangers(recording: Recording, verdict: Verdict, reference: Verdict, wokenAt: number): string[] {
  const found: string[] = [];
  let compared = 0;
  for (const kind of ['video', 'audio'] as const) {
    const known = new Map(reference[kind]?.pes.map((pes) => [pes.dts, pes.hash]));
    const jump = reference[kind]?.gaps[0];
    const passable = (jump?.fromDts ?? 0) + IN_FLIGHT_TICKS;
    // The last unit of a recording is cut anywhere.
    for (const pes of verdict[kind]?.pes.slice(0, -1) ?? []) {
      const atMs = recording.startedAt + (arrivalOf(recording.arrivals, (pes.packetIndex + 1) * PACKET) ?? 0);
      if (atMs < wokenAt || pes.dts <= passable) continue;
      compared++;
      const hash = known.get(pes.dts);
      if (hash !== pes.hash) found.push(`${kind} DTS ${pes.dts}: ${hash === undefined ? 'unknown' : 'other bytes'}`);
    }
  }
  if (compared < 50) found.push(`only ${compared} units to compare`);
  return found;
}

staged.for([
  { moment: 'answer unread', burstSeconds: 2, coldMs: 1_500 },
  ...(LONG ? (['random', 'answer read'] as const) : []).map((moment) => ({
    moment,
    burstSeconds: undefined,
    coldMs: 3_500,
  })),
] as const)(`for longer than its lease, $moment (TEST_SEED=${TEST_SEED})`, async (row, { stage }) => {
  const set = await scene(stage, row.burstSeconds);
  const { owner, others, source, tap, own, elsewhere } = set;
  const stoppedAt = await standStill(set, row.moment);
  await sleep(STOP_MS);
  const [winner, ...more] = newPlaces(others, 'p:').filter(({ kind }) => kind === 'own');
  expect(more).toEqual([]);
  expect((winner?.atMs ?? Number.POSITIVE_INFINITY) - stoppedAt).toBeLessThan(LEASE_MS + DECISION_MS);

  const wokenAt = Date.now();
  tap.hold(true);
  owner.signal('SIGCONT');
  await sleep(REDIS_LATE_MS);
  tap.hold(false);
  await ffmpegCount(owner, 0, wokenAt + 2_000 - Date.now());
  await until(async () => (await source.stats()).open === 1, { timeoutMs: 2_000, what: 'one upstream connection' });
  const before = own.map((viewer) => viewer.byteCount);
  await sleep(2_000);
  expect(ffmpegsOf([owner, ...others]), JSON.stringify(troubles([owner, ...others]))).toHaveLength(1);
  expect((await source.stats()).open).toBe(1);
  expect(own.every((viewer, n) => viewer.byteCount > (before[n] ?? 0))).toBe(true);

  const judged = async (viewer: RecordingHandle) => {
    expect(viewer.ended).toBe(false);
    const recording = await viewer.stop();
    return { recording, verdict: judgeTs(recording, { gapMs: 2 * FRAME_MS, hashPes: true }) };
  };
  const away = await Promise.all(elsewhere.map(judged));
  // A machine that is busy with other tests starts no FFmpeg faster than it did before.
  const limitMs = LEASE_MS + DECISION_MS + Math.max(row.coldMs, 1.5 * set.startMs);
  for (const { verdict } of away) {
    expect(videoJump(verdict)?.signalled ?? true).toBe(true);
    expectClean(verdict, { video: true, audio: true, maxGapMs: limitMs, maxStallMs: limitMs, minSeconds: 8 });
  }
  const [reference] = away as [(typeof away)[number]];
  for (const { recording, verdict } of await Promise.all(own.map(judged))) {
    expect(verdict.video === undefined ? [] : jumpsOf(verdict.video).filter((jump) => !jump.signalled)).toEqual([]);
    expectClean(verdict, { video: true, audio: true, maxGapMs: STOP_MS + row.coldMs, minSeconds: 4 });
    expect(strangers(recording, verdict, reference.verdict, wokenAt)).toEqual([]);
  }
});

const SLOW_PING_MS = 600;

describe('a worker stands still', () => {
  staged.concurrent('for less than its lease nothing changes', async ({ stage }) => {
    const set = await scene(stage, undefined);
    const { owner, others, source, own, elsewhere } = set;
    const [pid] = owner.ffmpegPids();
    await standStill(set, 'random');
    await sleep(2_000);
    owner.signal('SIGCONT');
    await sleep(4_000);
    expect(owner.ffmpegPids()).toEqual([pid]);
    expect(ffmpegsOf(others)).toEqual([]);
    expect(newPlaces(others, 'p:').filter(({ kind }) => kind === 'own')).toEqual([]);
    expect(await source.account()).toMatchObject({ total: 1, open: 1 });
    for (const viewer of [...own, ...elsewhere]) {
      expect(viewer.ended).toBe(false);
      const verdict = judgeTs(await viewer.stop());
      expectClean(verdict, { video: true, audio: true, frameTicks: FRAME_TICKS, maxSignalled: 0, minSeconds: 6 });
    }
  });

  staged.concurrent(
    'a worker that relays stands still, and finds the owner slow when it wakes: nothing is started',
    async ({ stage }) => {
      const cluster = await stage.cluster(0);
      const port = await freePort();
      const way = await startTcpProxy({ host: '127.0.0.2', port, target: { host: '127.0.0.1', port } });
      stage.closeAfter(() => way.close());
      const owner = await cluster.start('worker-1', { WORKER_ADDRESS: '127.0.0.2', RELAY_PORT: String(port) });
      const relaying = await cluster.start('worker-2');
      const source = await stage.source();
      const { stream_id } = await owner.api.createTranscode({ url: source.url, profile: LIGHT });
      await allPlaying(stage.viewers(1, `${owner.url}/stream/${stream_id}`));
      const [viewer] = spread(stage, 1, [relaying], stream_id) as [RecordingHandle];
      await allPlaying([viewer]);
      const [pid] = owner.ffmpegPids();
      way.delay(SLOW_PING_MS);
      // Awake for a moment in between: not long enough to hear anything.
      for (const stoppedMs of [4_300, 5_600]) {
        relaying.signal('SIGSTOP');
        if (stoppedMs > LEASE_MS) way.cut();
        await sleep(stoppedMs);
        relaying.signal('SIGCONT');
        await sleep(1_500);
      }
      const before = viewer.byteCount;
      await until(() => viewer.byteCount > before, { timeoutMs: 8_000, what: 'the viewer to go on' });
      await sleep(1_500);
      expect(
        relaying.logged('a feed has a new place').filter(({ place }) => (place as { kind: string }).kind === 'own'),
      ).toEqual([]);
      expect(owner.ffmpegPids()).toEqual([pid]);
      expect(await source.account()).toMatchObject({ total: 1, open: 1 });
      expect(viewer.ended).toBe(false);
      expectClean(judgeTs(await viewer.stop()), { video: true, audio: true, maxGapMs: 10_000, minSeconds: 3 });
    },
  );

  staged.concurrent(
    'Redis goes away while a worker stands still: each stream goes on, made once',
    async ({ stage }) => {
      const cluster = await stage.cluster(2);
      const [standing, other] = cluster.workers as [Worker, Worker];
      const source = await stage.source({ channels: { '/alone.ts': {}, '/followed.ts': {} } });
      const play = async (path: string, workers: readonly Worker[]) => {
        const { stream_id } = await standing.api.createTranscode({ url: source.channel(path).url, profile: LIGHT });
        const playing: RecordingHandle[] = [];
        for (const worker of workers) {
          playing.push(stage.viewer(`${worker.url}/stream/${stream_id}`));
          // The first of them makes it.
          await allPlaying(playing);
        }
        return playing;
      };
      const viewers = [...(await play('/alone.ts', [standing])), ...(await play('/followed.ts', [standing, other]))];
      standing.signal('SIGSTOP');
      const taken = () => newPlaces([other], 'p:').some(({ kind }) => kind === 'own');
      await until(taken, { timeoutMs: STOP_MS, what: 'a takeover' });
      await cluster.redis.kill();
      standing.signal('SIGCONT');
      const before = viewers.map((viewer) => viewer.byteCount);
      const goOn = () => viewers.every((viewer, n) => viewer.byteCount > (before[n] ?? 0) + 100 * PACKET);
      await until(goOn, {
        timeoutMs: 15_000,
        what: () => `everybody to go on without Redis; ${viewers.map(({ byteCount }) => byteCount)}`,
      });
      const made = async () => ({
        ffmpegs: [standing, other].map((worker) => worker.ffmpegPids().length),
        open: [(await source.channel('/alone.ts').stats()).open, (await source.channel('/followed.ts').stats()).open],
      });
      expect(await made()).toEqual({ ffmpegs: [1, 1], open: [1, 1] });
      await cluster.redis.start();
      await sleep(3_000);
      expect(await made()).toEqual({ ffmpegs: [1, 1], open: [1, 1] });
      for (const viewer of viewers) {
        expect(viewer.ended).toBe(false);
        expectClean(judgeTs(await viewer.stop()), { video: true, audio: true, maxGapMs: 2 * STOP_MS, minSeconds: 4 });
      }
    },
  );
});
