/** All streams: searched, filtered and sorted by the worker, a page at a time. */

import {
  STREAM_FILTERS,
  STREAM_SORTS,
  type StreamFilter,
  type StreamPage,
  type StreamSort,
} from '../../../shared/console/lists.ts';
import { useAnswer } from '../live/answer.ts';
import { status } from '../live/live.ts';
import { Answered } from '../parts/answered.tsx';
import { Choice } from '../parts/choice.tsx';
import { Paging } from '../parts/paging.tsx';
import { Search } from '../parts/search.tsx';
import { addressOf, go, query } from '../shell/address.ts';
import { words } from '../words/words.ts';
import { StreamTable } from './stream-table.tsx';

export function Streams() {
  const asked = query.value;
  const [search, cursor] = [asked.get('search') ?? '', asked.get('cursor') ?? ''];
  const state = STREAM_FILTERS.find((each) => each === asked.get('state')) ?? 'all';
  const sort = STREAM_SORTS.find((each) => each === asked.get('sort')) ?? 'viewers';
  const question = new URLSearchParams({ search, state, sort, ...(cursor === '' ? {} : { cursor }) });
  const answer = useAnswer<StreamPage>(`/streams?${question}`);
  // Another question begins at the first page.
  const show = (next: { search?: string; state?: StreamFilter; sort?: StreamSort }, replaces = false): void => {
    const wanted = { search, state, sort, ...next };
    go(
      addressOf('streams', {
        search: wanted.search,
        state: wanted.state === 'all' ? '' : wanted.state,
        sort: wanted.sort === 'viewers' ? '' : wanted.sort,
      }),
      replaces,
    );
  };
  const { streams } = words;
  return (
    <main id="content" class={status.value.kind === 'lost' ? 'stale' : ''}>
      <h1 tabIndex={-1}>{streams.heading}</h1>
      <div class="filter">
        <Search label={streams.search} value={search} onSearch={(text) => show({ search: text }, true)} />
        <Choice
          label={streams.show}
          value={state}
          options={STREAM_FILTERS}
          names={streams.filters}
          onChoose={(next) => show({ state: next })}
        />
        <Choice
          label={streams.sort}
          value={sort}
          options={STREAM_SORTS}
          names={streams.sorts}
          onChoose={(next) => show({ sort: next })}
        />
      </div>
      <Answered asked={answer}>
        {(page) =>
          page.streams.length === 0 ? (
            <p class="hint">{search === '' && state === 'all' ? streams.none : streams.nothing}</p>
          ) : (
            <>
              <StreamTable rows={page.streams} />
              <Paging shown={page.streams.length} total={page.total} next={page.next_cursor} />
            </>
          )
        }
      </Answered>
    </main>
  );
}
