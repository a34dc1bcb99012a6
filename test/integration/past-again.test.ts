/**
 * The same pictures on another clock: a provider whose clock begins anew with each connection, and each connection with the past; a
 * backup that another stream of this worker plays already. They are recognised by their pictures, between keyframes too: every
 * picture comes once, and all sound.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { contentFaults, expectClean, judgeTs } from '../support/judge/index.ts';
import { allPlaying, COPY, connectionCount, LIGHT, staged } from '../support/stage.ts';

const EXACT = {
  video: true,
  audio: true,
  minSeconds: 7,
  frameTicks: 3_600,
  maxSignalled: 0,
  maxAudioSlipTicks: 1,
} as const;

staged.concurrent(
  'a cut of a provider with another clock for each connection',
  { timeout: 60_000 },
  async ({ stage }) => {
    const worker = await stage.worker();
    const source = await stage.source({ fixture: 'gop10', clock: 'restart', burstSeconds: 4, burstStart: 'packet' });
    const { url } = source;
    const streams = [
      await worker.api.createStream({ url, share: true }),
      await worker.api.createTranscode({ url, profile: COPY }),
      await worker.api.createTranscode({ url, profile: LIGHT }),
    ];
    const viewers = streams.map(({ playUrl }) => stage.viewer(playUrl));
    await allPlaying(viewers, 25_000);
    await sleep(4_000);
    await source.channel('/ch1.ts').cutConnections();
    await sleep(5_000);
    await connectionCount(source, 1);
    const recordings = await Promise.all(viewers.map((viewer) => viewer.stop()));
    for (const [n, recording] of recordings.entries()) {
      const copied = n < 2;
      if (copied) expect(await contentFaults(recording, 'gop10')).toMatchObject({ missing: [], again: [] });
      expectClean(judgeTs(recording), EXACT);
    }
  },
);

staged.concurrent('a failover to what another stream of this worker plays', { timeout: 60_000 }, async ({ stage }) => {
  const worker = await stage.worker({ STREAM_RETRY_ATTEMPTS: '1', STREAM_RETRY_DELAY: '0.2' });
  const source = await stage.source({
    fixture: 'bframes',
    channels: { '/first.ts': {}, '/second.ts': { startPts: 5_000_000 } },
  });
  const [first, second] = [source.channel('/first.ts'), source.channel('/second.ts')];
  const order = { url: first.url, failover_urls: [second.url] };
  const moving = [
    await worker.api.createStream({ ...order, share: true }),
    await worker.api.createTranscode({ ...order, profile: COPY }),
  ];
  const other = await worker.api.createStream({ url: second.url, share: true });
  const viewers = [...moving, other].map(({ playUrl }) => stage.viewer(playUrl));
  await allPlaying(viewers, 15_000);
  await sleep(2_000);
  await first.refuse();
  await first.cutConnections();
  await sleep(5_000);
  expect(await source.account()).toMatchObject({ open: 1 });
  for (const viewer of viewers) {
    const recording = await viewer.stop();
    expect(await contentFaults(recording, 'bframes')).toMatchObject({ missing: [], again: [] });
    expectClean(judgeTs(recording), EXACT);
  }
});
