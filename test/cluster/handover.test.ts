/** A worker that is to end hands over what others read: not a frame is lost there, and its own viewers play on. */

import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { ffmpegsOf, ownerOf, spread } from '../support/cluster.ts';
import type { LoopName } from '../support/fixtures.ts';
import { decodeErrors, expectClean, judgeTs } from '../support/judge/index.ts';
import { comparePictures } from '../support/pictures.ts';
import type { Recording, RecordingHandle } from '../support/recorder.ts';
import { allPlaying, COPY, ffmpegCount, LIGHT, lightAt, staged } from '../support/stage.ts';
import { until } from '../support/until.ts';
import type { Worker } from '../support/worker.ts';

const AAC_FRAME = 1920;
/** Nothing missing, doubled or signalled. */
const UNTOUCHED = { video: true, audio: true, maxSignalled: 0, maxGapMs: 100, maxAudioSlipTicks: AAC_FRAME } as const;
const isLong = process.env.STREAMPOOL_LONG === '1';

interface Case {
  fixture: LoopName;
  profile: string;
  frameTicks: number;
}

const CASES: Case[] = [
  { fixture: 'bframes', profile: LIGHT, frameTicks: 3600 },
  { fixture: 'fps-29.97', profile: COPY, frameTicks: 3003 },
  { fixture: 'mp2', profile: 'default', frameTicks: 3600 },
  { fixture: 'aac-44.1', profile: LIGHT, frameTicks: 3600 },
];

function expectUntouched(recordings: readonly Recording[], frameTicks: number, minSeconds: number): void {
  for (const recording of recordings) {
    expectClean(judgeTs(recording, { gapMs: UNTOUCHED.maxGapMs }), { ...UNTOUCHED, frameTicks, minSeconds });
  }
}

/** Waits until a worker has handed over so many feeds. */
async function handedOver(worker: Worker, count: number): Promise<void> {
  await until(() => worker.logged('handed over').length === count, {
    timeoutMs: 12_000,
    what: () => `${count} feeds to be handed over; there were ${worker.logged('handed over').length}`,
  });
}

describe('SIGTERM of the owner', () => {
  staged.concurrent.for(isLong ? CASES : CASES.slice(0, 1))(
    'with 20 viewers elsewhere and 5 of its own: $fixture',
    { timeout: 90_000 },
    async (row, { stage }) => {
      const cluster = await stage.cluster(3, { MAX_CLIENTS_PER_SHARED_STREAM: '100', DRAIN_TIMEOUT: '9' });
      const source = await stage.source({ fixture: row.fixture });
      const [first] = cluster.workers as [Worker];
      const { stream_id } = await first.api.createTranscode({ url: source.url, profile: row.profile });
      const own = [stage.viewer(`${first.url}/stream/${stream_id}`)];
      await allPlaying(own);
      const { owner, others } = ownerOf(cluster.workers);
      own.push(...stage.viewers(4, `${owner.url}/stream/${stream_id}`));
      const viewers = spread(stage, 20, others, stream_id);
      await allPlaying([...own, ...viewers]);
      await sleep(3_000);
      owner.signal('SIGTERM');
      await handedOver(owner, 2);
      expect(ffmpegsOf(others)).toHaveLength(1);
      await ffmpegCount(owner, 0, 1_000);
      const exit = await owner.exited;
      expect(exit).toEqual({ code: 0, signal: null });
      const [told, ...more] = owner.told('handover');
      expect([told?.clientsKept, more]).toEqual([25, []]);
      expect(told?.msg).toMatch(/^worker-\d handed .* over to worker-\d in \d+ ms, 25 viewers stayed$/);
      expect(own.every((viewer) => viewer.ended)).toBe(true);
      const handovers = await others[0]?.api.get<{ events: unknown[] }>('/events?type=handover');
      expect(handovers?.body.events).toMatchObject([{ stream_id, data: { exact: true } }]);
      const { open, maxConcurrent } = await source.account();
      // For a moment the new owner's connection is beside the old one's.
      expect({ open, atMostTwo: maxConcurrent <= 2 }).toEqual({ open: 1, atMostTwo: true });
      const recordings = await Promise.all(viewers.map((viewer) => viewer.stop()));
      const ofOwner = await Promise.all(own.map((viewer) => viewer.stop()));
      expectUntouched([...recordings, ...ofOwner], row.frameTicks, 8);
      for (const recording of [recordings[0], ofOwner[0]]) {
        const bytes = recording?.bytes ?? Buffer.alloc(0);
        expect((await comparePictures(bytes, row.fixture)).faults).toEqual([]);
        expect(await decodeErrors(bytes)).toEqual([]);
      }
    },
  );

  staged.concurrent(
    'of each worker in turn, and its start under the same name',
    { timeout: 120_000 },
    async ({ stage }) => {
      const cluster = await stage.cluster(3, { MAX_CLIENTS_PER_SHARED_STREAM: '100', DRAIN_TIMEOUT: '5' });
      const source = await stage.source({ fixture: 'bframes' });
      const [first] = cluster.workers as [Worker];
      const { stream_id } = await first.api.createTranscode({ url: source.url, profile: LIGHT });
      const watchers = new Map<Worker, RecordingHandle[]>();
      const watch = async (worker: Worker) => {
        const viewers = stage.viewers(4, `${worker.url}/stream/${stream_id}`);
        watchers.set(worker, viewers);
        await allPlaying(viewers);
      };
      for (const worker of cluster.workers) await watch(worker);
      const recordings: Recording[] = [];
      const collect = async (worker: Worker) => {
        for (const viewer of watchers.get(worker) ?? []) recordings.push(await viewer.stop());
        watchers.delete(worker);
      };
      for (const [n, worker] of [...cluster.workers].entries()) {
        await sleep(2_000);
        worker.signal('SIGTERM');
        expect(await worker.exited).toEqual({ code: 0, signal: null });
        await collect(worker);
        expect(ffmpegsOf(cluster.workers)).toHaveLength(1);
        await watch(await cluster.start(`again-${n + 1}`));
      }
      await sleep(2_000);
      expect((await source.account()).open).toBe(1);
      for (const worker of [...watchers.keys()]) await collect(worker);
      expectUntouched(recordings, 3600, 3);
    },
  );
});

