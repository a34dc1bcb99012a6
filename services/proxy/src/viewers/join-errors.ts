/** The error for a viewer that the registry did not count in. */

import type { JoinAnswer, Joined } from '../../../registry/types.ts';
import { LimitError, StreampoolError } from '../errors.ts';

/** @throws {StreampoolError} 404 without such a stream; 403 without such a session; 503 when no worker may start the process, or the registry is not ready */
export function joinedOrThrow(answer: JoinAnswer): Joined {
  switch (answer.kind) {
    case 'joined':
      return answer;
    case 'no_stream':
      throw new StreampoolError(404, 'Stream not found');
    case 'no_session':
      throw new StreampoolError(403, 'This session is over, and its address has expired. Open the playlist anew.');
    case 'full':
      if (answer.draining === true) {
        const text =
          'Every worker drains, so none starts a process. POST /workers/{worker_id}/undrain, or start another worker.';
        throw new StreampoolError(503, text, { retryAfterSeconds: 10 });
      }
      throw new LimitError(
        'processes',
        'Every worker that takes viewers runs its maximum of FFmpeg processes (MAX_PROCESSES). Try again later.',
        { retryAfterSeconds: 10 },
      );
    case 'wait':
      throw new StreampoolError(
        503,
        'The registry has just come back, and the workers are refilling it. Try again in a moment.',
        {
          retryAfterSeconds: Math.ceil(answer.ms / 1000),
        },
      );
  }
}
