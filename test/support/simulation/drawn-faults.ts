/** Draws faults. What comes when is not evenly random: each bias says what it is for. */

import type { Draw } from './draw.ts';
import type { ViewerComes } from './drawn-viewers.ts';
import type { Fault } from './faults.ts';
import { type Happening, WORKERS, type WorkerName } from './schedule.ts';
import { GRACE_MS } from './sim-worker.ts';
import { firstProfile } from './streams.ts';

/** Faults begin within this time. */
const BEGIN_MS = [1_500, 7_000] as const;
const LONGEST_MS = 7_000;
const LAST_MS = 12_000;
/** A worker that is cut off from Redis for longer, in ms, has lost its lease, and others have had time to take over. */
export const LOST_MS = 5_500;
/**
 * The connection to Redis is given up meanwhile, and TCP sends what the cut has kept up to 5 s after it: another connection is there by
 * then, and the worker has written back. After a longer cut it takes even more time.
 */
const LATE_MS = [6_800, 8_000] as const;
/** What a worker asks for a viewer that comes, it asks within this time. */
const ARRIVES_MS = [0, 14] as const;

/** A time and a length for one fault. */
interface Moment {
  readonly atMs: number;
  readonly ms: number;
}

type Made = Fault | readonly Fault[] | undefined;
type Maker = (draw: Draw, moment: Moment) => Made;

/** What goes wrong with machines, the network and Redis: who owns what must be found out again. */
const OF_MACHINES: readonly Maker[] = [
  (draw, { atMs, ms }) => ({ kind: 'crash', atMs, worker: draw.worker(), downMs: ms }),
  (draw, { atMs, ms }) => ({ kind: 'power', atMs, worker: draw.worker(), downMs: ms }),
  (draw, { atMs, ms }) => ({ kind: 'pause', atMs, worker: draw.worker(), ms }),
  (draw, { atMs }) => ({ kind: 'pause', atMs, worker: draw.worker(), ms: LONGEST_MS }),
  (draw, { atMs, ms }) => {
    const [from, to] = way(draw);
    return from === to ? undefined : { kind: 'cut', atMs, from, to, isOneWay: draw.is(0.3), ms };
  },
  // What a worker has asked before it is cut off takes effect after others have taken over.
  (draw, { atMs }) => {
    const ms = draw.between(LOST_MS, LONGEST_MS);
    return { kind: 'cut', atMs, from: draw.worker(), to: 'redis', isOneWay: draw.is(0.5), ms };
  },
  (draw, { atMs }) => isolated(draw.worker(), atMs, draw.between(LOST_MS, LONGEST_MS)),
  (draw, { atMs, ms }) => {
    const [from, to] = way(draw);
    const more = { share: draw.share() * 0.5, moreMs: draw.share() * 300 };
    return from === to ? undefined : { kind: 'slow', atMs, from, to, ...more, ms };
  },
  (_, { atMs, ms }) => ({ kind: 'hang', atMs, ms }),
  (draw, { atMs, ms }) => {
    const kept = draw.from(['all', 'nothing', 'all_but_a_second'] as const);
    return { kind: 'redis', atMs, downMs: ms, kept };
  },
  (draw, { atMs }) => ({ kind: 'evict', atMs, keys: draw.between(1, 5) }),
  (draw, { atMs }) => {
    const machine = draw.is(0.3) ? 'redis' : draw.worker();
    return { kind: 'clock', atMs, machine, byMs: draw.between(-20_000, 20_000) };
  },
  (draw, { atMs, ms }) => ({ kind: 'drain', atMs, worker: draw.worker(), ms }),
  (draw, { atMs, ms }) => ({ kind: 'drain', atMs, worker: draw.worker(), ms }),
];

