/** What a viewer is told when the registry did not count it in. */

import type { JoinAnswer, Joined } from '../../../registry/types.ts';
import { StreampoolError } from '../errors.ts';

/** @throws {StreampoolError} 404 without such a stream, 503 when there is no process for it, or not yet */
export function joinedOrThrow(answer: JoinAnswer): Joined {
  switch (answer.kind) {
    case 'joined':
      return answer;
    case 'no_stream':
      throw new StreampoolError(404, 'Stream not found');
    case 'full':
      throw new StreampoolError(
        503,
        'Every worker runs as many FFmpeg processes as it may (MAX_PROCESSES). Try again later.',
        {
          retryAfterSeconds: 10,
        },
      );
    case 'wait':
      throw new StreampoolError(503, 'The registry has just come back and is being filled. Try again in a moment.', {
        retryAfterSeconds: Math.ceil(answer.ms / 1000),
      });
  }
}
