/** How an event appears in answers. */

import { z } from 'zod';
import { EVENT_TYPES, type RecordedEvent } from '../../../../registry/events/event.ts';
import { isoTime } from '../http/fields.ts';

export const eventView = z.object({
  event_id: z.string(),
  event_type: z.enum(EVENT_TYPES),
  stream_id: z.string().nullable(),
  timestamp: z.string(),
  late: z.boolean().describe('Written after an outage of Redis, with the time at which it happened.'),
  data: z.record(z.string(), z.unknown()),
});

export function viewOfEvent({ id, type, streamId, atMs, late, data }: RecordedEvent): z.infer<typeof eventView> {
  return { event_id: id, event_type: type, stream_id: streamId ?? null, timestamp: isoTime(atMs), late, data };
}
