/** Who a viewer is, as far as its request tells. */

import type { FastifyRequest } from 'fastify';
import { expect, it } from 'vitest';
import { viewerOf } from '../../../../services/proxy/src/api/playback/viewer.ts';

function addressOf(ip: string | undefined, remoteAddress: string | undefined): string {
  const request = { ip, headers: {}, socket: { remoteAddress } } as unknown as FastifyRequest;
  return viewerOf(request, {}, 'stream', 'worker').viewer.ipAddress;
}

it.each([
  ['192.0.2.7', '127.0.0.1', '192.0.2.7'],
  ['::ffff:192.0.2.7', '::ffff:192.0.2.7', '192.0.2.7'],
  ['[2001:db8::1]:443', '127.0.0.1', '2001:db8::1'],
  ['nonsense', '127.0.0.1', '127.0.0.1'],
  // It has hung up before it was looked at.
  [undefined, undefined, ''],
])('of %s over %s comes from "%s"', (ip, remoteAddress, expected) => {
  expect(addressOf(ip, remoteAddress)).toBe(expected);
});
