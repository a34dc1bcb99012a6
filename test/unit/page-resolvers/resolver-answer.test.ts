/** What page resolvers answer, as addresses of media: what they found, and what they say when they found nothing. */
import { describe, expect, it } from 'vitest';
import { SourceError } from '../../../services/proxy/src/errors.ts';
import { expiryOf, readStreamlink, readYtdlp } from '../../../services/proxy/src/page-resolvers/resolver-answer.ts';

const AGENT = 'Mozilla/5.0';

describe('streamlink', () => {
  const hls = (height: number) => ({
    type: 'hls',
    url: `http://tv.test/${height}.m3u8`,
    headers: { 'User-Agent': AGENT, 'Accept-Encoding': 'gzip', Connection: 'keep-alive', Referer: 'http://tv.test/' },
    master: 'http://tv.test/master.m3u8',
  });
  const http = {
    type: 'http',
    method: 'GET',
    url: 'http://tv.test/live.ts?expires=1800000000',
    headers: {},
    body: null,
  };
  const answer = JSON.stringify({
    plugin: 'x',
    metadata: { id: null, author: null, category: null, title: 'A channel' },
    streams: { '480p': hls(480), '720p': hls(720), raw: http, worst: hls(480), best: hls(720) },
  });

  it('gives the first of the wanted qualities that there is, with the headers that its server wants', () => {
    expect(readStreamlink(answer, '1080p,720P,best')).toEqual({
      addresses: [
        {
          url: 'http://tv.test/master.m3u8',
          variant: 'http://tv.test/720.m3u8',
          ...{ kind: 'hls', headers: { Referer: 'http://tv.test/' }, userAgent: AGENT },
        },
      ],
      title: 'A channel',
      expiresAtMs: undefined,
    });
    expect(readStreamlink(answer, 'raw')).toMatchObject({
      addresses: [{ kind: 'http', userAgent: undefined }],
      expiresAtMs: 1_800_000_000_000,
    });
  });

  const only = (stream: object) => JSON.stringify({ streams: { best: stream } });
  it.each([
    ['', /something other than JSON/],
    ['[]', /not as its documentation says/],
    ['{"error": "No plugin can handle URL: http://a:b@x/"}', /found no media: No plugin can handle URL/],
    ['{"streams": {}}', /has no stream/],
    [answer, /no stream 4320p; it has 480p, 720p, raw/, '4320p'],
    [answer, /no stream __proto__/, '__proto__'],
    [only({ type: 'hls', url: 'file:///etc/passwd' }), /no source may have/],
    [only({ type: 'hls', url: 'file:///etc/passwd', master: 'http://x/a.m3u8' }), /no source may have/],
    [only({ type: 'hls', url: 'http://x/a.m3u8', master: 'file:///etc/passwd' }), /no source may have/],
    [only({ type: 'http', url: 'http://x/a\r\nHost: y' }), /no source may have/],
  ])('%j is an error', (text, message, quality = 'best') => {
    expect(() => readStreamlink(text, quality)).toThrow(SourceError);
    expect(() => readStreamlink(text, quality)).toThrow(message);
    expect(() => readStreamlink(text, quality)).not.toThrow('a:b@');
  });

  it.each([
    { type: 'muxed-stream' },
    { type: 'stream', url: null },
    { type: 'dash', url: 'http://x/a.mpd' },
    { type: 'http', method: 'POST', url: 'http://x/a' },
  ])('leaves %j to the pipe', (stream) => {
    expect(readStreamlink(only(stream), 'best')).toBe('piped');
  });

  it('leaves out headers that HTTP does not allow', () => {
    const given = only({ type: 'http', url: 'http://x/a', headers: { 'X-A': '1\r\nX-B: 2', 'X C': '3', 'X-D': '4' } });
    expect(readStreamlink(given, 'best')).toMatchObject({ addresses: [{ headers: { 'X-D': '4' } }] });
  });
});

describe('yt-dlp', () => {
  const one = {
    url: 'https://tv.test/a.m3u8',
    protocol: 'm3u8_native',
    http_headers: { 'User-Agent': AGENT, Accept: '*/*' },
  };
  const sound = { url: 'https://tv.test/b.m4a', protocol: 'https', http_headers: null };

  it('gives the one address of a format', () => {
    expect(readYtdlp(JSON.stringify({ ...one, title: 'T', is_live: true }))).toEqual({
      addresses: [{ url: one.url, kind: 'hls', headers: { Accept: '*/*' }, userAgent: AGENT }],
      title: 'T',
      expiresAtMs: undefined,
    });
  });

  it('gives pictures and sound apart, and of a list the first entry', () => {
    const entry = { title: 'T', requested_formats: [one, sound] };
    for (const answer of [entry, { _type: 'playlist', entries: [null, entry] }]) {
      expect(readYtdlp(JSON.stringify(answer)).addresses.map(({ url, kind }) => [url, kind])).toEqual([
        [one.url, 'hls'],
        [sound.url, 'http'],
      ]);
    }
  });

  it.each([
    ['null', /not as its documentation says/],
    ['{"entries": []}', /a list without an entry/],
    ['{"title": "x"}', /no protocol/],
    [JSON.stringify({ requested_formats: [one, sound, sound] }), /has 3 parts/],
    [JSON.stringify({ url: 'https://x/a.mpd', protocol: 'http_dash_segments' }), /comes by http_dash_segments/],
    [JSON.stringify({ url: 'rtmp://x/a', protocol: 'rtmp' }), /comes by rtmp/],
    [JSON.stringify({ url: 'ftp://x/a', protocol: 'https' }), /no source may have/],
  ])('%j is an error', (text, message) => {
    expect(() => readYtdlp(text)).toThrow(message);
  });
});

it.each([
  ['https://x/a?expire=1800000000&b=1', 1_800_000_000_000],
  ['https://x/videoplayback/expire/1800000000/ei/x', 1_800_000_000_000],
  ['https://x/a?Expires=1800000000', 1_800_000_000_000],
  ['https://x/a?expires_in=1800000000', undefined],
  ['https://x/a?expire=180000000012', undefined],
  ['https://x/a?expire=300', undefined],
  ['https://x/a', undefined],
])('%s ends at %s', (url, endsAtMs) => {
  expect(expiryOf(url)).toBe(endsAtMs);
});
