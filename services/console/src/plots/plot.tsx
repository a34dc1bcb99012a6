/** One plot of lines over time, drawn by uPlot. It says nothing to who does not see it: the sentence and the table beside it do. */

import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import type { ShownEvent } from '../../../shared/console/live.ts';
import { theme } from '../shell/theme.ts';
import { useWidth } from '../shell/width.ts';
import { localTime } from '../words/numbers.ts';
import { words } from '../words/words.ts';
import { MOST_NAMED, plotMarks } from './marks.ts';
import type { Series } from './series.ts';

const HEIGHT = 132;
const FIRST_WIDTH = 320;
const AXIS_WIDTH = 44;
const AXIS_HEIGHT = 26;
const MARKS_APART = 6;
const MINUTE = 60;
/** Of `00:00:00`, in pixels. */
const HALF_A_TIME = 26;
const TICKS_APART = 72;
/** Lines differ by colour, and by how they are drawn. */
const LINES = [
  { color: '--accent', dash: [] },
  { color: '--good', dash: [6, 3] },
  { color: '--warn', dash: [2, 3] },
] as const;

interface PlotProps {
  /** ms since 1970, oldest first. */
  readonly times: readonly number[];
  readonly lines: readonly Series[];
  readonly marks: readonly ShownEvent[];
  /** A value as people read it. */
  readonly shown: (value: number) => string;
}

export function Plot({ times, lines, marks, shown }: PlotProps) {
  const frame = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const width = useWidth(frame, FIRST_WIDTH);
  const scheme = useScheme();
  const data = [times.map((ms) => ms / 1_000), ...lines.map(({ values }) => [...values])] as uPlot.AlignedData;
  const latest = useRef({ marks, data });
  latest.current = { marks, data };

  useEffect(() => {
    const { current } = frame;
    if (current === null) return;
    const drawn = new uPlot(
      optionsOf(current, width, lines, shown, () => latest.current.marks),
      latest.current.data,
      current,
    );
    plot.current = drawn;
    return () => {
      plot.current = undefined;
      drawn.destroy();
    };
  }, [scheme, lines.length]);
  useEffect(() => plot.current?.setSize({ width, height: HEIGHT }), [width]);
  useEffect(() => plot.current?.setData(data), [times.at(-1), times.length, marks.length, lines]);
  return <div class="plot" ref={frame} aria-hidden="true" />;
}

function optionsOf(
  element: HTMLElement,
  width: number,
  lines: readonly Series[],
  shown: (value: number) => string,
  marks: () => readonly ShownEvent[],
): uPlot.Options {
  const color = (name: string): string => colorOf(element, name);
  const [faint, line] = [color('--faint'), color('--line')];
  const axis = { stroke: faint, grid: { stroke: line, width: 1 }, ticks: { show: false }, font: '12px system-ui' };
  const minutes = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
  const seconds = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });
  return {
    width,
    height: HEIGHT,
    // The last time below the plot ends right of it.
    padding: [null, HALF_A_TIME, null, null],
    cursor: { sync: { key: 'console' }, drag: { x: false, y: false } },
    legend: { live: true, markers: { width: 2 } },
    // Nothing is negative, and a line of zeros stands at the bottom.
    scales: { x: { time: true }, y: { range: (_, __, most) => [0, Math.max(1, most * 1.1)] } },
    axes: [
      {
        ...axis,
        size: AXIS_HEIGHT,
        space: TICKS_APART,
        values: (_, ticks) => {
          const [first = 0, second = first + MINUTE] = ticks;
          return ticks.map((tick) => (second - first < MINUTE ? seconds : minutes).format(tick * 1_000));
        },
      },
      { ...axis, size: AXIS_WIDTH, values: (_, ticks) => ticks.map((tick) => shown(tick)) },
    ],
    series: [
      {
        label: words.plots.time,
        value: (_, seconds) => (seconds == null ? '–' : localTime(seconds * 1_000, Date.now())),
      },
      ...lines.map(({ label, shown: own }, at): uPlot.Series => {
        const { color: name, dash } = LINES[at % LINES.length] ?? LINES[0];
        const value: uPlot.Series.Value = (_, each) => (each == null ? '–' : own(each));
        return { label, value, stroke: color(name), width: 1.5, dash: [...dash], points: { show: false } };
      }),
    ],
    hooks: { draw: [(drawn) => putMarks(drawn, marks())] },
  };
}

/** Lines at the times of events; what happened stands in their titles. */
function putMarks(drawn: uPlot, events: readonly ShownEvent[]): void {
  for (const old of drawn.over.querySelectorAll('.plot-mark')) old.remove();
  const xOf = (ms: number): number => drawn.valToPos(ms / 1_000, 'x');
  for (const { x, events: here } of plotMarks(events, xOf, drawn.over.clientWidth, MARKS_APART)) {
    const mark = document.createElement('span');
    mark.className = 'plot-mark';
    mark.style.left = `${x}px`;
    const named = here.slice(0, MOST_NAMED).map((event) => {
      return `${localTime(Date.parse(event.timestamp), Date.now())} ${words.event(event)}`;
    });
    mark.title = [
      ...named,
      ...(here.length > MOST_NAMED ? [words.plots.moreMarks(here.length - MOST_NAMED)] : []),
    ].join('\n');
    drawn.over.append(mark);
  }
}

/** A canvas knows no variables of the style: an element that has the colour says what it is. */
function colorOf(element: HTMLElement, name: string): string {
  const probe = document.createElement('span');
  probe.style.color = `var(${name})`;
  element.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

/** Changes when dark becomes light, by the switch or by the system: then everything is drawn anew. */
function useScheme(): string {
  const [isDark, setDark] = useState(() => matchMedia('(prefers-color-scheme: dark)').matches);
  useEffect(() => {
    const query = matchMedia('(prefers-color-scheme: dark)');
    const note = (): void => setDark(query.matches);
    query.addEventListener('change', note);
    return () => query.removeEventListener('change', note);
  }, []);
  return `${theme.value} ${isDark}`;
}
