/** A channel on two workers goes to its next source: on one clock, and over one connection. */

import { expect } from 'vitest';
import { expectOneClock, getsMore, PROFILES } from '../support/channel-profiles.ts';
import { allPlaying, COPY, connectionCount, staged } from '../support/stage.ts';
import type { Worker } from '../support/worker.ts';

const WORKER = { SHARED_STREAM_GRACE: '1', STREAM_RETRY_ATTEMPTS: '1', STREAM_RETRY_DELAY: '0.2' };

staged(
  'three profiles that two workers make are 0 ticks apart after a failover',
  { timeout: 90_000 },
  async ({ stage }) => {
    const { workers } = await stage.cluster(2, WORKER);
    const [one, two] = workers as [Worker, Worker];
    const first = await stage.source({ fixture: 'bframes' });
    const second = await stage.source({ fixture: 'bframes', startPts: 5_000_000 });
    const order = { url: first.url, failover_urls: [second.url] };
    const viewers = [];
    for (const [n, profile] of PROFILES.entries()) {
      const { stream_id } = await one.api.createTranscode({ ...order, profile });
      viewers.push(stage.viewer(`${(n === 0 ? one : two).url}/stream/${stream_id}`));
      await allPlaying(viewers.slice(-1));
    }
    await getsMore(viewers, 100_000, 'some media of the first source');
    await first.refuse();
    await first.cutConnections();
    await connectionCount(second, 1, 15_000);
    await getsMore(viewers, 150_000, 'some media of the second source');
    await expectOneClock(viewers);
    for (const source of [first, second]) expect(await source.account()).toMatchObject({ maxConcurrent: 1 });
    expect(await second.account()).toMatchObject({ total: 1 });
    // Each worker has FFmpegs of its own, and none of them was replaced.
    for (const worker of workers) {
      expect(worker.ffmpegPids().length).toBeGreaterThan(0);
      expect(worker.logged('an FFmpeg run ended')).toEqual([]);
    }
  },
);

staged(
  'a channel that moves to a URL which another worker reads follows that one',
  { timeout: 90_000 },
  async ({ stage }) => {
    const { workers } = await stage.cluster(2, WORKER);
    const [one, two] = workers as [Worker, Worker];
    const first = await stage.source({ fixture: 'bframes' });
    const second = await stage.source({ fixture: 'bframes', startPts: 5_000_000 });
    const moving = await one.api.createTranscode({ url: first.url, failover_urls: [second.url], profile: COPY });
    const standing = await two.api.createTranscode({ url: second.url, profile: COPY });
    const viewers = [moving, standing].map(({ playUrl }) => stage.viewer(playUrl));
    await allPlaying(viewers);
    expect((await one.api.post(`/streams/${moving.stream_id}/failover`)).status).toBe(200);
    await connectionCount(first, 0, 15_000);
    await getsMore(viewers, 150_000, 'some media of the second source');
    await expectOneClock(viewers.slice(0, 1));
    expect(await second.account()).toMatchObject({ total: 1, open: 1 });
    expect(one.logged('an FFmpeg run ended')).toEqual([]);
  },
);
