/** What happens to a simulated cluster: who watches when, and which faults there are. A seed makes one; it can be made shorter. */

import { pick, seeded } from '../seed.ts';

export const WORKERS = ['w1', 'w2', 'w3'] as const;
export type WorkerName = (typeof WORKERS)[number];
/** A worker, or Redis. */
export type MachineName = WorkerName | 'redis';

/** All times in ms. */
export type Happening = { readonly atMs: number } & (
  | { readonly kind: 'viewer'; readonly stream: number; readonly worker: number; readonly stayMs: number | undefined }
  /** The process is killed; another one begins under its name. */
  | { readonly kind: 'crash'; readonly worker: WorkerName; readonly downMs: number }
  /** The machine loses its power: nothing says that its process is gone. */
  | { readonly kind: 'power'; readonly worker: WorkerName; readonly downMs: number }
  | { readonly kind: 'pause'; readonly worker: WorkerName; readonly ms: number }
  | {
      readonly kind: 'cut';
      readonly from: MachineName;
      readonly to: MachineName;
      readonly isOneWay: boolean;
      readonly ms: number;
    }
  /** `share` of the packets are lost once; all take `moreMs` longer. */
  | {
      readonly kind: 'slow';
      readonly from: MachineName;
      readonly to: MachineName;
      readonly share: number;
      readonly moreMs: number;
      readonly ms: number;
    }
  | { readonly kind: 'hang'; readonly ms: number }
  | { readonly kind: 'redis'; readonly downMs: number; readonly kept: 'all' | 'nothing' | 'all_but_a_second' }
  /** `only`: keys that begin with this. */
  | { readonly kind: 'evict'; readonly keys: number; readonly only?: string }
  | { readonly kind: 'clock'; readonly machine: MachineName; readonly byMs: number }
  | { readonly kind: 'drain'; readonly worker: WorkerName; readonly ms: number }
);

export interface Schedule {
  readonly seed: number;
  readonly happenings: readonly Happening[];
}

/** Faults begin within this time. */
const BEGIN_MS = [1_500, 7_000] as const;
const LONGEST_MS = 7_000;
const LAST_MS = 12_000;

export function scheduleOf(seed: number): Schedule {
  const random = seeded(seed ^ 0x5eed);
  const between = (low: number, high: number) => Math.round(low + random() * (high - low));
  let last: WorkerName = pick(random, WORKERS);
  const worker = () => {
    // Two faults of one worker find more than one of each of two.
    if (random() < 0.6) last = pick(random, WORKERS);
    return last;
  };
  let lastMs = 0;
  const happenings: Happening[] = [];
  const streams = random() < 0.3 ? 2 : 1;
  // Some schedules have no faults, and many viewers that come and go.
  const isChurn = random() < 0.15;
  const viewers = isChurn ? between(4, 10) : between(2, 4);
  for (let n = 0; n < viewers; n++) {
    const atMs = random() < 0.7 && !isChurn ? between(300, 1_500) : between(300, 8_000);
    const leaves = random() < (isChurn ? 0.9 : 0.3);
    const stayMs = leaves ? (random() < 0.3 ? between(0, 60) : between(50, 5_000)) : undefined;
    happenings.push({ kind: 'viewer', atMs, stream: n % streams, worker: between(0, 2), stayMs });
  }
  const faults = isChurn ? 0 : between(1, 4);
  for (let n = 0; n < faults; n++) {
    const isNext = lastMs > 0 && random() < 0.3;
    const atMs = isNext ? lastMs + between(0, 500) : between(...BEGIN_MS);
    lastMs = atMs;
    // Short faults find races, long ones outlast a lease.
    const ms = Math.min(random() < 0.4 ? between(50, 2_000) : between(2_000, LONGEST_MS), LAST_MS - atMs);
    const ways = random() < 0.5 ? (['redis', worker()] as const) : ([worker(), pick(random, WORKERS)] as const);
    const [from, to] = random() < 0.5 ? ways : [ways[1], ways[0]];
    const makers: readonly (() => Happening | undefined)[] = [
      () => ({ kind: 'crash', atMs, worker: worker(), downMs: ms }),
      () => ({ kind: 'power', atMs, worker: worker(), downMs: ms }),
      () => ({ kind: 'pause', atMs, worker: worker(), ms }),
      () => ({ kind: 'pause', atMs, worker: worker(), ms: LONGEST_MS }),
      () => (from === to ? undefined : { kind: 'cut', atMs, from, to, isOneWay: random() < 0.3, ms }),
      () =>
        from === to ? undefined : { kind: 'slow', atMs, from, to, share: random() * 0.5, moreMs: random() * 300, ms },
      () => ({ kind: 'hang', atMs, ms }),
      () => ({ kind: 'redis', atMs, downMs: ms, kept: pick(random, ['all', 'nothing', 'all_but_a_second'] as const) }),
      () => ({ kind: 'evict', atMs, keys: between(1, 5) }),
      () => ({ kind: 'clock', atMs, machine: random() < 0.3 ? 'redis' : worker(), byMs: between(-20_000, 20_000) }),
      () => ({ kind: 'drain', atMs, worker: worker(), ms }),
      () => ({ kind: 'drain', atMs, worker: worker(), ms }),
    ];
    const happening = pick(random, makers)();
    if (happening !== undefined) happenings.push(happening);
  }
  return { seed, happenings: happenings.sort((a, b) => a.atMs - b.atMs) };
}

/** When a fault is over, in ms. */
export function endMs(happening: Happening): number {
  const { atMs } = happening;
  if ('ms' in happening) return atMs + happening.ms;
  if ('downMs' in happening) return atMs + happening.downMs;
  return atMs;
}

/** A happening as a sentence. */
export function asSentence(happening: Happening): string {
  const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`;
  switch (happening.kind) {
    case 'viewer': {
      const stay = happening.stayMs === undefined ? 'and stays' : `for ${seconds(happening.stayMs)}`;
      return `a viewer of stream ${happening.stream} comes to w${happening.worker + 1} ${stay}`;
    }
    case 'crash':
      return `${happening.worker} is killed; it begins again after ${seconds(happening.downMs)}`;
    case 'power':
      return `the machine of ${happening.worker} loses its power for ${seconds(happening.downMs)}`;
    case 'pause':
      return `${happening.worker} stands still for ${seconds(happening.ms)}`;
    case 'cut': {
      const { from, to, isOneWay, ms } = happening;
      return isOneWay
        ? `nothing gets from ${from} to ${to} for ${seconds(ms)}`
        : `${from} and ${to} are cut off from each other for ${seconds(ms)}`;
    }
    case 'slow': {
      const { from, to, share, moreMs, ms } = happening;
      return `the way from ${from} to ${to} loses ${Math.round(share * 100)} % and takes ${Math.round(moreMs)} ms more for ${seconds(ms)}`;
    }
    case 'hang':
      return `Redis hangs for ${seconds(happening.ms)}`;
    case 'redis': {
      const kept = { all: 'everything', nothing: 'nothing', all_but_a_second: 'all but its last second' }[
        happening.kept
      ];
      return `Redis ends; it is back after ${seconds(happening.downMs)} with ${kept}`;
    }
    case 'evict':
      return `Redis drops ${happening.keys} keys${happening.only === undefined ? '' : ` of ${happening.only}`}`;
    case 'clock':
      return `the clock of ${happening.machine} is set by ${seconds(happening.byMs)}`;
    case 'drain':
      return `${happening.worker} drains for ${seconds(happening.ms)}`;
  }
}
