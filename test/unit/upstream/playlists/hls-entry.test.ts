/** Which playlist of a multivariant playlist takes the place of another one. */

import { describe, expect, it } from 'vitest';
import {
  ChildNumbers,
  type HlsPlace,
  isMultivariant,
  placeOf,
} from '../../../../services/proxy/src/upstream/playlists/hls-entry.ts';

function placesOf(prefix: string, ...tags: string[]): HlsPlace[] {
  const numbers = new ChildNumbers();
  return tags.map((tag, at) => ({ child: numbers.childOf(tag), url: `${prefix}${at}` }));
}

const stream = (bandwidth: number, more = '') => `#EXT-X-STREAM-INF:BANDWIDTH=${bandwidth}${more}`;
const sound = (name: string) => `#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="${name}",URI="${name}-${Math.random()}"`;

describe('the playlist in place of another one', () => {
  const before = placesOf(
    'old',
    sound('de'),
    stream(1_000_000),
    stream(3_000_000),
    sound('en'),
    '#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1',
  );

  it.each([
    ['is the same one with another address', 2, placesOf('new', stream(1_000_000), stream(3_000_000)), 'new1'],
    ['is the same one, whatever else there is now', 2, placesOf('new', stream(3_000_000), stream(9_000_000)), 'new0'],
    ['is the nearest in bandwidth', 1, placesOf('new', stream(8_000_000), stream(1_500_000), sound('de')), 'new1'],
    ['is the only one', 1, placesOf('new', stream(1)), 'new0'],
    ['is the sound of the same name', 3, placesOf('new', sound('en'), sound('de')), 'new0'],
    ['is some sound, for sound', 3, placesOf('new', stream(1), sound('fr')), 'new1'],
    ['is none of another kind', 4, placesOf('new', stream(1), sound('fr')), undefined],
  ] as const)('%s', (_what, wanted, places, url) => {
    const child = before[wanted]?.child;
    expect(child).toBeDefined();
    if (child !== undefined) expect(placeOf(child, places)?.url).toBe(url);
  });
});

it.each([
  ['#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na', true],
  ['\uFEFF#EXTM3U\r\n#EXT-X-MEDIA:TYPE=AUDIO,URI="a"\r\n', true],
  ['#EXTM3U\n#EXTINF:2,\na.ts', false],
  ['#EXTM3U\n# not #EXT-X-STREAM-INF:\n#EXT-X-MEDIA-SEQUENCE:1\n', false],
])('tells a multivariant playlist from a media playlist: %j', (text, expected) => {
  expect(isMultivariant(text)).toBe(expected);
});
