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
];