describe('one of two workers goes, or is told to', () => {
  staged.concurrent(
    'of two profiles of one source, the one without the connection dies: its viewers elsewhere lose no frame',
    async ({ stage }) => {
      const cluster = await stage.cluster(3, { MAX_CLIENTS_PER_SHARED_STREAM: '100' });
      const source = await stage.source({ fixture: 'bframes' });
      const [first, second, third] = cluster.workers as [Worker, Worker, Worker];
      const one = await first.api.createTranscode({ url: source.url, profile: LIGHT });
      const two = await first.api.createTranscode({ url: source.url, profile: lightAt(300) });
      const ofOne = stage.viewer(`${first.url}/stream/${one.stream_id}`);
      await allPlaying([ofOne]);
      await allPlaying([stage.viewer(`${second.url}/stream/${two.stream_id}`)]);
      const viewers = stage.viewers(3, `${third.url}/stream/${two.stream_id}`);
      await allPlaying(viewers);
      await ffmpegCount(second, 1);
      await sleep(3_000);
      await second.kill();
      await ffmpegCount(third, 1);
      await sleep(4_000);
      expect(await source.account()).toMatchObject({ open: 1, total: 1 });
      const recordings = await Promise.all([ofOne, ...viewers].map((viewer) => viewer.stop()));
      expectUntouched(recordings, 3600, 4);
    },
  );

  staged.concurrent(
    'of two profiles of one source, the one with the connection dies: the other opens it and keeps its FFmpeg',
    async ({ stage }) => {
      const cluster = await stage.cluster(2, { MAX_CLIENTS_PER_SHARED_STREAM: '100' });
      const source = await stage.source({ fixture: 'bframes' });
      const [first, second] = cluster.workers as [Worker, Worker];
      const one = await first.api.createTranscode({ url: source.url, profile: LIGHT });
      const two = await first.api.createTranscode({ url: source.url, profile: lightAt(300) });
      await allPlaying([stage.viewer(`${first.url}/stream/${one.stream_id}`)]);
      const viewers = stage.viewers(3, `${second.url}/stream/${two.stream_id}`);
      await allPlaying(viewers);
      const before = await ffmpegCount(second, 1);
      await sleep(3_000);
      await first.kill();
      await until(async () => (await source.account()).total === 2, { what: 'another connection to the source' });
      await sleep(5_000);
      expect(second.ffmpegPids()).toEqual(before);
      for (const viewer of viewers) {
        expectClean(judgeTs(await viewer.stop()), { video: true, audio: true, minSeconds: 6, maxGapMs: 4_000 });
      }
    },
  );

  staged.concurrent(
    'POST /workers/{id}/drain hands over as well, and the worker goes on serving',
    async ({ stage }) => {
      const cluster = await stage.cluster(2, { MAX_CLIENTS_PER_SHARED_STREAM: '100' });
      const source = await stage.source();
      const [first] = cluster.workers as [Worker];
      const { stream_id } = await first.api.createTranscode({ url: source.url, profile: LIGHT });
      const own = stage.viewer(`${first.url}/stream/${stream_id}`);
      await allPlaying([own]);
      const { owner, others } = ownerOf(cluster.workers);
      const [other] = others as [Worker];
      const viewer = stage.viewer(`${other.url}/stream/${stream_id}`);
      await allPlaying([viewer]);
      await sleep(2_000);
      const ownerId = String(owner.logged('joined the cluster')[0]?.worker);
      expect((await other.api.post(`/workers/${ownerId}/drain`)).status).toBe(202);
      await handedOver(owner, 2);
      expect((await owner.api.get('/readyz')).status).toBe(503);
      expect((await owner.api.get('/livez')).status).toBe(200);
      const late = stage.viewer(`${owner.url}/stream/${stream_id}`);
      await allPlaying([late]);
      await sleep(2_000);
      expect(ffmpegsOf([owner])).toHaveLength(0);
      expect(ffmpegsOf([other])).toHaveLength(1);
      const recordings = await Promise.all([own, viewer, late].map((each) => each.stop()));
      expectUntouched(recordings, 3600, 2);
    },
  );
});
