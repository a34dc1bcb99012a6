/** The workers: who serves, who drains, who is silent, and who has gone. */

import type { ClusterState, ShownWorker } from '../../../shared/console/live.ts';
import { Drain } from '../cluster/drain.tsx';
import { Picture } from '../cluster/picture.tsx';
import { stateOf } from '../cluster/worker-state.ts';
import { events, state, status } from '../live/live.ts';
import { Columns } from '../parts/columns.tsx';
import { EventLine } from '../parts/event-line.tsx';
import { Link } from '../parts/link.tsx';
import { Moment } from '../parts/moment.tsx';
import { Outside } from '../parts/outside.tsx';
import { addressOf } from '../shell/address.ts';
import { GROUPS } from '../shell/event-filter.ts';
import { count, megabytes, oneDecimal } from '../words/numbers.ts';
import { visible } from '../words/visible.ts';
import { words } from '../words/words.ts';

const LAST_EVENTS = 10;

export function Cluster() {
  const shown = state.value;
  return (
    <main id="content" class={status.value.kind === 'lost' ? 'stale' : ''}>
      <h1 tabIndex={-1}>{words.cluster.heading}</h1>
      {shown !== undefined && 'workers' in shown ? (
        <>
          <section aria-labelledby="picture">
            <h2 id="picture">{words.cluster.picture}</h2>
            <Picture cluster={shown} />
          </section>
          <Workers cluster={shown} />
        </>
      ) : (
        <p class="hint">{words.now.loading}</p>
      )}
      <Happened />
    </main>
  );
}

function Workers({ cluster: { workers, order, total } }: { readonly cluster: ClusterState }) {
  const { columns } = words.cluster;
  const taking = Object.values(workers).filter(({ state: kind }) => kind === 'serving').length;
  return (
    <section aria-labelledby="workers">
      <h2 id="workers">{words.cluster.workers}</h2>
      <table>
        <Columns
          words={columns}
          columns={[
            ['name'],
            ['state'],
            ['viewers', 'number'],
            ['ffmpegs', 'number wide'],
            ['cpu', 'number wide'],
            ['memory', 'number wide'],
            ['connections', 'number wide'],
            ['started', 'wide'],
          ]}
        />
        <tbody>
          {order.map((name) => {
            const worker = workers[name];
            return worker === undefined ? null : <Row key={name} name={name} worker={worker} taking={taking} />;
          })}
        </tbody>
      </table>
      {order.length < total && <p class="hint">{words.now.onlyMost(order.length, total)}</p>}
    </section>
  );
}

interface RowProps {
  readonly name: string;
  readonly worker: ShownWorker;
  /** Workers that take viewers. */
  readonly taking: number;
}

function Row({ name, worker, taking }: RowProps) {
  const { text: stateText, tone } = stateOf(worker);
  const { viewers, ffmpegs, cpu, bufferedBytes, connections, revision, zone, startedAtMs, version, cores } = worker;
  const place = [
    revision === undefined ? '' : words.cluster.revision(revision),
    version === undefined ? '' : words.connection.version(version),
    zone ?? '',
  ].filter((part) => part !== '');
  return (
    <tr>
      <th scope="row">
        <Link
          to={addressOf('events', { worker_id: name })}
          class="name"
          title={visible(name)}
          label={words.now.eventsOf(visible(name))}
        >
          <bdi>{visible(name)}</bdi>
        </Link>
        {place.length > 0 && (
          <span class="hint small">
            {' '}
            <Outside text={place.join(', ')} />
          </span>
        )}
      </th>
      <td>
        <span class={tone}>{stateText}</span>{' '}
        <Drain name={name} worker={worker} others={taking - (worker.state === 'serving' ? 1 : 0)} />
      </td>
      <td class="number">{numberOr(viewers, count)}</td>
      <td class="number wide">{numberOr(ffmpegs, count)}</td>
      <td class="number wide">
        {numberOr(cpu, oneDecimal)}
        {cpu !== undefined && cores !== undefined && words.cluster.ofCores(cores)}
      </td>
      <td class="number wide">{numberOr(bufferedBytes, megabytes)}</td>
      <td class="number wide">{numberOr(connections, count)}</td>
      <td class="wide">{startedAtMs === undefined ? '–' : <Moment ms={startedAtMs} />}</td>
    </tr>
  );
}

function numberOr(value: number | undefined, shown: (value: number) => string): string {
  return value === undefined ? '–' : shown(value);
}

/** What has happened to workers since the page looks, and just before. */
function Happened() {
  const wanted = new Set(GROUPS.workers);
  const last = events.value.filter(({ event_type: type }) => wanted.has(type)).slice(0, LAST_EVENTS);
  return (
    <section aria-labelledby="happened">
      <h2 id="happened">{words.cluster.happened}</h2>
      {last.length > 0 && (
        <ol class="events">
          {last.map((event) => (
            <EventLine key={event.event_id} event={event} />
          ))}
        </ol>
      )}
      <p>
        <Link to={addressOf('events', { type: 'workers' })}>{words.cluster.allEvents}</Link>
      </p>
    </section>
  );
}
