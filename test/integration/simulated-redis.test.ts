/** The simulated Redis does what a real one does, for the whole registry: the same answers, and the same keys afterwards. */

import fc from 'fast-check';
import { afterAll, beforeAll, it } from 'vitest';
import { startRedis } from '../support/redis.ts';
import { TEST_SEED } from '../support/seed.ts';
import { RegistryPlay } from '../support/simulation/redis/registry-play.ts';
import { steps, told } from '../support/simulation/redis/registry-steps.ts';
import { simulatedSide } from '../support/simulation/redis/simulated-side.ts';
import { VirtualRedis } from '../support/simulation/redis/virtual-time.ts';

/** Sequences of steps; more with REGISTRY_RUNS. */
const RUNS = Number(process.env.REGISTRY_RUNS) || 40;

let server: Awaited<ReturnType<typeof startRedis>>;
let real: VirtualRedis;

beforeAll(async () => {
  server = await startRedis();
  real = new VirtualRedis(server.url);
});

afterAll(async () => {
  real.end();
  await server.stop();
});

it('is as a real one after every step of any sequence', { timeout: 600_000 }, async () => {
  const same = fc.asyncProperty(steps(60), async (done) => {
    const play = new RegistryPlay([real, simulatedSide()]);
    await play.begin();
    for (const step of done) await play.play(step);
  });
  const { failed, counterexample, errorInstance, seed } = await fc.check(same, { seed: TEST_SEED, numRuns: RUNS });
  if (failed)
    throw new Error(`seed ${seed}: they differ after\n${told(counterexample?.[0] ?? [])}`, { cause: errorInstance });
});
