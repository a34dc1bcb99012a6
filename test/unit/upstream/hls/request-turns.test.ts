/** How many requests go to one server at a time, and in which order. */

import { expect, it } from 'vitest';
import { RequestTurns } from '../../../../services/proxy/src/upstream/hls/request-turns.ts';

const settled = () => new Promise((resolve) => setImmediate(resolve));

it('lets so many requests begin, then one for each that ends, playlists first', async () => {
  const turns = new RequestTurns(2);
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const ask = async (name: string, isFirst = false) => {
    const end = await turns.take('tv.test', isFirst);
    begun.push(name);
    ends.set(name, end);
  };
  for (const name of ['a', 'b', 'c', 'd']) void ask(name);
  void ask('playlist 1', true);
  void ask('playlist 2', true);
  await settled();
  expect(begun).toEqual(['a', 'b']);
  for (const name of ['a', 'b', 'playlist 1', 'playlist 2', 'c', 'd']) {
    ends.get(name)?.();
    // A turn is given back once, however often that is said.
    ends.get(name)?.();
    await settled();
  }
  expect(begun).toEqual(['a', 'b', 'playlist 1', 'playlist 2', 'c', 'd']);
});

it('counts each server for itself', async () => {
  const turns = new RequestTurns(1);
  await turns.take('one.test', false);
  const end = await turns.take('other.test', false);
  let isThird = false;
  void turns.take('other.test', false).then(() => {
    isThird = true;
  });
  await settled();
  expect(isThird).toBe(false);
  end();
  await settled();
  expect(isThird).toBe(true);
});
