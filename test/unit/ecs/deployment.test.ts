/** Who leaves for another deployment, and who is protected from being stopped. */

import { describe, expect, it } from 'vitest';
import {
  type DeployedWorker,
  longestFirst,
  type ProtectionSituation,
  SETTLE_MS,
  staysAfterAll,
  wantsProtection,
  whoLeaves,
} from '../../../services/proxy/src/ecs/deployment.ts';
import type { SeenDeployment } from '../../../services/registry/types.ts';

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

/** What ECS said a minute ago. */
const seen = (revision: number, more: Partial<SeenDeployment> = {}): SeenDeployment => ({
  revision,
  createdAtMs: NOW - 400_000,
  desiredCount: 1,
  seenAtMs: NOW - 60_000,
  ...more,
});
const startedAgo = (ms: number) => ({ startedAtMs: NOW - ms });

describe('a deployment, by what ECS has said', () => {
  const cases: [string, DeployedWorker[], SeenDeployment, string | undefined][] = [
    ['nobody leaves while all are of it', [worker('a', 3), worker('b', 3)], seen(3, { createdAtMs: 0 }), undefined],
    [
      'the oldest of the old ones leaves first',
      [worker('a', 3), worker('b', 3, startedAgo(900_000)), worker('c', 4, startedAgo(300_000))],
      seen(4),
      'b',
    ],
    [
      'of two that started together, the first by name',
      [worker('b', 3), worker('a', 3), worker('c', 4, startedAgo(300_000))],
      seen(4),
      'a',
    ],
    [
      'nobody else while one leaves',
      [worker('a', 3), worker('b', 3, { draining: true }), worker('c', 4, startedAgo(300_000))],
      seen(4),
      'b',
    ],
    [
      'back to a lower revision, with the workers that it had: the higher ones leave',
      [worker('a', 3), worker('c', 4, startedAgo(300_000))],
      seen(3, { createdAtMs: 0 }),
      'c',
    ],
    [
      'back to a lower revision, with new workers: the higher ones leave, and the earlier ones',
      [worker('a', 3), worker('c', 4, startedAgo(500_000)), worker('d', 3, startedAgo(300_000))],
      seen(3),
      'c',
    ],
    [
      'the earlier ones leave when those of the higher revision are gone',
      [worker('a', 3), worker('d', 3, startedAgo(300_000))],
      seen(3),
      'a',
    ],
    [
      'without room for a new worker one of the higher revision leaves first',
      [worker('a', 3), worker('c', 4, startedAgo(500_000))],
      seen(3),
      'c',
    ],
    [
      'nobody leaves for workers that die whenever they have settled',
      [worker('a', 3), worker('c', 4, startedAgo(45_000))],
      seen(4, { seenAtMs: NOW - 10_000 }),
      undefined,
    ],
    [
      'the same revision again: the earlier ones leave',
      [worker('a', 3), worker('b', 3, startedAgo(300_000))],
      seen(3),
      'a',
    ],
    [
      'an old worker was replaced by one of its revision: that leaves too',
      [worker('c', 4, startedAgo(300_000)), worker('a', 3, startedAgo(100_000))],
      seen(4),
      'a',
    ],
    [
      'whoever has started since is not judged',
      [worker('a', 3), worker('c', 4, startedAgo(59_000))],
      seen(3, { createdAtMs: 0 }),
      undefined,
    ],
    [
      'nobody leaves for workers that have just started and may fail',
      [worker('a', 3), worker('c', 4, startedAgo(SETTLE_MS - 1))],
      seen(4),
      undefined,
    ],
    [
      'nobody leaves for workers that drain',
      [worker('a', 3), worker('c', 4, { ...startedAgo(300_000), draining: true })],
      seen(4),
      undefined,
    ],
    [
      'nobody leaves whom ECS would miss: some of the new ones have died',
      [worker('a', 3), worker('b', 3), worker('c', 4, startedAgo(300_000))],
      seen(4, { desiredCount: 3 }),
      undefined,
    ],
    [
      'the first leaves as soon as one new worker makes up for it',
      [worker('a', 3), worker('b', 3), worker('c', 4, startedAgo(300_000))],
      seen(4, { desiredCount: 2 }),
      'a',
    ],
    ['nobody leaves outside ECS', [worker('a', undefined), worker('b', undefined)], seen(4), undefined],
  ];

  it.each(cases)('%s', (_name, workers, said, leaves) => {
    expect(whoLeaves(workers, said, NOW)).toBe(leaves);
  });
});

