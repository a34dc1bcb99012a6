/** Pages of a list that changes between reads. The cursor is the last id seen, so no item is shown twice or skipped. Pure. */

export interface PageRequest {
  limit: number;
  /** The last id of the previous page. */
  cursor?: string | undefined;
}

export interface Page<T> {
  items: T[];
  total: number;
  /** Null: this is the last page. */
  nextCursor: string | null;
}

/**
 * The part of a list that a page shows, in the order of the ids.
 *
 * @example pageOf(['b', 'a', 'c'], (id) => id, { limit: 2 }) // { items: ['a', 'b'], total: 3, nextCursor: 'b' }
 */
export function pageOf<T>(all: readonly T[], idOf: (item: T) => string, { limit, cursor }: PageRequest): Page<T> {
  const sorted = [...all].sort((a, b) => (idOf(a) < idOf(b) ? -1 : 1));
  const rest = cursor === undefined ? sorted : sorted.filter((item) => idOf(item) > cursor);
  const items = rest.slice(0, limit);
  const last = items.at(-1);
  return { items, total: all.length, nextCursor: last === undefined || rest.length <= limit ? null : idOf(last) };
}
