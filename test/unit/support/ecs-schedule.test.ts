/** What the fake ECS of the deployment test starts and stops. */

import { expect, it } from 'vitest';
import { type Orders, ordersOf, type ScheduledTask, type WantedService } from '../../deploy/schedule.ts';

const task = (id: string, deployment: number, more: Partial<ScheduledTask> = {}): ScheduledTask => ({
  id,
  deployment: `d${deployment}`,
  wasHealthy: true,
  isProtected: false,
  isStopping: false,
  ...more,
});
const held = { isProtected: true };
const going = { isStopping: true };
const young = { wasHealthy: false };

it.each<[string, ScheduledTask[], WantedService, Orders]>([
  ['an empty service is filled', [], { desiredCount: 2, deployment: 'd1' }, { start: ['d1', 'd1'], stop: [] }],
  [
    'new tasks come beside all old ones, twice as many as wanted at most',
    [task('a', 1), task('b', 1), task('c', 1)],
    { desiredCount: 2, deployment: 'd2' },
    { start: ['d2'], stop: ['a'] },
  ],
  [
    'no old one goes before its successor is healthy',
    [task('a', 1), task('b', 2, young)],
    { desiredCount: 1, deployment: 'd2' },
    { start: [], stop: [] },
  ],
  [
    'a protected one stays',
    [task('a', 1, held), task('b', 1), task('c', 2), task('d', 2)],
    { desiredCount: 2, deployment: 'd2' },
    { start: [], stop: ['b'] },
  ],
  [
    'a stopping one is no longer counted',
    [task('a', 1, going), task('b', 2)],
    { desiredCount: 1, deployment: 'd2' },
    { start: [], stop: [] },
  ],
  [
    'what an earlier deployment has lost is started again first, where there is room',
    [task('a', 1, held), task('b', 2, young)],
    { desiredCount: 2, deployment: 'd2', owed: ['d1'] },
    { start: ['d1', 'd2'], stop: [] },
  ],
  [
    'a scale-in takes what is not protected, and no more than is too much',
    [task('a', 1, held), task('b', 1), task('c', 1)],
    { desiredCount: 2, deployment: 'd1' },
    { start: [], stop: ['b'] },
  ],
])('%s', (_name, tasks, wanted, orders) => {
  expect(ordersOf(tasks, wanted)).toEqual(orders);
});