describe('a deployment, while nobody asks ECS', () => {
  const late = startedAgo(300_000);
  const cases: [string, DeployedWorker[], string | undefined][] = [
    ['nobody leaves while all are alike', [worker('a', 3), worker('b', 3)], undefined],
    ['nobody leaves outside ECS', [worker('a', undefined), worker('b', undefined)], undefined],
    [
      'the oldest of the old ones leaves first',
      [worker('a', 3), worker('b', 3, { startedAtMs: 1 }), worker('c', 4, late)],
      'b',
    ],
    ['nobody else while one leaves', [worker('a', 3), worker('b', 3, { draining: true }), worker('c', 4, late)], 'b'],
    ['two revisions back counts as old too', [worker('a', 2), worker('c', 4, late)], 'a'],
    [
      'nobody leaves for one that has just started and may fail',
      [worker('a', 3), worker('c', 4, startedAgo(SETTLE_MS - 1))],
      undefined,
    ],
    [
      'nobody leaves when a lower revision has started later: it may be wanted again',
      [worker('a', 3), worker('c', 4, late), worker('d', 3, startedAgo(200_000))],
      undefined,
    ],
  ];

  it.each(cases)('%s', (_name, workers, leaves) => {
    expect(whoLeaves(workers, undefined, NOW)).toBe(leaves);
  });
});

describe('a worker that leaves', () => {
  const leaving = worker('a', 3, { draining: true });
  const cases: [string, DeployedWorker[], SeenDeployment | undefined, boolean][] = [
    ['goes on leaving', [leaving, worker('c', 4, startedAgo(300_000))], seen(4), false],
    [
      'stays when its deployment is wanted again',
      [leaving, worker('c', 4, startedAgo(300_000))],
      seen(3, { createdAtMs: 0 }),
      true,
    ],
    [
      'stays when nobody else takes viewers',
      [leaving, worker('c', 4, { ...startedAgo(300_000), draining: true })],
      seen(4),
      true,
    ],
    ['goes on leaving while those it leaves for are being replaced', [leaving, worker('b', 3)], seen(4), false],
    [
      'stays when it cannot tell any more who is wanted',
      [leaving, worker('c', 4, startedAgo(300_000)), worker('b', 3, startedAgo(200_000))],
      undefined,
      true,
    ],
  ];

  it.each(cases)('%s', (_name, workers, said, stays) => {
    expect(staysAfterAll(workers, 'a', said, NOW)).toBe(stays);
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
    expect(longestFirst(came, () => false).map(({ workerId }) => workerId)).toEqual(asked);
    expect(came.map(({ workerId }) => workerId)).toEqual(followers.map(([workerId]) => workerId));
  });

  it('last of all those whose deployment ECS does not want, also if its revision is the highest', () => {
    const came = [worker('bad', 4), worker('good', 3), worker('bad too', 4)];
    const asked = longestFirst(came, (workerId) => workerId.startsWith('bad'));
    expect(asked.map(({ workerId }) => workerId)).toEqual(['good', 'bad', 'bad too']);
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
    ['leaving for another deployment', { draining: true, leavingSinceMs: 5_000_000 - 599_000 }, true],
    ['leaving for too long', { draining: true, leavingSinceMs: 5_000_000 - 600_000 }, false],
    ['leaving and empty', { draining: true, leavingSinceMs: 5_000_000, clients: 0, processes: 0 }, false],
  ];

  it.each(cases)('%s', (_name, change, wanted) => {
    expect(wantsProtection({ ...base, ...change })).toBe(wanted);
  });
});
