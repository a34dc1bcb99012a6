/** HTTP that is odd, and HTTP that is wrong. */

import { pick } from '../seed.ts';
import { below, inHead, nastyText, type Random } from './hostile-values.ts';

/** Headers that are valid HTTP, whatever they say. */
export function oddHeaders(random: Random, token: string): string[] {
  const odd = () => inHead(nastyText(random), '\u001f').slice(0, 4_000);
  const some: readonly (() => string)[] = [
    () =>
      `Range: ${pick(random, ['bytes=0-', 'bytes=-1', 'bytes=5-1', 'bytes=0-1,2-3', 'bytes=99999999999999999999-', 'x=1-2', odd()])}`,
    () => `If-Range: ${odd()}`,
    () => `Via: ${pick(random, ['1.1 streampool', '1.1 x, '.repeat(500), odd()])}`,
    () => `X-Forwarded-For: ${pick(random, ['::1', '1.2.3.4, 5.6.7.8', '999.1.1.1', odd()])}`,
    () => `X-Forwarded-Proto: ${odd()}`,
    () => `X-Forwarded-Host: ${odd()}`,
    () => `Origin: ${pick(random, ['null', 'http://evil.example', odd()])}`,
    () => `Access-Control-Request-Method: ${odd()}`,
    () => `User-Agent: ${odd()}`,
    () => `X-Username: ${odd()}`,
    () => `Cookie: ${odd()}`,
    () => `Accept: ${odd()}`,
    () => `Accept-Encoding: gzip;q=${odd()}`,
    () => `Content-Encoding: ${pick(random, ['gzip', 'identity', odd()])}`,
    () => `Expect: ${pick(random, ['100-continue', 'x'])}`,
    () => `If-None-Match: ${odd()}`,
    () => `X-HTTP-Method-Override: DELETE`,
    () => `Authorization: ${pick(random, [`Bearer ${token}x`, 'Basic %%%', 'Bearer', odd()])}`,
    () => `X-API-Token: ${pick(random, ['', `${token.slice(0, -1)}`, odd()])}`,
  ];
  return Array.from({ length: below(random, 4) }, () => pick(random, some)());
}

/** Breaks the HTTP itself: the lines of the head, and the body as it is sent. */
export function malform(random: Random, lines: string[], body: Buffer): { bytes: Buffer; halfClose: boolean } {
  const head = (extra: string[], end = '\r\n') => Buffer.from([...lines, ...extra, '', ''].join(end), 'latin1');
  const all = (...parts: (Buffer | string)[]) =>
    Buffer.concat(parts.map((part) => Buffer.from(part as string, 'latin1')));
  switch (below(random, 14)) {
    case 0:
      return {
        bytes: all(head([`Content-Length: ${body.length + 1 + below(random, 100_000)}`]), body),
        halfClose: true,
      };
    case 1:
      return { bytes: all(head([`Content-Length: ${Math.floor(body.length / 2)}`]), body), halfClose: true };
    case 2:
      return {
        bytes: all(
          head([`Content-Length: ${pick(random, ['-1', 'abc', '1e3', '0x10', '99999999999999999999', ''])}`]),
          body,
        ),
        halfClose: true,
      };
    case 3:
      return {
        bytes: all(head([`Content-Length: ${body.length}`, `Content-Length: ${body.length + 1}`]), body),
        halfClose: true,
      };
    case 4:
      return {
        bytes: all(
          head(['Transfer-Encoding: chunked']),
          pick(random, ['zz\r\nab\r\n', 'ffffffffffffffffff\r\na', '5\r\nab', '-1\r\n\r\n']),
          body,
        ),
        halfClose: true,
      };
    case 5:
      return {
        bytes: all(head(['Transfer-Encoding: chunked', `Content-Length: ${body.length}`]), '0\r\n\r\n'),
        halfClose: true,
      };
    case 6:
      return {
        bytes: all(
          head(['Transfer-Encoding: gzip, chunked']),
          `${body.length.toString(16)}\r\n`,
          body,
          '\r\n0\r\n\r\n',
        ),
        halfClose: true,
      };
    case 7:
      return {
        bytes: head([pick(random, ['no colon', ': no name', 'A\u0000b: c', 'A: b\u0000c', ' folded: yes', 'A b: c'])]),
        halfClose: true,
      };
    case 8:
      return { bytes: head([], '\n'), halfClose: true };
    case 9:
      return { bytes: head([`X-Long: ${'x'.repeat(1_000 + below(random, 70_000))}`]), halfClose: true };
    case 10:
      return { bytes: head(Array.from({ length: 3_000 }, (_, n) => `X-${n}: y`)), halfClose: true };
    case 11:
      return {
        bytes: all(
          pick(random, [
            'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
            '\u0016\u0003\u0001\u0002\u0000',
            'GET\r\n\r\n',
            '\r\n\r\n\r\n',
            'GET / HTTP/9.9\r\n\r\n',
            'get / http/1.1\r\n\r\n',
          ]),
        ),
        halfClose: true,
      };
    case 12: {
      const whole = all(head([`Content-Length: ${body.length}`]), body);
      return { bytes: whole.subarray(0, below(random, whole.length)), halfClose: true };
    }
    default:
      // A second request behind the first one.
      return {
        bytes: all(head([`Content-Length: ${body.length}`]), body, 'GET /health HTTP/1.1\r\nHost: x\r\n\r\n'),
        halfClose: true,
      };
  }
}
