/** Asks another worker to get ready to own a feed that it follows. */

import { systemWire, type Wire } from './wire.ts';

/** Enough to open the source beside its owner, up to a keyframe that both have. */
const PREPARE_TIMEOUT_MS = 20_000;

/** False when the worker at `address` cannot own it, or does not answer in time. */
export function prepareFeed(
  feed: string,
  address: string,
  secret: string,
  signal: AbortSignal,
  wire: Wire = systemWire,
): Promise<boolean> {
  return new Promise((resolve) => {
    const call = wire.request(`http://${address}/feeds/${feed}/prepare`, {
      method: 'POST',
      agent: false,
      headers: { Authorization: `Bearer ${secret}` },
      timeout: PREPARE_TIMEOUT_MS,
      signal,
    });
    call.once('response', (response) => {
      response.resume();
      resolve(response.statusCode === 204);
    });
    call.once('timeout', () => call.destroy());
    call.once('error', () => resolve(false));
    call.end();
  });
}
