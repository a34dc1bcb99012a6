/** The network breaks between workers: each side plays on as far as its source reaches, and afterwards there is one owner again. */

import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect } from 'vitest';
import { ffmpegsOf, type TestCluster } from '../support/cluster.ts';
import { expectClean, judgeTs, type Verdict } from '../support/judge/index.ts';
import type { LiveSource } from '../support/live-source.ts';
import { startClusterOn } from '../support/machines.ts';
import { Network, whyNoNetns } from '../support/netns.ts';
import type { RecordingHandle } from '../support/recorder.ts';
import { allPlaying, LIGHT, type Stage, staged } from '../support/stage.ts';
import { until } from '../support/until.ts';
import type { Worker } from '../support/worker.ts';

const excuse = whyNoNetns();
if (excuse !== undefined) console.warn(`The tests of network partitions are skipped: ${excuse}.`);

/** A lease, the silence before it is noticed, and FFmpeg's cold start. */
const TAKEOVER_MS = 9_000;
/** Longest that a partition lasts here, once both sides play. */
const APART_MS = 4_000;
const CONVERGED_MS = 12_000;

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

/** Waits until all these viewers have got something new. */
async function playing(viewers: readonly RecordingHandle[], timeoutMs: number): Promise<void> {
  const before = viewers.map((viewer) => viewer.byteCount);
  await until(() => viewers.every((viewer, at) => viewer.byteCount > (before[at] ?? 0)), {
    timeoutMs,
    what: () => `${viewers.filter((viewer, at) => viewer.byteCount === before[at]).length} viewers to play on`,
  });
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
  await sleep(6_000);
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
  staged('the owner is cut off, Redis is with the others: both sides play, then one owner', async ({ stage }) => {
    const at = await scene(stage, 'redis');
    const { network, a, b, c, watching, source } = at;
    network.linkDown(network.host('a'));
    await until(() => ffmpegsOf([b, c]).length === 1, { timeoutMs: TAKEOVER_MS, what: 'b or c to take over' });
    await playing([...watching.values()].flat(), TAKEOVER_MS);
    await sleep(APART_MS);
    expect(ffmpegsOf([b, c])).toHaveLength(1);
    expect(a.ffmpegPids()).toHaveLength(1);
    expect(await source.account()).toMatchObject({ open: 2 });
    network.linkUp(network.host('a'));
    await expectOneOwner(at);
    expect(a.ffmpegPids()).toHaveLength(0);
    await expectWatched(watching.get(a), 2_000);
    await expectWatched(watching.get(b), TAKEOVER_MS);
    await expectWatched(watching.get(c), TAKEOVER_MS);
  });
});
