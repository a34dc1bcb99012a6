/** Kept schedules in which source feeds read the streams. */

import type { KeptSchedule } from './kept-failovers.ts';

export const KEPT_SOURCES: readonly KeptSchedule[] = [
  {
    what: 'never learns that it owns a source which it opened beside a silent one while Redis was away',
    schedule: {
      seed: 10065,
      happenings: [
        { kind: 'viewer', atMs: 1071, stream: 10, worker: 0, stayMs: undefined },
        { kind: 'cut', atMs: 3083, from: 'w1', to: 'redis', isOneWay: true, ms: 3400 },
        { kind: 'source', atMs: 6220, stream: 10, isBackup: false, outage: 'hangs', ms: 5536 },
      ],
    },
  },
  {
    what: 'gives up a source that it reads, because it has entered it a second time to hold it',
    schedule: {
      seed: 27147,
      happenings: [
        { kind: 'viewer', atMs: 1345, stream: 10, worker: 0, stayMs: undefined },
        { kind: 'source', atMs: 5789, stream: 10, isBackup: false, ms: 3100 },
        { kind: 'hang', atMs: 6584, ms: 2700 },
      ],
    },
  },
  {
    what: 'shows pictures twice that it has made, when another worker has begun the feed beside it meanwhile',
    schedule: {
      seed: 152,
      happenings: [
        { kind: 'viewer', atMs: 506, stream: 10, worker: 2, stayMs: undefined },
        { kind: 'cut', atMs: 3579, from: 'w3', to: 'redis', isOneWay: false, ms: 5804 },
        { kind: 'viewer', atMs: 9683, stream: 10, worker: 0, stayMs: 2470 },
      ],
      direct: [10],
      habits: { burstMs: 0, hasOwnClocks: true },
    },
  },
  {
    what: 'lets no media pass until its times have caught up, after it asked a worker that had none of the feed',
    schedule: {
      seed: 1171,
      happenings: [
        { kind: 'viewer', atMs: 1463, stream: 10, worker: 1, stayMs: undefined },
        { kind: 'viewer', atMs: 3838, stream: 10, worker: 0, stayMs: undefined },
        { kind: 'pause', atMs: 26260, worker: 'w2', ms: 5111 },
        { kind: 'viewer', atMs: 28989, stream: 10, worker: 2, stayMs: 2529 },
      ],
      direct: [10],
    },
  },
  {
    what: 'goes on with another time for the same pictures, when two workers have made a feed side by side',
    schedule: {
      seed: 104679,
      happenings: [
        { kind: 'viewer', atMs: 1027, stream: 10, worker: 1, stayMs: 4624 },
        { kind: 'viewer', atMs: 1425, stream: 10, worker: 2, stayMs: undefined },
        { kind: 'cut', atMs: 6688, from: 'w2', to: 'redis', isOneWay: false, ms: 3100 },
        { kind: 'cut', atMs: 6688, from: 'w2', to: 'w3', isOneWay: false, ms: 6111 },
        { kind: 'viewer', atMs: 9016, stream: 10, worker: 1, stayMs: undefined },
      ],
      direct: [10],
      habits: { burstMs: 3000, hasOwnClocks: true },
    },
  },
  {
    what: 'shows pictures of the next source that are older than what was sent',
    schedule: {
      seed: 203581,
      happenings: [
        { kind: 'viewer', atMs: 1159, stream: 10, worker: 1, stayMs: undefined },
        { kind: 'failover', atMs: 3033, stream: 10, worker: 'w1' },
        { kind: 'source', atMs: 3055, stream: 10, isBackup: false, outage: 'hangs', ms: 600 },
      ],
      hasResolver: true,
      direct: [10],
      habits: { burstMs: 1000, hasOwnClocks: false },
    },
  },
  {
    what: 'sends pictures again that a provider begins with, because the first of them were missing when they were sent',
    schedule: {
      seed: 209784,
      happenings: [
        { kind: 'viewer', atMs: 973, stream: 10, worker: 1, stayMs: undefined },
        { kind: 'source', atMs: 5114, stream: 10, isBackup: false, outage: 'hangs', ms: 1031 },
        { kind: 'source', atMs: 6569, stream: 10, isBackup: false, outage: 'drops', ms: 0 },
      ],
      habits: { burstMs: 1_000, hasOwnClocks: false },
    },
  },
  {
    what: 'begins anew at a source that another worker reads, with pictures that it has sent of the source before',
    schedule: {
      seed: 208741,
      happenings: [
        { kind: 'viewer', atMs: 1260, stream: 12, worker: 0, stayMs: undefined },
        { kind: 'cut', atMs: 6575, from: 'w1', to: 'redis', isOneWay: false, ms: 6448 },
        { kind: 'source', atMs: 6767, stream: 10, isBackup: false, outage: 'refuses', ms: 2500 },
        { kind: 'viewer', atMs: 12639, stream: 10, worker: 2, stayMs: 3615 },
      ],
      habits: { burstMs: 1_000, hasOwnClocks: true },
    },
  },
  {
    what: 'waits for a silent backup, when all retries of a source are made that comes back meanwhile',
    schedule: {
      seed: 5010845,
      happenings: [
        { kind: 'viewer', atMs: 1258, stream: 10, worker: 2, stayMs: undefined },
        { kind: 'source', atMs: 3773, stream: 10, isBackup: false, outage: 'refuses', ms: 3754 },
        { kind: 'source', atMs: 6033, stream: 10, isBackup: true, outage: 'hangs', ms: 5341 },
      ],
      direct: [10],
    },
  },
  {
    what: 'takes two connections for a repeated clip, because as many bytes have come over both',
    schedule: {
      seed: 332476,
      happenings: [
        { kind: 'viewer', atMs: 1229, stream: 11, worker: 1, stayMs: 3197 },
        { kind: 'source', atMs: 3020, stream: 11, isBackup: false, outage: 'drops', ms: 0 },
        { kind: 'source', atMs: 4912, stream: 11, isBackup: false, outage: 'drops', ms: 0 },
      ],
      habits: { burstMs: 0, hasOwnClocks: true },
    },
  },
  {
    what: 'sends the first picture of a backup again that its new owner has begun with, because that sent older media first',
    schedule: {
      seed: 338701,
      happenings: [
        { kind: 'viewer', atMs: 1118, stream: 12, worker: 1, stayMs: undefined },
        { kind: 'viewer', atMs: 1193, stream: 12, worker: 0, stayMs: undefined },
        { kind: 'viewer', atMs: 1416, stream: 10, worker: 1, stayMs: undefined },
        { kind: 'source', atMs: 2461, stream: 10, isBackup: false, outage: 'refuses', ms: 2250 },
        { kind: 'source', atMs: 3001, stream: 10, isBackup: false, outage: 'refuses', ms: 1800 },
        { kind: 'clock', atMs: 5687, machine: 'w2', byMs: 7662 },
        { kind: 'cut', atMs: 5900, from: 'w2', to: 'redis', isOneWay: false, ms: 5760 },
        { kind: 'cut', atMs: 5900, from: 'w2', to: 'w1', isOneWay: false, ms: 5760 },
        { kind: 'cut', atMs: 5900, from: 'w2', to: 'w3', isOneWay: false, ms: 5760 },
        { kind: 'viewer', atMs: 9694, stream: 12, worker: 1, stayMs: undefined },
      ],
      hasResolver: true,
      habits: { burstMs: 0, hasOwnClocks: true },
    },
  },
  {
    what: 'takes two copies of one source feed for one timeline, and leaves out what comes until the later one is reached',
    schedule: {
      seed: 1303767,
      happenings: [
        { kind: 'viewer', atMs: 869, stream: 10, worker: 1, stayMs: undefined },
        { kind: 'viewer', atMs: 1261, stream: 10, worker: 2, stayMs: 2338 },
        { kind: 'cut', atMs: 4559, from: 'w2', to: 'redis', isOneWay: false, ms: 6731 },
        { kind: 'cut', atMs: 4559, from: 'w2', to: 'w3', isOneWay: false, ms: 6731 },
        { kind: 'crash', atMs: 5741, worker: 'w3', downMs: 351 },
        { kind: 'viewer', atMs: 9892, stream: 10, worker: 0, stayMs: 3891 },
      ],
      direct: [10],
      habits: { burstMs: 3_000, hasOwnClocks: false },
    },
  },
];
