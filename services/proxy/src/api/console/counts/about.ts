/** Which worker speaks to a page, and how far it can be trusted. */

import type { WorkerRecord } from '../../../../../registry/types.ts';
import type { About } from '../../../../../shared/console/live.ts';
import { VERSION } from '../../../../../shared/version.ts';
import type { Services } from '../../../worker/services.ts';

/** Seconds are enough, and then a page is told of an outage once a second. */
const ROUNDED_MS = 1_000;

export function aboutOf(
  { config, registry }: Pick<Services, 'config' | 'registry'>,
  workers: readonly WorkerRecord[],
): About {
  const { outageMs } = registry;
  return {
    workerId: config.workerId,
    version: VERSION,
    workers: workers.length,
    outageMs: outageMs === undefined ? undefined : Math.floor(outageMs / ROUNDED_MS) * ROUNDED_MS,
  };
}
