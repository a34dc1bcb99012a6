/** Streams with the same sources: several profiles of one channel stay on one clock when the channel goes to its next source. */

import { expect } from 'vitest';
import { expectOneClock, getsMore, PROFILES } from '../support/channel-profiles.ts';
import { jumpsOf } from '../support/judge/index.ts';
import { allPlaying, connectionCount, type Stage, staged } from '../support/stage.ts';

const WORKER = { SHARED_STREAM_GRACE: '1', STREAM_RETRY_ATTEMPTS: '1', STREAM_RETRY_DELAY: '0.2' };

async function threeProfiles(stage: Stage) {
  const first = await stage.source({ fixture: 'bframes' });
  const second = await stage.source({ fixture: 'bframes', startPts: 5_000_000 });
  const worker = await stage.worker(WORKER);
  const order = { url: first.url, failover_urls: [second.url] };
  const streams = [];
  for (const profile of PROFILES) streams.push(await worker.api.createTranscode({ ...order, profile }));
  const viewers = streams.map(({ playUrl }) => stage.viewer(playUrl));
  await allPlaying(viewers);
  const ids = streams.map(({ stream_id }) => stream_id);
  expect(new Set(ids).size).toBe(3);
  return { first, second, worker, ids, viewers };
}

staged.for(['by itself', 'when somebody asks'] as const)(
  'three profiles of one channel are 0 ticks apart after a failover %s',
  { timeout: 60_000 },
  async (how, { stage }) => {
    const { first, second, worker, ids, viewers } = await threeProfiles(stage);
    await getsMore(viewers, 100_000, 'some media of the first source');
    if (how === 'by itself') {
      await first.refuse();
      await first.cutConnections();
    } else {
      const { body } = await worker.api.post<{ moved_streams: string[] }>(`/streams/${ids[1]}/failover`);
      expect([...body.moved_streams].sort()).toEqual([...ids].sort());
    }
    await connectionCount(second, 1, 15_000);
    await connectionCount(first, 0, 15_000);
    await getsMore(viewers, 150_000, 'some media of the second source');
    for (const id of ids) {
      const { body } = await worker.api.get<{ stream: object }>(`/streams/${id}`);
      expect(body.stream).toMatchObject({ current_failover_index: 0, failover_attempts: 1 });
    }
    expect(worker.logged('source failover').map(({ stream }) => stream)).toEqual(expect.arrayContaining(ids));
    expect(worker.logged('source failover')).toHaveLength(3);
    // No FFmpeg was replaced for it.
    expect(worker.logged('an FFmpeg run ended')).toEqual([]);
    for (const { video } of await expectOneClock(viewers)) expect(video && jumpsOf(video).length).toBeLessThan(2);
    expect(await second.account()).toMatchObject({ total: 1, maxConcurrent: 1 });
  },
);
