/** The network breaks between workers: each side plays on as far as its source reaches, and afterwards there is one owner again. */

import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect } from 'vitest';
import { ffmpegsOf, type TestCluster } from '../support/cluster.ts';
import { expectClean, judgeTs, type Verdict } from '../support/judge/index.ts';
import type { LiveSource } from '../support/live-source.ts';
import { startClusterOn } from '../support/machines.ts';
import { type Loss, Network, whyNoNetns } from '../support/netns.ts';
import type { RecordingHandle } from '../support/recorder.ts';
import { allPlaying, LIGHT, type Stage, staged } from '../support/stage.ts';
import { until } from '../support/until.ts';
import type { Worker } from '../support/worker.ts';

const excuse = whyNoNetns();
if (excuse !== undefined) console.warn(`The tests of network partitions are skipped: ${excuse}.`);

/** STREAMPOOL_LONG=1: every way to be cut off, and for longer. */
const LONG = process.env.STREAMPOOL_LONG === '1';
/** A lease, the silence before it is noticed, and FFmpeg's cold start. */
const TAKEOVER_MS = 9_000;
/** The wait for a lease that goes on being renewed, twice a silence, and a cold start. */
const ALONE_MS = 14_000;
/** Longest that a partition lasts here, once both sides play. */
const APART_MS = 2_000;
/** No further change of owner within this: longer than a lease would need to run out. */
const STEADY_MS = 6_000;
const CONVERGED_MS = 12_000;

type How = 'link' | 'silence';
const CUTS: { how: How; apartMs: number }[] = [{ how: 'link', apartMs: APART_MS }];
const LOSSES: Loss[] = ['silence'];
if (LONG) {
  CUTS.push({ how: 'silence', apartMs: APART_MS }, { how: 'link', apartMs: 60_000 });
  LOSSES.push('refusal');
}

let network: Network | undefined;
let cluster: TestCluster | undefined;
afterEach(async () => {
  await cluster?.stop();
  network?.close();
  cluster = undefined;
  network = undefined;
});

interface Scene {
  readonly network: Network;
  readonly cluster: TestCluster;
  readonly source: LiveSource;
  readonly streamId: string;
  readonly a: Worker;
  readonly b: Worker;
  readonly c: Worker;
  /** Viewers of each worker. */
  readonly watching: ReadonlyMap<Worker, readonly RecordingHandle[]>;
}

/** Three machines, a stream owned by `a`, two viewers on each. */
async function scene(stage: Stage, redisOn: string): Promise<Scene> {
  network = Network.create(['a', 'b', 'c', 'redis']);
  cluster = await startClusterOn(network, { workers: ['a', 'b', 'c'], redis: redisOn });
  const source = await stage.source({ host: network.gateway });
  const [a, b, c] = cluster.workers as [Worker, Worker, Worker];
  const { stream_id: streamId } = await a.api.createTranscode({ url: source.url, profile: LIGHT });
  const watching = new Map<Worker, readonly RecordingHandle[]>();
  for (const worker of [a, b, c]) {
    const viewers = stage.viewers(2, `${worker.url}/stream/${streamId}`);
    await allPlaying(viewers);
    watching.set(worker, viewers);
  }
  expect(a.ffmpegPids()).toHaveLength(1);
  expect(ffmpegsOf([b, c])).toHaveLength(0);
  await sleep(2_000);
  return { network, cluster, source, streamId, a, b, c, watching };
}

function cut(network: Network, how: How): void {
  if (how === 'link') network.linkDown(network.host('a'));
  else network.block('silence', network.host('a'));
}

function heal(network: Network, how: How): void {
  if (how === 'link') network.linkUp(network.host('a'));
  else network.mend('silence', network.host('a'));
}

/** Waits until all these viewers have got something new. */
async function playing(viewers: readonly RecordingHandle[], timeoutMs: number): Promise<void> {
  const before = viewers.map((viewer) => viewer.byteCount);
  await until(() => viewers.every((viewer, at) => viewer.byteCount > (before[at] ?? 0)), {
    timeoutMs,
    what: () => `${viewers.filter((viewer, at) => viewer.byteCount === before[at]).length} viewers to play on`,
  });
}

