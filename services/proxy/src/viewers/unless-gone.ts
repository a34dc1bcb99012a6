/** Waiting on behalf of a viewer: over as soon as the viewer goes. */

import { deferred } from '../async.ts';
import { SourceError } from '../errors.ts';

/**
 * @param signal the viewer has gone
 * @throws {SourceError} `stopped`, by the signal
 */
export async function unlessGone<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const gone = deferred<never>();
  const onAbort = () => gone.reject(new SourceError('stopped', 'The viewer has gone.'));
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([promise, gone.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
