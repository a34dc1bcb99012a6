/** A channel on two workers goes to its next source: all of it, on one clock, and over one connection. */

import { expect } from 'vitest';
import { expectOneClock, getsMore, PROFILES } from '../support/channel-profiles.ts';
import { allPlaying, COPY, connectionCount, type Stage, staged } from '../support/stage.ts';
import type { Worker, WorkerEnv } from '../support/worker.ts';

const WORKER = { SHARED_STREAM_GRACE: '1', STREAM_RETRY_ATTEMPTS: '1', STREAM_RETRY_DELAY: '0.2' };

/** The sources send about 45,000 bytes a second. */
const WANTS_ENOUGH = {
  ENABLE_BITRATE_MONITORING: 'true',
  MIN_BITRATE_THRESHOLD: '20000',
  BITRATE_CHECK_INTERVAL: '1',
  BITRATE_FAILOVER_THRESHOLD: '2',
  BITRATE_MONITORING_GRACE_PERIOD: '0.5',
};

/** Two workers, and two sources with the same pictures, each on a clock of its own. */
async function twoWorkers(stage: Stage, env: WorkerEnv = {}) {
  const { workers } = await stage.cluster(2, { ...WORKER, ...env });
  const [one, two] = workers as [Worker, Worker];
  const first = await stage.source({ fixture: 'bframes' });
  const second = await stage.source({ fixture: 'bframes', startPts: 5_000_000 });
  return { workers, one, two, first, second };
}

staged.concurrent(
  'three profiles that two workers make are 0 ticks apart after a failover',
  { timeout: 90_000 },
  async ({ stage }) => {
    const { workers, one, two, first, second } = await twoWorkers(stage);
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
      expect(worker.told('ffmpeg_ended')).toEqual([]);
    }
  },
);

staged.concurrent(
  'a channel that moves to a URL which another worker reads follows that one',
  { timeout: 90_000 },
  async ({ stage }) => {
    const { one, two, first, second } = await twoWorkers(stage);
    const moving = await one.api.createTranscode({ url: first.url, failover_urls: [second.url], profile: COPY });
    const standing = await two.api.createTranscode({ url: second.url, profile: COPY });
    const viewers = [moving, standing].map(({ playUrl }) => stage.viewer(playUrl));
    await allPlaying(viewers);
    expect((await one.api.post(`/streams/${moving.stream_id}/failover`)).status).toBe(200);
    await connectionCount(first, 0, 15_000);
    await getsMore(viewers, 150_000, 'some media of the second source');
    await expectOneClock(viewers.slice(0, 1));
    expect(await second.account()).toMatchObject({ total: 1, open: 1 });
    expect(one.told('ffmpeg_ended')).toEqual([]);
  },
);

staged.concurrent(
  'a source that sends too little is left by all profiles of a channel, also where nobody reads it',
  { timeout: 90_000 },
  async ({ stage }) => {
    const { workers, one, two, first, second } = await twoWorkers(stage, WANTS_ENOUGH);
    const order = { url: first.url, failover_urls: [second.url] };
    const viewers = [];
    const ids: string[] = [];
    for (const [worker, profile] of [
      [one, PROFILES[0]],
      [two, PROFILES[1]],
    ] as const) {
      const { stream_id } = await worker.api.createTranscode({ ...order, profile });
      ids.push(stream_id);
      viewers.push(stage.viewer(`${worker.url}/stream/${stream_id}`));
      await allPlaying(viewers.slice(-1));
    }
    await getsMore(viewers, 100_000, 'some media of the first source');
    // The one worker measures what comes; the other one gets it from there.
    expect(await first.account()).toMatchObject({ total: 1 });
    await first.speed(0.2);
    await connectionCount(second, 1, 15_000);
    await connectionCount(first, 0, 15_000);
    await getsMore(viewers, 150_000, 'some media of the second source');
    for (const worker of workers) {
      for (const id of ids) {
        const { body } = await worker.api.get<{ stream: object }>(`/streams/${id}`);
        expect(body.stream).toMatchObject({ current_failover_index: 0, failover_attempts: 1 });
      }
      expect(worker.told('ffmpeg_ended')).toEqual([]);
    }
    const moves = workers.flatMap((worker) => worker.logged('source failover'));
    expect(moves.map(({ stream }) => stream).sort()).toEqual([...ids].sort());
    for (const move of moves) expect(move).toMatchObject({ reason: 'low_bitrate', index: 0 });
    expect(await second.account()).toMatchObject({ total: 1 });
    await expectOneClock(viewers);
  },
);
