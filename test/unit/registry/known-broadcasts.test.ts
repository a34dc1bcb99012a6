/** Which broadcasts are parsed again when all of them have been read again. */

import { expect, it } from 'vitest';
import type { ShownBroadcast } from '../../../services/registry/broadcasts/broadcast.ts';
import { KnownBroadcasts } from '../../../services/registry/redis/broadcasts/known-broadcasts.ts';

it('parses only what has changed, and lists all by id', async () => {
  const parsed: string[] = [];
  const known = new KnownBroadcasts((id, kept, progress) => {
    parsed.push(id);
    return kept === '' ? undefined : ({ id, order: { programme: kept }, progress } as unknown as ShownBroadcast);
  });
  const read = async (...texts: Parameters<typeof known.of>) => {
    parsed.length = 0;
    return known.of(...texts);
  };
  const first = await read({ sports: '1', '': '', news: '1' }, { news: 'far' });
  expect(first.map(({ id }) => id)).toEqual(['news', 'sports']);
  expect(parsed.toSorted()).toEqual(['', 'news', 'sports']);
  const same = await read({ news: '1', '': '', sports: '1' }, { news: 'far' });
  expect(parsed).toEqual([]);
  expect(same[0]).toBe(first[0]);
  const changed = await read({ news: '1', '': '', sports: '2', arts: '1' }, { news: 'farther' });
  expect(parsed).toEqual(['arts', 'news', 'sports']);
  expect(changed).toMatchObject([{ id: 'arts' }, { id: 'news', progress: 'farther' }, { id: 'sports' }]);
  expect((await read({ sports: '2', '': '' }, {})).map(({ id }) => id)).toEqual(['sports']);
  expect(parsed).toEqual([]);
});
