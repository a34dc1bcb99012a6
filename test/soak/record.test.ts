/**
 * The same random troubles, but for those after which Redis has lost something: then the record of events is whole, and has one end for
 * each beginning. `npm run test:soak -- --record 40` takes another number of them, 0 leaves it out.
 */

import { expect } from 'vitest';
import { seeded, TEST_SEED } from '../support/seed.ts';
import { staged } from '../support/stage.ts';
import { WebhookReceiver } from '../support/webhook-receiver.ts';
import { Ground } from './ground.ts';
import { expectNothingLeft } from './invariants.ts';
import { comingsOf, expectDelivered, latenciesOf, settledRecord, workersOf } from './record.ts';
import { KEEPING_FAULTS, schedule } from './schedule.ts';
import { Soak } from './soak.ts';

const EVENTS = Number(process.env.STREAMPOOL_RECORD_EVENTS ?? 200);
/** An event, its calm, and what it may have to wait for. */
const MS_PER_EVENT = 15_000;

staged.skipIf(EVENTS === 0)(
  `the record of ${EVENTS} events over five streams (TEST_SEED=${TEST_SEED})`,
  { timeout: 120_000 + EVENTS * MS_PER_EVENT },
  async ({ stage }) => {
    const ground = await Ground.open(stage);
    const receiver = await WebhookReceiver.start();
    stage.closeAfter(() => receiver.close());
    const events = ['client_connected', 'client_disconnected', 'stream_started', 'stream_stopped'];
    const [first] = workersOf(ground);
    expect((await first?.api.post('/webhooks', { url: receiver.url, events }))?.status).toBe(200);
    const soak = new Soak(ground, TEST_SEED, seeded(TEST_SEED + 1));
    try {
      await soak.play(schedule(TEST_SEED, EVENTS, KEEPING_FAULTS));
      const record = await settledRecord({ up: workersOf(ground) });
      const wanted = record.filter(({ event_type }) => events.includes(event_type));
      const ends = record.filter(({ event_type }) => event_type === 'worker_left').length;
      await expectDelivered(wanted, receiver, ends);
      const path = `/webhooks?webhook_url=${encodeURIComponent(receiver.url)}`;
      expect((await workersOf(ground)[0]?.api.del(path))?.status).toBe(200);
      await soak.go(() => expectNothingLeft(ground));
      const comings = comingsOf(record);
      const again = [...comings.values()].filter((count) => count > 1).length;
      // A viewer comes again where its worker was taken for dead. Where nobody was, there is none.
      if (!record.some(({ event_type, data }) => event_type === 'worker_joined' && data.reason === 'back')) {
        expect(again, 'viewers that came more than once').toBe(0);
      }
      const latencies = latenciesOf(wanted, receiver.deliveries);
      const at = (share: number) => latencies[Math.floor(share * (latencies.length - 1))]?.toFixed(0);
      soak.sumUp();
      console.log(
        `${record.length} events, ${comings.size} viewers (${again} came again); ${receiver.deliveries.length} deliveries ` +
          `after ${at(0.5)} ms (median), ${at(0.95)} ms (95 %), ${at(1)} ms (the latest)`,
      );
    } finally {
      await soak.end();
    }
  },
);
