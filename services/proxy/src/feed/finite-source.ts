/** The error that makes the viewers of a shared stream join again, each with its own process. */

import { StreampoolError } from '../errors.ts';

/** The source has an end. Each viewer gets its own process, which plays it from the beginning. */
export class FiniteSourceError extends StreampoolError {
  constructor() {
    super(503, 'The source has an end, so every viewer gets its own process. This process is not shared.');
  }
}
