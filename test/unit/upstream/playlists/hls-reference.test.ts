/** What stands behind the addresses of a viewer's playlist. */

import { describe, expect, it } from 'vitest';
import { Sealer } from '../../../../services/proxy/src/sealer.ts';
import {
  type HlsReference,
  openReference,
  sealReference,
} from '../../../../services/proxy/src/upstream/playlists/hls-reference.ts';
import { segmentName, typeOfName } from '../../../../services/proxy/src/upstream/playlists/segment-name.ts';

const sealer = new Sealer(() => ['secret']);
const STREAM = 'a'.repeat(32);
const WHOLE: HlsReference = {
  role: 'playlist',
  url: 'http://ann:pass@tv.test/low.m3u8?token=x',
  child: { kind: 'audio', number: 3, bandwidth: 1_280_000, hash: '0a1b2c3d' },
  values: { host: 'http://cdn.test' },
  headers: { Referer: 'http://site.test/' },
};

describe('a reference', () => {
  it.each([
    ['with all that it may hold', WHOLE],
    ['with the least', { role: 'segment', url: 'x', child: undefined, values: undefined, headers: undefined } as const],
  ])('opens as it was: %s', (_what, reference) => {
    const text = sealReference(sealer, STREAM, reference);
    expect(text).toMatch(/^[\w-]+$/);
    expect(openReference(sealer, STREAM, text)).toEqual(reference);
    expect(sealReference(new Sealer(() => ['secret']), STREAM, reference)).toBe(text);
  });

  it.each([
    ['nothing', ''],
    ['an address in the clear', 'http://127.0.0.1/'],
    ['a forged one', Buffer.alloc(80, 7).toString('base64url')],
    ['one of another cluster', sealReference(new Sealer(() => ['another']), STREAM, WHOLE)],
    ['one of another stream', sealReference(sealer, 'b'.repeat(32), WHOLE)],
    [
      'a ticket',
      Buffer.from(sealer.seal('ticket', STREAM, '["playlist","http://tv.test/",null,null,null]'), 'hex').toString(
        'base64url',
      ),
    ],
    ['one that is cut off', sealReference(sealer, STREAM, WHOLE).slice(0, -3)],
  ])('is refused with 403: %s', (_what, text) => {
    expect(() => openReference(sealer, STREAM, text)).toThrow(expect.objectContaining({ status: 403 }));
  });

  it('is at most as long as players can read', () => {
    const at = (length: number) => sealReference(sealer, STREAM, { role: 'segment', url: 'x'.repeat(length) });
    expect(at(2_500).length).toBeLessThanOrEqual(3_500);
    expect(() => at(2_700)).toThrow(expect.objectContaining({ status: 502 }));
  });
});

describe('the name of a part says what is inside', () => {
  const name = (url: string, fragmented = false, kind?: 'audio' | 'subtitles') =>
    segmentName({ url, role: 'segment', fragmented, tag: '' }, kind);

  it.each([
    ['http://tv.test/1.ts?x=.mp4', false, undefined, 'segment.ts'],
    ['http://tv.test/1', false, undefined, 'segment.ts'],
    ['http://tv.test/1.jpg', false, undefined, 'segment.ts'],
    ['http://tv.test/1.ts', true, undefined, 'segment.m4s'],
    ['http://tv.test/1', true, undefined, 'segment.m4s'],
    ['http://tv.test/1.CMFV', false, undefined, 'segment.m4s'],
    ['http://tv.test/1.aac', false, 'audio', 'segment.aac'],
    ['http://tv.test/1.mp3', false, 'audio', 'segment.mp3'],
    ['http://tv.test/1.vtt', true, 'subtitles', 'segment.vtt'],
    ['http://tv.test/1', false, 'subtitles', 'segment.vtt'],
    ['http://tv.test/1', true, 'subtitles', 'segment.m4s'],
  ] as const)('%s (behind a map: %s, %s): %s', (url, fragmented, kind, expected) => {
    expect(name(url, fragmented, kind)).toBe(expected);
  });

  it.each([
    ['playlist', 'playlist.m3u8'],
    ['map', 'segment.mp4'],
    ['key', 'segment.ts'],
    ['other', 'segment'],
  ] as const)('%s: %s', (role, expected) => {
    expect(segmentName({ url: 'http://tv.test/x', role, fragmented: true, tag: '' }, undefined)).toBe(expected);
  });

  it('has a type', () => {
    expect(['ts', 'm4s', 'mp4', 'aac', 'vtt', undefined].map(typeOfName)).toEqual([
      'video/mp2t',
      'video/mp4',
      'video/mp4',
      'audio/aac',
      'text/vtt',
      'application/octet-stream',
    ]);
  });
});
