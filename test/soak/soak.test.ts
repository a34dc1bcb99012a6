/**
 * A random schedule of troubles over several streams, judged from outside throughout; nothing is left at the end.
 * `TEST_SEED=… STREAMPOOL_SOAK_EVENTS=…` (or `npm run test:soak -- --seed … --events …`) repeats a run.
 */
import { seeded, TEST_SEED } from '../support/seed.ts';
import { staged } from '../support/stage.ts';
import { Ground } from './ground.ts';
import { expectNothingLeft } from './invariants.ts';
import { schedule } from './schedule.ts';
import { Soak } from './soak.ts';

const EVENTS = Number(process.env.STREAMPOOL_SOAK_EVENTS ?? 200);
/** An event, its calm, and what it may have to wait for. */
const MS_PER_EVENT = 15_000;

staged(
  `${EVENTS} events over five streams (TEST_SEED=${TEST_SEED})`,
  { timeout: 120_000 + EVENTS * MS_PER_EVENT },
  async ({ stage }) => {
    const soak = new Soak(await Ground.open(stage), TEST_SEED, seeded(TEST_SEED + 1));
    try {
      await soak.play(schedule(TEST_SEED, EVENTS));
      await soak.go(() => expectNothingLeft(soak.ground));
      soak.sumUp();
    } finally {
      await soak.end();
    }
  },
);
