/** Asks another worker to get ready to own a feed that it follows. */

import { request } from 'node:http';

/** Opening a source beside its owner, up to a keyframe that both have shown. */
const PREPARE_TIMEOUT_MS = 20_000;

/** False when the worker at `address` cannot, or does not answer in time. */
export function prepareFeed(feed: string, address: string, secret: string, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const call = request(`http://${address}/feeds/${feed}/prepare`, {
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
