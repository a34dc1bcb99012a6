import { expect, it } from 'vitest';
import { finiteHead, liveHead } from '../../../../services/proxy/src/upstream/direct/reply-head.ts';

it.each([
  ['video/mp4', 'video/mp4'],
  ['application/vnd.apple.mpegurl; charset=utf-8', 'application/vnd.apple.mpegurl; charset=utf-8'],
  ['application/dash+xml', 'application/dash+xml'],
  ['application/xhtml+xml', 'application/octet-stream'],
  ['application/xml', 'application/octet-stream'],
  ['application/javascript', 'application/octet-stream'],
  ['text/html', 'application/octet-stream'],
  ['image/svg+xml', 'application/octet-stream'],
])('answers a provider that says %s with %s, and forbids guessing', (given, expected) => {
  const urls = ['http://tv.test/a'];
  for (const { headers } of [finiteHead(200, { 'content-type': given }, urls), liveHead('other', urls, given)]) {
    expect(headers).toMatchObject({ 'content-type': expected, 'x-content-type-options': 'nosniff' });
  }
});
