import { describe, expect, it } from 'vitest';
import { maskRequestUrl } from '../../../../services/proxy/src/api/http/access-log.ts';
import { maskHeaders, maskText, maskUrl, secretsOf } from '../../../../services/shared/masking/mask.ts';

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
    // Spelled as clients read it nevertheless.
    ['  \u0001http://joe:pw@tv.test/a.ts \n', 'http://***@tv.test/a.ts'],
    ['http:/\\joe:pw@tv.test/a.ts', 'http://***@tv.test/a.ts'],
    ['http:joe:pw@tv.test\\a.ts', 'http://***@tv.test/a.ts'],
    ['HTTP://joe:p\nw@tv.test/a.ts', 'http://***@tv.test/a.ts'],
    ['rtsp:\\\\joe:pw@cam.test:8554/1', 'rtsp://***@cam.test:8554/1'],
    ['redis://:pw@redis.test:6379/0', 'redis://***@redis.test:6379/0'],
    ['http://joe:p/w@tv.test/a.ts', 'http://***@tv.test/a.ts'],
    ['http://joe:p w@tv.test:99999/a.ts', 'http://***@tv.test:99999/a.ts'],
    ['http://tv.test/live%2fjoe%2Fpw/7.ts', 'http://tv.test/live/***/***/7.ts'],
    ['http://tv.test/%6cive/joe/p%2577/7.ts', 'http://tv.test/%6cive/***/***/7.ts'],
    ['http://tv.test//LIVE//joe/pw//7.ts', 'http://tv.test//LIVE//***/***//7.ts'],
    ['http://tv.test/live/joe/p%2Fw/7.ts', 'http://tv.test/live/***/***/7.ts'],
    ['http://tv.test/live/joe/pw', 'http://tv.test/live/***/***'],
    ['http://tv.test/live/news/index.m3u8', 'http://tv.test/live/news/index.m3u8'],
    ['http://tv.test/hlsr/abc/joe/pw/7/x/1.ts', 'http://tv.test/hlsr/***/***/***/7/x/1.ts'],
    ['http://tv.test/joe/pw/7;x=1', 'http://tv.test/***/***/7;x=1'],
    ['http://tv.test/a.ts;password=pw;x=1', 'http://tv.test/a.ts;password=***'],
    ['http://tv.test/play/joe@pw/x.ts', 'http://tv.test/play/***/x.ts'],
    ['http://tv.test/a?x=1;password=p;w&y=2', 'http://tv.test/a?x=1;password=***&y=2'],
    ['http://tv.test/a?x=1%26token%3Dabc&y=2', 'http://tv.test/a?x=1%26token%3D***&y=2'],
    ['http://tv.test/a?u%72l=http%3A%2F%2Fjoe:pw@b.test%2Fx', 'http://tv.test/a?u%72l=***%40b.test%2Fx'],
    ['http://tv.test/a?url=http:/\\joe:pw@b.test/x', 'http://tv.test/a?url=http%3A%2F%2F***%40b.test%2Fx'],
    ['http://tv.test/a?0123456789abcdef', 'http://tv.test/a?***'],
    ['http://tv.test/a?id=eyJhbGciOi.eyJzdWIi.c2ln', 'http://tv.test/a?id=***'],
    ['file:///app/node_modules/a@1.2.3/live.js:10:5', 'file:///app/node_modules/a@1.2.3/live.js:10:5'],
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

