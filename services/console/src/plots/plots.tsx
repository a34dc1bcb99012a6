/** The last hour of the cluster: four plots, each with a sentence and a table that say the same. */

import { useEffect, useState } from 'preact/hooks';
import { MAX_ROWS, type ShownEvent } from '../../../shared/console/live.ts';
import { withEvents } from '../live/event-list.ts';
import { events as live } from '../live/live.ts';
import { ask } from '../shell/ask.ts';
import { count, megabits, oneDecimal } from '../words/numbers.ts';
import { visible } from '../words/visible.ts';
import { words } from '../words/words.ts';
import { Figure } from './figure.tsx';
import {
  type History,
  isCount,
  type Measure,
  merged,
  missingIn,
  PLOTS,
  type PlotName,
  type Sample,
  timeOf,
} from './history.ts';
import { MarkList } from './mark-list.tsx';
import { eventsBefore, marked } from './marks.ts';

/** A worker has a new sample every 10 s. */
const AGAIN_MS = 10_000;
const HOUR_MS = 3_600_000;
const ROW_MS = 5 * 60_000;

export function Plots() {
  const [samples, setSamples] = useState<readonly Sample[]>();
  const [before, setBefore] = useState<readonly ShownEvent[]>([]);
  useEffect(() => follow((more) => setSamples((known = []) => merged(known, more))), []);
  useEffect(() => {
    void eventsBefore().then(setBefore);
  }, []);
  if (samples === undefined) return <p class="hint">{words.plots.loading}</p>;
  return <Shown samples={samples} events={withEvents(before, marked(live.value), MAX_ROWS)} />;
}

interface ShownProps {
  readonly samples: readonly Sample[];
  readonly events: readonly ShownEvent[];
}

export function Shown({ samples, events }: ShownProps) {
  const { plots } = words;
  if (samples.length < 2) return <p class="hint">{plots.tooYoung}</p>;
  const newestMs = Math.max(...samples.map(timeOf));
  const marks = marked(events).filter(({ timestamp }) => Date.parse(timestamp) > newestMs - HOUR_MS);
  const missing = missingIn(samples);
  return (
    <>
      <div class="plots">
        {(Object.keys(PLOTS) as PlotName[]).map((name) => (
          <One key={name} name={name} samples={samples} marks={marks} />
        ))}
      </div>
      <MarkList marks={marks} />
      {missing.length > 0 && <p class="hint">{plots.missing(missing.map((name) => visible(name)).join(', '))}</p>}
    </>
  );
}

interface OneProps {
  readonly name: PlotName;
  readonly samples: readonly Sample[];
  readonly marks: readonly ShownEvent[];
}

function One({ name, samples, marks }: OneProps) {
  const { plots } = words;
  const measures: readonly Measure[] = PLOTS[name];
  const series = measures.map((measure) => {
    const values = samples.map((sample) => sample[measure]);
    const isMbits = measure.endsWith('_mbits');
    return {
      ...{ label: plots.measures[measure], values, isCount: isCount(measure) },
      shown: isMbits ? (value: number) => megabits(value * 1_000_000) : count,
      average: isCount(measure) ? count : oneDecimal,
    };
  });
  return <Figure name={plots.names[name]} times={samples.map(timeOf)} series={series} marks={marks} rowMs={ROW_MS} />;
}

/** Reads the last hour, and then what is new every 10 s while the tab is seen. Returns what ends it. */
function follow(take: (samples: readonly Sample[]) => void): () => void {
  let isOver = false;
  let hasAll = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const read = async (): Promise<void> => {
    clearTimeout(timer);
    if (document.visibilityState !== 'hidden') {
      try {
        const { samples } = await ask<History>(`/stats/history?minutes=${hasAll ? 1 : 60}`);
        if (!isOver) take(samples);
        hasAll = true;
      } catch {
        // The page says itself that nobody answers; then the whole hour is asked for.
        hasAll = false;
      }
    } else hasAll = false;
    clearTimeout(timer);
    if (!isOver) timer = setTimeout(() => void read(), AGAIN_MS);
  };
  const show = (): void => {
    if (document.visibilityState !== 'hidden') void read();
  };
  void read();
  document.addEventListener('visibilitychange', show);
  return () => {
    isOver = true;
    clearTimeout(timer);
    document.removeEventListener('visibilitychange', show);
  };
}
