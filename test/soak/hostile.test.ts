/** Ten minutes of sources that ask too much of a worker. `npm run test:soak -- --hostile 60` takes another time, 0 leaves it out. */

import { expect } from 'vitest';
import { readHostileSources } from '../support/fuzz/hostile-worker.ts';
import { TEST_SEED } from '../support/seed.ts';
import { staged } from '../support/stage.ts';

const SECONDS = Number(process.env.STREAMPOOL_HOSTILE_SECONDS ?? 600);

staged.skipIf(SECONDS === 0)(
  `hostile sources for ${SECONDS} s (TEST_SEED=${TEST_SEED})`,
  { timeout: SECONDS * 1_000 + 120_000 },
  async ({ stage }) => {
    const { sources, longestMs, rssMib } = await readHostileSources(stage, { seconds: SECONDS, seed: TEST_SEED });
    console.log(`${sources} sources; longest turn ${longestMs} ms of CPU, ${rssMib} MiB of memory at most`);
    expect(sources).toBeGreaterThan(SECONDS / 10);
  },
);
