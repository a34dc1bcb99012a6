/** What a worker without streams reports of itself. */

import type { WorkerLoad, WorkerNumbers } from '../../services/registry/types.ts';

export const IDLE_NUMBERS: WorkerNumbers = {
  processes: 0,
  clients: 0,
  processFeeds: 0,
  sourceFeeds: 0,
  bufferedBytes: 0,
  restarts: 0,
  skips: 0,
  stalls: 0,
  draining: false,
};

export const IDLE: WorkerLoad = { capacity: 'free', ...IDLE_NUMBERS };
