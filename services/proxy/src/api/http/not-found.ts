/** The answer for something that is not found: 404, or 503 while nobody can tell. */

import type { KnownStreams } from '../../../../registry/registry.ts';
import { StreampoolError } from '../../errors.ts';

/** An outage ends with the next answered renewal. The worker tries one each second. */
const OUTAGE_RETRY_S = 2;

/** 404 with `message`. 503 while Redis does not answer, and until it is complete again: only then it knows all streams. */
export function notFound(registry: KnownStreams, message: string): StreampoolError {
  if (registry.knowsAll) return new StreampoolError(404, message);
  const outage =
    'Redis does not answer, or has just come back, and this worker does not know it either. Try again in a moment.';
  return new StreampoolError(503, outage, { retryAfterSeconds: OUTAGE_RETRY_S });
}
