/**
 * CloudFormation goes back to a lower revision although the new workers were healthy, because a later resource failed: under 50
 * viewers, the workers of the higher revision leave, one after the other. Prints what it cost.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { SETTLE_MS } from '../../services/proxy/src/ecs/deployment.ts';
import { Stage } from '../support/stage.ts';
import { until } from '../support/until.ts';
import { Ground } from './ground.ts';
import { gapsIn, judgePlayer, type Part, table } from './report.ts';

const WORKERS = 2;
/** So many change the channel, and come to the new workers. */
const MOVED = 20;
const ZAP_MS = 100;
const DRAIN_S = 8;
const LEAVES = 'another deployment is wanted: this worker drains';
/** Stopping, starting and settling, of each worker that leaves. */
const EACH_MS = DRAIN_S * 1_000 + 2 * SETTLE_MS;

const stage = new Stage();
let ground: Ground;

beforeAll(async () => {
  ground = await Ground.open(stage, WORKERS, { DEPLOY_DRAIN: String(DRAIN_S) });
  await ground.seat();
  ground.schedule(stage);
});

afterAll(async () => {
  await Promise.all(ground?.players.map((player) => player.leave()) ?? []);
  await stage.clear();
});

it('goes back to the lower revision, and cuts nobody off', async () => {
  const { ecs } = ground;
  const part: Part = { name: 'a rollback', fromMs: Date.now(), toMs: Number.POSITIVE_INFINITY };
  const left = () => ground.cluster.workers.flatMap((worker) => worker.logged(LEAVES));
  ecs.deploy(2, {});
  await until(() => ecs.tasks.filter(({ revision, wasHealthy }) => revision === 2 && wasHealthy).length === WORKERS, {
    timeoutMs: 40_000,
    what: 'the workers of revision 2',
  });
  // The load balancer sends them to the new workers, which are empty. From then on ECS may not stop those.
  for (const player of ground.players.slice(0, MOVED)) {
    await player.again();
    await sleep(ZAP_MS);
  }
  await until(() => left().length > 0, {
    timeoutMs: SETTLE_MS + 40_000,
    what: 'an old worker to leave for revision 2',
  });
  ecs.rollBack('anew');
  await ecs.steady(5 * EACH_MS);
  await ground.everybodyPlays(5_000);
  expect(ecs.tasks.map(({ revision }) => revision)).toEqual(Array(WORKERS).fill(1));
  ground.census.stop();
  await Promise.all(ground.players.map((player) => player.leave()));
  const judged = ground.players.map(judgePlayer);
  const stopped = ecs.stopped.map(
    ({ id, revision, viewersAtStop }) => `${id} of revision ${revision}, ${viewersAtStop} viewers`,
  );
  console.log(`\n${table([part], judged)}\nStopped, in this order: ${stopped.join('; ')}.\n`);
  // All of the first and of the second deployment; ECS stopped each, and each ended by itself.
  expect(ecs.stopped.map(({ revision }) => revision).toSorted()).toEqual([1, 1, 2, 2]);
  expect(ecs.stopped.every(({ exit, wasKilled }) => exit?.code === 0 && !wasKilled)).toBe(true);
  expect(ecs.lost).toEqual([]);
  // The new workers were watched: ECS had to wait for them.
  const watched = ecs.stopped.filter(({ revision, viewersAtStop }) => revision === 2 && viewersAtStop > 0);
  expect(watched.length).toBeGreaterThan(0);
  // Once by itself, and as often as workers leave, at the most.
  for (const player of ground.players) {
    expect(
      gapsIn(
        part,
        judged.filter((each) => each.player === player),
      ).length,
    ).toBeLessThanOrEqual(5);
  }
  expect(Math.max(...ground.players.map(({ refusedInARow }) => refusedInARow))).toBeLessThanOrEqual(1);
});
