/** Sources that ask too much of a worker, beside sources that are well. `npm run test:soak` goes on for ten minutes. */

import { expect } from 'vitest';
import { readHostileSources } from '../support/fuzz/hostile-worker.ts';
import { TEST_SEED } from '../support/seed.ts';
import { staged } from '../support/stage.ts';

const SECONDS = 15;

staged(`other viewers notice nothing of hostile sources (TEST_SEED=${TEST_SEED})`, async ({ stage }) => {
  const { sources } = await readHostileSources(stage, { seconds: SECONDS, seed: TEST_SEED });
  expect(sources).toBeGreaterThan(1);
});
