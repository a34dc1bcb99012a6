/** The cluster as a drawing: providers on the left, workers in the middle, viewers beside them. The table below says the same. */

import { useRef } from 'preact/hooks';
import type { ClusterState, ShownFlow } from '../../../shared/console/live.ts';
import { events } from '../live/live.ts';
import { useNow } from '../parts/clock.ts';
import { useWidth } from '../shell/width.ts';
import { count, megabits, megabytes, oneDecimal } from '../words/numbers.ts';
import { visible } from '../words/visible.ts';
import { words } from '../words/words.ts';
import { type Box, type Curve, type Drawing, drawingOf, type ProviderBox, type WorkerBox } from './drawing.ts';
import { type Mark, marksOf } from './marks.ts';
import { Rest } from './rest.tsx';
import { stateOf } from './worker-state.ts';

/** Before the page knows how wide it is. */
const FIRST_WIDTH = 960;
/** Of a character, on average, in pixels: longer texts are cut. */
const CHARACTER = 7.2;
/** The same of a bold one, which is larger. */
const STRONG_CHARACTER = 9.2;
const INSET = 8;
const LINE = 18;

export function Picture({ cluster }: { readonly cluster: ClusterState }) {
  const frame = useRef<HTMLDivElement>(null);
  const marks = marksOf(events.value, useNow());
  const drawing = drawingOf(cluster, useWidth(frame, FIRST_WIDTH), new Set(marks.keys()));
  const { width, height } = drawing;
  return (
    <div class="picture" ref={frame}>
      <svg
        viewBox={`0 0 ${width} ${height}`}
        width={width}
        height={height}
        role="img"
        aria-label={summaryOf(cluster, drawing)}
      >
        {drawing.curves.map((curve) => (
          <path
            key={`${curve.kind} ${curve.from} ${curve.to}`}
            class={curve.flow.bitsPerSecond === undefined ? `flow ${curve.kind} unknown` : `flow ${curve.kind}`}
            d={curve.path}
            stroke-width={curve.thickness}
          >
            <title>{titleOf(curve)}</title>
          </path>
        ))}
        {drawing.providers.map((provider) => (
          <Provider key={provider.name} provider={provider} />
        ))}
        {drawing.workers.map((box) => (
          <Worker key={box.name} box={box} mark={marks.get(box.name)} drawing={drawing} />
        ))}
        {drawing.rest !== undefined && <Frame box={drawing.rest} kind="serving" />}
      </svg>
      {drawing.rest !== undefined && <Rest box={drawing.rest} height={height} workers={cluster.workers} />}
      <p class="unseen" role="status">
        {[...marks].map(([name, mark]) => words.cluster.marked(visible(name), markOf(mark))).join(' ')}
      </p>
    </div>
  );
}

function Provider({ provider }: { readonly provider: ProviderBox }) {
  const { cluster } = words;
  const name = provider.hosts > 1 ? cluster.moreProviders(provider.hosts) : provider.name;
  return (
    <g>
      <Frame box={provider} kind="provider" />
      <Line box={provider} at={0} text={name} strong />
      <Line box={provider} at={1} text={cluster.connections(provider.connections)} faint />
    </g>
  );
}

interface WorkerProps {
  readonly box: WorkerBox;
  readonly mark: Mark | undefined;
  readonly drawing: Drawing;
}

