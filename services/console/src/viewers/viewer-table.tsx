/** A table of viewers: who watches what, with what, since when, and through which worker. */

import { useState } from 'preact/hooks';
import { CONSOLE_CLIENT, type ViewerRow } from '../../../shared/console/lists.ts';
import { Columns } from '../parts/columns.tsx';
import { Link } from '../parts/link.tsx';
import { Moment } from '../parts/moment.tsx';
import { Outside } from '../parts/outside.tsx';
import { addressOf } from '../shell/address.ts';
import { AnswerError, ask } from '../shell/ask.ts';
import { count, megabits, megabytes } from '../words/numbers.ts';
import { playerOf } from '../words/players.ts';
import { visible } from '../words/visible.ts';
import { words } from '../words/words.ts';

const COLUMNS = [
  ['who'],
  ['what'],
  ['player', 'wide'],
  ['since', 'wide'],
  ['worker', 'wide'],
  ['bitrate', 'number'],
  ['bytes', 'number wide'],
  ['skips', 'number wide'],
] as const;

interface ViewerTableProps {
  readonly rows: readonly ViewerRow[];
  /** All of them watch the same stream. */
  readonly ofOneStream?: boolean;
  readonly onChange: () => void;
}

export function ViewerTable({ rows, ofOneStream = false, onChange }: ViewerTableProps) {
  const { columns, disconnect } = words.viewers;
  return (
    <table>
      <Columns
        words={columns}
        columns={ofOneStream ? COLUMNS.filter(([key]) => key !== 'what') : COLUMNS}
        action={disconnect}
      />
      <tbody>
        {rows.map((row) => (
          <Row key={`${row.client_id} ${row.stream_id}`} row={row} ofOneStream={ofOneStream} onChange={onChange} />
        ))}
      </tbody>
    </table>
  );
}

interface RowProps {
  readonly row: ViewerRow;
  readonly ofOneStream: boolean;
  readonly onChange: () => void;
}

function Row({ row, ofOneStream, onChange }: RowProps) {
  const { username, ip_address: address, user_agent: agent, created_at: created, worker_id: worker } = row;
  const player = playerOf(agent);
  return (
    <tr>
      <th scope="row">
        <Outside text={username ?? address} />
        {username !== null && (
          <span class="hint small">
            {' '}
            <Outside text={address} />
          </span>
        )}
        <span class="narrow">
          <Outside text={player} /> · <Moment ms={Date.parse(created)} /> · <Outside text={worker} />
          {row.skips > 0 && ` · ${words.viewers.skips(row.skips)}`}
        </span>
      </th>
      {!ofOneStream && (
        <td>
          <Link to={addressOf('stream', { id: row.stream_id })}>
            <Outside text={row.stream_name} />
          </Link>
        </td>
      )}
      <td class="wide" title={visible(agent)}>
        {player}
        {row.format !== null && <span class="tag">{words.viewers.formats[row.format]}</span>}
        {row.client_id.startsWith(CONSOLE_CLIENT) && (
          <span class="tag" title={words.viewers.consoleTitle}>
            {words.viewers.console}
          </span>
        )}
      </td>
      <td class="wide">
        <Moment ms={Date.parse(created)} />
      </td>
      <td class="wide">
        <Outside text={worker} />
      </td>
      <td class="number">{megabits(row.bitrate_kbps * 1_000)}</td>
      <td class="number wide">{megabytes(row.bytes_served)}</td>
      <td class="number wide">
        {row.is_session ? '–' : row.skips > 0 ? <span class="warn">▲ {count(row.skips)}</span> : '0'}
      </td>
      <td class="number">
        <Disconnect row={row} onChange={onChange} />
      </td>
    </tr>
  );
}

/** What a worker takes to tell another one, and the list to know. */
const KNOWN_MS = 1_500;

function Disconnect({ row, onChange }: { readonly row: ViewerRow; readonly onChange: () => void }) {
  const [state, setState] = useState<'asked' | 'refused' | undefined>();
  const { viewers } = words;
  const who = visible(row.username ?? row.ip_address);
  const end = async (): Promise<void> => {
    setState('asked');
    try {
      const path = `/hls/${encodeURIComponent(row.stream_id)}/clients/${encodeURIComponent(row.client_id)}`;
      await ask(path, { method: 'DELETE' });
      setTimeout(onChange, KNOWN_MS);
    } catch (error) {
      if (!(error instanceof AnswerError)) throw error;
      setState('refused');
    }
  };
  return (
    <button
      type="button"
      class="quiet"
      aria-label={viewers.disconnectWho(who)}
      aria-disabled={state === 'asked'}
      onClick={() => void (state !== 'asked' && end())}
    >
      {state === 'asked' ? viewers.disconnecting : state === 'refused' ? viewers.refused : viewers.disconnect}
    </button>
  );
}
