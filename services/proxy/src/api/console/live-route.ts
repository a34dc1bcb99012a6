/** What a page of the console looks at, as it changes: server-sent events, read with `fetch`, because those carry the token. */

import { z } from 'zod';
import {
  type EventPosition,
  parsePosition,
  positionText,
  type RecordedEvent,
} from '../../../../registry/events/event.ts';
import { isOutage } from '../../../../registry/outage.ts';
import { LIVE_VIEWS } from '../../../../shared/console/live.ts';
import { pause } from '../../async.ts';
import { StreampoolError } from '../../errors.ts';
import type { Services } from '../../worker/services.ts';
import { EventStream } from '../http/event-stream.ts';
import type { Api } from '../http/typed-server.ts';
import { viewOfEvent } from '../views/event-view.ts';
import { boardsOf } from './boards.ts';
import type { Glance } from './counts/glance.ts';

/** Pages on one worker. */
const MAX_PAGES = 50;
/** So many events a page gets that has none yet. */
const FIRST_EVENTS = 10;
/** During an outage a page gets its events later. */
const RETRY_EVENTS_MS = 1_000;

export function liveRoute(app: Api, services: Services, glance: Glance): void {
  const boardOf = boardsOf(services, glance);
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
  const gone = new AbortController();
  stream.onEnd(() => gone.abort());
  while (!gone.signal.aborted) {
    try {
      const from = since ?? (await registry.newestEvent());
      const recent = since === undefined ? await registry.events({}, FIRST_EVENTS) : [];
      // Also without any: now the page knows where it is.
      stream.send({ events: recent.map(viewOfEvent) }, { event: 'recent', id: positionText(from) });
      stream.onEnd(await eventFeed.read({ event, missed, isPatient: true }, from));
      return;
    } catch (error) {
      if (!isOutage(error)) log.error({ err: error }, 'the console could not read the events');
      await pause(RETRY_EVENTS_MS, gone.signal);
    }
  }
}
