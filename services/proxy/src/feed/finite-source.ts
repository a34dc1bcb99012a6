/** The error that tells viewers of a shared stream to come again, each for a process of its own. */

import { StreampoolError } from '../errors.ts';

/** The source has an end: it is played from its beginning, by a process for each client. */
export class FiniteSourceError extends StreampoolError {
  constructor() {
    super(503, 'The source has an end, so every viewer gets a process of its own; this one is not shared.');
  }
}
