/** Waits on behalf of a viewer; stops waiting as soon as the viewer leaves. */

import { deferred } from '../async.ts';
import { SourceError } from '../errors.ts';

/**
 * @param signal aborts when the viewer leaves
 * @throws {SourceError} `stopped`, by the signal
 */
export async function unlessGone<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const gone = deferred<never>();
  const onAbort = () => gone.reject(new SourceError('stopped', 'The viewer has left.'));
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([promise, gone.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
