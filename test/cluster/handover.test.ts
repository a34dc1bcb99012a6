/** A worker that is to end hands over what others read: not a frame is lost there, and its own viewers play on. */

import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect } from 'vitest';
import { ffmpegsOf, ownerOf, spread, startCluster, type TestCluster } from '../support/cluster.ts';
import type { LoopName } from '../support/fixtures.ts';
import { decodeErrors, expectClean, judgeTs } from '../support/judge/index.ts';
import { comparePictures } from '../support/pictures.ts';
import { allPlaying, COPY, LIGHT, staged } from '../support/stage.ts';
import { until } from '../support/until.ts';
import type { Worker } from '../support/worker.ts';

let cluster: TestCluster | undefined;
afterEach(async () => {
  await cluster?.stop();
  cluster = undefined;
});

const AAC_FRAME = 1920;
/** Nothing missing, doubled or signalled. */
const UNTOUCHED = { video: true, audio: true, maxSignalled: 0, maxGapMs: 100, maxAudioSlipTicks: AAC_FRAME } as const;

interface Case {
  fixture: LoopName;
  profile: string;
  frameTicks: number;
}

describe('SIGTERM of the owner', () => {
  staged.for<Case>([
    { fixture: 'bframes', profile: LIGHT, frameTicks: 3600 },
    { fixture: 'mp2', profile: 'default', frameTicks: 3600 },
    { fixture: 'fps-29.97', profile: COPY, frameTicks: 3003 },
  ])('with viewers elsewhere and its own: $fixture', { timeout: 90_000 }, async (row, { stage }) => {
    cluster = await startCluster(3, { MAX_CLIENTS_PER_SHARED_STREAM: '100', DRAIN_TIMEOUT: '14' });
    const source = await stage.source({ fixture: row.fixture, join: 'packet', seed: 3 });
    const [first] = cluster.workers as [Worker];
    const { stream_id } = await first.api.createTranscode({ url: source.url, profile: row.profile });
    const pilot = stage.viewer(`${first.url}/stream/${stream_id}`);
    await allPlaying([pilot]);
    const { owner, others } = ownerOf(cluster.workers);
    const own = stage.viewers(4, `${owner.url}/stream/${stream_id}`);
    const viewers = spread(stage, 20, others, stream_id);
    await allPlaying([...own, ...viewers]);
    await sleep(4_000);
    owner.signal('SIGTERM');
    await until(() => owner.logs.filter(({ msg }) => msg === 'handed over').length === 2, {
      timeoutMs: 12_000,
      what: 'the process feed and the source feed to be handed over',
    });
    expect(ffmpegsOf(cluster.workers)).toHaveLength(1);
    expect(ffmpegsOf(others)).toHaveLength(1);
    await sleep(3_000);
    const ofOwner = [pilot, ...own].map((viewer) => viewer.snapshot());
    expect([pilot, ...own].every((viewer) => !viewer.ended)).toBe(true);
    expect(await owner.exited).toEqual({ code: 0, signal: null });
    await sleep(3_000);
    const { open, maxConcurrent } = await source.account();
    // For a moment the new owner's connection is beside the old one's.
    expect({ open, atMostTwo: maxConcurrent <= 2 }).toEqual({ open: 1, atMostTwo: true });
    const recordings = await Promise.all(viewers.map((viewer) => viewer.stop()));
    for (const recording of [...recordings, ...ofOwner]) {
      expectClean(judgeTs(recording), { ...UNTOUCHED, frameTicks: row.frameTicks, minSeconds: 8 });
    }
    for (const recording of [recordings[0], ofOwner[0]]) {
      const bytes = recording?.bytes ?? Buffer.alloc(0);
      expect((await comparePictures(bytes, row.fixture)).faults).toEqual([]);
      expect(await decodeErrors(bytes)).toEqual([]);
    }
  });
});