/** Where a worker's feeds have come from, in turn, as its log has it. */
function placesOf(worker: Worker): { kind: string; via?: { workerId: string } }[] {
  return worker.logged('a feed has a new place').map(({ place }) => place as { kind: string });
}

async function ownerOf({ cluster: { redis }, streamId }: Scene): Promise<string> {
  return redis.cli('HMGET', `sp:owner:p:${streamId}:0`, 'worker', 'epoch');
}

/** One owner, one FFmpeg, one connection, and it stays so. */
async function expectOneOwner(at: Scene): Promise<void> {
  const { source, cluster } = at;
  await until(async () => ffmpegsOf(cluster.workers).length === 1 && (await source.account()).open === 1, {
    timeoutMs: CONVERGED_MS,
    what: async () =>
      `one FFmpeg and one connection; there are ${ffmpegsOf(cluster.workers).length} and ${(await source.account()).open}`,
  });
  const owner = await ownerOf(at);
  const { total } = await source.account();
  await sleep(STEADY_MS);
  expect(await ownerOf(at)).toBe(owner);
  expect(ffmpegsOf(cluster.workers)).toHaveLength(1);
  expect(await source.account()).toMatchObject({ open: 1, total });
}

/** Nobody was cut off, time never went back, and what is missing was announced. */
async function expectWatched(viewers: readonly RecordingHandle[] | undefined, maxGapMs: number): Promise<void> {
  expect(viewers).toHaveLength(2);
  for (const viewer of viewers ?? []) {
    const recording = await viewer.stop();
    expect(recording).toMatchObject({ endedBy: 'limit', error: undefined });
    const verdict = judgeTs(recording);
    expectClean(verdict, { video: true, audio: true, cleanStart: true, maxGapMs });
    expectSignalled(verdict);
    // It still plays at the end.
    expect(recording.endedMs - (recording.arrivals.at(-1)?.atMs ?? 0)).toBeLessThan(1_500);
  }
}

/** Every jump of a second or more stands behind a discontinuity that says so. */
function expectSignalled({ video }: Verdict): void {
  for (const gap of video?.gaps ?? []) {
    const announced = video?.signalledDiscontinuities.some(({ packetIndex }) => {
      const packetsBefore = gap.packetIndex - packetIndex;
      return packetsBefore >= 0 && packetsBefore < 50;
    });
    expect(announced, `the jump of ${gap.gapMs} ms at packet ${gap.packetIndex} is announced`).toBe(true);
  }
}

