/** Two workers that find nobody who has a feed must not start it at the same moment. */

const BLIND_START_MS = 500;

/**
 * Asks after a random 0 to 500 ms: the other worker may have started the feed meanwhile.
 *
 * @param pause waits so many ms
 */
export async function askAgain<T>(ask: () => Promise<T>, pause: (ms: number) => Promise<void> = wait): Promise<T> {
  await pause(Math.random() * BLIND_START_MS);
  return ask();
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
