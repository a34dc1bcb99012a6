/** The way through the pages of a list that the worker searches, and how many rows there are. */

import { addressOf, page, query } from '../shell/address.ts';
import { words } from '../words/words.ts';
import { Link } from './link.tsx';

interface PagingProps {
  readonly shown: number;
  readonly total: number;
  readonly next: string | null;
}

export function Paging({ shown, total, next }: PagingProps) {
  const asked = Object.fromEntries(query.value);
  const isFirst = asked.cursor === undefined;
  return (
    <p class="paging">
      <span class="hint" role="status">
        {isFirst && next === null ? words.list.all(total) : words.list.some(shown, total)}
      </span>
      {!isFirst && <Link to={addressOf(page.value, { ...asked, cursor: undefined })}>{words.list.first}</Link>}
      {next !== null && <Link to={addressOf(page.value, { ...asked, cursor: next })}>{words.list.next}</Link>}
    </p>
  );
}