describe.skipIf(excuse !== undefined)('partitions', () => {
  staged.for(CUTS)(
    'the owner is cut off ($how, $apartMs ms), Redis is with the others: both sides play, then one owner',
    async ({ how, apartMs }, { stage }) => {
      const at = await scene(stage, 'redis');
      const { network, a, b, c, watching, source } = at;
      cut(network, how);
      await until(() => ffmpegsOf([b, c]).length === 1, { timeoutMs: TAKEOVER_MS, what: 'b or c to take over' });
      await playing([...watching.values()].flat(), TAKEOVER_MS);
      await sleep(apartMs);
      expect(ffmpegsOf([b, c])).toHaveLength(1);
      expect(a.ffmpegPids()).toHaveLength(1);
      expect(await source.account()).toMatchObject({ open: 2 });
      heal(network, how);
      await expectOneOwner(at);
      expect(a.ffmpegPids()).toHaveLength(0);
      await expectWatched(watching.get(a), 2_000);
      await expectWatched(watching.get(b), TAKEOVER_MS);
      await expectWatched(watching.get(c), TAKEOVER_MS);
    },
  );

  staged.runIf(LONG)(
    'the owner and Redis are cut off from the others: both sides play, then one owner',
    async ({ stage }) => {
      const at = await scene(stage, 'a');
      const { network, a, b, c, watching } = at;
      network.linkDown(network.host('a'));
      await until(() => ffmpegsOf([b, c]).length > 0, { timeoutMs: TAKEOVER_MS, what: 'b or c to take over' });
      await playing([...watching.values()].flat(), TAKEOVER_MS);
      await sleep(APART_MS);
      expect(a.ffmpegPids()).toHaveLength(1);
      network.linkUp(network.host('a'));
      await expectOneOwner(at);
      for (const worker of [a, b, c]) await expectWatched(watching.get(worker), TAKEOVER_MS);
    },
  );

  staged.for(LOSSES.map((loss) => ({ loss })))(
    'one worker cannot reach the owner ($loss): it relays through the third',
    async ({ loss }, { stage }) => {
      const at = await scene(stage, 'redis');
      const { network, cluster, a, b, c, watching, source, streamId } = at;
      const [hostA, hostB] = [network.host('a'), network.host('b')];
      const owner = await ownerOf(at);
      network.block(loss, hostA, hostB);
      await until(() => placesOf(b).some(({ via }) => via?.workerId === 'c'), {
        timeoutMs: TAKEOVER_MS,
        what: 'b to relay through c',
      });
      await playing([...watching.values()].flat(), 2_000);
      // Who comes now is served the same way.
      const late = stage.viewers(2, `${b.url}/stream/${streamId}`);
      await allPlaying(late, 5_000);
      await sleep(APART_MS);
      expect(ffmpegsOf(cluster.workers)).toEqual(a.ffmpegPids());
      expect(await source.account()).toMatchObject({ total: 1 });
      network.mend(loss, hostA, hostB);
      await expectOneOwner(at);
      expect(await ownerOf(at)).toBe(owner);
      await expectWatched(watching.get(a), 1_000);
      await expectWatched(watching.get(b), 6_000);
      await expectWatched(watching.get(c), 1_000);
      await expectWatched(late, 1_000);
    },
  );

  staged.runIf(LONG)(
    'the owner dies, and the third makes the feed that another relays through it: that one learns of the new owner',
    async ({ stage }) => {
      const at = await scene(stage, 'redis');
      const { network, a, b, c, watching } = at;
      network.block('silence', network.host('a'), network.host('b'));
      await until(() => placesOf(b).some(({ via }) => via?.workerId === 'c'), {
        timeoutMs: TAKEOVER_MS,
        what: 'b to relay through c',
      });
      for (const viewer of watching.get(a) ?? []) await viewer.stop();
      await a.kill();
      await until(() => c.ffmpegPids().length === 1, { timeoutMs: TAKEOVER_MS, what: 'c to take over' });
      await until(() => placesOf(b).at(-1)?.via === undefined, {
        timeoutMs: 2_000,
        what: 'b to relay from c as the owner',
      });
      expect(placesOf(b).at(-1)).toMatchObject({ kind: 'relay', owner: { workerId: 'c' } });
      await expectOneOwner(at);
      await expectWatched(watching.get(b), TAKEOVER_MS);
      await expectWatched(watching.get(c), TAKEOVER_MS);
    },
  );

  staged.runIf(LONG)(
    'the third goes, too: what nobody else has is made here, until the owner can be reached',
    async ({ stage }) => {
      const at = await scene(stage, 'redis');
      const { network, a, b, c, watching } = at;
      const [hostA, hostB] = [network.host('a'), network.host('b')];
      const owner = await ownerOf(at);
      network.block('silence', hostA, hostB);
      await until(() => placesOf(b).some(({ via }) => via?.workerId === 'c'), {
        timeoutMs: TAKEOVER_MS,
        what: 'b to relay through c',
      });
      for (const viewer of watching.get(c) ?? []) await viewer.stop();
      await c.kill();
      await until(() => b.ffmpegPids().length === 1, {
        timeoutMs: ALONE_MS,
        what: 'b to start an FFmpeg of its own',
      });
      await playing([...(watching.get(a) ?? []), ...(watching.get(b) ?? [])], TAKEOVER_MS);
      expect(await ownerOf(at)).toBe(owner);
      network.mend('silence', hostA, hostB);
      await expectOneOwner(at);
      expect(await ownerOf(at)).toBe(owner);
      await expectWatched(watching.get(a), 1_000);
      await expectWatched(watching.get(b), ALONE_MS);
    },
  );
});
