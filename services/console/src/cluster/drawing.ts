/** Where everything stands in the drawing of the cluster: boxes, and the curves between them. Pure. */

import type { ClusterState, ShownFlow, ShownWorker } from '../../../shared/console/live.ts';

/** From 13 workers on the rest is one box. */
export const MOST_BOXES = 12;
/** Somebody who watches a worker die sees its box for so long, however few viewers it has now. */
const TROUBLE_MS = 60_000;
const MOST_TROUBLED = 4;
/** So many providers have a box; the rest is one. */
const MOST_PROVIDERS = 12;

const GAP = 12;
const LINE = 18;
const PADDING = 8;
const PROVIDER_HEIGHT = 2 * PADDING + 2 * LINE;
/** A curve of nothing, or of what nobody has measured. */
const THINNEST = 1.5;
/** The curve that carries the most, if that is as much as one good channel. */
const THICKEST = 11;
const THICK_BITS = 10_000_000;
/** Below this width viewers stand in the boxes only, and a box has shorter lines, but more of them. */
const NARROW = 640;

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface ProviderBox extends Box {
  /** Host; empty: the rest. */
  readonly name: string;
  readonly connections: number;
  /** How many providers it stands for. */
  readonly hosts: number;
}

export interface WorkerBox extends Box {
  readonly name: string;
  readonly worker: ShownWorker;
  /** What others relay from it. */
  readonly relayedOut: ShownFlow | undefined;
  readonly relayedIn: ShownFlow | undefined;
}

export interface Curve {
  readonly kind: 'source' | 'relay' | 'viewers';
  readonly from: string;
  readonly to: string;
  readonly flow: ShownFlow;
  /** As `d` of a path. */
  readonly path: string;
  readonly thickness: number;
}

/** Workers that have no box of their own. */
export interface RestBox extends Box {
  readonly workers: number;
  /** Those of them that are known, the most viewers first. */
  readonly names: readonly string[];
  readonly viewers: number;
}

export interface Drawing {
  readonly width: number;
  readonly height: number;
  readonly isNarrow: boolean;
  readonly providers: readonly ProviderBox[];
  readonly workers: readonly WorkerBox[];
  readonly rest: RestBox | undefined;
  readonly curves: readonly Curve[];
  /** Where the number of viewers stands beside each box; undefined where there is no room. */
  readonly viewersX: number | undefined;
}

/** The box of workers that have none of their own, as the end of a curve. */
const REST = '';

/**
 * @param width of the page's column, in pixels
 * @param marked workers that the page says something of
 */
export function drawingOf(
  { workers, order, total }: ClusterState,
  width: number,
  marked: ReadonlySet<string> = new Set(),
): Drawing {
  const isNarrow = width < NARROW;
  const columns = columnsOf(width, isNarrow);
  const boxed = boxedOf(order, workers, marked);
  const others = order.filter((name) => !boxed.includes(name));
  const end = (name: string): string => (boxed.includes(name) ? name : REST);
  const sources = flowsTo(order, workers, ({ sources: all }) => all, end);
  const relays = flowsTo(order, workers, ({ relays: all }) => all, end).filter(({ from }) => {
    // A follower may not have said yet that it reads from another one.
    return order.includes(from) && workers[from]?.state !== 'gone';
  });
  const boxes = workerBoxes(boxed, workers, columns, isNarrow, relays);
  const bottom = boxes.at(-1);
  const rest: RestBox | undefined =
    others.length === 0
      ? undefined
      : {
          ...{ x: columns.workerX, y: bottom === undefined ? 0 : bottom.y + bottom.height + GAP },
          ...{ width: columns.workerWidth, height: 2 * PADDING + 2 * LINE },
          // A list may show fewer than there are.
          workers: total - boxed.length,
          names: others,
          viewers: others.reduce((sum, name) => sum + (workers[name]?.viewers ?? 0), 0),
        };
  const workersHeight = rest === undefined ? endOf(bottom) : endOf(rest);
  const providers = providerBoxes(sources, columns.providerWidth, workersHeight);
  const height = Math.max(workersHeight, endOf(providers.at(-1)), PROVIDER_HEIGHT);
  const placed = new Map<string, Box>([...boxes.map((box): [string, Box] => [box.name, box])]);
  if (rest !== undefined) placed.set(REST, rest);
  const curves = curvesOf({ sources, relays, boxes, providers, placed, columns });
  return { width, height, isNarrow, providers, workers: boxes, rest, curves, viewersX: columns.viewersX };
}