function Worker({ box, mark, drawing: { isNarrow, viewersX } }: WorkerProps) {
  const { worker, name, relayedIn, relayedOut } = box;
  const { cluster } = words;
  const { viewers, ffmpegs, cpu, cores, bufferedBytes, version, revision } = worker;
  const { text: state, tone } = stateOf(worker);
  const isHere = viewers !== undefined;
  const people = isHere ? [cluster.viewers(viewers), cluster.ffmpegs(ffmpegs ?? 0)].join(', ') : '';
  const load = isHere
    ? [
        cpu === undefined ? '' : cluster.cpuOf(oneDecimal(cpu), cores),
        bufferedBytes === undefined ? '' : cluster.memory(megabytes(bufferedBytes), isNarrow),
      ]
        .filter((part) => part !== '')
        .join(', ')
    : '';
  const relays = cluster.relays(relayedIn?.count ?? 0, relayedOut?.count ?? 0);
  const made = [
    revision === undefined ? '' : cluster.revision(revision),
    version === undefined ? '' : words.connection.version(version),
  ].filter((part) => part !== '');
  const last = [...made, relays].filter((part) => part !== '').join(', ');
  const lines = isNarrow
    ? [state, people, load, relays, mark === undefined ? made.join(', ') : '']
    : [people === '' ? '' : `${people}, ${load}`, mark === undefined ? last : ''];
  return (
    <g class={worker.state === 'gone' ? 'gone' : undefined}>
      <Frame box={box} kind={worker.state} />
      <Line box={box} at={0} text={name} strong room={isNarrow ? 1 : 0.5} />
      {!isNarrow && (
        <text class={`small ${tone}`} x={box.x + box.width - INSET} y={box.y + INSET + 13} text-anchor="end">
          <title>{state}</title>
          {cut(state, box.width / 2, CHARACTER)}
        </text>
      )}
      {lines.map((text, at) => (
        <Line
          key={at}
          box={box}
          at={at + 1}
          text={text}
          faint={!(isNarrow && at === 0)}
          tone={isNarrow && at === 0 ? tone : ''}
        />
      ))}
      {mark !== undefined && <Line box={box} at={isNarrow ? 5 : 2} text={`▲ ${markOf(mark)}`} tone="warn" />}
      {viewersX !== undefined && isHere && (
        <text class="strong" x={viewersX} y={box.y + box.height / 2 + 5}>
          {cluster.viewers(viewers)}
        </text>
      )}
    </g>
  );
}

/** A box; how its worker is stands in words in it, too. */
function Frame({ box: { x, y, width, height }, kind }: { readonly box: Box; readonly kind: string }) {
  return <rect class={`box ${kind}`} x={x + 0.5} y={y + 0.5} width={width - 1} height={height - 1} rx={4} />;
}

interface LineProps {
  readonly box: Box;
  /** 0: the first one. */
  readonly at: number;
  readonly text: string;
  readonly strong?: boolean;
  readonly faint?: boolean;
  readonly tone?: string;
  /** The share of the width that it may take. */
  readonly room?: number;
}

function Line({ box: { x, y, width }, at, text, strong = false, faint = false, tone = '', room = 1 }: LineProps) {
  if (text === '') return null;
  const shown = visible(text);
  const classes = [strong ? 'strong' : 'small', faint ? 'faint' : '', tone].filter((part) => part !== '').join(' ');
  return (
    <text class={classes} x={x + INSET} y={y + INSET + 13 + at * LINE}>
      <title>{shown}</title>
      {cut(shown, room * width - 2 * INSET, strong ? STRONG_CHARACTER : CHARACTER)}
    </text>
  );
}

function cut(text: string, width: number, character: number): string {
  const most = Math.max(4, Math.floor(width / character));
  const signs = [...text];
  return signs.length <= most ? text : `${signs.slice(0, most - 1).join('')}…`;
}

function markOf({ count: taken, name, gapMs, kept }: Mark): string {
  return words.cluster.takeover(taken, visible(name), gapMs, kept);
}

function rateOf({ bitsPerSecond }: ShownFlow): string {
  return bitsPerSecond === undefined ? words.cluster.unmeasured : words.cluster.rate(megabits(bitsPerSecond));
}

function titleOf({ kind, from, to, flow }: Curve): string {
  const { curve } = words.cluster;
  if (kind === 'viewers') return curve.viewers(visible(from), count(flow.count), rateOf(flow));
  const target = to === '' ? words.cluster.others : visible(to);
  return kind === 'source'
    ? curve.source(visible(from), target, flow.count, rateOf(flow))
    : curve.relay(visible(from), target, flow.count, rateOf(flow));
}

function summaryOf({ total }: ClusterState, { providers, curves }: Drawing): string {
  const hosts = providers.reduce((sum, each) => sum + each.hosts, 0);
  return words.cluster.summary(total, hosts, curves.filter(({ kind }) => kind === 'relay').length);
}
