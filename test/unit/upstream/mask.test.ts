import { describe, expect, it } from 'vitest';
import { maskHeaders, maskText, maskUrl, secretsOf } from '../../../services/proxy/src/upstream/mask.ts';

describe('maskUrl', () => {
  it.each([
    ['http://joe:pw@tv.test/a.ts', 'http://***@tv.test/a.ts'],
    ['http://joe@tv.test/', 'http://***@tv.test/'],
    ['http://tv.test/live/joe/pw/7.ts', 'http://tv.test/live/***/***/7.ts'],
    ['http://tv.test:8080/movie/joe/pw/7.mkv?x=1', 'http://tv.test:8080/movie/***/***/7.mkv?x=1'],
    ['http://tv.test/series/joe/pw/7.mp4', 'http://tv.test/series/***/***/7.mp4'],
    [
      'http://tv.test/timeshift/joe/pw/60/2026-01-01:10-00/7.ts',
      'http://tv.test/timeshift/***/***/60/2026-01-01:10-00/7.ts',
    ],
    ['http://tv.test/joe/pw/7', 'http://tv.test/***/***/7'],
    ['http://tv.test/panel/joe/pw/7.ts', 'http://tv.test/panel/***/***/7.ts'],
    [
      'http://tv.test/get.php?username=joe&password=pw&type=m3u',
      'http://tv.test/get.php?username=***&password=***&type=m3u',
    ],
    ['http://tv.test/a.m3u8?token=abc&quality=hd#frag', 'http://tv.test/a.m3u8?token=***&quality=hd#***'],
    [
      'https://cdn.test/a.ts?Policy=1&Signature=2&Key-Pair-Id=3',
      'https://cdn.test/a.ts?Policy=***&Signature=***&Key-Pair-Id=***',
    ],
    ['http://tv.test/play.php?mac=00:1A:79:00&extension=ts', 'http://tv.test/play.php?mac=***&extension=ts'],
    ['http://tv.test/a?%74oken=abc', 'http://tv.test/a?%74oken=***'],
    ['http://tv.test/hls/0123456789abcdef0123456789abcdef/i.m3u8', 'http://tv.test/hls/***/i.m3u8'],
    ['http://tv.test/channels/news/index.m3u8', 'http://tv.test/channels/news/index.m3u8'],
    ['rtsp://u:p@cam.test/1', 'rtsp://***@cam.test/1'],
    ['not a url ?token=abc', 'not a url ?token=***'],
  ])('%s', (url, expected) => {
    expect(maskUrl(url)).toBe(expected);
  });
});

it('masks headers', () => {
  expect(
    maskHeaders({
      Authorization: 'Bearer x',
      COOKIE: 'a=b',
      'X-Api-Key': 'k',
      Referer: 'http://u:p@tv.test/',
      Accept: '*/*',
    }),
  ).toEqual({ Authorization: '***', COOKIE: '***', 'X-Api-Key': '***', Referer: 'http://***@tv.test/', Accept: '*/*' });
});

it('masks running text', () => {
  const url = 'http://joe%40x:p%2Fw0rd@tv.test/live/josephine/hunter22/7.ts?token=abcdef';
  const secrets = secretsOf(url, { Authorization: 'Bearer t0psecret-value', Cookie: 'sid=verysecret1' });
  const text = `Opening '${url}' for reading\nuser josephine, hunter22, p/w0rd, t0psecret-value verysecret1\nCookie: a=b\nabcdef`;
  const masked = maskText(text, secrets);
  for (const secret of [
    'joe',
    'p%2Fw0rd',
    'p/w0rd',
    'josephine',
    'hunter22',
    'abcdef',
    't0psecret',
    'verysecret1',
    'a=b',
  ]) {
    expect(masked).not.toContain(secret);
  }
  expect(masked).toContain('tv.test');
});

it('leaves short secrets in words alone', () => {
  expect(maskText('a stream', secretsOf('http://tv.test/live/a/am/1.ts'))).toBe('a stream');
});
