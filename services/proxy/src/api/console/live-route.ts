/** What a page of the console looks at, as it changes: server-sent events, read with `fetch`, because those carry the token. */

import { z } from 'zod';
import {
  type EventPosition,
  parsePosition,
  positionText,
  type RecordedEvent,
} from '../../../../registry/events/event.ts';
import { isOutage } from '../../../../registry/outage.ts';
import {
  type ClusterState,
  type EventsState,
  LIVE_VIEWS,
  type LiveView,
  type NowState,
  type ProvidersState,
} from '../../../../shared/console/live.ts';
import type { OneStreamState } from '../../../../shared/console/one-stream.ts';
import { StreampoolError } from '../../errors.ts';
import type { Services } from '../../worker/services.ts';
import { EventStream } from '../http/event-stream.ts';
import type { Api } from '../http/typed-server.ts';
import { viewOfEvent } from '../views/event-view.ts';
import { aboutOf } from './about.ts';
import { ClusterBoard } from './cluster-board.ts';
import { LiveBoard } from './live-board.ts';
import { NowBoard } from './now-board.ts';
import { OneStreamBoard } from './one-stream-board.ts';
import { ProvidersBoard } from './providers-board.ts';

/** Pages on one worker. */
const MAX_PAGES = 50;
/** So many events a page gets that has none yet. */
const FIRST_EVENTS = 10;
/** During an outage a page gets its events later. */
const RETRY_EVENTS_MS = 1_000;

export function liveRoute(app: Api, services: Services): void {
  const boardOf = boardsOf(services);
  const { pages } = services;

  app.get(
    '/console/live',
    {
      schema: {
        tags: ['Status'],
        summary: 'What a page of the console shows, as it changes: server-sent events for the console alone.',
        querystring: z.object({
          view: z.enum(LIVE_VIEWS),
          stream_id: z.string().max(128).optional().describe('Which stream the view `stream` is of.'),
        }),
      },
    },
    async ({ query: { view, stream_id: streamId = '' }, headers }, reply) => {
      if (pages.count >= MAX_PAGES) {
        const text = `${MAX_PAGES} pages of the console look at this worker already; close one, or ask another worker.`;
        throw new StreampoolError(503, text, { retryAfterSeconds: 5 });
      }
      const lastId = headers['last-event-id'];
      const since = typeof lastId === 'string' ? parsePosition(lastId) : undefined;
      const stream = new EventStream();
      stream.onEnd(pages.opened());
      stream.onEnd(boardOf(view, streamId).show(stream));
      void sendEvents(services, stream, since);
      return stream.answer(reply);
    },
  );
}

type Shown = Pick<LiveBoard<object>, 'show'>;

/** Each view has one board, whose cost does not depend on the number of pages. */
function boardsOf(services: Services): (view: LiveView, streamId: string) => Shown {
  const onError = (error: unknown): void => services.log.error({ err: error }, 'the console could not be composed');
  const now = new NowBoard(services);
  const cluster = new ClusterBoard(services);
  const providers = new ProvidersBoard(services);
  const boards = {
    now: new LiveBoard<NowState>({ compose: () => now.compose(), rest: () => now.rest(), onError }),
    cluster: new LiveBoard<ClusterState>({ compose: () => cluster.compose(), rest: () => cluster.rest(), onError }),
    providers: new LiveBoard<ProvidersState>({
      compose: () => providers.compose(),
      rest: () => providers.rest(),
      onError,
    }),
    events: new LiveBoard<EventsState>({
      compose: async () => ({ about: aboutOf(services, (await services.registry.overview()).workers) }),
      onError,
    }),
  };
  // A stream has one while somebody looks at it.
  const streams = new Map<string, Shown>();
  const newStreamBoard = (id: string): Shown => {
    const one = new OneStreamBoard(services, id);
    const rest = (): void => {
      one.rest();
      if (streams.get(id) === board) streams.delete(id);
    };
    const board: Shown = new LiveBoard<OneStreamState>({ compose: () => one.compose(), rest, onError });
    streams.set(id, board);
    return board;
  };
  return (view, id) => (view === 'stream' ? (streams.get(id) ?? newStreamBoard(id)) : boards[view]);
}

/**
 * Sends events as they come: the last ones first to a page that has none, else what it has missed. The position behind each is the
 * id of its message.
 */
async function sendEvents(
  services: Pick<Services, 'registry' | 'eventFeed' | 'log'>,
  stream: EventStream,
  since: EventPosition | undefined,
): Promise<void> {
  const { registry, eventFeed, log } = services;
  const event = (recorded: RecordedEvent, position: EventPosition): void =>
    stream.send(viewOfEvent(recorded), { event: 'event', id: positionText(position) });
  const missed = (count: number): void => stream.send({ missed: count }, { event: 'missed' });
  try {
    const from = since ?? (await registry.newestEvent());
    const recent = since === undefined ? await registry.events({}, FIRST_EVENTS) : [];
    // Also without any: now the page knows where it is.
    stream.send({ events: recent.map(viewOfEvent) }, { event: 'recent', id: positionText(from) });
    stream.onEnd(await eventFeed.read({ event, missed }, from));
  } catch (error) {
    if (!isOutage(error)) log.error({ err: error }, 'the console could not read the events');
    const timer = setTimeout(() => void sendEvents(services, stream, since), RETRY_EVENTS_MS);
    stream.onEnd(() => clearTimeout(timer));
  }
}
