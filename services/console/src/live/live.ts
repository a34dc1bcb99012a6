/** What the page looks at now, as signals: the state of the view, the events, and how the connection is. */

import { signal } from '@preact/signals';
import type {
  ClusterState,
  EventsState,
  LiveView,
  NowState,
  ProvidersState,
  ShownEvent,
} from '../../../shared/console/live.ts';
import { patched, type State } from '../../../shared/console/merge-patch.ts';
import type { OneStreamState } from '../../../shared/console/one-stream.ts';
import { BASE } from '../shell/address.ts';
import { authorization, noteRefusal } from '../shell/token.ts';
import { Connection, type Status } from './connection.ts';
import { withEvents } from './event-list.ts';
import type { Message } from './messages.ts';

type ViewState = NowState | ClusterState | ProvidersState | EventsState | OneStreamState;

/** Events that a page remembers; a list shows fewer. */
const KEPT = 500;

export const status = signal<Status>({ kind: 'closed' });
export const state = signal<ViewState | undefined>(undefined);
export const events = signal<readonly ShownEvent[]>([]);
/** When the last message came, by the clock of the page, in ms. */
export const heardMs = signal(0);
/** Events that were no longer kept when the page came back for them. */
export const missed = signal(0);

let connection: Connection | undefined;

/**
 * Looks at another view; what was shown before is gone.
 *
 * @param streamId of the view of one stream
 */
export function look(view: LiveView, streamId = ''): void {
  connection?.close();
  state.value = undefined;
  events.value = [];
  missed.value = 0;
  connection = new Connection({
    url: `${BASE}/console/live?${new URLSearchParams({ view, ...(streamId === '' ? {} : { stream_id: streamId }) })}`,
    headers: authorization,
    onMessage: take,
    onStatus: (next) => {
      status.value = next;
    },
    onRefused: noteRefusal,
  });
  if (document.visibilityState !== 'hidden') connection.open();
}

export function stopLooking(): void {
  connection?.close();
  connection = undefined;
}

/** A tab that nobody sees asks for nothing. It goes on where it was when it is shown. */
export function followVisibility(): void {
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'hidden') connection?.close();
    else connection?.open();
  });
}

function take({ event, data }: Message): void {
  const body = JSON.parse(data);
  heardMs.value = Date.now();
  if (event === 'snapshot') state.value = body.state;
  else if (event === 'delta') apply(body.patch);
  else if (event === 'event') events.value = withEvents(events.value, [body], KEPT);
  else if (event === 'recent') events.value = withEvents(events.value, body.events, KEPT);
  else if (event === 'missed') missed.value += body.missed;
}

function apply(patch: State | undefined): void {
  if (patch === undefined || state.value === undefined) return;
  state.value = patched(state.value as unknown as State, patch) as unknown as ViewState;
}
