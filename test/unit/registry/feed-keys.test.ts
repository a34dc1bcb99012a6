/** Keys of feeds are read as they are built. */

import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  feedPath,
  filmFeedKey,
  hlsFeedKey,
  parseFeedKey,
  processFeedKey,
  sourceFeedKey,
  streamOfFeed,
} from '../../../services/registry/feed-keys.ts';

it('reads what it has built', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[\w:-]{1,40}$/), fc.nat(), (name, slot) => {
      expect(parseFeedKey(processFeedKey(name, slot))).toEqual({ kind: 'process', streamId: name, slot });
      expect(streamOfFeed(processFeedKey(name, slot))).toBe(name);
      expect(parseFeedKey(sourceFeedKey(name))).toEqual({ kind: 'source', source: name });
      expect(streamOfFeed(sourceFeedKey(name))).toBeUndefined();
      expect(parseFeedKey(hlsFeedKey(name))).toEqual({ kind: 'hls', source: name });
      expect(streamOfFeed(hlsFeedKey(name))).toBeUndefined();
    }),
  );
});

it('reads the film of a client with any text as its id, also out of a path', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[0-9a-f]{32}$/), fc.string({ minLength: 1 }), (streamId, clientId) => {
      const key = filmFeedKey(streamId, clientId);
      expect(parseFeedKey(key)).toEqual({ kind: 'film', streamId, clientId });
      expect(streamOfFeed(key)).toBe(streamId);
      expect(feedPath(key)).toMatch(/^[^/?#\s]+$/);
      expect(decodeURIComponent(feedPath(key))).toBe(key);
    }),
  );
  expect(feedPath('p:a:0')).toBe('p:a:0');
});

it.each(['', 'p', 'p:', 'p:a', 'p::0', 'p:a:', 'p:a:x', 'p:a:-1', 's', 's:', 'h:', 'x:a:0', 'a'])(
  'refuses %j',
  (key) => {
    expect(parseFeedKey(key)).toBeUndefined();
  },
);