/** What people order, and sources that break. */
function ordersFor(viewers: readonly ViewerComes[]): readonly Maker[] {
  const stream = (draw: Draw) => draw.from(viewers).stream;
  return [
    (draw, { atMs, ms }) => ({ kind: 'source', atMs, stream: 0, isBackup: draw.is(0.3), ms }),
    (draw, { atMs }) => ({ kind: 'failover', atMs, stream: stream(draw), worker: draw.worker() }),
    (draw, { atMs }) => ({ kind: 'delete', atMs, stream: stream(draw), worker: draw.worker() }),
  ];
}

/** Machines, network and Redis alone. */
export function faultsOfMachines(draw: Draw): Fault[] {
  return several(draw, OF_MACHINES, draw.between(1, 4));
}

/** At least one order or broken source, among other faults. */
export function faultsWithOrders(draw: Draw, viewers: readonly ViewerComes[]): Fault[] {
  const orders = ordersFor(viewers);
  const momentOf = moments(draw);
  const first = made(draw, orders, momentOf());
  const more = Array.from({ length: draw.between(0, 3) }, () =>
    made(draw, draw.is(0.3) ? orders : OF_MACHINES, momentOf()),
  );
  return [first, ...more].flat();
}

/** Sources that break or hang, in most schedules nothing else. */
export function faultsOfSources(draw: Draw, viewers: readonly ViewerComes[]): Fault[] {
  const outage: Maker = (each, { atMs, ms }) => {
    const kind = each.from(['refuses', 'drops', 'hangs', 'hangs', 'mute'] as const);
    const lastsMs = kind === 'drops' ? 0 : ms;
    return {
      kind: 'source',
      atMs,
      stream: firstProfile(each.from(viewers).stream),
      isBackup: each.is(0.3),
      outage: kind,
      ms: lastsMs,
    };
  };
  const others = draw.is(0.6) ? [outage] : [outage, ...OF_MACHINES, ...ordersFor(viewers)];
  const momentOf = moments(draw);
  const first = made(draw, [outage], momentOf());
  return [first, ...Array.from({ length: draw.between(0, 3) }, () => made(draw, others, momentOf()))].flat();
}

/** Something is wrong with the resolver when it is asked: while a source does not play, or a while after somebody has ordered a failover. */
export function faultsOfResolver(draw: Draw, happenings: readonly Happening[]): Fault[] {
  return happenings.flatMap((each) => {
    if (each.kind !== 'source' && each.kind !== 'failover') return [];
    const ms = draw.between(500, LONGEST_MS);
    const atMs = Math.max(0, each.atMs + draw.between(-500, 1_500));
    return [{ kind: 'resolver', atMs, trouble: draw.from(['slow', 'slow', 'fails', 'silent'] as const), ms } as const];
  });
}

/** A worker ends, stands still or is cut off while it takes what a viewer needs that has just come. */
export function faultsOfArrival(draw: Draw, { atMs: comesMs, worker: at }: ViewerComes): Fault[] {
  const worker = WORKERS[at] ?? 'w1';
  const atMs = comesMs + draw.between(...ARRIVES_MS);
  const isOneWay = draw.is(0.5);
  const [from, to] = draw.is(0.5) ? ([worker, 'redis'] as const) : (['redis', worker] as const);
  const makers: readonly (() => Fault)[] = [
    () => ({ kind: 'crash', atMs, worker, downMs: draw.between(500, 3_000) }),
    () => ({ kind: 'pause', atMs, worker, ms: draw.between(500, LONGEST_MS) }),
    () => ({ kind: 'cut', atMs, from, to, isOneWay, ms: draw.between(...LATE_MS) }),
    // What it has asked takes effect when it has long gone on without the answer.
    () => ({ kind: 'cut', atMs, from: worker, to: 'redis', isOneWay, ms: draw.between(...LATE_MS) }),
    () => ({ kind: 'hang', atMs, ms: draw.between(2_000, LONGEST_MS) }),
  ];
  // A fault of Redis shows most when nothing else happens to the one that asked.
  return [draw.from(makers)(), ...(draw.is(0.4) ? several(draw, OF_MACHINES, 1) : [])];
}

