// `share` of POST /streams: viewers of a direct live stream on one connection, or on one each; and how they are counted.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { connectionsSaid } from '../support/connections.ts';
import { expectClean, judgeTs } from '../support/judge/index.ts';
import { allPlaying, COPY, connectionCount, LIGHT, staged } from '../support/stage.ts';
import { until } from '../support/until.ts';

/** A PES packet of sound may have 450 ms. */
const CLEAN = { video: true, audio: true, minSeconds: 2, maxSignalled: 0, frameTicks: 3_600, maxGapMs: 450 };

staged.concurrent('shares one connection where its creator says so, and none where it says not', async ({ stage }) => {
  const source = await stage.source({ channels: { '/a.ts': {}, '/b.ts': {} } });
  const [a, b] = [source.channel('/a.ts'), source.channel('/b.ts')];
  const worker = await stage.worker({ SHARED_STREAM_GRACE: '1' });
  const create = async (url: string, share?: boolean) =>
    worker.api.createStream(share === undefined ? { url } : { url, share });

  const shared = await create(a.url, true);
  const alone = await create(b.url, false);
  const viewers = [...stage.viewers(3, shared.playUrl), ...stage.viewers(3, alone.playUrl)];
  await allPlaying(viewers);
  expect([await a.stats(), await b.stats()]).toMatchObject([{ total: 1 }, { total: 3 }]);
  expect(worker.ffmpegPids()).toEqual([]);
  // The first creator decides while somebody watches.
  expect(await create(a.url, false)).toMatchObject({ existing: true });
  expect(await create(b.url, true)).toMatchObject({ existing: true });
  const late = [...stage.viewers(1, shared.playUrl), ...stage.viewers(1, alone.playUrl)];
  await allPlaying(late);
  expect([await a.stats(), await b.stats()]).toMatchObject([{ total: 1 }, { total: 4 }]);
  await connectionsSaid([worker], source, { [shared.stream_id]: 1, [alone.stream_id]: 4 });
  await sleep(3_000);
  for (const viewer of [...viewers, ...late]) {
    const recording = await viewer.stop();
    // What is passed on begins wherever the provider was.
    expectClean(judgeTs(recording, { gapMs: CLEAN.maxGapMs }), {
      ...CLEAN,
      cleanStart: recording.url === shared.playUrl,
    });
  }

  // Once it is idle the next one does.
  await connectionCount(source, 0, 5_000);
  await until(async () => (await create(a.url, false)).existing === false, { what: 'the first stream to be idle' });
  await until(async () => (await create(b.url, true)).existing === false, { what: 'the second stream to be idle' });
  await allPlaying([...stage.viewers(2, shared.playUrl), ...stage.viewers(2, alone.playUrl)]);
  expect([await a.stats(), await b.stats()]).toMatchObject([{ total: 3 }, { total: 5 }]);
});

staged.concurrent('says not, where SHARE_DIRECT_STREAMS says so', async ({ stage }) => {
  const source = await stage.source();
  const worker = await stage.worker({ SHARE_DIRECT_STREAMS: 'true' });
  const stream = await worker.api.createStream({ url: source.url, share: false });
  await allPlaying(stage.viewers(2, stream.playUrl));
  expect(await source.account()).toMatchObject({ open: 2, total: 2 });
});

staged.concurrent('counts connections as the provider does', async ({ stage }) => {
  const source = await stage.source();
  const worker = await stage.worker({ SHARED_STREAM_GRACE: '1' });
  const one = await worker.api.createTranscode({ url: source.url, profile: COPY });
  const other = await worker.api.createTranscode({ url: source.url, profile: LIGHT });
  const direct = await worker.api.createStream({ url: source.url });
  const [first, ...others] = [
    ...stage.viewers(2, one.playUrl),
    ...stage.viewers(2, other.playUrl),
    ...stage.viewers(2, direct.playUrl),
  ];
  await allPlaying([first, ...others].filter((viewer) => viewer !== undefined));
  // Both profiles read one source; a direct viewer has a connection of its own.
  const counts = { [one.stream_id]: 1, [other.stream_id]: 1, [direct.stream_id]: 2 };
  await connectionsSaid([worker], source, counts);
  expect((await source.account()).open).toBe(3);
  // A viewer fewer is no connection fewer where they share one.
  await first?.stop();
  await others.at(-1)?.stop();
  await connectionsSaid([worker], source, { ...counts, [direct.stream_id]: 1 });
  await Promise.all(others.map((viewer) => viewer.stop()));
  await connectionCount(source, 0, 5_000);
  await connectionsSaid([worker], source, {});
});
