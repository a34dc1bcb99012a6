import { expect, it } from 'vitest';
import {
  type HlsEntry,
  isPlaylist,
  rewritePlaylist,
} from '../../../../services/proxy/src/upstream/gateway/hls-rewrite.ts';

function rewrite(text: string, base = 'http://tv.test/a/b.m3u8?x=1'): { text: string; entries: HlsEntry[] } {
  const entries: HlsEntry[] = [];
  const out = rewritePlaylist(text, base, (entry) => {
    entries.push(entry);
    return `[${entries.length}]`;
  });
  return { text: out, entries };
}

it('replaces every address of a media playlist and leaves the rest as it is', () => {
  const { text, entries } = rewrite(
    [
      '#EXTM3U',
      '#EXT-X-VERSION:6',
      '# a comment with http://tv.test/x',
      '#EXT-X-KEY:METHOD=AES-128,URI="../key?id=1",IV=0x1',
      '#EXT-X-MAP:URI="init.mp4",BYTERANGE="10@0"',
      '#EXT-X-UNKNOWN:FOO="bar",X-NEW-URI="http://other.test/z"',
      '#EXTINF:6.006,Title, with comma',
      'seg 1.m4s?token=a',
      '#EXT-X-DISCONTINUITY',
      '#EXTINF:6,',
      '//cdn.test/seg2.m4s',
      '#EXT-X-ENDLIST',
      '',
    ].join('\n'),
  );
  expect(text).toBe(
    [
      '#EXTM3U',
      '#EXT-X-VERSION:6',
      '# a comment with http://tv.test/x',
      '#EXT-X-KEY:METHOD=AES-128,URI="[1]",IV=0x1',
      '#EXT-X-MAP:URI="[2]",BYTERANGE="10@0"',
      '#EXT-X-UNKNOWN:FOO="bar",X-NEW-URI="[3]"',
      '#EXTINF:6.006,Title, with comma',
      '[4]',
      '#EXT-X-DISCONTINUITY',
      '#EXTINF:6,',
      '[5]',
      '#EXT-X-ENDLIST',
      '',
    ].join('\n'),
  );
  expect(entries.map(({ url, role }) => [url, role])).toEqual([
    ['http://tv.test/key?id=1', 'key'],
    ['http://tv.test/a/init.mp4', 'map'],
    ['http://other.test/z', 'other'],
    ['http://tv.test/a/seg%201.m4s?token=a', 'segment'],
    ['http://cdn.test/seg2.m4s', 'segment'],
  ]);
  expect(entries.at(-1)?.fragmented).toBe(true);
});

it('knows the playlists of a multivariant playlist', () => {
  const { entries } = rewrite(
    '#EXTM3U\r\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="x",URI="audio"\r\n#EXT-X-STREAM-INF:BANDWIDTH=1\r\nlow\r\n' +
      '#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI="iframes"\r\n#EXT-X-SESSION-KEY:METHOD=SAMPLE-AES,URI="skd://x"\r\nplain.M3U8?x',
  );
  expect(entries.map(({ url, role }) => [url, role])).toEqual([
    ['http://tv.test/a/audio', 'playlist'],
    ['http://tv.test/a/low', 'playlist'],
    ['http://tv.test/a/iframes', 'playlist'],
    ['skd://x', 'key'],
    ['http://tv.test/a/plain.M3U8?x', 'playlist'],
  ]);
});

it.each([
  ['without quotation marks', '#EXT-X-KEY:METHOD=AES-128,URI=http://169.254.169.254/k,IV=0x0'],
  ['with an open quotation mark', '#EXT-X-KEY:METHOD=AES-128,URI="http://169.254.169.254/k'],
  ['first in the list', '#EXT-X-MAP:URI=http://169.254.169.254/k'],
  ['behind a blank', '#EXT-X-MAP: URI="http://169.254.169.254/k"'],
  ['behind a NUL', '#EXTM3U\n# hidden\0http://169.254.169.254/k'],
  ['behind a bare CR', '#EXTM3U\n# hidden\rhttp://169.254.169.254/k'],
  ['behind a leading blank', ' http://169.254.169.254/k'],
  ['a file', '#EXTINF:1,\nfile:///169.254.169.254'],
  ['with backslashes', '#EXTINF:1,\nhttp:\\\\169.254.169.254\\k'],
])('lets no address by: %s', (_how, playlist) => {
  const { text, entries } = rewrite(playlist);
  expect(entries).toHaveLength(1);
  expect(text).not.toContain('169.254');
});

it('leaves inline data alone, keeps what is no URL as it is', () => {
  expect(rewrite('#EXT-X-KEY:METHOD=AES-128,URI="data:text/plain;base64,AAAA"').entries).toEqual([]);
  expect(rewrite('#EXTINF:1,\nhttp://[').entries[0]?.url).toBe('http://[');
});

it('recognises a playlist, also in disguise', () => {
  expect(isPlaylist(Buffer.from('#EXTM3U\n'))).toBe(true);
  expect(isPlaylist(Buffer.from('\uFEFF\r\n #EXTM3U'))).toBe(true);
  expect(isPlaylist(Buffer.from('GIF89a#EXTM3U'))).toBe(false);
  expect(rewrite('\uFEFF#EXTM3U').text).toBe('#EXTM3U');
});
