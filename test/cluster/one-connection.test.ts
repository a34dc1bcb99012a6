/** A provider that allows one connection: never two for long, no flapping, and gaps that are short and signalled. */

import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { ffmpegsOf, newPlaces, spread, type TestCluster } from '../support/cluster.ts';
import { expectClean, judgeTs } from '../support/judge/index.ts';
import type { ConnectionLimit, LiveSource } from '../support/live-source.ts';
import type { RecordingHandle } from '../support/recorder.ts';
import { allPlaying, LIGHT, type Stage, staged } from '../support/stage.ts';
import { until } from '../support/until.ts';
import type { Worker } from '../support/worker.ts';

/** What the provider's connection costs when it has to be closed before it is opened: up to a GOP, its answer, a retry. */
const MAX_GAP_MS = 6_000;
const isLong = process.env.STREAMPOOL_LONG === '1';

interface Show {
  cluster: TestCluster;
  source: LiveSource;
  viewers: RecordingHandle[];
  /** The worker that has the connection. */
  owner: Worker;
  others: Worker[];
}

async function twelveViewers(stage: Stage, accountLimit: ConnectionLimit): Promise<Show> {
  const cluster = await stage.cluster(3, { MAX_CLIENTS_PER_SHARED_STREAM: '10', DRAIN_TIMEOUT: '10' });
  const source = await stage.source({ fixture: 'bframes', accountLimit });
  const [first] = cluster.workers as [Worker];
  const { stream_id } = await first.api.createTranscode({ url: source.url, profile: LIGHT });
  const own = stage.viewer(`${first.url}/stream/${stream_id}`);
  await allPlaying([own]);
  const others = cluster.workers.filter((worker) => worker !== first);
  const viewers = spread(stage, 11, others, stream_id);
  await allPlaying(viewers);
  expect(ffmpegsOf(cluster.workers)).toHaveLength(2);
  expect(await source.account()).toMatchObject({ total: 1, open: 1 });
  await sleep(3_000);
  return { cluster, source, viewers, owner: first, others };
}

async function expectBounded(viewers: readonly RecordingHandle[]): Promise<void> {
  for (const viewer of viewers) {
    expect(viewer.ended).toBe(false);
    expectClean(judgeTs(await viewer.stop()), { video: true, audio: true, minSeconds: 6, maxGapMs: MAX_GAP_MS });
  }
}

describe.concurrent.each<ConnectionLimit>([
  { limit: 1, mode: 'refuse' },
  { limit: 1, mode: 'cut-older' },
])('12 viewers, a cap of 10, and a provider that would $mode a second connection', (accountLimit) => {
  // Each death with each provider: STREAMPOOL_LONG=1.
  staged.skipIf(!isLong && accountLimit.mode === 'cut-older')(
    'the worker with the connection drains',
    async ({ stage }) => {
      const { cluster, source, viewers, owner, others } = await twelveViewers(stage, accountLimit);
      owner.signal('SIGTERM');
      expect(await owner.exited).toEqual({ code: 0, signal: null });
      await sleep(4_000);
      const account = await source.account();
      expect(account).toMatchObject({ open: 1, maxConcurrent: 1 });
      // Once for the start and once for the change; a provider may still count the old one at the first try.
      expect(account.total, JSON.stringify(newPlaces(cluster.workers, 's:'))).toBe(2);
      expect(ffmpegsOf(others)).toHaveLength(2);
      await expectBounded(viewers);
    },
  );

  staged.skipIf(!isLong && accountLimit.mode === 'refuse')(
    'the worker with the connection is killed',
    async ({ stage }) => {
      const { source, viewers, owner, others } = await twelveViewers(stage, accountLimit);
      await owner.kill();
      await until(async () => (await source.account()).total === 2, { what: 'the connection of another worker' });
      await sleep(6_000);
      expect(await source.account()).toMatchObject({ open: 1, total: 2 });
      expect(ffmpegsOf(others)).toHaveLength(2);
      await expectBounded(viewers);
    },
  );
});
