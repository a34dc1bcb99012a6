/** What the marks of plots stand for: their number, and a list that opens, so that nobody needs a mouse to learn of them. */

import type { ShownEvent } from '../../../shared/console/live.ts';
import { EventLine } from '../parts/event-line.tsx';
import { words } from '../words/words.ts';
import { MARKED_TYPES } from './marks.ts';

/** @param marks the newest first */
export function MarkList({ marks }: { readonly marks: readonly ShownEvent[] }) {
  const counts = MARKED_TYPES.map((type) => marks.filter((event) => event.event_type === type).length);
  const sentence = words.plots.marks(marks.length, ...counts);
  if (marks.length === 0) return <p class="hint">{sentence}</p>;
  return (
    <details class="marks">
      <summary>{sentence}</summary>
      <ol class="events">
        {marks.map((event) => (
          <EventLine key={event.event_id} event={event} />
        ))}
      </ol>
    </details>
  );
}
