/** Times of other workers, as this one believes them. */

import { z } from 'zod';

/** Ticks that are not wrapped. Sums of them are still whole numbers; the media of a thousand years has fewer. */
export const ticksShape = z
  .number()
  .int()
  .min(-(2 ** 52))
  .max(2 ** 52);
