/** A table of streams: how each is, who makes it, and where it comes from. On a narrow screen columns become lines below the name. */

import type { StreamRow } from '../../../shared/console/lists.ts';
import { Columns } from '../parts/columns.tsx';
import { Link } from '../parts/link.tsx';
import { Moment } from '../parts/moment.tsx';
import { Outside } from '../parts/outside.tsx';
import { addressOf } from '../shell/address.ts';
import { count, isSlow, megabits, speed } from '../words/numbers.ts';
import { visible } from '../words/visible.ts';
import { words } from '../words/words.ts';

export function StreamTable({ rows }: { readonly rows: readonly StreamRow[] }) {
  const { columns } = words.streams;
  return (
    <table>
      <Columns
        words={columns}
        columns={[
          ['name'],
          ['state'],
          ['viewers', 'number'],
          ['bitrate', 'number wide'],
          ['profile', 'wide'],
          ['source', 'wide'],
          ['worker', 'wide'],
          ['failures', 'number'],
          ['created', 'wide'],
        ]}
      />
      <tbody>
        {rows.map((row) => (
          <Row key={row.stream_id} row={row} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ row }: { readonly row: StreamRow }) {
  const { stream_id: id, name, state, profile, client_count: viewers, bitrate_kbps: kbps, worker_id: worker } = row;
  const { failures_last_hour: failures, created_at: created } = row;
  const { streams, now } = words;
  return (
    <tr>
      <th scope="row">
        <Link to={addressOf('stream', { id })} class="name" title={visible(name)}>
          <bdi>{visible(name)}</bdi>
        </Link>
        <span class="narrow">
          {profile === null ? now.direct : visible(profile)} · <Source row={row} />
          {worker !== null && (
            <>
              {' · '}
              <Outside text={worker} />
            </>
          )}
        </span>
      </th>
      <td>
        <span class={state === 'playing' ? 'good' : 'hint'}>{streams.states[state]}</span>
      </td>
      <td class="number">{count(viewers)}</td>
      <td class="number wide">
        {kbps === null ? '–' : megabits(kbps * 1_000)}
        {row.speed !== null && isSlow(row.speed) && <span class="tag warn">{speed(row.speed)}</span>}
      </td>
      <td class="wide">{profile === null ? now.direct : <Outside text={profile} />}</td>
      <td class="wide">
        <Source row={row} />
      </td>
      <td class="wide">{worker === null ? '–' : <Outside text={worker} />}</td>
      <td class="number">
        {failures === null && '–'}
        {failures === 0 && '0'}
        {failures !== null && failures > 0 && (
          <Link
            to={addressOf('events', { type: 'failures', stream_id: id })}
            class="warn"
            label={streams.failuresOf(failures, visible(name))}
          >
            ▲ {count(failures)}
          </Link>
        )}
      </td>
      <td class="wide">
        <Moment ms={Date.parse(created)} />
      </td>
    </tr>
  );
}

function Source({ row: { source_host: host, current_failover_index: index } }: { readonly row: StreamRow }) {
  return (
    <span class={index >= 0 ? 'source warn' : 'source'}>
      <Outside text={host} /> {index >= 0 ? words.now.backup(index + 1) : words.now.primary}
    </span>
  );
}
