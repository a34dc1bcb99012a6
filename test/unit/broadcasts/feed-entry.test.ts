/** With which segment of a feed a broadcast begins, or goes on. */

import { expect, it } from 'vitest';
import { type FeedEntry, feedEntry } from '../../../services/proxy/src/broadcasts/feed-entry.ts';
import { BEGIN_MS } from './support.ts';

/** Segments of 2 s with these numbers; the first one begins at `beginMs`. */
const feed = (numbers: readonly number[], beginMs = BEGIN_MS) =>
  numbers.map((n, at) => ({ ...{ n, seconds: 2, pdtMs: beginMs + at * 2_000 }, discontinuity: false, gap: false }));

const LISTED = feed([7, 8, 9, 10]);

it.each<[string, Parameters<typeof feedEntry>, FeedEntry]>([
  ['begins with the newest one', [LISTED, undefined], { from: 10, isBroken: false }],
  ['goes on with the next one', [LISTED, { next: 9, endMs: BEGIN_MS + 4_000 }], { from: 9, isBroken: false }],
  [
    'goes on with the one that comes next',
    [LISTED, { next: 11, endMs: BEGIN_MS + 8_000 }],
    { from: 11, isBroken: false },
  ],
  [
    'goes on behind media that nobody has any more',
    [LISTED, { next: 3, endMs: BEGIN_MS - 8_000 }],
    { from: 7, isBroken: true },
  ],
  [
    'knows by its time another segment with this number',
    [feed([7, 8, 9, 10], BEGIN_MS + 60_000), { next: 9, endMs: BEGIN_MS + 4_000 }],
    { from: 7, isBroken: true },
  ],
  [
    'takes nothing twice of a feed that began anew',
    [feed([0, 1, 2, 3]), { next: 51, endMs: BEGIN_MS + 4_000 }],
    { from: 2, isBroken: true },
  ],
  [
    'waits for what is new of a feed that has nothing of it yet',
    [feed([0, 1]), { next: 51, endMs: BEGIN_MS + 60_000 }],
    { from: 2, isBroken: true },
  ],
])('%s', (_, given, entry) => {
  expect(feedEntry(...given)).toEqual(entry);
});
