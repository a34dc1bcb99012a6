/** Tells those who do not see the page how many new events there are: now and then, not each of them. */

import { useEffect, useRef, useState } from 'preact/hooks';
import type { ShownEvent } from '../../../shared/console/live.ts';
import { words } from '../words/words.ts';

/** New events of so many ms are told as one number. */
const TOGETHER_MS = 5_000;

interface AnnouncerProps {
  readonly newest: string;
  /** The newest first. */
  readonly events: readonly ShownEvent[];
}

export function Announcer({ newest, events }: AnnouncerProps) {
  const told = useRef(newest);
  const [text, setText] = useState('');
  useEffect(() => {
    if (told.current === newest) return;
    const timer = setTimeout(() => {
      const at = events.findIndex(({ event_id: id }) => id === told.current);
      told.current = newest;
      setText(words.events.fresh(at < 0 ? events.length : at));
    }, TOGETHER_MS);
    return () => clearTimeout(timer);
  }, [newest, events]);
  return (
    <p class="unseen" aria-live="polite">
      {text}
    </p>
  );
}
