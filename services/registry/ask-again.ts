/** Two workers that find nobody who has a feed must not start it at the same moment. */

import { setTimeout as wait } from 'node:timers/promises';

const BLIND_START_MS = 500;

/** Asks after a random 0 to 500 ms: the other worker may have started the feed meanwhile. A signal ends the wait, not the question. */
export async function askAgain<T>(ask: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  await wait(Math.random() * BLIND_START_MS, undefined, { signal }).catch(() => undefined);
  return ask();
}
