/** Kept schedules in which workers disagree for a while on where a group plays. */

import type { KeptSchedule } from './kept-failovers.ts';

export const KEPT_GROUPS: readonly KeptSchedule[] = [
  {
    what: 'plays another source than its group for good, because it has seated a viewer while Redis was away',
    schedule: {
      seed: 5012109,
      happenings: [
        { kind: 'viewer', atMs: 1237, stream: 2, worker: 1, stayMs: undefined },
        { kind: 'source', atMs: 6692, stream: 0, isBackup: false, ms: 300 },
        { kind: 'hang', atMs: 7391, ms: 4609 },
        { kind: 'viewer', atMs: 8840, stream: 0, worker: 0, stayMs: undefined },
      ],
    },
  },
  {
    what: 'plays another source than its group for good, because it did not know the group when it was cut off',
    schedule: {
      seed: 5017058,
      happenings: [
        { kind: 'viewer', atMs: 884, stream: 10, worker: 0, stayMs: undefined },
        { kind: 'failover', atMs: 1747, stream: 10, worker: 'w2' },
        { kind: 'cut', atMs: 2908, from: 'w2', to: 'redis', isOneWay: false, ms: 1600 },
        { kind: 'viewer', atMs: 4729, stream: 12, worker: 1, stayMs: undefined },
      ],
    },
  },
  {
    what: 'forgets that it has moved a group alone, when another worker tells it of the stream',
    schedule: {
      seed: 5021183,
      happenings: [
        { kind: 'viewer', atMs: 539, stream: 0, worker: 2, stayMs: undefined },
        { kind: 'viewer', atMs: 843, stream: 0, worker: 2, stayMs: undefined },
        { kind: 'viewer', atMs: 1122, stream: 0, worker: 1, stayMs: undefined },
        { kind: 'delete', atMs: 3827, stream: 0, worker: 'w3' },
        { kind: 'viewer', atMs: 3976, stream: 0, worker: 0, stayMs: undefined },
        { kind: 'cut', atMs: 6330, from: 'w2', to: 'redis', isOneWay: true, ms: 5601 },
        { kind: 'failover', atMs: 6332, stream: 0, worker: 'w2' },
        { kind: 'viewer', atMs: 11526, stream: 0, worker: 1, stayMs: 3472 },
      ],
    },
  },
  {
    what: 'never hears of a move that Redis has lost, because it has written back before the worker that knows of it',
    schedule: {
      seed: 306670,
      happenings: [
        { kind: 'viewer', atMs: 1017, stream: 12, worker: 1, stayMs: undefined },
        { kind: 'failover', atMs: 3347, stream: 12, worker: 'w1' },
        { kind: 'redis', atMs: 3525, downMs: 200, kept: 'nothing' },
        { kind: 'viewer', atMs: 6998, stream: 10, worker: 0, stayMs: undefined },
      ],
      hasResolver: true,
      direct: [10],
      habits: { burstMs: 0, hasOwnClocks: true },
    },
  },
  {
    what: 'moves its group without telling anybody, because the stream that had opened the source was deleted',
    schedule: {
      seed: 309612,
      happenings: [
        { kind: 'viewer', atMs: 385, stream: 12, worker: 1, stayMs: undefined },
        { kind: 'viewer', atMs: 1101, stream: 10, worker: 1, stayMs: undefined },
        { kind: 'cut', atMs: 6228, from: 'w3', to: 'redis', isOneWay: true, ms: 200 },
        { kind: 'cut', atMs: 6237, from: 'w3', to: 'redis', isOneWay: false, ms: 3400 },
        { kind: 'delete', atMs: 6761, stream: 12, worker: 'w3' },
        { kind: 'source', atMs: 6966, stream: 10, isBackup: false, ms: 2500 },
      ],
    },
  },
  {
    what: 'stays at the source before when the next one breaks, and leaves its group there, because it had followed another worker',
    schedule: {
      seed: 402911,
      happenings: [
        { kind: 'viewer', atMs: 669, stream: 12, worker: 2, stayMs: 4318 },
        { kind: 'viewer', atMs: 816, stream: 12, worker: 1, stayMs: undefined },
        { kind: 'viewer', atMs: 920, stream: 10, worker: 1, stayMs: undefined },
        { kind: 'failover', atMs: 6656, stream: 10, worker: 'w1' },
        { kind: 'source', atMs: 6688, stream: 10, isBackup: true, outage: 'refuses', ms: 700 },
      ],
    },
  },
  {
    what: 'plays for a viewer of a stream that was deleted while it looked for the owner, and that is made anew elsewhere',
    schedule: {
      seed: 5030481,
      happenings: [
        { kind: 'viewer', atMs: 554, stream: 0, worker: 1, stayMs: undefined },
        { kind: 'viewer', atMs: 633, stream: 0, worker: 2, stayMs: undefined },
        { kind: 'viewer', atMs: 1295, stream: 0, worker: 1, stayMs: undefined },
        { kind: 'failover', atMs: 3646, stream: 0, worker: 'w3' },
        { kind: 'cut', atMs: 3798, from: 'w3', to: 'redis', isOneWay: false, ms: 6446 },
        { kind: 'cut', atMs: 3798, from: 'w3', to: 'w2', isOneWay: false, ms: 6446 },
        { kind: 'delete', atMs: 4288, stream: 0, worker: 'w2' },
        { kind: 'viewer', atMs: 8629, stream: 0, worker: 2, stayMs: undefined },
      ],
    },
  },
  {
    what: 'takes a stream that was made anew to the source of the former one, without telling the worker that plays it',
    schedule: {
      seed: 5030481,
      happenings: [
        { kind: 'viewer', atMs: 554, stream: 0, worker: 1, stayMs: undefined },
        { kind: 'viewer', atMs: 633, stream: 0, worker: 2, stayMs: undefined },
        { kind: 'viewer', atMs: 1295, stream: 0, worker: 1, stayMs: undefined },
        { kind: 'failover', atMs: 3646, stream: 0, worker: 'w3' },
        { kind: 'cut', atMs: 3798, from: 'w3', to: 'redis', isOneWay: false, ms: 6446 },
        { kind: 'cut', atMs: 3798, from: 'w3', to: 'w2', isOneWay: false, ms: 3200 },
        { kind: 'delete', atMs: 4288, stream: 0, worker: 'w2' },
        { kind: 'viewer', atMs: 7037, stream: 0, worker: 0, stayMs: 2796 },
        { kind: 'viewer', atMs: 8629, stream: 0, worker: 2, stayMs: undefined },
      ],
    },
  },
];
