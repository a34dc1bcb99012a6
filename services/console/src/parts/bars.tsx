/** What a reader must know before believing the page: no connection, no Redis, another version. */

import { state, status } from '../live/live.ts';
import { words } from '../words/words.ts';
import { useNow } from './clock.ts';

/** The version of the worker that this page came from. */
let firstVersion: string | undefined;

export function Bars() {
  return (
    <div role="status">
      {status.value.kind === 'lost' && <Lost sinceMs={status.value.sinceMs} reason={status.value.reason} />}
      <Outage />
      <NewVersion />
    </div>
  );
}

function Lost({ sinceMs, reason }: { readonly sinceMs: number; readonly reason: string | undefined }) {
  const nowMs = useNow();
  const { connection } = words;
  const worker = state.value?.about.workerId;
  return (
    <p class="bar bad">
      <strong>{connection.lost(Math.max(0, nowMs - sinceMs))}</strong>{' '}
      {reason === undefined ? worker !== undefined && connection.asking(worker) : connection.refused(reason)}
    </p>
  );
}

function Outage() {
  const about = state.value?.about;
  if (about?.outageMs === undefined) return null;
  return <p class="bar warn">{words.connection.outage(about.workerId, about.outageMs)}</p>;
}

function NewVersion() {
  const version = state.value?.about.version;
  firstVersion ??= version;
  if (version === undefined || version === firstVersion) return null;
  return (
    <p class="bar warn">
      {words.connection.newVersion}{' '}
      <button type="button" onClick={() => location.reload()}>
        {words.connection.reload}
      </button>
    </p>
  );
}
