/** What a media playlist says of itself, and its numbers when they go on from another source's. */

import { describe, expect, it } from 'vitest';
import { mediaFacts, renumbered } from '../../../../services/proxy/src/upstream/playlists/media-playlist.ts';

const live = (first: number, segments: number, end = '\n', ...more: string[]): string =>
  [
    '#EXTM3U',
    '#EXT-X-TARGETDURATION:4',
    `#EXT-X-MEDIA-SEQUENCE:${first}`,
    ...more,
    ...Array.from({ length: segments }, (_, n) => [`#EXTINF:4,`, `${first + n}.ts`]).flat(),
    '',
  ].join(end);

describe('a media playlist', () => {
  it.each([
    ['a live one', live(41, 3), { targetDurationMs: 4_000, first: 41, next: 44, isOver: false, windowMs: 12_000 }],
    [
      'with CRLF',
      live(41, 3, '\r\n'),
      { targetDurationMs: 4_000, first: 41, next: 44, isOver: false, windowMs: 12_000 },
    ],
    [
      'one that is over',
      `${live(0, 2)}#EXT-X-ENDLIST`,
      { targetDurationMs: 4_000, first: 0, next: 2, isOver: true, windowMs: 8_000 },
    ],
    [
      'with skipped segments',
      live(100, 2, '\n', '#EXT-X-SKIP:SKIPPED-SEGMENTS=5'),
      { targetDurationMs: 4_000, first: 100, next: 107, isOver: false, windowMs: 28_000 },
    ],
    [
      'without its tags',
      '#EXTM3U\n#EXTINF:2,\na.ts',
      { targetDurationMs: 6_000, first: 0, next: 1, isOver: false, windowMs: 2_000 },
    ],
    [
      'with nonsense',
      '#EXTM3U\n#EXT-X-TARGETDURATION:99999\n#EXT-X-MEDIA-SEQUENCE:-5\n',
      { targetDurationMs: 60_000, first: 0, next: 0, isOver: false, windowMs: 0 },
    ],
  ])('says what it has: %s', (_what, text, facts) => {
    expect(mediaFacts(text)).toEqual({ ...facts, discontinuities: 0 });
  });

  it('counts the discontinuities up to its end', () => {
    const text = live(41, 2, '\n', '#EXT-X-DISCONTINUITY-SEQUENCE:7', '#EXT-X-DISCONTINUITY');
    expect(mediaFacts(`${text}#EXT-X-DISCONTINUITY\r\n#EXTINF:4,\n43.ts\n`).discontinuities).toBe(9);
  });
});

describe('the numbers of the next source', () => {
  it('go on, with a discontinuity in front of its first segment', () => {
    const text = renumbered(live(7, 3), { offset: 93, from: 100, discontinuities: 0 });
    expect(text).toBe(
      '#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:100\n#EXT-X-DISCONTINUITY\n#EXTINF:4,\n7.ts\n#EXTINF:4,\n8.ts\n#EXTINF:4,\n9.ts\n',
    );
  });

  it('count the discontinuity when it has left the playlist, and those of earlier sources', () => {
    expect(renumbered(live(8, 2), { offset: 93, from: 100, discontinuities: 0 })).toBe(
      '#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:101\n#EXT-X-DISCONTINUITY-SEQUENCE:1\n#EXTINF:4,\n8.ts\n#EXTINF:4,\n9.ts\n',
    );
    const own = live(8, 2, '\r\n', '#EXT-X-DISCONTINUITY-SEQUENCE:5');
    expect(renumbered(own, { offset: 93, from: 100, discontinuities: 2 })).toBe(
      '#EXTM3U\r\n#EXT-X-TARGETDURATION:4\r\n#EXT-X-MEDIA-SEQUENCE:101\r\n#EXT-X-DISCONTINUITY-SEQUENCE:8\r\n#EXTINF:4,\r\n8.ts\r\n#EXTINF:4,\r\n9.ts\r\n',
    );
  });

  it('are written where the source wrote none', () => {
    expect(renumbered('#EXTM3U\n#EXTINF:2,\na.ts\n', { offset: 50, from: 50, discontinuities: 1 })).toBe(
      '#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:50\n#EXT-X-DISCONTINUITY-SEQUENCE:1\n#EXT-X-DISCONTINUITY\n#EXTINF:2,\na.ts\n',
    );
  });

  it('hold for reports of other renditions, and behind skipped segments', () => {
    const text = live(10, 1, '\n', '#EXT-X-SKIP:SKIPPED-SEGMENTS=3');
    const withReport = `${text}#EXT-X-RENDITION-REPORT:URI="x",LAST-MSN=13,LAST-PART=1\n`;
    const result = renumbered(withReport, { offset: 90, from: 103, discontinuities: 0 });
    expect(result).toContain('#EXT-X-DISCONTINUITY\n#EXTINF:4,\n10.ts');
    expect(result).toContain('LAST-MSN=103,LAST-PART=1');
  });
});
