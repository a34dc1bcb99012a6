/** What has happened to a stream, the newest first. It follows what happens. */

import type { ShownEvent } from '../../../shared/console/live.ts';
import { useAnswer } from '../live/answer.ts';
import { withEvents } from '../live/event-list.ts';
import { events as live } from '../live/live.ts';
import { Answered } from '../parts/answered.tsx';
import { EventLine } from '../parts/event-line.tsx';
import { Link } from '../parts/link.tsx';
import { addressOf } from '../shell/address.ts';
import { words } from '../words/words.ts';

const SHOWN = 20;
/** What happens comes by itself; this is for what came before, and during an outage. */
const AGAIN_MS = 60_000;

export function StreamEvents({ id }: { readonly id: string }) {
  const question = new URLSearchParams({ stream_id: id, limit: String(SHOWN) });
  const asked = useAnswer<{ events: ShownEvent[] }>(`/events?${question}`, AGAIN_MS);
  const fresh = live.value.filter(({ stream_id }) => stream_id === id);
  return (
    <section aria-labelledby="events">
      <h2 id="events">{words.events.heading}</h2>
      <Answered asked={asked}>
        {({ events }) => {
          const shown = withEvents(events, fresh, SHOWN);
          return shown.length === 0 ? (
            <p class="hint">{words.now.noEvents}</p>
          ) : (
            <ol class="events">
              {shown.map((event) => (
                <EventLine key={event.event_id} event={event} />
              ))}
            </ol>
          );
        }}
      </Answered>
      <p>
        <Link to={addressOf('events', { stream_id: id })}>{words.now.allEvents}</Link>
      </p>
    </section>
  );
}
