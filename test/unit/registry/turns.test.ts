/** Long work is split by the clock of its worker: a simulation, whose time stands still while something is done, never splits it. */

import { expect, it } from 'vitest';
import { pauseBy } from '../../../services/proxy/src/async.ts';
import { Turns } from '../../../services/registry/turns.ts';
import { systemClock } from '../../../services/shared/clock.ts';

it('is over by the time of its clock, and goes on when its clock says so', async () => {
  let nowMs = 0;
  const waiting: (() => void)[] = [];
  const turns = new Turns({ monotonicMs: () => nowMs, setImmediate: (callback) => void waiting.push(callback) });
  await pauseBy(systemClock, 20);
  expect(turns.isOver).toBe(false);
  nowMs = 5;
  expect(turns.isOver).toBe(true);
  let isNext = false;
  const next = turns.next().then(() => {
    isNext = true;
  });
  await pauseBy(systemClock, 1);
  expect(isNext).toBe(false);
  waiting[0]?.();
  await next;
  expect(turns.isOver).toBe(false);
});
