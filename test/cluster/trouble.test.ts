/** What goes wrong between workers without an owner's death: nobody's picture suffers, and nothing is counted that is not there. */

import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { behindProxy, ffmpegsOf, newPlaces, ownerOf, spread, troubles } from '../support/cluster.ts';
import { type CleanExpectation, expectClean, judgeTs } from '../support/judge/index.ts';
import { comparePictures } from '../support/pictures.ts';
import type { RecordingHandle } from '../support/recorder.ts';
import { tapRedis } from '../support/redis-tap.ts';
import { seeded, TEST_SEED } from '../support/seed.ts';
import { allPlaying, LIGHT, lightAt, staged } from '../support/stage.ts';
import { until } from '../support/until.ts';
import type { Worker } from '../support/worker.ts';

const LONG = process.env.STREAMPOOL_LONG === '1';
const LEASE_MS = 5_000;
const GRACE_MS = 300;
const FRAME_TICKS = 3_600;
const UNBROKEN: CleanExpectation = { video: true, audio: true, frameTicks: FRAME_TICKS, maxSignalled: 0 };
/** A provider that sends its last GOP first, so that a stream starts at once. */
const QUICK_SOURCE = { join: 'keyframe', burstSeconds: 2 } as const;

/** Ends the recordings and demands that nothing is missing in any; the pictures of the first are looked at one by one. */
async function expectUnbroken(viewers: readonly RecordingHandle[], minSeconds: number): Promise<void> {
  for (const [n, viewer] of viewers.entries()) {
    expect(viewer.ended).toBe(false);
    const recording = await viewer.stop();
    expectClean(judgeTs(recording), { ...UNBROKEN, minSeconds });
    if (n === 0) expect(await comparePictures(recording.bytes, 'bframes')).toMatchObject({ faults: [] });
  }
}

describe('trouble of an owner', () => {
  staged.concurrent(
    'an FFmpeg that hangs on the owner is replaced, and viewers elsewhere lose no frame',
    async ({ stage }) => {
      const { workers } = await stage.cluster(2, { STREAM_TIMEOUT: '2' });
      const source = await stage.source({ fixture: 'bframes' });
      const [first] = workers as [Worker];
      const { stream_id } = await first.api.createTranscode({ url: source.url, profile: LIGHT });
      await allPlaying([stage.viewer(`${first.url}/stream/${stream_id}`)]);
      const { owner, others } = ownerOf(workers);
      const viewers = spread(stage, 4, others, stream_id);
      await allPlaying(viewers);
      await sleep(1_000);
      const [hung = 0] = owner.ffmpegPids();
      process.kill(hung, 'SIGSTOP');
      await until(() => owner.ffmpegPids().length === 1 && !owner.ffmpegPids().includes(hung), {
        timeoutMs: 6_000,
        what: 'another FFmpeg in place of the one that hangs',
      });
      await sleep(2_500);
      expect(ffmpegsOf(others)).toEqual([]);
      expect(await source.account()).toMatchObject({ total: 1, open: 1 });
      await expectUnbroken(viewers, 3);
    },
  );

  staged.concurrent('a relay connection that is cut is dialled again, and nobody takes over', async ({ stage }) => {
    const random = seeded(TEST_SEED);
    const cluster = await stage.cluster(2);
    const { owner, proxy } = await behindProxy(stage, cluster);
    const source = await stage.source({ fixture: 'bframes' });
    const { stream_id } = await owner.api.createTranscode({ url: source.url, profile: LIGHT });
    await allPlaying([stage.viewer(`${owner.url}/stream/${stream_id}`)]);
    const others = cluster.workers.filter((worker) => worker !== owner);
    const viewers = spread(stage, 4, others, stream_id);
    await allPlaying(viewers);
    for (let cut = 0; cut < 3; cut++) {
      await sleep(700 + random() * 500);
      const before = proxy.connections.length;
      const cutAt = Date.now();
      proxy.cut();
      const dialled = () =>
        proxy.connections.slice(before).filter(({ opening }) => opening.startsWith('GET /feeds/p:'));
      await until(() => dialled().length === others.length, { timeoutMs: 2_000, what: 'both relays to dial again' });
      for (const { openedAt } of dialled()) expect(openedAt - cutAt).toBeLessThan(350);
    }
    await sleep(2_000);
    expect(ffmpegsOf(others)).toEqual([]);
    expect(owner.ffmpegPids()).toHaveLength(1);
    expect(newPlaces(others, '').filter(({ kind }) => kind === 'own')).toEqual([]);
    expect(await source.account()).toMatchObject({ total: 1, open: 1 });
    await expectUnbroken(viewers, 3);
  });
});