describe('maskText', () => {
  it.each([
    // FFmpeg, undici, ioredis, and what servers echo.
    ['[error] http://joe:pw@tv.test/a.ts: Server returned 404', '[error] http://***@tv.test/a.ts: Server returned 404'],
    ["Error opening input 'rtsp://joe:p'w@cam.test/1'.", "Error opening input 'rtsp://***@cam.test/1'."],
    ['connect ECONNREFUSED redis://:p w@redis.test:6379/0', 'connect ECONNREFUSED redis://***@redis.test:6379/0'],
    ['Request to //joe:pw@tv.test failed', 'Request to //***@tv.test failed'],
    ['moved to /live/joe/pw/7.ts?x=1', 'moved to /live/***/***/7.ts?x=1'],
    ['{"error":"no","password":"p w","user":"joe"}', '{"error":"no","password":"***","user":"***"}'],
    ['You sent Basic am9lOnB3 and no more', 'You sent Basic *** and no more'],
    ['Bearer%20abc.def is not known', 'Bearer%20*** is not known'],
    ['X-Api-Key: abc def\nAccept: */*', 'X-Api-Key: ***\nAccept: */*'],
    ['login=joe&pass=pw&type=m3u', 'login=***&pass=***&type=m3u'],
    ['username=joe, password=pw; code=404', 'username=***, password=***; code=404'],
    ['GET /stats%3Fapi_token%3Dabc HTTP/1.1', 'GET /stats%3Fapi_token%3D*** HTTP/1.1'],
    // No secrets.
    ['Basic authentication is required', 'Basic authentication is required'],
    ['file:/etc/passwd: Permission denied', 'file:/etc/passwd: Permission denied'],
    ['http://tv.test/a/token: Server returned 404', 'http://tv.test/a/token: Server returned 404'],
    ['[http @ 0x55d] code: 404, s: 1, 10:20', '[http @ 0x55d] code: 404, s: 1, 10:20'],
    ['The source answered 401 (ask joe@tv.test).', 'The source answered 401 (ask joe@tv.test).'],
    ['Stream #0:0[0x100]: Video: h264, 25 fps', 'Stream #0:0[0x100]: Video: h264, 25 fps'],
  ])('%s', (text, expected) => {
    expect(maskText(text)).toBe(expected);
    expect(maskText(maskText(text))).toBe(expected);
  });
});

describe('maskRequestUrl', () => {
  it.each([
    ['/stats?api_token=abc&x=1', '/stats?api_token=***&x=1'],
    ['/stats?api_token%=abc', '/stats?api_token%=***'],
    ['/stats?api%5Ftoken=a%ZZbc', '/stats?api%5Ftoken=***'],
    ['/stats?&&api_token==abc', '/stats?&&api_token=***'],
    ['/stats??api_token=abc', '/stats??api_token=***'],
    ['/stats?x=1?api_token=abc', '/stats?x=1?api_token=***'],
    ['/stats?api_token:abc', '/stats?api_token=***'],
    ['/stats?api_token%3Dabc', '/stats?api_token=***'],
    ['/stats?api_token[]=abc', '/stats?api_token[]=***'],
    ['/stats&api_token=abc', '/stats&api_token=***'],
    ['/stats;api%5ftoken=abc', '/stats;api_token=***'],
    ['/stats%3Fapi%5Ftoken=abc', '/stats?api_token=***'],
    ['/stream/x?url=http%3A%2F%2Fjoe%3Apw%40tv.test%2Fa', '/stream/x?url=http%3A%2F%2F***%40tv.test%2Fa'],
    ['/stream/x?url=http://tv.test/live/joe/pw/7.ts', '/stream/x?url=http%3A%2F%2Ftv.test%2Flive%2F***%2F***%2F7.ts'],
    [
      `/stream/${'0a'.repeat(16)}?client_id=${'0a'.repeat(16)}`,
      `/stream/${'0a'.repeat(16)}?client_id=${'0a'.repeat(16)}`,
    ],
    ['/streams/by-metadata?field=type&value=channel', '/streams/by-metadata?field=type&value=channel'],
    [
      `/m3u-proxy/hls/${'0a'.repeat(16)}-00ff/playlist.m3u8?r=Ab-_1&_HLS_msn=7`,
      `/m3u-proxy/hls/${'0a'.repeat(16)}-***/playlist.m3u8?r=***&_HLS_msn=7`,
    ],
    [
      `/hls/${'0a'.repeat(16)}/segment.ts?url=Ab-_1&client_id=tv`,
      `/hls/${'0a'.repeat(16)}/segment.ts?url=***&client_id=tv`,
    ],
  ])('%s', (url, expected) => {
    expect(maskRequestUrl(url)).toBe(expected);
  });
});

it('leaves short secrets in words alone', () => {
  expect(maskText('a stream', secretsOf('http://tv.test/live/a/am/1.ts'))).toBe('a stream');
});
