/** One event, as a sentence with its time. */

import { FAILURE_TYPES, type ShownEvent } from '../../../shared/console/live.ts';
import { addressOf } from '../shell/address.ts';
import { words } from '../words/words.ts';
import { Link } from './link.tsx';
import { Moment } from './moment.tsx';

const FAILURES: ReadonlySet<string> = new Set(FAILURE_TYPES);

export function EventLine({ event }: { readonly event: ShownEvent }) {
  return (
    <li>
      <Moment ms={Date.parse(event.timestamp)} />
      <Link to={addressOf('events', { event: event.event_id })} class="plain">
        <EventSentence event={event} />
      </Link>
    </li>
  );
}

export function EventSentence({ event }: { readonly event: ShownEvent }) {
  const isFailure = FAILURES.has(event.event_type);
  return (
    <span>
      {isFailure && (
        <span class="mark" aria-hidden="true">
          ▲{' '}
        </span>
      )}
      <bdi>{words.event(event)}</bdi>
      {event.late && (
        <span class="tag" title={words.events.lateTitle}>
          {words.events.late}
        </span>
      )}
    </span>
  );
}
