/** How the times of timing.ts relate. Who changes one learns here which promise that breaks. */

import { expect, it } from 'vitest';
import * as timing from '../../services/proxy/src/timing.ts';

const {
  FOLLOWER_MARGIN_MS,
  LEASE_MARGIN_MS,
  LEASE_MS,
  REDIS_COMMAND_TIMEOUT_MS,
  REDIS_RECONNECT_MAX_MS,
  REDIS_SILENCE_MS,
  RELAY_PING_MS,
  RELAY_SILENCE_MS,
  RENEW_MS,
  RETAIN_MS,
  STANDSTILL_MS,
  YOUNG_MS,
} = timing;

/** Each: what holds, the shorter time, the longer one. */
it.each([
  ['three renewals in a row may be lost before an owner stops', 3 * RENEW_MS, LEASE_MS - LEASE_MARGIN_MS],
  ['an answer to a renewal that comes in time is of use', REDIS_COMMAND_TIMEOUT_MS, LEASE_MS - LEASE_MARGIN_MS],
  ['a late command fails before its connection is given up', REDIS_COMMAND_TIMEOUT_MS, REDIS_SILENCE_MS],
  ['a late renewal is no standstill', RENEW_MS, STANDSTILL_MS],
  ['a standstill is noticed before the lease has passed on', STANDSTILL_MS, LEASE_MS - LEASE_MARGIN_MS],
  ['a young registry waits until all are connected and have renewed', REDIS_RECONNECT_MAX_MS + RENEW_MS, YOUNG_MS],
  ['a follower waits for a renewal that it has not heard of', RENEW_MS, FOLLOWER_MARGIN_MS],
  ['a relay may lose three pings', 3 * RELAY_PING_MS, RELAY_SILENCE_MS],
  ['a lost relay is noticed before the lease of its owner ends', RELAY_SILENCE_MS, LEASE_MS],
  ['a ring outlasts a takeover', RELAY_SILENCE_MS + LEASE_MS + FOLLOWER_MARGIN_MS, RETAIN_MS],
])('%s: %i ms within %i ms', (_, shorter, longer) => {
  expect(shorter).toBeLessThanOrEqual(longer);
});
