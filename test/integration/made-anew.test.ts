/** A stream that nobody watches belongs to whoever creates it next, with all that is asked for then. */

import { describe, expect } from 'vitest';
import { expectMadeAnew, raceTheCreation } from '../support/made-anew.ts';
import { seeded, TEST_SEED } from '../support/seed.ts';
import { staged } from '../support/stage.ts';

const ENV = { SHARED_STREAM_GRACE: '0', STREAM_RETRY_ATTEMPTS: '0' };

describe.concurrent.each([
  ['a connection for each viewer', { share: false }],
  ['viewers who share one', { share: true }],
])('a direct stream with %s', (_, more) => {
  staged('plays as its new creator says, from its primary on', async ({ stage }) => {
    const worker = await stage.worker(ENV);
    await expectMadeAnew(stage, worker, worker, more);
  });

  staged(`is either the old or the new one to who comes in that moment (TEST_SEED=${TEST_SEED})`, async ({ stage }) => {
    const worker = await stage.worker(ENV);
    const outcomes = await raceTheCreation(stage, worker, worker, more, { rounds: 30, random: seeded(TEST_SEED) });
    expect(outcomes.old + outcomes.anew).toBe(30);
  });
});
