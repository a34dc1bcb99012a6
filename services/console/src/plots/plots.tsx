/** The last hour of the cluster: four plots, each with a sentence and a table that say the same. */

import { useEffect, useState } from 'preact/hooks';
import { MAX_ROWS, type ShownEvent } from '../../../shared/console/live.ts';
import { withEvents } from '../live/event-list.ts';
import { events as live } from '../live/live.ts';
import { Moment } from '../parts/moment.tsx';
import { ask } from '../shell/ask.ts';
import { count, megabits, oneDecimal } from '../words/numbers.ts';
import { visible } from '../words/visible.ts';
import { words } from '../words/words.ts';
import {
  type History,
  isCount,
  type Measure,
  merged,
  missingIn,
  PLOTS,
  type PlotName,
  rowsOf,
  type Sample,
  summaryOf,
  timeOf,
} from './history.ts';
import { MARKED_TYPES, marked } from './marks.ts';
import { Plot } from './plot.tsx';

/** A worker has a new sample every 10 s. */
const AGAIN_MS = 10_000;
const HOUR_MS = 3_600_000;

export function Plots() {
  const [samples, setSamples] = useState<readonly Sample[]>();
  const [before, setBefore] = useState<readonly ShownEvent[]>([]);
  useEffect(() => follow((more) => setSamples((known = []) => merged(known, more))), []);
  useEffect(() => {
    const question = `/events?${new URLSearchParams({ limit: String(MAX_ROWS), type: MARKED_TYPES.join(',') })}`;
    ask<{ events: ShownEvent[] }>(question).then(
      ({ events }) => setBefore(events),
      // The plots are worth seeing without their marks.
      () => undefined,
    );
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
      <p class="hint">{plots.marks(marks.length, ...MARKED_TYPES.map((type) => countOf(marks, type)))}</p>
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
  const lines = measures.map((measure) => ({
    label: plots.measures[measure],
    values: samples.map((sample) => sample[measure]),
  }));
  const sentence = measures
    .map((measure) => {
      const summary = summaryOf(samples, measure);
      if (summary === undefined) return '';
      const { last, least, most, sum } = summary;
      const label = plots.measures[measure];
      return isCount(measure)
        ? plots.counted(label, count(sum), count(most))
        : plots.measured(label, shown(measure, last), shown(measure, least), shown(measure, most));
    })
    .join(' ');
  return (
    <figure aria-label={plots.names[name]}>
      <figcaption>{plots.names[name]}</figcaption>
      <Plot times={samples.map(timeOf)} lines={lines} marks={marks} shown={(value) => shown(measures[0], value)} />
      <p class="hint small">{sentence}</p>
      <Table name={name} samples={samples} measures={measures} />
    </figure>
  );
}

function Table({
  name,
  samples,
  measures,
}: Pick<OneProps, 'name' | 'samples'> & { readonly measures: readonly Measure[] }) {
  const { plots } = words;
  const [isShown, setShown] = useState(false);
  return (
    <details onToggle={({ currentTarget }) => setShown(currentTarget.open)}>
      <summary>{plots.table(plots.names[name])}</summary>
      {isShown && (
        <table>
          <thead>
            <tr>
              <th scope="col">{plots.from}</th>
              {measures.map((measure) => (
                <th key={measure} scope="col" class="number">
                  {plots.measures[measure]}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rowsOf(samples, measures).map(({ fromMs, values }) => (
              <tr key={fromMs}>
                <th scope="row">
                  <Moment ms={fromMs} />
                </th>
                {measures.map((measure) => (
                  <td key={measure} class="number">
                    {isCount(measure) ? count(values[measure]) : oneDecimal(values[measure])}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </details>
  );
}

function shown(measure: Measure | undefined, value: number): string {
  return measure?.endsWith('_mbits') === true ? megabits(value * 1_000_000) : count(value);
}

function countOf(events: readonly ShownEvent[], type: string): number {
  return events.filter((event) => event.event_type === type).length;
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
