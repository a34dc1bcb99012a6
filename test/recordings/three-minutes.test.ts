/** Recordings of three minutes through everything that may happen to their workers, to Redis and to the source. */

import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { BroadcastClient, expectWhole, RECORDING, shownSegments, stretchesOf } from '../support/broadcast-client.ts';
import { emptyCluster } from '../support/cluster.ts';
import { startRedis } from '../support/redis.ts';
import { type Stage, staged } from '../support/stage.ts';
import { until } from '../support/until.ts';
import type { Worker } from '../support/worker.ts';
import { folders, type Keeper, swiftBucket } from './keepers.ts';

const ID = '6f1d';
const ENV = { HLS_SEGMENT_TIME: '2', DRAIN_TIMEOUT: '10', MAX_CLIENTS_PER_SHARED_STREAM: '100' };

/** Three workers, each told where it keeps recordings, on a Redis that writes down what it is told. */
async function startRecorders(stage: Stage, keeper: Keeper) {
  const redis = await startRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] });
  const cluster = await emptyCluster(ENV, redis);
  stage.closeAfter(() => cluster.stop());
  stage.closeAfter(() => keeper.close());
  const start = async (name: string) => cluster.start(name, await keeper.settingsOf(name));
  const workers = new Map<string, Worker>();
  for (const name of ['worker-1', 'worker-2', 'worker-3']) workers.set(name, await start(name));
  return { redis, workers, start };
}

staged.for([
  { where: 'a folder that all workers have', keeperOf: () => folders(ID, true) },
  { where: 'a folder of each worker', keeperOf: () => folders(ID, false) },
  { where: 'a bucket of OpenStack Swift', keeperOf: () => swiftBucket(ID) },
])('in $where', { timeout: 400_000 }, async ({ where, keeperOf }, { stage }) => {
  const keeper = await keeperOf();
  const { redis, workers, start } = await startRecorders(stage, keeper);
  const source = await stage.sourceProcess({ fixture: 'bframes', join: 'keyframe', burstSeconds: 3 });
  const recording = new BroadcastClient(ID);

  /** The worker that makes it, by its name. */
  const makerOf = async (): Promise<string> =>
    until(
      async () => {
        const incarnation = await redis.cli('HGET', `sp:owner:b:${ID}`, 'incarnation');
        return (await redis.cli('HGET', 'sp:named', incarnation)) || undefined;
      },
      { what: 'a maker', timeoutMs: 20_000, everyMs: 200 },
    );
  const worker = (name: string) => workers.get(name) as Worker;
  const another = (name: string) => worker([...workers.keys()].find((each) => each !== name) ?? '');
  /** Stands still, and answers nobody. */
  let stopped: string | undefined;
  /** Number of the newest segment; undefined while the registry cannot say it. */
  const newest = async (): Promise<number | undefined> => {
    const asked = [...workers.keys()].find((name) => name !== stopped) ?? '';
    const answer = await worker(asked).api.get<{ current_segment_number: number }>(`/broadcast/${ID}/status`);
    return answer.status === 200 ? answer.body.current_segment_number : undefined;
  };
  /** Waits until it has gone on for so many segments. */
  const goesOn = async (count: number) => {
    const from = await until(async () => newest(), { what: 'the newest segment', timeoutMs: 60_000, everyMs: 500 });
    await until(async () => ((await newest()) ?? 0) >= from + count, {
      ...{ what: `${count} segments after ${from}`, timeoutMs: 60_000, everyMs: 500 },
    });
  };
  const again = async (name: string) => {
    workers.delete(name);
    workers.set(name, await start(name));
  };

  const sinceMs = performance.now();
  await recording.start(worker('worker-1'), { ...RECORDING, segment_duration: 2, stream_url: source.url });
  await goesOn(5);

  let maker = await makerOf();
  await keeper.kill(maker, worker(maker));
  await again(maker);
  await goesOn(5);

  maker = await makerOf();
  await keeper.stop(maker, worker(maker));
  stopped = maker;
  await until(async () => (await makerOf()) !== maker, { what: 'another maker', timeoutMs: 30_000, everyMs: 200 });
  await goesOn(2);
  const before = await recording.download(another(maker));
  await keeper.goOn(maker, worker(maker));
  stopped = undefined;
  await goesOn(5);
  // What it had half written has replaced nothing, whatever became of it.
  const after = await recording.download(another(maker));
  const known = new Set(before.map(({ n }) => n));
  // In folders of their own, nobody had those of the worker that stood still.
  if (keeper.isShared) expect(known.size).toBe((before.at(-1)?.n ?? 0) + 1);
  expect(shownSegments(after.filter(({ n }) => known.has(n)))).toEqual(shownSegments(before));

  maker = await makerOf();
  worker(maker).signal('SIGTERM');
  await worker(maker).exited;
  await again(maker);
  await goesOn(5);

  await source.status(503);
  await source.cutConnections();
  await sleep(10_000);
  await source.play();
  await goesOn(5);

  await redis.kill();
  await sleep(4_000);
  await redis.start();
  await goesOn(5);

  await redis.cli('FLUSHALL');
  await goesOn(5);
  await sleep(Math.max(0, 180_000 - (performance.now() - sinceMs)));

  maker = await makerOf();
  const last = await recording.stop(another(maker));
  const segments = await recording.download(another(maker));
  const lost = stretchesOf(segments)
    .slice(1)
    .map(([first]) => first?.n);
  const seconds = segments.reduce((sum, each) => sum + each.seconds, 0);
  console.log(`${where}: ${segments.length} segments, ${seconds.toFixed(0)} s; begun anew at ${lost}`);
  expect(segments).toHaveLength(last + 1);
  await expectWhole(segments);
  // Six events, each of which may cost media once.
  expect(lost.length).toBeLessThanOrEqual(6);
  expect(seconds).toBeGreaterThan(120);
  for (const each of workers.values()) {
    expect(shownSegments(await recording.download(each))).toEqual(shownSegments(segments));
  }
  expect((await worker(maker).api.del(`/broadcast/${ID}`)).status).toBe(200);
  if (keeper.isShared) expect(await keeper.left()).toBe(0);
});
