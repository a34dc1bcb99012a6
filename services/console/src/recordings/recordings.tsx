/** All recordings and network channels: searched and sorted by the worker, a page at a time. */

import {
  RECORDING_FILTERS,
  RECORDING_SORTS,
  type RecordingFilter,
  type RecordingPage,
  type RecordingSort,
} from '../../../shared/console/lists.ts';
import { useAnswer } from '../live/answer.ts';
import { status } from '../live/live.ts';
import { Answered } from '../parts/answered.tsx';
import { Choice } from '../parts/choice.tsx';
import { Link } from '../parts/link.tsx';
import { Paging } from '../parts/paging.tsx';
import { Search } from '../parts/search.tsx';
import { addressOf, go, query } from '../shell/address.ts';
import { words } from '../words/words.ts';
import { RecordingTable } from './recording-table.tsx';

const KINDS = ['all', 'recording', 'channel'] as const;
type Kind = (typeof KINDS)[number];

export function Recordings() {
  const asked = query.value;
  const field = (name: string): string => asked.get(name) ?? '';
  const [search, cursor, stream] = [field('search'), field('cursor'), field('stream_id')];
  const kind = KINDS.find((each) => each === asked.get('kind')) ?? 'all';
  const state = RECORDING_FILTERS.find((each) => each === asked.get('state')) ?? 'all';
  const sort = RECORDING_SORTS.find((each) => each === asked.get('sort')) ?? 'age';
  const question = new URLSearchParams({
    ...{ search, kind, state, sort },
    ...(stream === '' ? {} : { stream_id: stream }),
    ...(cursor === '' ? {} : { cursor }),
  });
  const answer = useAnswer<RecordingPage>(`/recordings?${question}`);
  // Another question begins at the first page.
  const show = (
    next: { search?: string; kind?: Kind; state?: RecordingFilter; sort?: RecordingSort },
    replaces = false,
  ): void => {
    const wanted = { search, kind, state, sort, ...next };
    const address = addressOf('recordings', {
      search: wanted.search,
      kind: wanted.kind === 'all' ? '' : wanted.kind,
      state: wanted.state === 'all' ? '' : wanted.state,
      sort: wanted.sort === 'age' ? '' : wanted.sort,
      stream_id: stream,
    });
    go(address, replaces);
  };
  const { recordings, streams } = words;
  const isAll = search === '' && kind === 'all' && state === 'all' && stream === '';
  return (
    <main id="content" class={status.value.kind === 'lost' ? 'stale' : ''}>
      <h1 tabIndex={-1}>{recordings.heading}</h1>
      <div class="filter">
        <Search label={streams.search} value={search} onSearch={(text) => show({ search: text }, true)} />
        <Choice
          label={streams.show}
          value={kind}
          options={KINDS}
          names={recordings.kinds}
          onChoose={(next) => show({ kind: next })}
        />
        <Choice
          label={recordings.columns.state}
          value={state}
          options={RECORDING_FILTERS}
          names={recordings.filters}
          onChoose={(next) => show({ state: next })}
        />
        <Choice
          label={streams.sort}
          value={sort}
          options={RECORDING_SORTS}
          names={recordings.sorts}
          onChoose={(next) => show({ sort: next })}
        />
        {stream !== '' && (
          <>
            <span class="tag">{words.events.ofStream}</span>
            <Link to={addressOf('recordings')}>{words.events.clear}</Link>
          </>
        )}
      </div>
      <Answered asked={answer}>
        {(page) =>
          page.recordings.length === 0 ? (
            <p class="hint">{isAll ? recordings.none : recordings.nothing}</p>
          ) : (
            <>
              <RecordingTable rows={page.recordings} onChange={answer.again} />
              <Paging shown={page.recordings.length} total={page.total} next={page.next_cursor} />
            </>
          )
        }
      </Answered>
    </main>
  );
}
