/** Streams with the same sources: several profiles of one channel stay on one clock when the channel goes to its next source. */

import { expect } from 'vitest';
import { expectOneClock, getsMore, PROFILES } from '../support/channel-profiles.ts';
import type { LoopName } from '../support/fixtures.ts';
import { jumpsOf } from '../support/judge/index.ts';
import { allPlaying, connectionCount, type Stage, staged } from '../support/stage.ts';
import type { WorkerEnv } from '../support/worker.ts';

const WORKER = { SHARED_STREAM_GRACE: '1', STREAM_RETRY_ATTEMPTS: '1', STREAM_RETRY_DELAY: '0.2' };

/** @param fixture of both sources; the second one plays another part of it, if it has more than 32 s */
async function threeProfiles(stage: Stage, fixture: LoopName = 'bframes', env: WorkerEnv = {}) {
  const first = await stage.source({ fixture });
  const second = await stage.source({ fixture, startPts: 5_000_000, startPhaseSeconds: 32 });
  const worker = await stage.worker({ ...WORKER, ...env });
  const order = { url: first.url, failover_urls: [second.url] };
  const streams = [];
  for (const profile of PROFILES) streams.push(await worker.api.createTranscode({ ...order, profile }));
  const viewers = streams.map(({ playUrl }) => stage.viewer(playUrl));
  await allPlaying(viewers);
  const ids = streams.map(({ stream_id }) => stream_id);
  expect(new Set(ids).size).toBe(3);
  return { first, second, worker, ids, viewers };
}

staged.concurrent(
  'a channel that goes silent moves when its next source plays beside it',
  { timeout: 60_000 },
  async ({ stage }) => {
    const { first, second, worker, ids, viewers } = await threeProfiles(stage, 'numbered', {
      LIVE_CHUNK_TIMEOUT_SECONDS: '4',
    });
    await getsMore(viewers, 100_000, 'some media of the first source');
    await first.stall(3_600_000, 'lose');
    await connectionCount(second, 1, 15_000);
    // The silent connection is still open, and nothing has been counted.
    expect(await first.account()).toMatchObject({ open: 1, total: 1 });
    expect(worker.logged('source failover')).toEqual([]);
    await connectionCount(first, 0, 15_000);
    await getsMore(viewers, 150_000, 'some media of the second source');
    await expectOneClock(viewers);
    expect(worker.logged('source failover').map(({ stream }) => stream)).toEqual(expect.arrayContaining(ids));
    expect(worker.logged('source failover')).toHaveLength(3);
    expect(worker.told('ffmpeg_ended')).toEqual([]);
    expect(await second.account()).toMatchObject({ total: 1 });
  },
);

staged.concurrent.for(['by itself', 'when somebody asks'] as const)(
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
    expect(worker.told('ffmpeg_ended')).toEqual([]);
    for (const { video } of await expectOneClock(viewers)) expect(video && jumpsOf(video).length).toBeLessThan(2);
    expect(await second.account()).toMatchObject({ total: 1, maxConcurrent: 1 });
  },
);