/**
 * Who has a box, by name: a box does not move when viewers come and go. Those with a mark or in trouble, and those with the most
 * viewers.
 */
function boxedOf(order: readonly string[], workers: ClusterState['workers'], marked: ReadonlySet<string>): string[] {
  if (order.length <= MOST_BOXES) return order.toSorted(byName);
  const isTroubled = (name: string): boolean => {
    const { state, forMs = 0 } = workers[name] ?? {};
    return marked.has(name) || state === 'silent' || (state === 'gone' && forMs < TROUBLE_MS);
  };
  const troubled = order.filter(isTroubled).slice(0, MOST_TROUBLED);
  const others = order.filter((name) => !troubled.includes(name));
  return [...troubled, ...others.slice(0, MOST_BOXES - 1 - troubled.length)].sort(byName);
}

/** worker-2 before worker-10. */
function byName(a: string, b: string): number {
  return a.localeCompare(b, undefined, { numeric: true });
}

interface Columns {
  readonly providerWidth: number;
  readonly workerX: number;
  readonly workerWidth: number;
  readonly viewersX: number | undefined;
  /** How far a curve between workers may reach to the right. */
  readonly bulge: number;
}

function columnsOf(width: number, isNarrow: boolean): Columns {
  if (isNarrow) {
    const [providerWidth, gap, bulge] = [110, 28, 28];
    const workerX = providerWidth + gap;
    return { providerWidth, workerX, workerWidth: width - workerX - bulge, viewersX: undefined, bulge };
  }
  const providerWidth = Math.min(240, Math.round(width * 0.2));
  const viewersX = width - 120;
  const workerX = providerWidth + Math.max(72, Math.round(width * 0.1));
  const bulge = Math.max(56, Math.round(width * 0.08));
  return { providerWidth, workerX, workerWidth: viewersX - bulge - workerX, viewersX, bulge };
}

/** Lines of text that a box has. */
function linesOf(isNarrow: boolean): number {
  return isNarrow ? 6 : 3;
}

function workerBoxes(
  names: readonly string[],
  workers: ClusterState['workers'],
  { workerX: x, workerWidth: width }: Columns,
  isNarrow: boolean,
  relays: readonly Flow[],
): WorkerBox[] {
  const height = 2 * PADDING + linesOf(isNarrow) * LINE;
  return names.flatMap((name, at) => {
    const worker = workers[name];
    if (worker === undefined) return [];
    const relayedIn = sumOf(relays.filter(({ to }) => to === name));
    const relayedOut = sumOf(relays.filter(({ from }) => from === name));
    return [{ x, y: at * (height + GAP), width, height, name, worker, relayedIn, relayedOut }];
  });
}

/** In the middle of the height that the workers take. The providers with the most connections have boxes. */
function providerBoxes(sources: readonly Flow[], width: number, height: number): ProviderBox[] {
  const counts = new Map<string, number>();
  for (const { from, flow } of sources) counts.set(from, (counts.get(from) ?? 0) + flow.count);
  const all = [...counts].sort(([a, many], [b, more]) => more - many || (a < b ? -1 : 1));
  const isMore = all.length > MOST_PROVIDERS;
  const shown = all.slice(0, isMore ? MOST_PROVIDERS - 1 : MOST_PROVIDERS).sort(([a], [b]) => (a < b ? -1 : 1));
  const left = all.slice(shown.length);
  const rest: [string, number][] = isMore ? [[REST, left.reduce((sum, [, count]) => sum + count, 0)]] : [];
  const boxes = [...shown, ...rest];
  const step = PROVIDER_HEIGHT + GAP;
  const top = Math.max(0, (height - (boxes.length * step - GAP)) / 2);
  return boxes.map(([name, connections], at) => ({
    ...{ x: 0, y: top + at * step, width, height: PROVIDER_HEIGHT, name, connections },
    hosts: name === REST ? left.length : 1,
  }));
}

interface Flow {
  readonly from: string;
  readonly to: string;
  readonly flow: ShownFlow;
}

