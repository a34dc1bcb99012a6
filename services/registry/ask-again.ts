/** Two workers that find nobody who has a feed must not start it at the same moment. */

import type { Clock } from '../shared/clock.ts';

const BLIND_START_MS = 500;

/**
 * Asks after a random 0 to 500 ms: the other worker may have started the feed meanwhile.
 *
 * @param pause waits so many ms
 */
export async function askAgain<T>(
  ask: () => Promise<T>,
  clock: Clock,
  pause = (ms: number): Promise<void> => new Promise((resolve) => void clock.setTimeout(resolve, ms)),
): Promise<T> {
  await pause(clock.random() * BLIND_START_MS);
  return ask();
}
