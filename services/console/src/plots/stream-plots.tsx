/** The last ten minutes of one stream: its viewers and its bit rate, each with a sentence and a table that say the same. */

import { useEffect, useMemo, useState } from 'preact/hooks';
import { MAX_ROWS, type ShownEvent } from '../../../shared/console/live.ts';
import type { ShownSample } from '../../../shared/console/one-stream.ts';
import { withEvents } from '../live/event-list.ts';
import { events as live } from '../live/live.ts';
import { count, megabits, oneDecimal } from '../words/numbers.ts';
import { words } from '../words/words.ts';
import { Figure } from './figure.tsx';
import { MarkList } from './mark-list.tsx';
import { eventsBefore, marked } from './marks.ts';

const ROW_MS = 60_000;

export interface StreamPlotsProps {
  readonly id: string;
  /** Oldest first. */
  readonly samples: readonly ShownSample[];
}

export function StreamPlots({ id, samples }: StreamPlotsProps) {
  const [before, setBefore] = useState<readonly ShownEvent[]>([]);
  useEffect(() => {
    let isOver = false;
    void eventsBefore(id).then((events) => {
      if (!isOver) setBefore(events);
    });
    return () => {
      isOver = true;
    };
  }, [id]);
  const fresh = marked(live.value).filter(({ stream_id: of }) => of === id);
  return <ShownStream samples={samples} events={withEvents(before, fresh, MAX_ROWS)} />;
}

interface ShownStreamProps {
  readonly samples: readonly ShownSample[];
  readonly events: readonly ShownEvent[];
}

export function ShownStream({ samples, events }: ShownStreamProps) {
  const { plots } = words;
  // The page is drawn once a second, and there is a new sample every 10 s.
  const drawn = useMemo(() => seriesOf(samples), [samples]);
  const [first] = drawn.times;
  if (first === undefined || samples.length < 2) return <p class="hint">{plots.tooYoung}</p>;
  const marks = events.filter(({ timestamp }) => Date.parse(timestamp) >= first);
  const { times } = drawn;
  return (
    <>
      <div class="plots two">
        <Figure name={plots.names.viewers} {...{ times, marks, rowMs: ROW_MS }} series={drawn.viewers} />
        <Figure name={plots.names.traffic} {...{ times, marks, rowMs: ROW_MS }} series={drawn.rate} />
      </div>
      <MarkList marks={marks} />
    </>
  );
}

function seriesOf(samples: readonly ShownSample[]) {
  const { measures, rate } = words.plots;
  return {
    times: samples.map(({ atMs }) => atMs),
    viewers: [
      {
        ...{ label: measures.viewers, shown: count, average: oneDecimal },
        values: samples.map((each) => each.viewers),
      },
    ],
    rate: [{ label: rate, shown: megabits, values: samples.map(({ bitsPerSecond }) => bitsPerSecond ?? null) }],
  };
}