/** What comes to each box, one flow for each two ends. */
function flowsTo(
  order: readonly string[],
  workers: ClusterState['workers'],
  of: (worker: ShownWorker) => Readonly<Record<string, ShownFlow>> | undefined,
  end: (name: string) => string,
): Flow[] {
  const flows = order.flatMap((name) => {
    const worker = workers[name];
    const all = worker === undefined ? undefined : of(worker);
    return Object.entries(all ?? {}).map(([from, flow]): Flow => ({ from, to: end(name), flow }));
  });
  const together = new Map<string, Flow[]>();
  for (const flow of flows) {
    const key = JSON.stringify([flow.from, flow.to]);
    together.set(key, [...(together.get(key) ?? []), flow]);
  }
  return [...together.values()].flatMap((some) => {
    const flow = sumOf(some);
    const [first] = some;
    return flow === undefined || first === undefined ? [] : [{ ...first, flow }];
  });
}

function sumOf(flows: readonly Flow[]): ShownFlow | undefined {
  if (flows.length === 0) return undefined;
  const rates = flows.flatMap(({ flow: { bitsPerSecond } }) => bitsPerSecond ?? []);
  return {
    count: flows.reduce((sum, { flow }) => sum + flow.count, 0),
    bitsPerSecond: rates.length === 0 ? undefined : rates.reduce((sum, rate) => sum + rate, 0),
  };
}

interface Ends {
  readonly sources: readonly Flow[];
  readonly relays: readonly Flow[];
  readonly boxes: readonly WorkerBox[];
  readonly providers: readonly ProviderBox[];
  readonly placed: ReadonlyMap<string, Box>;
  readonly columns: Columns;
}

function curvesOf({ sources, relays, boxes, providers, placed, columns }: Ends): Curve[] {
  const provider = (host: string): Box | undefined =>
    providers.find(({ name }) => name === host) ?? providers.find(({ name }) => name === REST);
  const watched = boxes.flatMap(({ name, worker: { viewers = 0, bitsPerSecond } }): Flow[] =>
    viewers > 0 ? [{ from: name, to: '', flow: { count: viewers, bitsPerSecond } }] : [],
  );
  const { viewersX } = columns;
  const most = Math.max(THICK_BITS, ...[...sources, ...relays, ...watched].map(({ flow }) => flow.bitsPerSecond ?? 0));
  const thick = ({ bitsPerSecond = 0 }: ShownFlow): number => THINNEST + (THICKEST - THINNEST) * (bitsPerSecond / most);
  const made = (kind: Curve['kind'], each: Flow, path: string | undefined): Curve[] =>
    path === undefined ? [] : [{ kind, ...each, path, thickness: Math.round(thick(each.flow) * 10) / 10 }];
  return [
    ...sources.flatMap((each) => {
      const [left, right] = [provider(each.from), placed.get(each.to)];
      return made('source', each, left && right && across(left, right));
    }),
    ...relays.flatMap((each) => {
      const to = placed.get(each.to);
      const from = placed.get(each.from) ?? placed.get(REST);
      return made('relay', each, from && to && from !== to ? around(from, to, columns.bulge) : undefined);
    }),
    ...watched.flatMap((each) => {
      const box = placed.get(each.from);
      if (box === undefined || viewersX === undefined) return [];
      const y = box.y + box.height / 2;
      return made('viewers', each, `M${box.x + box.width},${y} H${viewersX - PADDING}`);
    }),
  ];
}

/** From the right side of a provider to the left side of a worker. */
function across(from: Box, to: Box): string {
  const [x1, y1, x2, y2] = [from.x + from.width, from.y + from.height / 2, to.x, to.y + to.height / 2];
  const middle = (x1 + x2) / 2;
  return `M${x1},${y1} C${middle},${y1} ${middle},${y2} ${x2},${y2}`;
}

/** From the right side of a worker to that of another one: out in its upper part, in in its lower one. */
function around(from: Box, to: Box, bulge: number): string {
  const x = from.x + from.width;
  const [y1, y2] = [from.y + from.height / 4, to.y + (to.height * 3) / 4];
  const out = x + bulge;
  return `M${x},${y1} C${out},${y1} ${out},${y2} ${x},${y2}`;
}

function endOf(box: Box | undefined): number {
  return box === undefined ? 0 : box.y + box.height;
}
