import { describe, expect, it } from 'vitest';
import { parseContentLength } from '../../../../services/proxy/src/upstream/messages/byte-range.ts';
import {
  hintFromUrl,
  isHlsByName,
  kindOfResponse,
  speaksOfFile,
  transportStreamLayout,
} from '../../../../services/proxy/src/upstream/provider/source-kind.ts';
import { packets } from '../support.ts';

interface More {
  contentType?: string;
  contentLength?: number | undefined;
  isNamedFile?: boolean;
  secrets?: string[];
}

function kind(body: Buffer | string, more: More = {}) {
  return kindOfResponse({
    contentType: more.contentType,
    contentLength: more.contentLength,
    isNamedFile: more.isNamedFile ?? false,
    firstBytes: Buffer.from(body),
    secrets: more.secrets ?? [],
  });
}

it.each([
  ['http://tv.test/a.mp4', 'finite'],
  ['http://tv.test/live/a.MKV?x=.ts', 'finite'],
  ['http://tv.test/a.webm#t', 'finite'],
  ['http://tv.test/a.avi', 'finite'],
  ['http://tv.test/live/u/p/1.m3u8', 'hls'],
  ['http://tv.test/live/a.MPD?x=.ts', 'dash'],
  ['http://tv.test/a.ts?token=1', 'mpegts'],
  ['http://tv.test/live/u/p/1', 'mpegts'],
  ['http://tv.test/a?profile=pass', 'mpegts'],
  ['http://tv.test/u/p/1', 'unknown'],
  ['http://tv.test/a?file=x.mp4', 'unknown'],
])('hintFromUrl %s: %s', (url, expected) => {
  expect(hintFromUrl(url)).toBe(expected);
});

it.each([
  ['http://tv.test/movie/u/p/1.m3u8', false],
  ['http://tv.test/series/u/p/1.M3U8?a=1', false],
  ['http://tv.test/timeshift/u/p/60/2026-01-01:20-00/1.m3u8', false],
  ['http://tv.test/live/u/p/1.m3u8?next=/movie/', true],
  ['http://tv.test/x/master.m3u8', true],
  ['http://tv.test/movie/u/p/1.mp4', false],
])('isHlsByName %s: %s', (url, expected) => {
  expect(isHlsByName(url)).toBe(expected);
});

describe('kindOfResponse', () => {
  it('knows MPEG-TS from any place in it', () => {
    const bytes = packets(12);
    for (const cut of [0, 1, 100, 187]) expect(kind(bytes.subarray(cut)).kind, `from ${cut}`).toBe('mpegts');
    expect(kind(bytes.subarray(0, 188 * 2 + 1)).kind).toBe('mpegts');
  });

  it('calls MPEG-TS with a length finite, unless the length means without end', () => {
    expect(kind(packets(12), { contentLength: 188 * 26_600 })).toMatchObject({ kind: 'finite' });
    expect(kind(packets(12), { contentLength: parseContentLength('9223372036854775807') }).kind).toBe('mpegts');
  });

  it('believes a length that is not one of whole packets only of what is spoken of as a file', () => {
    expect(kind(packets(12), { contentLength: 1_000_001 }).kind).toBe('mpegts');
    expect(kind(packets(12), { contentLength: 1_000_001, isNamedFile: true }).kind).toBe('finite');
    for (const [status, headers] of [
      [206, {}],
      [200, { 'accept-ranges': 'bytes' }],
      [200, { etag: '"x"' }],
      [200, { 'last-modified': 'Thu, 01 Jan 1970 00:00:00 GMT' }],
    ] as const) {
      expect(speaksOfFile({ status, headers })).toBe(true);
    }
    expect(speaksOfFile({ status: 200, headers: { 'accept-ranges': 'none' } })).toBe(false);
  });

  it.each([192, 204] as const)('leaves %i-byte packets to FFmpeg', (size) => {
    const bytes = Buffer.concat(
      Array.from({ length: 12 }, (_, i) => Buffer.concat([Buffer.alloc(size - 188, i), packets(1, i)])),
    );
    expect(transportStreamLayout(bytes)).toMatchObject({ packetBytes: size });
    expect(kind(bytes).kind).toBe('other');
  });

  it('knows HLS, also behind a byte order mark, whatever its type says', () => {
    expect(kind('#EXTM3U\n#EXT-X-VERSION:3\n', { contentType: 'text/html', contentLength: 30 }).kind).toBe('hls');
    expect(kind('\uFEFF#EXTM3U\r\n').kind).toBe('hls');
  });

  it('knows a manifest of DASH, also behind a declaration, whatever its type says', () => {
    expect(kind('<?xml version="1.0"?>\n<!-- x -->\n<MPD type="dynamic">', { contentType: 'text/html' }).kind).toBe(
      'dash',
    );
    expect(kind('\uFEFF<dash:MPD xmlns:dash="urn:mpeg:dash:schema:mpd:2011">', { contentLength: 90 }).kind).toBe(
      'dash',
    );
    expect(kind('<html><MPD >').kind).toBe('not_media');
  });

  it('refuses a list of channels', () => {
    const list = '#EXTM3U\n#EXTINF:-1 tvg-id="a" group-title="News",One\nhttp://tv.test/live/joe/hunter22/1.ts\n';
    const result = kind(list);
    expect(result).toMatchObject({ kind: 'not_media', detail: expect.stringContaining('list of channels') });
    expect(JSON.stringify(result)).not.toContain('hunter22');
  });

  it.each([
    [
      '<!DOCTYPE html><html><head><style>b{}</style></head><body><h1>Account expired</h1></body></html>',
      'a web page',
      'Account expired',
    ],
    ['{"error":"too many connections"}', 'JSON', 'too many connections'],
    ['Forbidden\n', 'text', 'Forbidden'],
    ['<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', 'XML', 'AccessDenied'],
    [Buffer.from('Acc\xe8s refus\xe9: le compte est ferm\xe9, adressez-vous \xe0 nous', 'latin1'), 'text', 'refus'],
  ])('says what came instead of media: %s', (body, what, said) => {
    const result = kind(body as Buffer | string, { contentLength: 60 });
    expect(result).toMatchObject({ kind: 'not_media', reason: 'not_media', detail: expect.stringContaining(what) });
    expect(result).toMatchObject({ detail: expect.stringContaining(said) });
  });

  it('does not repeat credentials that the provider prints', () => {
    const result = kind('<html><p>User joe55, password hunter22: expired</p></html>', {
      secrets: ['joe55', 'hunter22'],
    });
    expect(result).toMatchObject({ detail: expect.stringContaining('User ***, password ***: expired') });
  });

  it('reports an empty body', () => {
    expect(kind('')).toMatchObject({ kind: 'not_media', reason: 'empty' });
  });

  it('leaves other containers to FFmpeg, finite when they have a length', () => {
    const mp4 = Buffer.concat([Buffer.from([0, 0, 0, 24]), Buffer.from('ftypisom'), Buffer.alloc(100)]);
    expect(kind(mp4).kind).toBe('other');
    expect(kind(mp4, { contentLength: 1000 }).kind).toBe('finite');
    expect(kind(Buffer.from('FLV\x01\x05\x00\x00\x00\x09')).kind).toBe('other');
  });

  it('refuses compressed data', () => {
    expect(kind(Buffer.from([0x1f, 0x8b, 8, 0, 0])).kind).toBe('not_media');
  });
});
