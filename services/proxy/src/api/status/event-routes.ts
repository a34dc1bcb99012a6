/** The record of what happened in the cluster: as a list, and as a stream of server-sent events. */

import { Readable } from 'node:stream';
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
import { isoTime } from '../http/fields.ts';
import type { Api } from '../http/typed-server.ts';

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1_000;
/** Readers of the stream on one worker. */
const MAX_READERS = 50;
/** A reader that leaves so much unread is dropped. */
const MAX_UNREAD_BYTES = 1_000_000;
/** Load balancers close connections on which nothing comes for a minute. */
const COMMENT_MS = 15_000;

const eventView = z.object({
  event_id: z.string(),
  event_type: z.enum(EVENT_TYPES),
  stream_id: z.string().nullable(),
  timestamp: z.string(),
  late: z.boolean().describe('Written after an outage of Redis, with the time at which it happened.'),
  data: z.record(z.string(), z.unknown()),
});

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

export function viewOfEvent({ id, type, streamId, atMs, late, data }: RecordedEvent): z.infer<typeof eventView> {
  return { event_id: id, event_type: type, stream_id: streamId ?? null, timestamp: isoTime(atMs), late, data };
}

export function eventRoutes(app: Api, { registry, eventFeed }: Services): void {
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
        const events = await following(filter, typeof lastId === 'string' ? lastId : undefined);
        reply.header('cache-control', 'no-store').header('x-accel-buffering', 'no');
        // The answer is no JSON, so its schema does not hold.
        return reply.type('text/event-stream; charset=utf-8').send(events as never);
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
  async function following(filter: EventFilter, lastId: string | undefined): Promise<Readable> {
    if (eventFeed.readers >= MAX_READERS) {
      const text = `${MAX_READERS} readers follow the events of this worker already; close one, or ask another worker.`;
      throw new StreampoolError(503, text, { retryAfterSeconds: 5 });
    }
    const since = lastId === undefined ? undefined : parsePosition(lastId);
    if (lastId !== undefined && since === undefined) {
      throw new StreampoolError(400, 'Last-Event-ID must be the id of a message of this stream.');
    }
    const stream = new Readable({ read: () => undefined });
    const write = (text: string): void => {
      if (stream.destroyed) return;
      if (stream.readableLength + text.length > MAX_UNREAD_BYTES) stream.destroy();
      else stream.push(text);
    };
    const event = (recorded: RecordedEvent, position: EventPosition): void => {
      // A reader that goes on later begins behind this one, shown or not.
      if (passes(filter, recorded)) {
        write(`id: ${positionText(position)}\ndata: ${JSON.stringify(viewOfEvent(recorded))}\n\n`);
      }
    };
    const missed = (count: number): void => write(`event: missed\ndata: ${JSON.stringify({ missed: count })}\n\n`);
    const stop = await asked(() => eventFeed.read({ event, missed }, since));
    const comments = setInterval(() => write(': \n\n'), COMMENT_MS);
    stream.once('close', () => {
      clearInterval(comments);
      stop();
    });
    // The head of the answer goes out at once.
    write(': \n\n');
    return stream;
  }
}
