/** Schedules that once broke a rule, made as short as possible, with what happened. */

import type { Happening, Schedule } from '../../support/simulation/schedule.ts';

export interface KeptSchedule {
  /** What no longer happens. */
  readonly what: string;
  readonly schedule: Schedule;
}

/** A viewer leaves while Redis is away, and Redis comes back without some keys. */
const leavesWhileKeysAreLost = (only: string): Schedule => ({ seed: 6, happenings: [...AWAY, lost(only)] });
const lost = (only: string): Happening => ({ kind: 'evict', atMs: 4_000, keys: 9, only });
const AWAY: readonly Happening[] = [
  { kind: 'viewer', atMs: 500, stream: 0, worker: 1, stayMs: 3_000 },
  { kind: 'redis', atMs: 3_200, downMs: 1_800, kept: 'all' },
];

export const KEPT: readonly KeptSchedule[] = [
  {
    what: 'passes media on after a standstill because of an answer from before it',
    schedule: {
      seed: 470,
      happenings: [
        { kind: 'viewer', atMs: 647, stream: 0, worker: 0, stayMs: undefined },
        { kind: 'viewer', atMs: 1107, stream: 0, worker: 0, stayMs: 30 },
        { kind: 'viewer', atMs: 3247, stream: 0, worker: 2, stayMs: undefined },
        { kind: 'hang', atMs: 5033, ms: 1525 },
        { kind: 'pause', atMs: 5628, worker: 'w1', ms: 7000 },
        { kind: 'viewer', atMs: 5644, stream: 0, worker: 0, stayMs: undefined },
      ],
    },
  },
  {
    what: 'owns a feed again that is over, because it waited for the registry to confirm it',
    schedule: {
      seed: 1111,
      happenings: [
        { kind: 'viewer', atMs: 344, stream: 1, worker: 1, stayMs: 15 },
        { kind: 'viewer', atMs: 591, stream: 0, worker: 1, stayMs: 2376 },
        { kind: 'crash', atMs: 2160, worker: 'w2', downMs: 1980 },
        { kind: 'pause', atMs: 2660, worker: 'w3', ms: 2588 },
        { kind: 'hang', atMs: 5251, ms: 5516 },
      ],
    },
  },
  {
    what: 'holds a feed again that was given up while it was written back',
    schedule: {
      seed: 2147,
      happenings: [
        { kind: 'viewer', atMs: 1102, stream: 0, worker: 1, stayMs: 50 },
        { kind: 'hang', atMs: 2867, ms: 6210 },
        { kind: 'viewer', atMs: 5525, stream: 0, worker: 0, stayMs: 1780 },
      ],
    },
  },
  {
    what: 'waits for media from a worker that relays from the one that waits',
    schedule: {
      seed: 3685,
      happenings: [
        { kind: 'viewer', atMs: 615, stream: 0, worker: 2, stayMs: undefined },
        { kind: 'viewer', atMs: 1479, stream: 0, worker: 1, stayMs: undefined },
        { kind: 'power', atMs: 3073, worker: 'w3', downMs: 3845 },
        { kind: 'drain', atMs: 5044, worker: 'w1', ms: 2852 },
      ],
    },
  },
  {
    what: 'owns a feed for good that ended while it asked for its owner',
    schedule: {
      seed: 2754,
      happenings: [
        { kind: 'viewer', atMs: 1278, stream: 0, worker: 1, stayMs: 4915 },
        { kind: 'power', atMs: 4647, worker: 'w2', downMs: 2562 },
      ],
    },
  },
  {
    what: 'counts a viewer of a dead worker in its slot after Redis has lost its record',
    schedule: {
      seed: 1272,
      happenings: [
        { kind: 'viewer', atMs: 1178, stream: 1, worker: 1, stayMs: 2492 },
        { kind: 'redis', atMs: 2490, downMs: 4264, kept: 'all' },
        { kind: 'viewer', atMs: 3579, stream: 0, worker: 0, stayMs: undefined },
        { kind: 'power', atMs: 5399, worker: 'w2', downMs: 148 },
        { kind: 'evict', atMs: 6441, keys: 1 },
      ],
    },
  },
  {
    what: 'keeps the owner of a feed that was given up while Redis was away and lost the list of its feeds',
    schedule: leavesWhileKeysAreLost('sp:feeds-of'),
  },
  {
    what: 'counts a viewer that left while Redis was away and lost the list of clients',
    schedule: leavesWhileKeysAreLost('sp:clients-of'),
  },
  {
    what: 'counts a provider connection that was closed while Redis was away and lost the list of connections',
    schedule: leavesWhileKeysAreLost('sp:connections-of'),
  },
  {
    what: 'keeps what an older connection wrote back after the newer one had written back',
    schedule: {
      seed: 962,
      happenings: [
        { kind: 'viewer', atMs: 816, stream: 1, worker: 2, stayMs: 4607 },
        { kind: 'cut', atMs: 2868, from: 'w3', to: 'redis', isOneWay: true, ms: 6075 },
        { kind: 'viewer', atMs: 5502, stream: 0, worker: 1, stayMs: 2668 },
      ],
    },
  },
  {
    what: 'makes a feed that it gave up while another worker came to relay it',
    schedule: {
      seed: 340,
      happenings: [
        { kind: 'viewer', atMs: 1236, stream: 0, worker: 0, stayMs: undefined },
        { kind: 'viewer', atMs: 1278, stream: 0, worker: 2, stayMs: 2761 },
        { kind: 'cut', atMs: 5088, from: 'w3', to: 'redis', isOneWay: false, ms: 1800 },
        { kind: 'delete', atMs: 5388, stream: 0, worker: 'w1' },
      ],
    },
  },
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
    what: 'gives a feed an epoch that an older write-back has changed since',
    schedule: {
      seed: 532,
      happenings: [
        { kind: 'viewer', atMs: 839, stream: 0, worker: 2, stayMs: 38 },
        { kind: 'viewer', atMs: 1381, stream: 0, worker: 1, stayMs: 3471 },
        { kind: 'cut', atMs: 3551, from: 'w2', to: 'redis', isOneWay: false, ms: 6856 },
        { kind: 'drain', atMs: 3559, worker: 'w2', ms: 3251 },
        { kind: 'viewer', atMs: 6571, stream: 0, worker: 1, stayMs: 4 },
        { kind: 'evict', atMs: 6802, keys: 3 },
        { kind: 'viewer', atMs: 8105, stream: 0, worker: 1, stayMs: undefined },
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
    what: 'gives up the slot of a feed that is here, for a viewer that left at once',
    schedule: {
      seed: 2819,
      happenings: [
        { kind: 'viewer', atMs: 2463, stream: 0, worker: 1, stayMs: 3919 },
        { kind: 'viewer', stream: 0, atMs: 6975, worker: 1, stayMs: 7 },
        { kind: 'viewer', atMs: 7124, stream: 0, worker: 0, stayMs: 3098 },
      ],
    },
  },
  {
    what: 'gives up the second slot of a stream whose feed is here, for a viewer that left at once',
    schedule: {
      seed: 3393,
      happenings: [
        { kind: 'viewer', atMs: 1631, stream: 0, worker: 1, stayMs: undefined },
        { kind: 'viewer', atMs: 2314, stream: 0, worker: 1, stayMs: 2209 },
        { kind: 'viewer', atMs: 2791, stream: 0, worker: 0, stayMs: 271 },
        { kind: 'viewer', atMs: 2999, stream: 0, worker: 0, stayMs: 60 },
        { kind: 'viewer', atMs: 3508, stream: 0, worker: 2, stayMs: 3814 },
        { kind: 'viewer', atMs: 4002, stream: 0, worker: 2, stayMs: 358 },
        { kind: 'viewer', stream: 0, worker: 2, atMs: 5353, stayMs: 1257 },
        { kind: 'viewer', stream: 0, atMs: 5680, worker: 0, stayMs: 6 },
        { kind: 'viewer', atMs: 6063, stream: 0, worker: 2, stayMs: undefined },
      ],
    },
  },
  {
    what: 'gives up the slot of a feed that is here, while another worker comes to relay it',
    schedule: {
      seed: 7422,
      happenings: [
        { kind: 'viewer', atMs: 1667, stream: 0, worker: 2, stayMs: 2920 },
        { kind: 'viewer', atMs: 4600, stream: 0, worker: 2, stayMs: 7 },
        { kind: 'viewer', atMs: 4797, stream: 0, worker: 1, stayMs: 3917 },
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
    what: 'lets everybody wait until the clock of Redis has caught up, which was set back',
    schedule: {
      seed: 8249,
      happenings: [
        { kind: 'viewer', atMs: 1245, stream: 0, worker: 2, stayMs: undefined },
        { kind: 'clock', atMs: 1987, machine: 'redis', byMs: -18363 },
      ],
    },
  },
  {
    what: 'takes a viewer for forgotten whose provider allows no further connection',
    schedule: {
      seed: 2826,
      happenings: [
        { kind: 'viewer', atMs: 1231, stream: 0, worker: 1, stayMs: undefined },
        { kind: 'viewer', atMs: 1242, stream: 0, worker: 1, stayMs: undefined },
        { kind: 'viewer', atMs: 4469, stream: 0, worker: 1, stayMs: undefined },
        { kind: 'viewer', atMs: 9384, stream: 0, worker: 1, stayMs: undefined },
        { kind: 'viewer', atMs: 9941, stream: 0, worker: 1, stayMs: undefined },
        { kind: 'viewer', atMs: 10151, stream: 0, worker: 1, stayMs: undefined },
        { kind: 'viewer', atMs: 11632, stream: 0, worker: 1, stayMs: undefined },
      ],
    },
  },
  {
    what: 'takes pictures of a worker that copied a feed for those of its owner, because they came over the same relay',
    schedule: {
      seed: 1,
      happenings: [
        { kind: 'viewer', atMs: 647, stream: 0, worker: 0, stayMs: undefined },
        { kind: 'viewer', atMs: 1107, stream: 0, worker: 0, stayMs: 30 },
        { kind: 'viewer', atMs: 3247, stream: 0, worker: 2, stayMs: undefined },
        { kind: 'hang', atMs: 5033, ms: 1525 },
        { kind: 'pause', atMs: 5628, worker: 'w1', ms: 7000 },
        { kind: 'viewer', atMs: 5644, stream: 0, worker: 0, stayMs: undefined },
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
