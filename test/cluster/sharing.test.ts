// A direct live stream of which its creator says whether viewers share a connection, over two workers.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { spread } from '../support/cluster.ts';
import { connectionsSaid } from '../support/connections.ts';
import { expectClean, judgeTs } from '../support/judge/index.ts';
import { allPlaying, COPY, connectionCount, LIGHT, staged } from '../support/stage.ts';
import { until } from '../support/until.ts';
import type { Worker } from '../support/worker.ts';

/** A PES packet of sound may have 450 ms. */
const WHOLE = { video: true, audio: true, minSeconds: 2, frameTicks: 3_600, maxGapMs: 450 };

staged.concurrent('what the newest creator says counts on a worker that has met another one', async ({ stage }) => {
  const { workers } = await stage.cluster(2);
  const [one, two] = workers as [Worker, Worker];
  const source = await stage.source();
  const create = (share: boolean) => one.api.createStream({ url: source.url, share });
  let opened = 0;
  /** Four viewers on two workers; answers how many connections they took. */
  const watch = async (streamId: string, count: number) => {
    const viewers = spread(stage, 4, [two, one], streamId);
    await allPlaying(viewers);
    await connectionsSaid(workers, source, { [streamId]: count });
    await sleep(2_500);
    const { open, total } = await source.account();
    for (const viewer of viewers) {
      const clean = { ...WHOLE, cleanStart: count === 1 };
      expectClean(judgeTs(await viewer.stop(), { gapMs: clean.maxGapMs }), clean);
    }
    await connectionCount(source, 0, 5_000);
    const taken = total - opened;
    opened = total;
    return { open, taken };
  };

  const { stream_id, existing } = await create(true);
  expect(existing).toBe(false);
  expect(await watch(stream_id, 1)).toEqual({ open: 1, taken: 1 });
  for (const [share, count] of [
    [false, 4],
    [true, 1],
  ] as const) {
    await until(async () => (await create(share)).existing === false, { what: 'the stream to be idle' });
    expect(await watch(stream_id, count)).toEqual({ open: count, taken: count });
  }
});

staged.concurrent('connections are counted over both workers, wherever they are asked', async ({ stage }) => {
  const { workers } = await stage.cluster(2);
  const [one, two] = workers as [Worker, Worker];
  const source = await stage.source();
  const transcoded = await one.api.createTranscode({ url: source.url, profile: COPY });
  const other = await one.api.createTranscode({ url: source.url, profile: LIGHT });
  const direct = await two.api.createStream({ url: source.url });
  // The second profile is made on the second worker, of the source that the first one reads.
  await allPlaying([stage.viewer(`${one.url}/stream/${transcoded.stream_id}`)]);
  await allPlaying([stage.viewer(`${two.url}/stream/${other.stream_id}`)]);
  await allPlaying([
    ...spread(stage, 2, workers, transcoded.stream_id),
    ...spread(stage, 3, workers, direct.stream_id),
  ]);
  const counts = { [transcoded.stream_id]: 1, [other.stream_id]: 1, [direct.stream_id]: 3 };
  await connectionsSaid(workers, source, counts);
  expect((await source.account()).open).toBe(4);
  // What a killed worker had is gone with its lease; the other one opens the source anew.
  await one.kill();
  await until(() => two.ffmpegPids().length === 2, { what: 'the second worker to make both streams' });
  await allPlaying([stage.viewer(`${two.url}/stream/${transcoded.stream_id}`)]);
  await until(async () => (await two.api.get<{ total: number }>('/workers')).body.total === 1, {
    timeoutMs: 10_000,
    what: 'the lease of the killed worker to run out',
  });
  await connectionsSaid([two], source, { ...counts, [direct.stream_id]: 1 });
});
