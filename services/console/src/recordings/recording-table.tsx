/** A table of recordings and network channels: how each is, what it is cut from, how much there is of it, and what can be done with it. */

import type { RecordingRow } from '../../../shared/console/lists.ts';
import { duration } from '../../../shared/english/counting.ts';
import { AskingButton } from '../parts/asking-button.tsx';
import { Columns } from '../parts/columns.tsx';
import { Link } from '../parts/link.tsx';
import { Moment } from '../parts/moment.tsx';
import { Outside } from '../parts/outside.tsx';
import { PlayButton } from '../player/play-button.tsx';
import { addressOf, ORIGIN } from '../shell/address.ts';
import { ask } from '../shell/ask.ts';
import { count, megabytes, oneDecimal } from '../words/numbers.ts';
import { visible } from '../words/visible.ts';
import { words } from '../words/words.ts';

interface RecordingTableProps {
  readonly rows: readonly RecordingRow[];
  readonly onChange: () => void;
}

export function RecordingTable({ rows, onChange }: RecordingTableProps) {
  const { columns, actions } = words.recordings;
  return (
    <table>
      <Columns
        words={columns}
        columns={[
          ['name'],
          ['state'],
          ['stream', 'wide'],
          ['worker', 'wide'],
          ['started', 'wide'],
          ['length', 'number'],
          ['size', 'number wide'],
          ['segments', 'number wide'],
        ]}
        action={actions}
      />
      <tbody>
        {rows.map((row) => (
          <Row key={row.recording_id} row={row} onChange={onChange} />
        ))}
      </tbody>
    </table>
  );
}

interface RowProps {
  readonly row: RecordingRow;
  readonly onChange: () => void;
}

function Row({ row, onChange }: RowProps) {
  const { recording_id: id, name, kind, worker_id: worker, started_at: started, seconds, bytes, segments } = row;
  const { recordings } = words;
  return (
    <tr>
      <th scope="row">
        <Outside text={name ?? id} />
        {kind === 'channel' && (
          <span class="tag" title={recordings.channelTitle}>
            {recordings.channel}
          </span>
        )}
        <span class="narrow">
          <Stream row={row} />
          {started !== null && (
            <>
              {' · '}
              <Moment ms={Date.parse(started)} />
            </>
          )}
          {worker !== null && (
            <>
              {' · '}
              <Outside text={worker} />
            </>
          )}
          {` · ${recordings.size(size(bytes))}`}
        </span>
      </th>
      <td>
        <State row={row} />
      </td>
      <td class="wide">
        <Stream row={row} />
      </td>
      <td class="wide">{worker === null ? '–' : <Outside text={worker} />}</td>
      <td class="wide">{started === null ? '–' : <Moment ms={Date.parse(started)} />}</td>
      <td class="number">{duration(seconds * 1_000)}</td>
      <td class="number wide">{size(bytes)}</td>
      <td class="number wide">{segments === null ? '–' : count(segments)}</td>
      <td>
        <Actions row={row} onChange={onChange} />
      </td>
    </tr>
  );
}

function State({ row: { status, error_message: error } }: { readonly row: RecordingRow }) {
  const { states } = words.recordings;
  if (status === 'failed') {
    return (
      <>
        <span class="warn">▲ {states.failed}</span>
        {error !== null && (
          <span class="small hint">
            {' '}
            <Outside text={error} />
          </span>
        )}
      </>
    );
  }
  return <span class={status === 'running' ? 'good' : 'hint'}>{states[status]}</span>;
}

function Stream({ row: { stream_id: id, stream_name: name } }: { readonly row: RecordingRow }) {
  if (name === null) return <span class="hint">{words.recordings.noStream}</span>;
  return (
    <Link to={addressOf('stream', { id })}>
      <Outside text={name} />
    </Link>
  );
}

/** In MB. What has just begun is not nothing. */
function size(bytes: number): string {
  return bytes < 10_000_000 ? oneDecimal(bytes / 1_000_000) : megabytes(bytes);
}

/** What another worker takes to hear of a change, and the list to know. */
const KNOWN_MS = 1_500;

function Actions({ row, onChange }: RowProps) {
  const { recording_id: id, kind, status, seconds, bytes, playlist_url: playlist, download_url: file } = row;
  const { recordings } = words;
  const isOver = status === 'stopped' || status === 'failed';
  const name = visible(row.name ?? id);
  const path = `/${kind === 'channel' ? 'broadcast' : 'recordings'}/${encodeURIComponent(id)}`;
  const change = async (where: string, method: string): Promise<void> => {
    await ask(where, { method });
    setTimeout(onChange, KNOWN_MS);
  };
  return (
    <div class="acts">
      {file !== null && bytes > 0 && <PlayButton name={name} file={{ id, media: file, playlist: playlist ?? file }} />}
      {file !== null && bytes > 0 && (
        <a href={ORIGIN + file} download aria-label={recordings.downloadNamed(name)}>
          {recordings.download}
        </a>
      )}
      {playlist !== null && (
        <a href={ORIGIN + playlist} title={recordings.playlistTitle} aria-label={recordings.playlistNamed(name)}>
          {recordings.playlist}
        </a>
      )}
      {!isOver && (
        <AskingButton
          label={recordings.stop}
          named={recordings.stopNamed(name)}
          text={kind === 'channel' ? recordings.stopChannelMeans : recordings.stopMeans}
          act={() => change(`${path}/stop`, 'POST')}
        />
      )}
      <AskingButton
        label={recordings.remove}
        named={recordings.removeNamed(name)}
        text={
          kind === 'channel'
            ? recordings.removeChannelMeans
            : recordings.removeMeans(duration(seconds * 1_000), size(bytes), !isOver)
        }
        act={() => change(path, 'DELETE')}
      />
    </div>
  );
}
