/** The record of what has happened: filtered, paged, and followed live on its first page. */

import { useEffect, useState } from 'preact/hooks';
import { MAX_ROWS, type ShownEvent } from '../../../shared/console/live.ts';
import { isWanted, justAfter, withEvents } from '../live/event-list.ts';
import { events as live, missed, status } from '../live/live.ts';
import { Columns } from '../parts/columns.tsx';
import { EventSentence } from '../parts/event-line.tsx';
import { Link } from '../parts/link.tsx';
import { Moment } from '../parts/moment.tsx';
import { Outside } from '../parts/outside.tsx';
import { addressOf, go, query } from '../shell/address.ts';
import { AnswerError, ask } from '../shell/ask.ts';
import { GROUPS, questionOf, wantedOf } from '../shell/event-filter.ts';
import { words } from '../words/words.ts';
import { Announcer } from './announcer.tsx';

type Read =
  | { readonly kind: 'reading' }
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'read'; readonly events: readonly ShownEvent[] };

export function Events() {
  const asked = query.value;
  const [one, before] = [asked.get('event') ?? '', asked.get('before') ?? ''];
  return (
    <main id="content" class={status.value.kind === 'lost' ? 'stale' : ''}>
      <h1 tabIndex={-1}>{one === '' ? words.events.heading : words.events.one}</h1>
      {one === '' && <Filter />}
      <List key={asked.toString()} one={one} before={before} />
    </main>
  );
}

function Filter() {
  const asked = query.value;
  const { events } = words;
  const type = asked.get('type') ?? '';
  const [streamId, workerId] = [asked.get('stream_id') ?? '', asked.get('worker_id') ?? ''];
  const types = [...new Set(Object.values(GROUPS).flat())].sort();
  const show = (next: string): void => {
    go(addressOf('events', { type: next, stream_id: streamId, worker_id: workerId }));
  };
  return (
    <p class="filter">
      <label>
        {events.what}{' '}
        <select value={type} onChange={(event) => show(event.currentTarget.value)}>
          <option value="">{events.all}</option>
          <option value="failures">{events.failures}</option>
          {Object.entries(events.groups).map(([name, title]) => (
            <option key={name} value={name}>
              {title}
            </option>
          ))}
          <optgroup label={events.columns.type}>
            {types.map((each) => (
              <option key={each} value={each}>
                {words.eventType(each)}
              </option>
            ))}
          </optgroup>
        </select>
      </label>
      {streamId !== '' && <span class="tag">{events.ofStream}</span>}
      {workerId !== '' && <span class="tag">{events.ofWorker(workerId)}</span>}
      {(type !== '' || streamId !== '' || workerId !== '') && <Link to={addressOf('events')}>{events.clear}</Link>}
    </p>
  );
}

function List({ one, before }: { readonly one: string; readonly before: string }) {
  const [read, setRead] = useState<Read>({ kind: 'reading' });
  const wanted = wantedOf(query.value);
  useEffect(() => {
    let isOver = false;
    const question = one === '' ? questionOf(wanted, MAX_ROWS, before) : questionOf(wanted, 1, justAfter(one) ?? one);
    ask<{ events: ShownEvent[] }>(question)
      .then(
        ({ events }): Read => ({ kind: 'read', events: events.filter((each) => one === '' || each.event_id === one) }),
      )
      .catch((error: unknown): Read => ({ kind: 'failed', reason: error instanceof AnswerError ? error.message : '' }))
      .then((next) => {
        if (!isOver) setRead(next);
      });
    return () => {
      isOver = true;
    };
  }, []);
  if (read.kind === 'reading') return <p class="hint">{words.events.loading}</p>;
  if (read.kind === 'failed') return <p class="bar bad">{words.events.failed(read.reason)}</p>;
  const isNewest = one === '' && before === '';
  const fresh = isNewest ? live.value.filter((event) => isWanted(wanted, event)) : [];
  const shown = withEvents(read.events, fresh, MAX_ROWS);
  if (shown.length === 0) return <p class="hint">{one === '' ? words.events.nothing : words.events.none}</p>;
  return (
    <>
      {isNewest && <Announcer newest={shown[0]?.event_id ?? ''} events={shown} />}
      {missed.value > 0 && <p class="bar warn">{words.events.missed(missed.value)}</p>}
      <Table events={shown} isOpen={one !== ''} />
      {one === '' && <Paging isNewest={isNewest} last={shown.length < MAX_ROWS ? undefined : shown.at(-1)} />}
    </>
  );
}

function Table({ events, isOpen }: { readonly events: readonly ShownEvent[]; readonly isOpen: boolean }) {
  const { columns } = words.events;
  return (
    <table>
      <Columns words={columns} columns={[['time'], ['event'], ['type', 'wide']]} />
      <tbody>
        {events.map((event) => (
          <tr key={event.event_id}>
            <td>
              <Link to={addressOf('events', { event: event.event_id })} title={words.events.link}>
                <Moment ms={Date.parse(event.timestamp)} />
              </Link>
            </td>
            <td>
              <EventSentence event={event} />
              <Details event={event} isOpen={isOpen} />
            </td>
            <td class="wide">
              <code>{words.eventType(event.event_type)}</code>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** All that the event says. */
function Details({ event, isOpen }: { readonly event: ShownEvent; readonly isOpen: boolean }) {
  const [isShown, setShown] = useState(isOpen);
  return (
    <details open={isOpen} onToggle={({ currentTarget }) => setShown(currentTarget.open)}>
      <summary>{words.events.details}</summary>
      {isShown && (
        <dl class="facts">
          {Object.entries({ event_id: event.event_id, ...event.data }).map(([name, value]) => (
            <div key={name}>
              <dt>
                <Outside text={name} />
              </dt>
              <dd>
                <Fact name={name} value={value} />
              </dd>
            </div>
          ))}
        </dl>
      )}
    </details>
  );
}

function Fact({ name, value }: { readonly name: string; readonly value: unknown }) {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const isWorker = name === 'worker_id' || name === 'from' || name === 'to';
  if (typeof value !== 'string' || !(isWorker || name === 'stream_id')) return <Outside text={text} />;
  return (
    <Link to={isWorker ? addressOf('events', { worker_id: value }) : addressOf('stream', { id: value })}>
      <Outside text={text} />
    </Link>
  );
}

function Paging({ isNewest, last }: { readonly isNewest: boolean; readonly last: ShownEvent | undefined }) {
  const asked = Object.fromEntries(query.value);
  return (
    <p class="paging">
      {!isNewest && <Link to={addressOf('events', { ...asked, before: undefined })}>{words.events.newest}</Link>}
      {last !== undefined && (
        <Link to={addressOf('events', { ...asked, before: last.event_id })}>{words.events.older}</Link>
      )}
    </p>
  );
}
