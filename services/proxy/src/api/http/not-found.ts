/** What to say of something that is not there, as far as can be told. */

import type { Registry } from '../../../../registry/registry.ts';
import { StreampoolError } from '../../errors.ts';

/** An outage is over when the next renewal is answered, which is tried once a second. */
const OUTAGE_RETRY_S = 2;

/** 404 with `message`; 503 while Redis does not answer, which alone may know. */
export function notFound(registry: Pick<Registry, 'knowsAll'>, message: string): StreampoolError {
  if (registry.knowsAll) return new StreampoolError(404, message);
  const outage = 'Redis does not answer, and this worker alone does not know. Try again in a moment.';
  return new StreampoolError(503, outage, { retryAfterSeconds: OUTAGE_RETRY_S });
}
