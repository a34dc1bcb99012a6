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
];