/** Something keeps the registry from hearing that nobody watches any more: the viewer has left, and the grace time runs. */
export function faultsOfLeaving(draw: Draw, viewers: readonly ViewerComes[]): Fault[] {
  return viewers.flatMap(({ atMs, stayMs, stream, worker }) => {
    if (stayMs === undefined || !draw.is(0.6)) return [];
    const leavesMs = atMs + stayMs;
    const ms = draw.between(300, 3_000);
    const at = { atMs: leavesMs + draw.between(20, GRACE_MS - 20), ms };
    const makers: readonly (() => Fault)[] = [
      () => ({ kind: 'spoil', stream, ...at }),
      () => ({ kind: 'spoil', stream, ...at }),
      () => ({ kind: 'redis', atMs: leavesMs + draw.between(-20, GRACE_MS), downMs: ms, kept: 'all' }),
      () => ({ kind: 'hang', atMs: leavesMs + draw.between(-20, GRACE_MS), ms }),
      () => {
        const cut = { from: WORKERS[worker] ?? 'w1', to: 'redis', isOneWay: draw.is(0.5) } as const;
        return { kind: 'cut', ...cut, atMs: leavesMs + draw.between(-20, GRACE_MS), ms };
      },
    ];
    return [draw.from(makers)()];
  });
}

/** A worker drains, and is cut off from Redis as it hands over: what it asked arrives when others have taken over. */
export function lateHandover(draw: Draw, worker: WorkerName, drainMs: number): { faults: Fault[]; cut: Moment } {
  // To get ready takes the follower as long as a source takes to open.
  const cut = { atMs: drainMs + draw.between(-700, 150), ms: draw.between(...LATE_MS) };
  const faults: Fault[] = [
    { kind: 'drain', atMs: drainMs, worker, ms: draw.between(1_000, 4_000) },
    { kind: 'cut', from: worker, to: 'redis', isOneWay: draw.is(0.6), ...cut },
  ];
  return { faults, cut };
}

/** Nobody reaches it. It goes on alone, and others take over: it has made what they have made too. */
function isolated(worker: WorkerName, atMs: number, ms: number): Fault[] {
  const others = ['redis' as const, ...WORKERS.filter((each) => each !== worker)];
  return others.map((to) => ({ kind: 'cut', atMs, from: worker, to, isOneWay: false, ms }));
}

/** Between a worker and Redis, or between two workers. */
function way(draw: Draw) {
  const worker = draw.worker();
  const ends = draw.is(0.5) ? (['redis', worker] as const) : ([worker, draw.from(WORKERS)] as const);
  return draw.is(0.5) ? ends : ([ends[1], ends[0]] as const);
}

function several(draw: Draw, makers: readonly Maker[], count: number): Fault[] {
  const momentOf = moments(draw);
  return Array.from({ length: count }, () => made(draw, makers, momentOf())).flat();
}

function made(draw: Draw, makers: readonly Maker[], moment: Moment): readonly Fault[] {
  const faults = draw.from(makers)(draw, moment) ?? [];
  return 'kind' in faults ? [faults] : faults;
}

/** At the same moment as the fault before, a little after it or a little before, or at any other time. */
function moments(draw: Draw): () => Moment {
  let lastMs: number | undefined;
  return () => {
    const isNear = lastMs !== undefined && draw.is(0.4);
    const atMs = isNear ? Math.max(300, (lastMs ?? 0) + draw.between(-300, 1_000)) : draw.between(...BEGIN_MS);
    lastMs = atMs;
    // Short faults find races, long ones outlast a lease.
    const ms = draw.is(0.4) ? draw.between(50, 2_000) : draw.between(2_000, LONGEST_MS);
    return { atMs, ms: Math.min(ms, LAST_MS - atMs) };
  };
}
