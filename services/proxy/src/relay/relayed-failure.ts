/** How a failure goes from one worker to another. */

import { SOURCE_FAILURES, SourceError, type SourceFailure, StreampoolError } from '../errors.ts';
import { FiniteSourceError } from '../feed/finite-source.ts';
import type { RelayEnd } from './relay-frames.ts';

/** A failure as the owner tells it. */
export function failureRecord(error: unknown): RelayEnd & { kind: 'failed' } {
  return {
    kind: 'failed',
    status: error instanceof StreampoolError ? error.status : 502,
    reason: error instanceof SourceError ? error.reason : error instanceof FiniteSourceError ? 'finite' : 'ffmpeg',
    message: error instanceof StreampoolError ? error.message : 'The feed could not start.',
    upstreamStatus: error instanceof SourceError ? error.upstreamStatus : undefined,
    retryAfterSeconds: error instanceof StreampoolError ? error.retryAfterSeconds : undefined,
  };
}

/** The owner's failure as an error, as if it had happened here. */
export function relayedError(end: Extract<RelayEnd, { kind: 'failed' }>): StreampoolError {
  if (end.reason === 'finite') return new FiniteSourceError();
  if (end.status === 502 || end.status === 504) return new SourceError(reasonOf(end), end.message, end);
  return new StreampoolError(end.status, end.message, end);
}

/** The reason of the failure. A reason that this version does not know counts as FFmpeg's, which does not blame the source. */
function reasonOf({ reason }: Extract<RelayEnd, { kind: 'failed' }>): SourceFailure {
  return SOURCE_FAILURES.find((known) => known === reason) ?? 'ffmpeg';
}
