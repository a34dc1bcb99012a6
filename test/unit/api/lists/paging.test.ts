// Pages of a sorted list: none twice, none left out, whatever comes or goes between two of them.
import { describe, expect, it } from 'vitest';
import { cursorText, hasWords, pageOf, readCursor } from '../../../../services/proxy/src/api/lists/paging.ts';

const items = (...values: number[]) => values.map((value, at) => ({ id: `id-${at}`, value }));
const ids = (page: { readonly items: readonly { readonly id: string }[] }) => page.items.map(({ id }) => id);

describe('a page', () => {
  it('has the largest first, and by id those that are equal', () => {
    const page = pageOf(items(1, 5, 3, 5), 10);
    expect(ids(page)).toEqual(['id-1', 'id-3', 'id-2', 'id-0']);
    expect([page.total, page.next]).toEqual([4, undefined]);
  });

  it('leads to the next one, until there is none', () => {
    const all = items(...Array.from({ length: 25 }, (_, at) => at % 4));
    const seen: string[] = [];
    let cursor: string | undefined;
    let pages = 0;
    do {
      const page = pageOf(all, 10, cursor === undefined ? undefined : readCursor(cursor));
      expect(page.total).toBe(25);
      seen.push(...ids(page));
      cursor = page.next;
      pages += 1;
    } while (cursor !== undefined);
    expect([pages, new Set(seen).size, seen.length]).toEqual([3, 25, 25]);
  });

  it('has no next one when it is just full', () => {
    expect(pageOf(items(1, 2), 2).next).toBeUndefined();
  });

  it('goes on behind a row that has gone meanwhile', () => {
    const first = pageOf(items(9, 8, 7, 6), 2);
    const rest = pageOf(
      items(9, 8, 7, 6).filter(({ id }) => id !== 'id-1'),
      2,
      readCursor(first.next ?? ''),
    );
    expect(ids(rest)).toEqual(['id-2', 'id-3']);
  });
});

describe('a cursor', () => {
  it('is read as it was written, with any text as id', () => {
    const position = { value: 1.5, id: 'ü/\n"x' };
    expect(readCursor(cursorText(position))).toEqual(position);
  });

  it.each(['', '%', 'bm8', Buffer.from('[1]').toString('base64url'), Buffer.from('["1","a"]').toString('base64url')])(
    'is not %j',
    (text) => {
      expect(readCursor(text)).toBeUndefined();
    },
  );
});

it('a search finds each of its words, in any case and order', () => {
  expect(hasWords('BBC One\nprovider.example', 'ONE bbc')).toBe(true);
  expect(hasWords('BBC One\nprovider.example', 'bbc two')).toBe(false);
});
