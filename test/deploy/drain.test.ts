/**
 * Somebody drains a worker under 50 viewers. They stay as long as they like; when the last one has left, the worker ends and ECS starts
 * another one. Prints what it cost.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { EMPTY_MS, NOTICED_MS } from '../../services/proxy/src/ecs/drain-end.ts';
import { Stage } from '../support/stage.ts';
import { until } from '../support/until.ts';
import { WorkerApi } from '../support/worker-api.ts';
import { Ground } from './ground.ts';
import { gapsIn, judgePlayer, type Part, table } from './report.ts';

const WORKERS = 2;
/** The load balancer asks twice a second, and the worker hears of the drain with its next renewal. */
const DRAINED_MS = 4_000;
/** Between two viewers who change the channel. */
const ZAP_MS = 100;

const stage = new Stage();
let ground: Ground;

beforeAll(async () => {
  ground = await Ground.open(stage, WORKERS);
  await ground.seat();
  ground.schedule(stage);
});

afterAll(async () => {
  await Promise.all(ground?.players.map((player) => player.leave()) ?? []);
  await stage.clear();
});

it('drains to its end, and ECS starts another worker', async () => {
  const { ecs, balancer } = ground;
  const [drained, other] = ecs.tasks;
  if (drained === undefined || other === undefined) throw new Error('there are two workers');
  const api = new WorkerApi(balancer.url);
  const viewers = await balancer.sessions(drained.id);
  expect(viewers).toBeGreaterThan(5);
  const drain: Part = { name: 'a drain', fromMs: Date.now(), toMs: Number.POSITIVE_INFINITY };
  expect((await api.post(`/workers/${drained.id}/drain`)).status).toBe(202);
  expect((await api.post(`/workers/${other.id}/drain`)).status).toBe(409);
  await sleep(DRAINED_MS);
  // Nobody has been sent away.
  expect(await balancer.sessions(drained.id)).toBe(viewers);
  const there = ground.players.filter(({ servedBy }) => servedBy === drained.id);
  expect(there.length).toBe(viewers);
  for (const player of there) {
    await player.again();
    await sleep(ZAP_MS);
  }
  const emptyAtMs = Date.now();
  await until(() => ecs.lost.includes(drained), {
    timeoutMs: NOTICED_MS + EMPTY_MS + 10_000,
    what: 'the worker to end',
  });
  const tookMs = Number(drained.exitedAtMs) - emptyAtMs;
  await ecs.steady(30_000);
  await ground.everybodyPlays(5_000);
  ground.census.stop();
  await Promise.all(ground.players.map((player) => player.leave()));
  const judged = ground.players.map(judgePlayer);
  console.log(
    `\n${table([drain], judged)}\nThe worker ended ${(tookMs / 1_000).toFixed(1)} s after its last viewer had left by himself.\n`,
  );
  expect(drained.exit).toEqual({ code: 0, signal: null });
  expect(tookMs).toBeGreaterThan(EMPTY_MS - 2_000);
  expect(ecs.tasks.map(({ id }) => id)).not.toContain(drained.id);
  expect(ecs.stopped).toEqual([]);
  // Only those who changed the channel came again, once each, and were served at once.
  const again = gapsIn(drain, judged).map(({ player }) => player);
  expect(new Set(again)).toEqual(new Set(there));
  expect(again.length).toBe(there.length);
  expect(ground.players.flatMap(({ refusals }) => refusals)).toEqual([]);
});
