/** A section with plots. They stand in a file of their own that is loaded behind the numbers. */

import { type LoadPage, useLoaded } from '../shell/loaded.ts';
import { words } from '../words/words.ts';

interface PlotSectionProps<Props> {
  readonly id: string;
  readonly heading: string;
  readonly load: LoadPage<Props>;
  /** What the plots are given. */
  readonly props: Props;
}

export function PlotSection<Props extends object>({ id, heading, load, props }: PlotSectionProps<Props>) {
  const Plots = useLoaded(load);
  return (
    <section aria-labelledby={id}>
      <h2 id={id}>{heading}</h2>
      {Plots === undefined && <p class="hint">{words.plots.loading}</p>}
      {Plots === 'failed' && <p class="hint">{words.plots.notLoaded}</p>}
      {Plots !== undefined && Plots !== 'failed' && <Plots {...props} />}
    </section>
  );
}
