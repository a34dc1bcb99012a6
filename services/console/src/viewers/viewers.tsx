/** All viewers: searched and sorted by the worker, a page at a time. */

import { VIEWER_SORTS, type ViewerPage, type ViewerSort } from '../../../shared/console/lists.ts';
import { useAnswer } from '../live/answer.ts';
import { status } from '../live/live.ts';
import { Answered } from '../parts/answered.tsx';
import { Choice } from '../parts/choice.tsx';
import { Link } from '../parts/link.tsx';
import { Paging } from '../parts/paging.tsx';
import { Search } from '../parts/search.tsx';
import { addressOf, go, query } from '../shell/address.ts';
import { words } from '../words/words.ts';
import { ViewerTable } from './viewer-table.tsx';

export function Viewers() {
  const asked = query.value;
  const field = (name: string): string => asked.get(name) ?? '';
  const [search, cursor, worker, stream] = [field('search'), field('cursor'), field('worker_id'), field('stream_id')];
  const sort = VIEWER_SORTS.find((each) => each === asked.get('sort')) ?? 'since';
  const question = new URLSearchParams({
    ...{ search, sort },
    ...(worker === '' ? {} : { worker_id: worker }),
    ...(stream === '' ? {} : { stream_id: stream }),
    ...(cursor === '' ? {} : { cursor }),
  });
  const answer = useAnswer<ViewerPage>(`/clients?${question}`);
  const show = (next: { search?: string; sort?: ViewerSort }, replaces = false): void => {
    const wanted = { search, sort, ...next };
    const address = addressOf('viewers', {
      search: wanted.search,
      sort: wanted.sort === 'since' ? '' : wanted.sort,
      worker_id: worker,
      stream_id: stream,
    });
    go(address, replaces);
  };
  const { viewers } = words;
  return (
    <main id="content" class={status.value.kind === 'lost' ? 'stale' : ''}>
      <h1 tabIndex={-1}>{viewers.heading}</h1>
      <div class="filter">
        <Search label={viewers.search} value={search} onSearch={(text) => show({ search: text }, true)} />
        <Choice
          label={words.streams.sort}
          value={sort}
          options={VIEWER_SORTS}
          names={viewers.sorts}
          onChoose={(next) => show({ sort: next })}
        />
        {(worker !== '' || stream !== '') && (
          <>
            {worker !== '' && <span class="tag">{words.events.ofWorker(worker)}</span>}
            {stream !== '' && <span class="tag">{words.events.ofStream}</span>}
            <Link to={addressOf('viewers')}>{words.events.clear}</Link>
          </>
        )}
      </div>
      <Answered asked={answer}>
        {(page) =>
          page.clients.length === 0 ? (
            <p class="hint">{search === '' && worker === '' && stream === '' ? viewers.none : viewers.nothing}</p>
          ) : (
            <>
              <ViewerTable rows={page.clients} onChange={answer.again} />
              <Paging shown={page.clients.length} total={page.total} next={page.next_cursor} />
            </>
          )
        }
      </Answered>
    </main>
  );
}
