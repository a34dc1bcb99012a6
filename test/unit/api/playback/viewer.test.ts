/** Who a viewer is, as far as its request tells. */

import type { FastifyRequest } from 'fastify';
import { expect, it } from 'vitest';
import { isOfBrowser, viewerOf } from '../../../../services/proxy/src/api/playback/viewer.ts';

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

const BROWSER = { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36' };
const RANGE = { range: 'bytes=0-' };

it.each([
  ['a browser that says so', { ...BROWSER, 'sec-fetch-dest': 'video' }, true],
  ['a script in a page', { ...BROWSER, 'sec-fetch-dest': 'empty' }, false],
  ['a browser over plain HTTP', { ...BROWSER, ...RANGE }, true],
  ['a script in a page over plain HTTP', BROWSER, false],
  ['FFmpeg', { 'user-agent': 'Lavf/59.27.100', ...RANGE }, false],
  ['nobody knows what', RANGE, false],
])('of %s is told by its headers', (_, headers, expected) => {
  expect(isOfBrowser({ headers })).toBe(expected);
});
