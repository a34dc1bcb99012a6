/** Schedules that once broke a rule, made as short as possible, with what happened. */

import type { Happening, Schedule } from '../../support/simulation/schedule.ts';
import { KEPT_FAILOVERS, type KeptSchedule } from './kept-failovers.ts';

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
    what: 'waits for ever for itself to end, when it is idle and starts its process anew at the limit of its account',
    schedule: {
      seed: 14234,
      happenings: [
        { kind: 'viewer', atMs: 1069, stream: 0, worker: 0, stayMs: 4259 },
        { kind: 'pause', atMs: 6160, worker: 'w1', ms: 3632 },
        { kind: 'viewer', atMs: 6216, stream: 2, worker: 2, stayMs: undefined },
        { kind: 'cut', atMs: 6627, from: 'w1', to: 'redis', isOneWay: false, ms: 5373 },
        { kind: 'viewer', atMs: 8218, stream: 0, worker: 1, stayMs: 3527 },
      ],
    },
  },
  {
    what: 'leaves the record of an owner that lost its power, when Redis has dropped the list of its feeds',
    schedule: {
      seed: 44265,
      happenings: [
        { kind: 'viewer', atMs: 4309, stream: 10, worker: 1, stayMs: 3333 },
        { kind: 'evict', atMs: 4415, keys: 3 },
        { kind: 'power', atMs: 4781, worker: 'w2', downMs: 6222 },
      ],
      hasResolver: true,
    },
  },
  ...KEPT_FAILOVERS,
  {
    what: 'makes a feed after a standstill that a worker makes which has begun anew meanwhile, while Redis was away',
    schedule: {
      seed: 29441,
      happenings: [
        { kind: 'viewer', atMs: 1324, stream: 0, worker: 1, stayMs: undefined },
        { kind: 'crash', atMs: 2062, worker: 'w3', downMs: 1134 },
        { kind: 'pause', atMs: 2617, worker: 'w2', ms: 3989 },
        { kind: 'redis', atMs: 2935, downMs: 5117, kept: 'nothing' },
        { kind: 'viewer', atMs: 6102, stream: 0, worker: 1, stayMs: undefined },
      ],
    },
  },
];
