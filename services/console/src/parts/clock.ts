/** The time of now as a signal, once a second, while something shows it. */

import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';

const TICK_MS = 1_000;
const now = signal(Date.now());
let users = 0;
let timer: ReturnType<typeof setInterval> | undefined;

/** ms since 1970; what reads it is drawn again each second. */
export function useNow(): number {
  useEffect(() => {
    users += 1;
    now.value = Date.now();
    timer ??= setInterval(() => {
      now.value = Date.now();
    }, TICK_MS);
    return () => {
      users -= 1;
      if (users > 0) return;
      clearInterval(timer);
      timer = undefined;
    };
  }, []);
  const ticked = now.value;
  // Nothing has ticked before the first one that shows it.
  return timer === undefined ? Date.now() : ticked;
}
