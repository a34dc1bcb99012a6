/** The last hour of the cluster. */

import { words } from '../words/words.ts';
import { PlotSection } from './section.tsx';

const load = async () => (await import('./plots.tsx')).Plots;

export function LastHour() {
  return <PlotSection id="last-hour" heading={words.plots.heading} load={load} props={{}} />;
}
