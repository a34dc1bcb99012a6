/** Keys of feeds are read as they are built. */

import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
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

it.each(['', 'p', 'p:', 'p:a', 'p::0', 'p:a:', 'p:a:x', 'p:a:-1', 's', 's:', 'h:', 'x:a:0', 'a'])(
  'refuses %j',
  (key) => {
    expect(parseFeedKey(key)).toBeUndefined();
  },
);
