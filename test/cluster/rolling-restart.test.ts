/**
 * Guards a deployment, during which workers of two versions run side by side on one Redis: their relay frames and headers
 * (relay/relay-frames.ts, relay-server.ts), what they ask each other (relay/peers.ts) and every record and script in Redis
 * (services/registry) have to suit both. Whoever changes one of these, and sees this test fail, has to let the new worker
 * read and write what the earlier one does: a record may gain a field that the earlier worker passes over, but not lose or
 * rename one that it reads.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { describe, expect } from 'vitest';
import { ffmpegsOf, type TestCluster, troubles } from '../support/cluster.ts';
import { earlierWorker, whyMissing } from '../support/earlier-worker.ts';
import { expectClean, judgeTs } from '../support/judge/index.ts';
import type { Recording, RecordingHandle } from '../support/recorder.ts';
import { allPlaying, COPY, LIGHT, type Stage, staged } from '../support/stage.ts';
import { until } from '../support/until.ts';
import type { Worker } from '../support/worker.ts';

/** What a deployment may find running: the last commit before issue 9. */
const BEFORE = '67b2d00ccc2446ebab682c8d604a49543135a8eb';
const missing = whyMissing(BEFORE);
/** Nothing missing, doubled or signalled. */
const UNTOUCHED = { video: true, audio: true, maxSignalled: 0, maxGapMs: 100, maxAudioSlipTicks: 1920 } as const;

/** A client that was not cut, or, of a worker that left, was ended as a whole. */
function expectUntouched(recordings: readonly Recording[], minSeconds: number): void {
  for (const recording of recordings) {
    expectClean(judgeTs(recording, { gapMs: UNTOUCHED.maxGapMs }), { ...UNTOUCHED, frameTicks: 3600, minSeconds });
  }
}

/** Nothing that a worker calls a fault of its own. */
function expectNoFaults(workers: readonly Worker[]): void {
  const faults = troubles(workers).filter(({ level, msg }) => String(level).match(/error|fatal/) || msg?.match(/bug/));
  expect(faults).toEqual([]);
}

async function streamCounts({ api }: Worker): Promise<Record<string, number>> {
  type Answer = { streams: { stream_id: string; client_count: number }[] };
  const { streams } = (await api.get<Answer>('/streams')).body;
  return Object.fromEntries(streams.map(({ stream_id, client_count }) => [stream_id, client_count]));
}

/** Every worker that runs says the same of every stream. */
async function agree(cluster: TestCluster, expected: Record<string, number>): Promise<void> {
  const running = cluster.workers.filter(({ exit }) => exit === undefined);
  const answers = () => Promise.all(running.map(streamCounts));
  await until(async () => (await answers()).every((each) => isDeepStrictEqual(each, expected)), {
    what: async () => `all workers to say ${JSON.stringify(expected)}; they say ${JSON.stringify(await answers())}`,
  });
}

describe('a worker of the commit before this issue, beside one of today', () => {
  staged.concurrent.for(['before', 'today'] as const)(
    'the one of %s makes a stream that both serve, and hands it over to the other',
    { timeout: 60_000 },
    async (which, { stage, skip }) => {
      skip(missing !== undefined, missing);
      const cluster = await stage.cluster(0, { DRAIN_TIMEOUT: '3' });
      const earlier = await cluster.start('earlier', {}, earlierWorker(BEFORE));
      const today = await cluster.start('today');
      const [first, second] = which === 'before' ? [earlier, today] : [today, earlier];
      const source = await stage.source({ fixture: 'bframes' });
      const { stream_id } = await first.api.createTranscode({ url: source.url, profile: LIGHT });
      const own = stage.viewer(`${first.url}/stream/${stream_id}`);
      await allPlaying([own]);
      const others = stage.viewers(2, `${second.url}/stream/${stream_id}`);
      await allPlaying(others);
      expect([first.ffmpegPids().length, second.ffmpegPids().length]).toEqual([1, 0]);
      await agree(cluster, { [stream_id]: 3 });
      await sleep(2_000);
      first.signal('SIGTERM');
      expect(await first.exited).toEqual({ code: 0, signal: null });
      expect(first.logged('handed over')).toHaveLength(2);
      await sleep(2_000);
      expect(second.ffmpegPids()).toHaveLength(1);
      await agree(cluster, { [stream_id]: 2 });
      expect(others.map(({ ended }) => ended)).toEqual([false, false]);
      expectUntouched(await Promise.all([own, ...others].map((viewer) => viewer.stop())), 4);
      expectNoFaults(cluster.workers);
    },
  );
});

staged(
  'a rolling restart from the commit before this issue cuts only the viewers of the worker that leaves',
  { timeout: 120_000 },
  async ({ stage, skip }) => {
    skip(missing !== undefined, missing);
    const cluster = await stage.cluster(0, { DRAIN_TIMEOUT: '3' });
    const main = earlierWorker(BEFORE);
    const names = ['worker-1', 'worker-2', 'worker-3'];
    const workers = await Promise.all(names.map((name) => cluster.start(name, {}, main)));
    const source = await stage.source({ channels: { '/a.ts': { fixture: 'bframes' }, '/b.ts': {} } });
    const urls = ['/a.ts', '/b.ts'].map((path) => source.channel(path).url);
    const [first, second] = workers as [Worker, Worker];
    const one = await first.api.createTranscode({ url: urls[0] as string, profile: LIGHT });
    const two = await second.api.createTranscode({ url: urls[1] as string, profile: COPY });
    const ids = [one.stream_id, two.stream_id];
    // Each worker makes one of them, and the third none.
    await allPlaying([stage.viewer(`${first.url}/stream/${ids[0]}`), stage.viewer(`${second.url}/stream/${ids[1]}`)]);
    const audience = new Map<Worker, RecordingHandle[]>();
    for (const worker of workers) audience.set(worker, await watch(stage, worker, ids));
    const expected = Object.fromEntries(ids.map((id) => [id, 4]));
    await agree(cluster, expected);
    const left: RecordingHandle[] = [];
    for (const [n, worker] of workers.entries()) {
      await sleep(1_500);
      worker.signal('SIGTERM');
      expect(await worker.exited).toEqual({ code: 0, signal: null });
      left.push(...(audience.get(worker) ?? []));
      audience.delete(worker);
      expect(left.every(({ ended }) => ended)).toBe(true);
      expect([...audience.values()].flat().some(({ ended }) => ended)).toBe(false);
      const next = await cluster.start(names[n] as string);
      audience.set(next, await watch(stage, next, ids));
      // Both are made once, whoever is old or new.
      expect(ffmpegsOf(cluster.workers)).toHaveLength(2);
    }
    await sleep(1_500);
    expect((await source.account()).open).toBe(2);
    await agree(cluster, Object.fromEntries(ids.map((id) => [id, 3])));
    const stayed = [...audience.values()].flat();
    const recordings = await Promise.all([...left, ...stayed].map((viewer) => viewer.stop()));
    expectUntouched(recordings, 1);
    expectNoFaults(cluster.workers);
  },
);

/** A viewer of each stream, once they play. */
async function watch(stage: Stage, worker: Worker, ids: readonly string[]): Promise<RecordingHandle[]> {
  const viewers = ids.map((id) => stage.viewer(`${worker.url}/stream/${id}`));
  await allPlaying(viewers);
  return viewers;
}
