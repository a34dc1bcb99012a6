/** The worker that makes a stream is killed: viewers elsewhere stay connected, one other worker takes over, nothing is left. */

import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { countsInRedis, ffmpegsOf, newPlaces, ownerOf, seenBy, spread, troubles } from '../support/cluster.ts';
import { expectClean, judgeTs, videoJump } from '../support/judge/index.ts';
import { allPlaying, ffmpegCount, LIGHT, staged } from '../support/stage.ts';
import { until } from '../support/until.ts';
import type { Worker } from '../support/worker.ts';

const DECIDED_MS = 300;
/** What a takeover may cost beyond FFmpeg's own start. */
const ALLOWANCE_MS = 500;
const FRAME_MS = 40;
/** FFmpeg puts up to this much sound into one unit. */
const AUDIO_UNIT_MS = 700;

staged('kill -9 of the owner under 20 viewers elsewhere, then its restart', async ({ stage }) => {
  const cluster = await stage.cluster(3);
  const apart = await stage.worker({ SHARED_STREAM_GRACE: '0' });
  const source = await stage.source({ channels: { '/ch1.ts': {}, '/fresh.ts': {} } });
  const fresh = await apart.api.createTranscode({ url: source.channel('/fresh.ts').url, profile: LIGHT });
  const [first] = cluster.workers as [Worker];
  const { stream_id } = await first.api.createTranscode({ url: source.url, profile: LIGHT });
  // Two of its own, so that it is the owner and dies with clients.
  await allPlaying(stage.viewers(2, `${first.url}/stream/${stream_id}`));
  const { owner, others } = ownerOf(cluster.workers);
  const viewers = spread(stage, 20, others, stream_id);
  await allPlaying(viewers);
  await sleep(1_500);
  const censuses = others.map((worker) => stage.census(worker));

  const killedAt = Date.now();
  const dead = owner.kill();
  // A cold start by a worker that has no part in this, with keyframes at the same moments: what a takeover must cost.
  const started = stage.viewer(fresh.playUrl);
  await allPlaying([started]);
  await dead;
  await ffmpegCount(owner, 0, 2_000);
  await sleep(1_500);
  const coldMs = judgeTs(await started.stop()).firstKeyframeMs ?? 0;
  expect((await source.stats()).open).toBe(1);
  const decisions = newPlaces(others, 'p:');
  const winners = decisions.filter(({ kind }) => kind === 'own');
  expect(winners, JSON.stringify(troubles(others))).toHaveLength(1);
  expect((winners[0]?.atMs ?? 0) - killedAt).toBeLessThan(DECIDED_MS);
  expect(seenBy(censuses)).toBe(1);
  expect(ffmpegsOf(others)).toHaveLength(1);
  const again = await cluster.start(String(workerIdOf(owner)));
  await until(async () => (await countsInRedis(cluster, stream_id)).clientsOfWorkers === viewers.length, {
    timeoutMs: 4_000,
    what: async () => `the records of the workers to show ${viewers.length} clients: ${await shown()}`,
  });
  expect(await countsInRedis(cluster, stream_id)).toMatchObject({
    clients: viewers.length,
    workers: ['worker-1', 'worker-2', 'worker-3'],
  });
  for (const worker of [again, ...others]) {
    expect((await worker.api.get('/clients')).body).toMatchObject({ total_clients: viewers.length });
  }
  const late = stage.viewer(`${again.url}/stream/${stream_id}`);
  await allPlaying([late]);
  expect(ffmpegsOf(cluster.workers)).toHaveLength(1);

  const limitMs = coldMs + ALLOWANCE_MS;
  for (const viewer of viewers) {
    expect(viewer.ended).toBe(false);
    const verdict = judgeTs(await viewer.stop(), { gapMs: 2 * FRAME_MS });
    const jump = videoJump(verdict);
    expect(jump?.signalled ?? true).toBe(true);
    expect(jump?.gapMs ?? 0).toBeLessThan(limitMs);
    expectClean(verdict, { video: true, audio: true, minSeconds: 4, maxGapMs: limitMs + AUDIO_UNIT_MS });
  }

  async function shown(): Promise<string> {
    return JSON.stringify(await countsInRedis(cluster, stream_id));
  }
});

function workerIdOf(worker: Worker): unknown {
  return worker.logged('joined the cluster')[0]?.worker;
}
