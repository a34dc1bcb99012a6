/** One plot with a sentence and a table that say the same. */

import { useState } from 'preact/hooks';
import type { ShownEvent } from '../../../shared/console/live.ts';
import { Moment } from '../parts/moment.tsx';
import { words } from '../words/words.ts';
import { Plot } from './plot.tsx';
import { rowsOf, type Series, summaryOf } from './series.ts';

interface FigureProps {
  readonly name: string;
  /** ms since 1970, oldest first. */
  readonly times: readonly number[];
  readonly series: readonly Series[];
  readonly marks: readonly ShownEvent[];
  /** How long a row of the table is. */
  readonly rowMs: number;
}

export function Figure({ name, times, series, marks, rowMs }: FigureProps) {
  const { plots } = words;
  const sentences = series.map(({ label, values, isCount, shown }) => {
    const summary = summaryOf(values);
    if (summary === undefined) return '';
    const { last, least, most, sum } = summary;
    return isCount === true
      ? plots.counted(label, shown(sum), shown(most))
      : plots.measured(label, shown(last), shown(least), shown(most));
  });
  return (
    <figure aria-label={name}>
      <figcaption>{name}</figcaption>
      <Plot times={times} lines={series} marks={marks} shown={(value) => series[0]?.shown(value) ?? ''} />
      <p class="hint small">{sentences.filter((each) => each !== '').join(' ')}</p>
      <Table name={name} times={times} series={series} rowMs={rowMs} />
    </figure>
  );
}

function Table({ name, times, series, rowMs }: Omit<FigureProps, 'marks'>) {
  const { plots } = words;
  const [isShown, setShown] = useState(false);
  return (
    <details onToggle={({ currentTarget }) => setShown(currentTarget.open)}>
      <summary>{plots.table(name)}</summary>
      {isShown && (
        <table>
          <thead>
            <tr>
              <th scope="col">{plots.from(rowMs)}</th>
              {series.map(({ label }) => (
                <th key={label} scope="col" class="number">
                  {label}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rowsOf(times, series, rowMs).map(({ fromMs, values }) => (
              <tr key={fromMs}>
                <th scope="row">
                  <Moment ms={fromMs} />
                </th>
                {series.map(({ label, shown, average = shown }, at) => (
                  <td key={label} class="number">
                    {values[at] == null ? '–' : average(values[at])}
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
