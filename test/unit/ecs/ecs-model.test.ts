/**
 * Whatever happens to a service on ECS, the workers of the unwanted deployment leave, and those of the wanted one are never drained or
 * left unprotected for long. `TEST_SEED` replays one.
 */

import { describe, expect, it } from 'vitest';
import { seeded, TEST_SEED } from '../../support/seed.ts';
import { EcsModel, START_S } from './ecs-model.ts';

const SEEDS = 80;
/** The schedule asks ECS once a minute, and a worker looks every 5 s. */
const NOTICED_S = 75;
/** A worker looks every 5 s whether it is the last. */
const UNSERVED_S = 6;
/** Each worker keeps its viewers for ten minutes, and takes two to stop; and it is replaced and settles, where there is no room. */
const LEAVES_S = 600 + 125 + 75 + 60;

/** Says what the service is like only when something is wrong: it is checked every second. */
function check(isRight: boolean, what: string, model: EcsModel): void {
  if (!isRight) expect.fail(`${what}; ${model}`);
}

function settle(model: EcsModel): void {
  const limitS = (model.tasks.length + 2 * model.desiredCount) * LEAVES_S;
  for (let waitedS = 0; waitedS < limitS && model.unwanted().length > 0; waitedS++) watch(model, 1);
  check(model.unwanted().length === 0, 'workers of an unwanted deployment have stayed', model);
  watch(model, 120);
  // A surplus is for the scale-in of the admin API.
  check(model.tasks.length >= model.desiredCount, 'workers are missing', model);
  const leaving = model.tasks.filter(({ leavingSinceS }) => leavingSinceS !== undefined);
  check(leaving.length === 0, 'a worker drains for nothing', model);
}

function watch(model: EcsModel, seconds: number): void {
  let unservedS = 0;
  for (let n = 0; n < seconds; n++) {
    model.run(1);
    const isWronged = model.tasks.some(({ wrongS }) => wrongS > NOTICED_S);
    check(!isWronged, 'a worker of the wanted deployment drains or is unprotected', model);
    const running = model.tasks.filter(({ bornS }) => model.nowS - bornS >= START_S);
    const isServed = running.some((task) => task.leavingSinceS === undefined && task.stoppingSinceS === undefined);
    // Nobody leaves whom viewers would miss. ECS may stop the last other one at the same time: then it comes back.
    unservedS = running.length > 1 && !isServed ? unservedS + 1 : 0;
    check(unservedS <= UNSERVED_S, 'nobody takes viewers', model);
  }
}

describe.each(['promote', 'anew'] as const)('a rollback that has to %s the old deployment', (how) => {
  // Before the new workers have settled, while the first one leaves, and when some have left.
  it.each([30, 90, 130, 400, 900, 1_800])('after %d s', (afterS) => {
    for (const desired of [1, 2, 3]) {
      const model = new EcsModel(seeded(TEST_SEED + desired), desired);
      watch(model, 300);
      const old = model.primary;
      model.deploy(2);
      watch(model, afterS);
      model.rollBack(old, how);
      settle(model);
      expect(model.tasks.map(({ deployment }) => deployment.revision)).toEqual(Array(desired).fill(1));
    }
  });
});

it('the same revision is deployed again', () => {
  const model = new EcsModel(seeded(TEST_SEED), 3);
  watch(model, 300);
  model.deploy(1);
  settle(model);
});

it('an old worker dies during a deployment and is replaced by one of its revision; the service is scaled out', () => {
  const model = new EcsModel(seeded(TEST_SEED), 3);
  watch(model, 300);
  model.deploy(2);
  watch(model, 200);
  const [first] = model.unwanted();
  if (first !== undefined) model.crash(first);
  watch(model, 100);
  model.scale(5);
  settle(model);
  expect(model.tasks.map(({ deployment }) => deployment.revision)).toEqual(Array(5).fill(2));
});

it('new workers that die when they have settled: enough of the old ones stay', () => {
  const model = new EcsModel(seeded(TEST_SEED), 3);
  watch(model, 300);
  const old = model.primary;
  model.deploy(2, 45);
  for (let n = 0; n < 3_600; n++) {
    watch(model, 1);
    const left = model.tasks.filter(({ deployment }) => deployment === old);
    check(left.length >= 2, 'too many have left', model);
  }
  model.rollBack(old, 'promote');
  settle(model);
});

it.each(Array.from({ length: SEEDS }, (_, at) => TEST_SEED + at))('anything at all, TEST_SEED=%d', (seed) => {
  const random = seeded(seed);
  const upTo = (n: number) => Math.floor(random() * n);
  const model = new EcsModel(random, 1 + upTo(4));
  watch(model, 200 + upTo(200));
  let completed = model.primary;
  for (let event = 0; event < 8; event++) {
    const what = upTo(6);
    const any = model.tasks[upTo(model.tasks.length)];
    if (what === 0) {
      if (model.unwanted().length === 0) completed = model.primary;
      model.deploy(1 + upTo(9));
    } else if (what === 1) model.rollBack(completed, random() < 0.5 ? 'promote' : 'anew');
    else if (what === 2 && any !== undefined) model.crash(any);
    else if (what === 3) model.scale(1 + upTo(5));
    watch(model, upTo(random() < 0.3 ? 2_000 : 200));
  }
  settle(model);
});

it('without anybody who asks ECS, a deployment goes through, and a rollback drains nobody who may be wanted', () => {
  const model = new EcsModel(seeded(TEST_SEED), 3);
  model.isAsked = false;
  watch(model, 300);
  const old = model.primary;
  model.deploy(2);
  settle(model);
  model.rollBack(old, 'anew');
  watch(model, 3_600);
  expect(
    model.tasks.filter(({ leavingSinceS }) => leavingSinceS !== undefined),
    String(model),
  ).toEqual([]);
});
