/** A stream that is created anew on one worker, while another one that knew it as it was plays it. */

import { describe, expect } from 'vitest';
import { expectDeletedAndMadeAnew, expectMadeAnew, raceTheCreation } from '../support/made-anew.ts';
import { seeded, TEST_SEED } from '../support/seed.ts';
import { type Stage, staged } from '../support/stage.ts';
import { until } from '../support/until.ts';
import type { Worker } from '../support/worker.ts';

async function two(stage: Stage): Promise<[Worker, Worker]> {
  const cluster = await stage.cluster(2, { SHARED_STREAM_GRACE: '0', STREAM_RETRY_ATTEMPTS: '0' });
  return cluster.workers as [Worker, Worker];
}

describe.each([
  ['a connection for each viewer', { share: false }],
  ['viewers who share one', { share: true }],
])('a direct stream with %s', (_, more) => {
  staged('plays elsewhere as its new creator says, from its primary on', async ({ stage }) => {
    await expectMadeAnew(stage, ...(await two(stage)), more);
  });

  staged(`is either the old or the new one to who comes in that moment (TEST_SEED=${TEST_SEED})`, async ({ stage }) => {
    const race = { rounds: 30, random: seeded(TEST_SEED) };
    const outcomes = await raceTheCreation(stage, ...(await two(stage)), more, race);
    expect(outcomes.old + outcomes.anew).toBe(30);
  });
});

staged(
  'a stream that is deleted and at once created anew elsewhere plays as its new creator says',
  async ({ stage }) => {
    const cluster = await stage.cluster(2, { SHARED_STREAM_GRACE: '2' });
    const [maker, other] = cluster.workers as [Worker, Worker];
    // It starts no process, so the new stream is placed where the old one still is.
    const id = String(other.logs.find(({ worker }) => worker !== undefined)?.worker);
    expect((await maker.api.post(`/workers/${id}/drain`)).status).toBe(202);
    await until(() => other.logs.some(({ msg }) => msg?.startsWith('draining')), { what: 'the worker to drain' });
    await expectDeletedAndMadeAnew(stage, maker, other, { share: true });
  },
);