describe('trouble of relays', () => {
  staged.concurrent(
    'a cut relay of a source that its owner reads for others only: the provider is not called again',
    async ({ stage }) => {
      const random = seeded(TEST_SEED);
      const cluster = await stage.cluster(1);
      const { owner, proxy } = await behindProxy(stage, cluster);
      const source = await stage.source({ fixture: 'bframes' });
      const one = await owner.api.createTranscode({ url: source.url, profile: LIGHT });
      const leaves = stage.viewer(`${owner.url}/stream/${one.stream_id}`);
      await allPlaying([leaves]);
      const [other] = cluster.workers as [Worker];
      const two = await other.api.createTranscode({ url: source.url, profile: lightAt(300) });
      const viewer = stage.viewer(`${other.url}/stream/${two.stream_id}`);
      await allPlaying([viewer]);
      await leaves.stop();
      await until(() => owner.ffmpegPids().length === 0, { what: 'the owner of the source to have no process' });
      for (let cut = 0; cut < 3; cut++) {
        await sleep(700 + random() * 500);
        proxy.cut();
      }
      await sleep(2_000);
      expect(await source.account()).toMatchObject({ total: 1, open: 1 });
      await expectUnbroken([viewer], 4);
    },
  );

  staged.concurrent('of two relays whose owner dies one wins, again and again', async ({ stage }) => {
    const random = seeded(TEST_SEED);
    const cluster = await stage.cluster(3);
    const source = await stage.source(QUICK_SOURCE);
    const [first] = cluster.workers as [Worker];
    const { stream_id } = await first.api.createTranscode({ url: source.url, profile: LIGHT });
    let alive = [...cluster.workers];
    const watching = new Map<Worker, RecordingHandle>();
    let epoch = 0;
    for (let round = 0; round < (LONG ? 10 : 2); round++) {
      for (const worker of alive) {
        if (!watching.has(worker)) watching.set(worker, stage.viewer(`${worker.url}/stream/${stream_id}`));
      }
      await allPlaying([...watching.values()]);
      await sleep(500 + random() * 1_000);
      const { owner, others } = ownerOf(alive);
      const known = newPlaces(others, 'p:').length;
      await owner.kill();
      await until(() => newPlaces(others, 'p:').length >= known + others.length, { what: 'both relays to know' });
      await until(() => ffmpegsOf(others).length > 0, { what: 'an FFmpeg to be started' });
      await sleep(1_000);
      const places = newPlaces(others, 'p:')
        .sort((a, b) => a.atMs - b.atMs)
        .slice(known);
      const winners = places.filter(({ kind }) => kind === 'own');
      expect(winners, JSON.stringify(troubles(others))).toHaveLength(1);
      const [{ epoch: next }] = winners as [(typeof places)[number]];
      // On its way there the other one may have relayed through the winner, before that one knew of the death.
      const last = others.map((worker) => newPlaces([worker], 'p:').at(-1)?.epoch);
      expect(last).toEqual(others.map(() => next));
      expect(next).toBeGreaterThan(epoch);
      epoch = next;
      expect(ffmpegsOf(others)).toHaveLength(1);
      expect((await source.stats()).open).toBe(1);
      for (const worker of others) {
        const viewer = watching.get(worker);
        expect(viewer?.ended).toBe(false);
      }
      watching.delete(owner);
      const again = await cluster.start(String(owner.logged('listening')[0]?.worker));
      alive = [...others, again];
    }
    for (const viewer of watching.values()) {
      expectClean(judgeTs(await viewer.stop()), { video: true, audio: true, maxGapMs: 4_000 });
    }
  });
});

