/** The last minutes of one stream. */

import { words } from '../words/words.ts';
import { PlotSection } from './section.tsx';
import type { StreamPlotsProps } from './stream-plots.tsx';

const load = async () => (await import('./stream-plots.tsx')).StreamPlots;

export function LastMinutes(props: StreamPlotsProps) {
  return <PlotSection id="last-minutes" heading={words.plots.lastMinutes} load={load} props={props} />;
}
