/** The soak's schedule: the same for the same seed, and no kind of fault too rare. */
import { expect, it } from 'vitest';
import { FAULTS, KEEPING_FAULTS, schedule } from '../../soak/schedule.ts';

it('is the same for the same seed, and another for another one', () => {
  expect(schedule(7, 60)).toEqual(schedule(7, 60));
  expect(schedule(7, 60)).not.toEqual(schedule(8, 60));
});

it.each([
  [200, 13],
  [45, 3],
  [15, 1],
])('has each of %i events of every kind at least %i times', (count, least) => {
  for (const seed of [1, 2, 3]) {
    const events = schedule(seed, count);
    expect(events).toHaveLength(count);
    for (const kind of FAULTS)
      expect(events.filter((event) => event.kind === kind).length).toBeGreaterThanOrEqual(least);
  }
});

it('spaces events by half a second to four, and is calm after every tenth and at the end', () => {
  const events = schedule(3, 45);
  for (const { afterMs } of events) {
    expect(afterMs).toBeGreaterThanOrEqual(500);
    expect(afterMs).toBeLessThanOrEqual(4_000);
  }
  expect(events.filter(({ calm }) => calm).map(({ number }) => number)).toEqual([10, 20, 30, 40, 45]);
});

it('has only the kinds that it is given', () => {
  const kinds = new Set(schedule(7, 200, KEEPING_FAULTS).map(({ kind }) => kind));
  expect([...kinds].sort()).toEqual([...KEEPING_FAULTS].sort());
  expect(kinds.has('kill redis')).toBe(false);
});