staged(`a process whose grace ends while another worker's viewer joins (TEST_SEED=${TEST_SEED})`, async ({ stage }) => {
  const random = seeded(TEST_SEED);
  const { workers } = await stage.cluster(2, { SHARED_STREAM_GRACE: String(GRACE_MS / 1_000) });
  const source = await stage.source(QUICK_SOURCE);
  const [first] = workers as [Worker];
  const { stream_id } = await first.api.createTranscode({ url: source.url, profile: LIGHT });
  let viewer = stage.viewer(`${first.url}/stream/${stream_id}`);
  await allPlaying([viewer]);
  for (let round = 0; round < (LONG ? 60 : 8); round++) {
    await viewer.stop();
    const offsetMs = (random() - 0.5) * 60;
    await sleep(GRACE_MS + offsetMs);
    const worker = workers[(round + 1) % workers.length] as Worker;
    const what = `round ${round}, joined ${offsetMs.toFixed(0)} ms from the end of the grace`;
    viewer = stage.viewer(`${worker.url}/stream/${stream_id}`);
    await allPlaying([viewer], 5_000).catch((error: unknown) => {
      throw new Error(`${what}: ${JSON.stringify(troubles(workers))}`, { cause: error });
    });
    const { byteCount } = viewer;
    const one = async () => ffmpegsOf(workers).length === 1 && (await source.stats()).open === 1;
    await until(one, { what: `one FFmpeg and one connection: ${what}` });
    await until(() => viewer.byteCount > byteCount, { what: `the viewer to go on: ${what}` });
    expect(viewer.ended, what).toBe(false);
    expectClean(judgeTs(viewer.snapshot()), { maxSignalled: 0, maxPartialPes: 2 });
  }
});

// Alone: the second death comes while the first one is still counted, which lasts as long as a lease.
staged('a worker that dies between counting a client in and serving it', async ({ stage }) => {
  const cluster = await stage.cluster(1);
  const source = await stage.source(QUICK_SOURCE);
  const [first] = cluster.workers as [Worker];
  const { stream_id } = await first.api.createTranscode({ url: source.url, profile: LIGHT });
  const counted = async () => Number(await cluster.redis.cli('HGET', `stream:${stream_id}`, 'clients'));

  const dieOnJoin = async (workerId: string) => {
    const tap = await tapRedis(cluster.redis);
    stage.closeAfter(tap.close);
    const worker = await cluster.start(workerId, tap.env);
    tap.onAnswer('join', 'clientId', () => {
      void worker.kill();
      return 'drop';
    });
    const lost = stage.viewer(`${worker.url}/stream/${stream_id}`);
    await worker.exited;
    expect((await lost.done).byteCount).toBe(0);
    return Date.now();
  };

  // It was to make the stream: who comes next does not wait for its lease.
  await dieOnJoin('worker-2');
  expect(await counted()).toBe(1);
  const viewer = stage.viewer(`${first.url}/stream/${stream_id}`);
  await allPlaying([viewer], LEASE_MS - 500);
  // And one that was to relay it.
  const diedAt = await dieOnJoin('worker-3');
  // On a slow machine the first one has been counted out by now.
  expect([2, 3]).toContain(await counted());
  await until(async () => (await counted()) === 1, {
    // The lease, and the next cleanup.
    timeoutMs: diedAt + LEASE_MS + 2_000 - Date.now(),
    what: async () => `the dead workers' clients to be counted out; there are ${await counted()}`,
  });
  expect(viewer.ended).toBe(false);
  expectClean(judgeTs(await viewer.stop()), { ...UNBROKEN, minSeconds: 3 });
  await until(() => ffmpegsOf(cluster.workers).length === 0, { timeoutMs: 3_000, what: 'the process to end' });
});
