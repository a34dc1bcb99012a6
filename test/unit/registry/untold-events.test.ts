/** The events that a worker tells: each once, in order, also those that come while others are on their way. */

import { expect, it } from 'vitest';
import { UntoldEvents } from '../../../services/registry/resilient/untold-events.ts';
import { systemClock } from '../../../services/shared/clock.ts';

function ground() {
  const told: string[] = [];
  let isAway = false;
  const under: (() => void)[] = [];
  const events = new UntoldEvents(async (batch) => {
    // What is written is what was there when the call was made.
    const types = batch.map(({ type, late }) => (late ? `${type}, late` : type));
    await new Promise<void>((resolve) => under.push(resolve));
    if (isAway) return undefined;
    told.push(...types);
    return new Map(batch.map(({ n }) => [n, 10 * n]));
  }, systemClock);
  const kept: (number | undefined)[] = [];
  const tell = (type: 'takeover' | 'handover' | 'redis_back') =>
    void events.add({ type, data: {} }, (clients) => kept.push(clients));
  const answer = async () => {
    under.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return {
    ...{ events, told, kept, tell, answer },
    away: (is: boolean) => {
      isAway = is;
    },
  };
}

it('what comes while others are being told is told next', async () => {
  const { told, tell, answer } = ground();
  tell('takeover');
  tell('handover');
  await answer();
  expect(told).toEqual(['takeover']);
  await answer();
  expect(told).toEqual(['takeover', 'handover']);
});

it('whoever tells one learns how many viewers have stayed, or at once that nobody knows', async () => {
  const { events, kept, tell, answer, away } = ground();
  tell('takeover');
  expect(kept).toEqual([]);
  await answer();
  expect(kept).toEqual([10]);
  away(true);
  tell('handover');
  await answer();
  away(false);
  const flushed = events.flush();
  await answer();
  await flushed;
  expect(kept).toEqual([10, undefined]);
});

it('what could not be told comes afterwards, as late, with what has come since', async () => {
  const { events, told, tell, answer, away } = ground();
  away(true);
  tell('takeover');
  tell('handover');
  await answer();
  expect(told).toEqual([]);
  away(false);
  const flushed = events.flush();
  await answer();
  await flushed;
  expect(told).toEqual(['takeover, late', 'handover, late']);
});
