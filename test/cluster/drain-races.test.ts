/** A drain that is cut short by a death, of the worker that drains or of the one that takes over: viewers elsewhere play on. */

import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { ffmpegsOf, ownerOf, spread, troubles } from '../support/cluster.ts';
import { expectClean, judgeTs } from '../support/judge/index.ts';
import { seeded, TEST_SEED } from '../support/seed.ts';
import { allPlaying, LIGHT, staged } from '../support/stage.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';
import type { Worker } from '../support/worker.ts';

const isLong = process.env.STREAMPOOL_LONG === '1';
/** A handover takes about this long, so a death falls somewhere into it. */
const HANDOVER_MS = 2_500;
const ROUNDS = isLong ? [0, 1, 2, 3, 4, 5] : [0];

describe.concurrent.each(['the one that drains', 'the one that takes over'])('SIGTERM, and kill -9 of %s', (victim) => {
  staged.for(ROUNDS)(
    `at a moment of TEST_SEED=${TEST_SEED}, round %i`,
    { timeout: 60_000 },
    async (round, { stage }) => {
      const random = seeded(TEST_SEED + round);
      const cluster = await stage.cluster(3, { MAX_CLIENTS_PER_SHARED_STREAM: '100', DRAIN_TIMEOUT: '6' });
      const source = await stage.source({ fixture: 'bframes' });
      const [first] = cluster.workers as [Worker];
      const { stream_id } = await first.api.createTranscode({ url: source.url, profile: LIGHT });
      await allPlaying([stage.viewer(`${first.url}/stream/${stream_id}`)]);
      const { owner, others } = ownerOf(cluster.workers);
      const [taker, third] = others as [Worker, Worker];
      // It follows first, so it is asked first.
      await allPlaying(spread(stage, 2, [taker], stream_id));
      const viewers = spread(stage, 6, [third], stream_id);
      await allPlaying(viewers);
      await sleep(2_000);
      owner.signal('SIGTERM');
      await sleep(random() * HANDOVER_MS);
      const dead = victim === 'the one that drains' ? owner : taker;
      await dead.kill();
      await until(() => owner.exit !== undefined, { timeoutMs: 12_000, what: 'the draining worker to end' });
      const left = cluster.workers.filter((worker) => worker.exit === undefined);
      await until(() => ffmpegsOf(left).length === 1, {
        timeoutMs: 10_000,
        what: 'one FFmpeg among those that are left',
      });
      await sleep(4_000);
      expect((await source.account()).open, JSON.stringify(troubles(left))).toBe(1);
      expect(ffmpegsOf(cluster.workers)).toHaveLength(1);
      for (const viewer of viewers) {
        expect(viewer.ended).toBe(false);
        expectClean(judgeTs(await viewer.stop()), { video: true, audio: true, minSeconds: 6, maxGapMs: 6_000 });
      }
    },
  );
});

staged.concurrent(
  'kill -9 of the one that drains, while the one that takes over opens the source: it is open once',
  { timeout: 60_000 },
  async ({ stage }) => {
    const cluster = await stage.cluster(2, { MAX_CLIENTS_PER_SHARED_STREAM: '100' });
    const source = await stage.source({ fixture: 'bframes' });
    const { hostname, port, pathname } = new URL(source.url);
    const provider = await startTcpProxy({ target: { host: hostname, port: Number(port) } });
    stage.closeAfter(() => provider.close());
    const url = `http://127.0.0.1:${provider.port}${pathname}`;
    const [first] = cluster.workers as [Worker];
    const { stream_id } = await first.api.createTranscode({ url, profile: LIGHT });
    await allPlaying([stage.viewer(`${first.url}/stream/${stream_id}`)]);
    const { owner, others } = ownerOf(cluster.workers);
    const viewers = spread(stage, 4, others, stream_id);
    await allPlaying(viewers);
    // Longer than a takeover takes to be decided.
    provider.delay(1_500);
    owner.signal('SIGTERM');
    await until(() => provider.connections.length === 2, {
      everyMs: 10,
      what: 'the source to be opened beside its owner',
    });
    await owner.kill();
    await until(() => provider.openCount === 1, { timeoutMs: 5_000, what: 'one connection to the source' });
    await sleep(4_000);
    expect(provider.connections).toHaveLength(2);
    expect((await source.account()).open).toBe(1);
    for (const viewer of viewers) {
      expect(viewer.ended).toBe(false);
      expectClean(judgeTs(await viewer.stop()), { video: true, audio: true, minSeconds: 3, maxGapMs: 6_000 });
    }
  },
);
