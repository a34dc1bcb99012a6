/** Kept schedules in which somebody moves a group to its next source, or a source breaks. */

import type { Schedule } from '../../support/simulation/schedule.ts';

export interface KeptSchedule {
  /** What no longer happens. */
  readonly what: string;
  readonly schedule: Schedule;
}

export const KEPT_FAILOVERS: readonly KeptSchedule[] = [
  {
    what: 'stays at a source that its group has left, because Redis was slow when it was told',
    schedule: {
      seed: 587,
      happenings: [
        { kind: 'viewer', atMs: 1302, stream: 0, worker: 1, stayMs: undefined },
        { kind: 'viewer', atMs: 1423, stream: 2, worker: 2, stayMs: undefined },
        { kind: 'cut', atMs: 5299, from: 'w2', to: 'redis', isOneWay: false, ms: 5671 },
        { kind: 'failover', atMs: 5319, stream: 0, worker: 'w1' },
      ],
    },
  },
  {
    what: 'takes a feed over with what it had prepared at a source that its group has left meanwhile',
    schedule: {
      seed: 591,
      happenings: [
        { kind: 'viewer', atMs: 1302, stream: 0, worker: 1, stayMs: undefined },
        { kind: 'viewer', atMs: 1423, stream: 2, worker: 2, stayMs: undefined },
        { kind: 'viewer', atMs: 3672, stream: 0, worker: 2, stayMs: undefined },
        { kind: 'drain', atMs: 4218, worker: 'w2', ms: 2155 },
        { kind: 'failover', atMs: 5319, stream: 0, worker: 'w1' },
      ],
    },
  },
  {
    what: 'sends new viewers to a source that broke as a worker moved to it, while another process plays the one before',
    schedule: {
      seed: 881,
      happenings: [
        { kind: 'viewer', atMs: 573, stream: 0, worker: 1, stayMs: undefined },
        { kind: 'viewer', atMs: 1159, stream: 0, worker: 1, stayMs: undefined },
        { kind: 'viewer', atMs: 1430, stream: 0, worker: 1, stayMs: undefined },
        { kind: 'failover', atMs: 5043, stream: 0, worker: 'w1' },
        { kind: 'source', atMs: 5289, stream: 0, isBackup: true, ms: 300 },
        { kind: 'viewer', atMs: 8822, stream: 0, worker: 0, stayMs: undefined },
      ],
    },
  },
  {
    what: 'opens a second process at a broken source to which somebody wanted to move, while the first one plays',
    schedule: {
      seed: 3377,
      happenings: [
        { kind: 'viewer', atMs: 799, stream: 0, worker: 0, stayMs: undefined },
        { kind: 'viewer', atMs: 1014, stream: 0, worker: 0, stayMs: undefined },
        { kind: 'viewer', atMs: 1267, stream: 0, worker: 2, stayMs: undefined },
        { kind: 'source', atMs: 5524, stream: 0, isBackup: true, ms: 1300 },
        { kind: 'failover', atMs: 6389, stream: 0, worker: 'w3' },
        { kind: 'viewer', atMs: 7555, stream: 0, worker: 0, stayMs: undefined },
      ],
    },
  },
  {
    what: 'leaves one of two profiles at a source that broke while the other one stayed at the source before',
    schedule: {
      seed: 4685,
      happenings: [
        { kind: 'viewer', atMs: 450, stream: 0, worker: 1, stayMs: undefined },
        { kind: 'viewer', atMs: 5582, stream: 2, worker: 2, stayMs: undefined },
        { kind: 'failover', atMs: 6431, stream: 2, worker: 'w1' },
        { kind: 'source', atMs: 7303, stream: 0, isBackup: true, ms: 300 },
      ],
    },
  },
  {
    what: 'opens another profile at a source that its channel could not move to',
    schedule: {
      seed: 6329,
      happenings: [
        { kind: 'viewer', atMs: 2614, stream: 2, worker: 2, stayMs: undefined },
        { kind: 'failover', atMs: 4743, stream: 2, worker: 'w2' },
        { kind: 'source', atMs: 5203, stream: 0, isBackup: true, ms: 300 },
        { kind: 'viewer', atMs: 10_434, stream: 0, worker: 2, stayMs: undefined },
      ],
    },
  },
  {
    what: 'goes to the source that its group could not move to, on another worker',
    schedule: {
      seed: 9544,
      happenings: [
        { kind: 'viewer', atMs: 522, stream: 0, worker: 2, stayMs: undefined },
        { kind: 'viewer', atMs: 610, stream: 0, worker: 1, stayMs: undefined },
        { kind: 'viewer', atMs: 1128, stream: 0, worker: 2, stayMs: undefined },
        { kind: 'source', atMs: 3380, stream: 0, isBackup: true, ms: 300 },
        { kind: 'failover', atMs: 3647, stream: 0, worker: 'w2' },
        { kind: 'viewer', atMs: 7019, stream: 0, worker: 2, stayMs: undefined },
      ],
    },
  },
  {
    what: 'runs for good what it had prepared for a feed that has failed meanwhile',
    schedule: {
      seed: 404,
      happenings: [
        { kind: 'viewer', atMs: 515, stream: 2, worker: 1, stayMs: undefined },
        { kind: 'viewer', atMs: 1405, stream: 0, worker: 1, stayMs: undefined },
        { kind: 'viewer', atMs: 1804, stream: 2, worker: 1, stayMs: undefined },
        { kind: 'crash', atMs: 2843, worker: 'w2', downMs: 300 },
        { kind: 'source', atMs: 6646, stream: 0, isBackup: false, ms: 200 },
      ],
    },
  },
  {
    what: 'gives up a slot in which another feed has begun meanwhile, because Redis was slow',
    schedule: {
      seed: 7651,
      happenings: [
        { kind: 'viewer', atMs: 627, stream: 2, worker: 0, stayMs: undefined },
        { kind: 'viewer', atMs: 1630, stream: 0, worker: 1, stayMs: 862 },
        { kind: 'failover', atMs: 4847, stream: 2, worker: 'w2' },
        { kind: 'source', atMs: 6232, stream: 0, isBackup: true, ms: 200 },
        { kind: 'hang', atMs: 6572, ms: 3067 },
      ],
    },
  },
  {
    what: 'keeps a process for a feed that another worker has taken while the next source was being opened',
    schedule: {
      seed: 10029,
      happenings: [
        { kind: 'viewer', atMs: 1064, stream: 2, worker: 1, stayMs: undefined },
        { kind: 'viewer', atMs: 1478, stream: 0, worker: 1, stayMs: undefined },
        { kind: 'pause', atMs: 3270, worker: 'w2', ms: 7000 },
        { kind: 'failover', atMs: 5632, stream: 2, worker: 'w2' },
        { kind: 'viewer', atMs: 7595, stream: 0, worker: 0, stayMs: 2021 },
      ],
    },
  },
];
