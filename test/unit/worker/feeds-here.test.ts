/** The feeds of a worker, counted and ended without regard to their kind. */

import { expect, it } from 'vitest';
import type { FeedPlace } from '../../../services/proxy/src/ownership/feed-place.ts';
import { type FeedKind, FeedsHere } from '../../../services/proxy/src/worker/feeds-here.ts';

const ACCOUNT = 'an account';

function kind(names: string[], done: string[], label: string): FeedKind {
  return {
    get size() {
      return names.length;
    },
    placeOf: (feed) => (names.includes(feed) ? ({ feed } as FeedPlace) : undefined),
    endIdle: async (account) => {
      done.push(`${label} begins ${account}`);
      await Promise.resolve();
      done.push(`${label} ends`);
    },
  };
}

it('are none before their kinds are added', async () => {
  const feeds = new FeedsHere();
  await feeds.endIdle(ACCOUNT);
  expect([feeds.size, feeds.placeOf('s:a')]).toEqual([0, undefined]);
});

it('are counted and found in every kind', () => {
  const feeds = new FeedsHere();
  const sources = ['s:a'];
  feeds.add(kind(['p:x:0', 'p:x:1'], [], 'processes'), kind(sources, [], 'sources'));
  expect(feeds.size).toBe(3);
  sources.push('s:b');
  expect(feeds.size).toBe(4);
  expect(['p:x:1', 's:b', 's:c'].map((key) => feeds.placeOf(key)?.feed)).toEqual(['p:x:1', 's:b', undefined]);
});

it('end kind by kind: a source is idle only when the process that read it has ended', async () => {
  const feeds = new FeedsHere();
  const done: string[] = [];
  feeds.add(kind([], done, 'processes'), kind([], done, 'sources'));
  await feeds.endIdle(ACCOUNT);
  expect(done).toEqual([`processes begins ${ACCOUNT}`, 'processes ends', `sources begins ${ACCOUNT}`, 'sources ends']);
});
