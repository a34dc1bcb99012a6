/** The plots of the last hour, in a file of their own that is loaded behind the numbers. */

import { useSignal } from '@preact/signals';
import type { ComponentType } from 'preact';
import { useEffect } from 'preact/hooks';
import { words } from '../words/words.ts';

export function LastHour() {
  const shown = useSignal<'loading' | 'failed' | ComponentType>('loading');
  useEffect(() => {
    import('./plots.tsx').then(
      ({ Plots }) => {
        shown.value = Plots;
      },
      () => {
        // After an update of the worker this page names a file that is not there any more.
        shown.value = 'failed';
      },
    );
  }, []);
  const Plots = typeof shown.value === 'string' ? undefined : shown.value;
  return (
    <section aria-labelledby="last-hour">
      <h2 id="last-hour">{words.plots.heading}</h2>
      {shown.value === 'loading' && <p class="hint">{words.plots.loading}</p>}
      {shown.value === 'failed' && <p class="hint">{words.plots.notLoaded}</p>}
      {Plots !== undefined && <Plots />}
    </section>
  );
}
