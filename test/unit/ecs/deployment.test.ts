/** Who leaves for a newer revision, and who is protected from being stopped. */

import { describe, expect, it } from 'vitest';
import {
  type DeployedWorker,
  newestFirst,
  type ProtectionSituation,
  SETTLE_MS,
  wantsProtection,
  whoLeaves,
} from '../../../services/proxy/src/ecs/deployment.ts';

const NOW = 1_000_000_000;
const worker = (
  workerId: string,
  revision: number | undefined,
  more: Partial<DeployedWorker> = {},
): DeployedWorker => ({
  workerId,
  revision,
  startedAtMs: NOW - 600_000,
  draining: false,
  ...more,
});

describe('a deployment', () => {
  const cases: [string, DeployedWorker[], string | undefined][] = [
    ['nobody leaves while all are alike', [worker('a', 3), worker('b', 3)], undefined],
    ['nobody leaves outside ECS', [worker('a', undefined), worker('b', undefined)], undefined],
    [
      'the oldest of the old ones leaves first',
      [worker('a', 3), worker('b', 3, { startedAtMs: 1 }), worker('c', 4)],
      'b',
    ],
    ['of two that started together, the first by name', [worker('b', 3), worker('a', 3), worker('c', 4)], 'a'],
    ['nobody else while one leaves', [worker('a', 3), worker('b', 3, { draining: true }), worker('c', 4)], 'b'],
    ['two revisions back counts as old too', [worker('a', 2), worker('c', 4)], 'a'],
    [
      'nobody leaves for one that has just started and may fail',
      [worker('a', 3), worker('c', 4, { startedAtMs: NOW - SETTLE_MS + 1 })],
      undefined,
    ],
  ];

  it.each(cases)('%s', (_name, workers, leaves) => {
    expect(whoLeaves(workers, NOW)).toBe(leaves);
  });
});

describe('a worker that leaves asks its followers to take over', () => {
  const cases: [string, [string, number | undefined][], string[]][] = [
    ['nobody of nobody', [], []],
    [
      'in the order they came outside ECS',
      [
        ['b', undefined],
        ['a', undefined],
        ['c', undefined],
      ],
      ['b', 'a', 'c'],
    ],
    [
      'in the order they came while all are alike',
      [
        ['b', 3],
        ['a', 3],
      ],
      ['b', 'a'],
    ],
    [
      'those of the newest revision first, however late they came',
      [
        ['old', 3],
        ['new', 4],
        ['old too', 3],
        ['new too', 4],
      ],
      ['new', 'new too', 'old', 'old too'],
    ],
    [
      'older revisions by their age, and last who has none',
      [
        ['none', undefined],
        ['oldest', 9],
        ['newest', 11],
        ['older', 10],
      ],
      ['newest', 'older', 'oldest', 'none'],
    ],
  ];

  it.each(cases)('%s', (_name, followers, asked) => {
    const came = followers.map(([workerId, revision]) => worker(workerId, revision));
    expect(newestFirst(came).map(({ workerId }) => workerId)).toEqual(asked);
    expect(came.map(({ workerId }) => workerId)).toEqual(followers.map(([workerId]) => workerId));
  });
});

describe('protection', () => {
  const base: ProtectionSituation = {
    clients: 3,
    processes: 1,
    draining: false,
    leavingSinceMs: undefined,
    nowMs: 5_000_000,
    deployDrainMs: 600_000,
  };
  const cases: [string, Partial<ProtectionSituation>, boolean][] = [
    ['with viewers', {}, true],
    ['with a process that others read', { clients: 0 }, true],
    ['empty', { clients: 0, processes: 0 }, false],
    ['draining because somebody said so', { draining: true }, false],
    ['leaving for a newer revision', { draining: true, leavingSinceMs: 5_000_000 - 599_000 }, true],
    ['leaving for too long', { draining: true, leavingSinceMs: 5_000_000 - 600_000 }, false],
    ['leaving and empty', { draining: true, leavingSinceMs: 5_000_000, clients: 0, processes: 0 }, false],
  ];

  it.each(cases)('%s', (_name, change, wanted) => {
    expect(wantsProtection({ ...base, ...change })).toBe(wanted);
  });
});
