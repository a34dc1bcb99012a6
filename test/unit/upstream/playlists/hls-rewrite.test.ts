import { describe, expect, it } from 'vitest';
import {
  type HlsEntry,
  isPlaylist,
  rewriteForViewer,
  rewritePlaylist,
} from '../../../../services/proxy/src/upstream/playlists/hls-rewrite.ts';
import { CORPUS } from './hls-corpus.ts';

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

describe('for a viewer', () => {
  const forViewer = (text: string, base: string, imported: Readonly<Record<string, string>> = {}) => {
    const entries: HlsEntry[] = [];
    const out = rewriteForViewer(text, {
      baseUrl: base,
      imported: new Map(Object.entries(imported)),
      replace: (entry) => {
        entries.push(entry);
        return `[${entries.length}]`;
      },
    });
    return { out, entries };
  };

  it.each(CORPUS.map((each) => [each.what, each] as const))(
    'is byte for byte the same but for its addresses: %s',
    (_what, each) => {
      const { base, imported, marked, addresses } = each;
      let count = 0;
      const expected = marked.replace(/‹[^›]*›/g, '').replace(/«[^»]*»/g, () => {
        count += 1;
        return `[${count}]`;
      });
      const { out, entries } = forViewer(marked.replace(/[«»‹›]/g, ''), base, imported);
      expect(out).toBe(expected);
      expect(entries.map(({ role, url }) => [role, url])).toEqual(addresses);
    },
  );

  it('writes out what the playlist takes from its own query, without what would end a line', () => {
    const text = '#EXTM3U\n#EXT-X-DEFINE:QUERYPARAM="token"\n#EXTINF:2,\n1.ts?t={$token}';
    const { out, entries } = forViewer(text, 'http://tv.test/a.m3u8?token=x%22%0Ay%2Bz');
    expect(out).toBe('#EXTM3U\n#EXT-X-DEFINE:NAME="token",VALUE="x%22%0Ay+z"\n#EXTINF:2,\n[1]');
    expect(entries[0]?.url).toBe('http://tv.test/1.ts?t=x%22%0Ay+z');
    expect(forViewer(text, 'http://tv.test/a.m3u8').out).toContain('#EXT-X-DEFINE:NAME="token",VALUE=""');
  });

  it('makes the addresses of interstitials absolute', () => {
    const text = '#EXTM3U\n#EXT-X-DATERANGE:ID="1",X-ASSET-LIST="list.json",X-ASSET-URI="/ad.m3u8"';
    expect(forViewer(text, 'http://tv.test/a/b.m3u8').out).toBe(
      '#EXTM3U\n#EXT-X-DATERANGE:ID="1",X-ASSET-LIST="http://tv.test/a/list.json",X-ASSET-URI="http://tv.test/ad.m3u8"',
    );
  });

  it('takes headers from behind an address', () => {
    const { entries } = forViewer(
      '#EXTINF:1,\n1.ts|User-Agent=Box%2F1&Referer=http%3A%2F%2Fsite.test%2F',
      'http://tv.test/',
    );
    expect(entries[0]?.headers).toEqual({ 'User-Agent': 'Box/1', Referer: 'http://site.test/' });
  });

  it('says which tag an address belongs to, and what is defined for it', () => {
    const text =
      '#EXTM3U\n#EXT-X-DEFINE:NAME="a",VALUE="1"\n#EXT-X-STREAM-INF:BANDWIDTH=7\nv\n#EXT-X-DEFINE:NAME="b",VALUE="2"\n';
    const seen: unknown[] = [];
    rewriteForViewer(text, {
      baseUrl: 'http://tv.test/',
      imported: new Map(),
      replace: ({ tag }, values) => {
        seen.push([tag, [...values]]);
        return '';
      },
    });
    expect(seen).toEqual([['#EXT-X-STREAM-INF:BANDWIDTH=7', [['a', '1']]]]);
  });

  it.each([
    ['without quotation marks', '#EXT-X-KEY:METHOD=AES-128,URI=http://169.254.169.254/k,IV=0x0'],
    ['with an open quotation mark', '#EXT-X-KEY:METHOD=AES-128,URI="http://169.254.169.254/k'],
    ['behind a NUL', '#EXTM3U\n# hidden\0http://169.254.169.254/k'],
    ['behind a bare CR', '#EXTM3U\n# hidden\rhttp://169.254.169.254/k'],
    ['behind a byte order mark', '\uFEFFhttp://169.254.169.254/k'],
    ['with backslashes', '#EXTINF:1,\nhttp:\\\\169.254.169.254\\k'],
    ['built from values', '#EXT-X-DEFINE:NAME="a",VALUE="http://169.254.169.254/"\n{$a}k'],
    ['built from a scheme', '#EXT-X-DEFINE:NAME="s",VALUE="htt"\n{$s}p://169.254.169.254/k'],
  ])('lets no address by: %s', (_how, playlist) => {
    const { out, entries } = forViewer(playlist, 'http://tv.test/a.m3u8');
    expect(entries.map(({ url }) => url)).toEqual(['http://169.254.169.254/k']);
    expect(out.split('\n').at(-1)).not.toContain('169.254');
  });
});
