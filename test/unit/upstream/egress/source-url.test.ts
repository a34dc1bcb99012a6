/** Which URLs a source may have, as a table. */

import { expect, it } from 'vitest';
import { isSourceUrl, schemeRefusal } from '../../../../services/proxy/src/upstream/egress/source-url.ts';

it.each([
  ['http://tv.example/live/7.ts', true],
  ['https://joe:s3cret@tv.example:8443/7.m3u8?token=a', true],
  ['HTTP://TV.EXAMPLE', true],
  ['http://[2001:db8::1]/7.ts', true],
  ['', false],
  ['7.ts', false],
  ['//tv.example/7.ts', false],
  ['http://', false],
  ['rtsp://tv.example/7', false],
  ['rtmp://tv.example/7', false],
  ['udp://239.0.0.1:1234', false],
  ['srt://tv.example:9000', false],
  ['ftp://tv.example/7.ts', false],
  ['file:///etc/passwd', false],
  ['data:video/mp2t;base64,Rw==', false],
  ['concat:http://a/1.ts|http://a/2.ts', false],
  ['http://tv.example/7.ts\nx', false],
  ['http://tv.example/7.ts\u0000', false],
])('%j: %s', (text, may) => {
  expect(isSourceUrl(text)).toBe(may);
});

it('says which scheme is refused', () => {
  expect(schemeRefusal(new URL('https://tv.example'))).toBeUndefined();
  expect(schemeRefusal(new URL('rtsp://tv.example/7'))).toBe(
    'A source must be an http or https URL; rtsp is not allowed.',
  );
});
