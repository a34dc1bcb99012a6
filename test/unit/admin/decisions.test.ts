/** The admin API's pure parts: pages, prices, who scales in, which task is whose. */
import { describe, expect, it } from 'vitest';
import { joinTasks } from '../../../services/admin-lambda/src/ecs/join-tasks.ts';
import { egressUsd, monthlyGb } from '../../../services/admin-lambda/src/egress-cost.ts';
import { type PageRequest, pageOf } from '../../../services/admin-lambda/src/paging.ts';
import { chooseScaleIn } from '../../../services/admin-lambda/src/scale-in.ts';
import { shown } from '../../../services/admin-lambda/src/shown.ts';
import { task, workerState } from './support.ts';

describe('pageOf', () => {
  const all = ['d', 'b', 'a', 'c'];
  it.each<[PageRequest, string[], string | null]>([
    [{ limit: 2 }, ['a', 'b'], 'b'],
    [{ limit: 2, cursor: 'b' }, ['c', 'd'], null],
    [{ limit: 4 }, ['a', 'b', 'c', 'd'], null],
    [{ limit: 1, cursor: 'c' }, ['d'], null],
    [{ limit: 2, cursor: 'd' }, [], null],
    // The cursor's own entry may be gone by now.
    [{ limit: 9, cursor: 'bb' }, ['c', 'd'], null],
  ])('%j', (request, items, nextCursor) => {
    expect(pageOf(all, (id) => id, request)).toEqual({ items, total: 4, nextCursor });
  });
});

describe('shown', () => {
  it.each<[string, object, object]>([
    [
      'names with underscores',
      { id: 'a', workerId: 'b', privateIp: 'c' },
      { id: 'a', worker_id: 'b', private_ip: 'c' },
    ],
    ['times as ISO 8601', { lastSeenMs: 1500 }, { last_seen: '1970-01-01T00:00:01.500Z' }],
    ['what is absent as null, times too', { zone: null, startedAtMs: null }, { zone: null, started_at: null }],
    ['values as they are', { metadata: { tvgId: '1' }, isOn: false }, { metadata: { tvgId: '1' }, is_on: false }],
  ])('%s', (_, record, view) => {
    expect(shown(record)).toEqual(view);
  });
});

describe('what egress costs', () => {
  it.each([
    [0, 0],
    [100, 0],
    [1_100, 90],
    [10_240, 912.6],
    [20_240, 912.6 + 850],
    [51_200, 912.6 + 3481.6],
    [153_600, 912.6 + 3481.6 + 7168],
    [253_600, 912.6 + 3481.6 + 7168 + 5000],
  ])('%d GB a month: %d USD', (gb, usd) => {
    expect(egressUsd(gb)).toBeCloseTo(usd, 6);
  });

  it('takes a price of one’s own', () => {
    expect(egressUsd(500, [{ upToGb: Number.POSITIVE_INFINITY, usdPerGb: 0.02 }])).toBeCloseTo(10, 9);
  });

  it('counts a viewer of 4 Mbit/s as 1314 GB a month', () => {
    expect(monthlyGb(4e6 / 8)).toBe(1314);
  });
});

describe('chooseScaleIn', () => {
  const a = workerState('a', { clients: 5 });
  const b = workerState('b', { clients: 2 });
  const c = workerState('c', { clients: 2, processes: 3 });
  const dead = workerState('dead', { alive: false });
  const leaving = workerState('leaving', { draining: true });
  const young = workerState('young', { clients: 2, startedAtMs: 2_000_000 });
  it.each([
    ['the one with the fewest viewers', [a, b], 1, false, 'b'],
    ['of those, the one with the fewest processes', [a, c, b], 2, false, 'b'],
    ['of those, the youngest', [b, young], 1, false, 'young'],
    ['nobody when all are wanted', [a, b], 2, false, undefined],
    ['nobody when more are wanted', [a, b], 3, false, undefined],
    ['nobody more while the surplus is leaving', [a, b, leaving], 2, false, undefined],
    ['nobody because of a dead one', [a, b, dead], 2, false, undefined],
    ['never the dead one', [a, b, dead], 1, false, 'b'],
    ['never the last one', [a, leaving], 0, false, undefined],
    ['one at a time', [a, b, c], 1, false, 'b'],
    ['nobody during a deployment', [a, b], 1, true, undefined],
    ['nobody of nobody', [], 0, false, undefined],
  ])('drains %s', (_, workers, desiredCount, deploying, expected) => {
    const decision = chooseScaleIn(workers, { desiredCount, deploying });
    expect(decision.drain).toBe(expected);
    expect(decision.reason).not.toBe('');
  });
});

describe('joinTasks', () => {
  it('knows a worker by the address of its task', () => {
    const workers = [
      workerState('one', { address: '10.0.0.1:9085' }),
      workerState('six', { address: '[fd00::6]:9085' }),
      workerState('gone', { address: '10.0.0.9:9085' }),
    ];
    const tasks = [
      task('t1', { privateIp: '10.0.0.1' }),
      task('t6', { privateIp: 'fd00::6' }),
      task('starting', { privateIp: '10.0.0.2' }),
      task('pending', { privateIp: null }),
    ];
    const { taskOf, tasksWithoutWorker, workersWithoutTask } = joinTasks(workers, tasks);
    expect([...taskOf].map(([id, { arn }]) => [id, arn])).toEqual([
      ['one', 't1'],
      ['six', 't6'],
    ]);
    expect(tasksWithoutWorker.map(({ arn }) => arn)).toEqual(['starting', 'pending']);
    expect(workersWithoutTask).toEqual(['gone']);
  });

  it('does not give a dead worker the new task that has its address', () => {
    const dead = workerState('old', { startedAtMs: 1_000_000 });
    const young = workerState('new', { startedAtMs: 2_000_000 });
    const { taskOf, workersWithoutTask } = joinTasks([dead, young], [task('t', { createdAtMs: 1_900_000 })]);
    expect([...taskOf.keys()]).toEqual(['new']);
    expect(workersWithoutTask).toEqual(['old']);
  });
});
