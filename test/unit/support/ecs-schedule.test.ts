/** What the fake ECS of the deployment test starts and stops. */

import { expect, it } from 'vitest';
import { ordersOf, type ScheduledTask } from '../../deploy/schedule.ts';

const task = (id: string, revision: number, more: Partial<ScheduledTask> = {}): ScheduledTask => ({
  id,
  revision,
  wasHealthy: true,
  isProtected: false,
  isStopping: false,
  ...more,
});
const held = { isProtected: true };
const going = { isStopping: true };
const young = { wasHealthy: false };

it.each<[string, ScheduledTask[], { desiredCount: number; revision: number }, { start: number; stop: string[] }]>([
  ['an empty service is filled', [], { desiredCount: 2, revision: 1 }, { start: 2, stop: [] }],
  [
    'new tasks come beside all old ones, twice as many as wanted at most',
    [task('a', 1), task('b', 1), task('c', 1)],
    { desiredCount: 2, revision: 2 },
    { start: 1, stop: ['a'] },
  ],
  [
    'no old one goes before its successor is healthy',
    [task('a', 1), task('b', 2, young)],
    { desiredCount: 1, revision: 2 },
    { start: 0, stop: [] },
  ],
  [
    'a protected one stays',
    [task('a', 1, held), task('b', 1), task('c', 2), task('d', 2)],
    { desiredCount: 2, revision: 2 },
    { start: 0, stop: ['b'] },
  ],
  [
    'a stopping one is no longer counted',
    [task('a', 1, going), task('b', 2)],
    { desiredCount: 1, revision: 2 },
    { start: 0, stop: [] },
  ],
  [
    'a scale-in takes what is not protected, and no more than is too much',
    [task('a', 1, held), task('b', 1), task('c', 1)],
    { desiredCount: 2, revision: 1 },
    { start: 0, stop: ['b'] },
  ],
])('%s', (_name, tasks, wanted, orders) => {
  expect(ordersOf(tasks, wanted)).toEqual(orders);
});
