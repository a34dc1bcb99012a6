/** The answer to a viewer whose film is gone: nobody takes a film over. */

import { StreampoolError } from '../errors.ts';

export class FilmLostError extends StreampoolError {
  constructor() {
    super(
      410,
      'The worker that played this film has ended, and the film with it. Open the playlist anew: it begins from the start.',
    );
  }
}
