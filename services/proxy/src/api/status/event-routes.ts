/** The record of what happened in the cluster: as a list, and as a stream of server-sent events. */

import { z } from 'zod';
import {
  EVENT_TYPES,
  type EventFilter,
  type EventPosition,
  parseEventId,
  parsePosition,
  passes,
  positionText,
  type RecordedEvent,
} from '../../../../registry/events/event.ts';
import { isOutage } from '../../../../registry/outage.ts';
import { StreampoolError } from '../../errors.ts';
import type { Services } from '../../worker/services.ts';
import { EventStream } from '../http/event-stream.ts';
import type { Api } from '../http/typed-server.ts';
import { eventView, viewOfEvent } from '../views/event-view.ts';

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1_000;
/** Readers of the stream on one worker. */
const MAX_READERS = 50;

const eventsQuery = z.object({
  limit: z.coerce.number().int().min(1).max(MAX_LIMIT).default(DEFAULT_LIMIT),
  before: z
    .string()
    .refine((id) => parseEventId(id) !== undefined, 'must be the event_id of an event')
    .optional()
    .describe('The event_id of an event: only older ones.'),
  type: z
    .string()
    .transform((text) => text.split(',').map((type) => type.trim()))
    .pipe(z.array(z.enum(EVENT_TYPES)))
    .optional()
    .describe('Only events of this type, or of these, with commas between.'),
  stream_id: z.string().optional(),
  worker_id: z.string().optional(),
});

export function eventRoutes(app: Api, { registry, eventFeed }: Services): void {
  let readers = 0;

  app.get(
    '/events',
    {
      schema: {
        tags: ['Events'],
        summary: 'What has happened in the cluster, the newest first; with `Accept: text/event-stream`, what happens.',
        querystring: eventsQuery,
        response: { 200: z.object({ events: z.array(eventView) }) },
      },
    },
    async ({ query, headers }, reply) => {
      const { limit, before, type: types, stream_id: streamId, worker_id: workerId } = query;
      const filter: EventFilter = { types, streamId, workerId };
      if (headers.accept?.includes('text/event-stream') === true) {
        const lastId = headers['last-event-id'];
        return (await following(filter, typeof lastId === 'string' ? lastId : undefined)).answer(reply);
      }
      return { events: (await asked(() => registry.events(filter, limit, before))).map(viewOfEvent) };
    },
  );

  /** @throws {StreampoolError} 503 when the record cannot be read */
  async function asked<T>(question: () => Promise<T>): Promise<T> {
    try {
      return await question();
    } catch (error) {
      if (!isOutage(error)) throw error;
      const text = 'Redis does not answer, and it has the record of events. Try again in a moment.';
      throw new StreampoolError(503, text, { retryAfterSeconds: 2, cause: error });
    }
  }

  /** @param lastId the id of the last message that the reader has got */
  async function following(filter: EventFilter, lastId: string | undefined): Promise<EventStream> {
    if (readers >= MAX_READERS) {
      const text = `${MAX_READERS} readers follow the events of this worker already; close one, or ask another worker.`;
      throw new StreampoolError(503, text, { retryAfterSeconds: 5 });
    }
    const since = lastId === undefined ? undefined : parsePosition(lastId);
    if (lastId !== undefined && since === undefined) {
      throw new StreampoolError(400, 'Last-Event-ID must be the id of a message of this stream.');
    }
    const stream = new EventStream();
    const event = (recorded: RecordedEvent, position: EventPosition): void => {
      // A reader that goes on later begins behind this one, shown or not.
      if (passes(filter, recorded)) stream.send(viewOfEvent(recorded), { id: positionText(position) });
    };
    const missed = (count: number): void => stream.send({ missed: count }, { event: 'missed' });
    readers += 1;
    stream.onEnd(() => {
      readers -= 1;
    });
    try {
      stream.onEnd(await asked(() => eventFeed.read({ event, missed }, since)));
    } catch (error) {
      stream.end();
      throw error;
    }
    return stream;
  }
}
