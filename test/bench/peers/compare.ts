/** Finds what has moved since another run by more than its range. */
import { type Figure, figureOf, type Machine, type Measure, type Run } from './results.ts';

export interface Move {
  readonly what: string;
  readonly server: string;
  /** `x` for a ratio to what it is beside. */
  readonly unit: string;
  readonly beside: string | undefined;
  readonly before: Figure;
  readonly now: Figure;
  /** Less is better in everything that is measured. */
  readonly isWorse: boolean;
}

export interface Comparison {
  readonly moves: readonly Move[];
  /** Figures that both runs have. */
  readonly compared: number;
  /** Figures that only a run on the same machine could be compared with. */
  readonly left: number;
}

/**
 * Compares figures that stand beside another by their ratio to it, round by round: what else the machine did then has slowed down both.
 * The others are compared on the same machine only. A figure has moved when its middle is further away than either run's own range is wide.
 */
export function compare(before: Run, now: Run): Comparison {
  const isSameMachine = sameMachine(before.machine, now.machine);
  const moves: Move[] = [];
  let [compared, left] = [0, 0];
  for (const measure of now.measures) {
    const earlier = before.measures.find(({ id }) => id === measure.id);
    if (earlier === undefined) continue;
    for (const server of Object.keys(measure.values)) {
      const pair = comparable(earlier, measure, server);
      if (pair === undefined) continue;
      if (!pair.isRatio && !isSameMachine) {
        left++;
        continue;
      }
      compared++;
      if (hasMoved(pair)) moves.push(moveOf(measure, server, pair));
    }
  }
  return { moves, compared, left };
}

function sameMachine(one: Machine, other: Machine): boolean {
  return one.processor === other.processor && one.cores === other.cores;
}

interface Pair {
  readonly before: Figure;
  readonly now: Figure;
  readonly resolution: number;
  readonly isRatio: boolean;
}

/** Undefined when there is nothing to compare: one run has no value of this server. */
function comparable(earlier: Measure, measure: Measure, server: string): Pair | undefined {
  const ratios = [ratiosOf(earlier, server), ratiosOf(measure, server)];
  const isRatio = ratios.every((values) => values.length > 0);
  const [before = [], now = []] = isRatio ? ratios : [earlier.values[server] ?? [], measure.values[server] ?? []];
  if (before.length === 0 || now.length === 0) return undefined;
  const { resolution, beside = '' } = measure;
  const unit = isRatio ? figureOf(measure.values[beside] ?? []).median : 1;
  return { before: figureOf(before), now: figureOf(now), resolution: resolution / unit, isRatio };
}

/** None for what the others are beside. */
function ratiosOf({ beside, values }: Measure, server: string): number[] {
  const others = beside === undefined || beside === server ? [] : (values[beside] ?? []);
  return (values[server] ?? []).flatMap((value, round) => {
    const other = others[round] ?? 0;
    return other > 0 ? [value / other] : [];
  });
}

function hasMoved({ before, now, resolution }: Pair): boolean {
  const range = Math.max(before.high - before.low, now.high - now.low, resolution);
  return Math.abs(now.median - before.median) > range;
}

function moveOf({ what, unit, beside }: Measure, server: string, { before, now, isRatio }: Pair): Move {
  const isWorse = now.median > before.median;
  return { what, server, unit: isRatio ? 'x' : unit, beside: isRatio ? beside : undefined, before, now, isWorse };
}
