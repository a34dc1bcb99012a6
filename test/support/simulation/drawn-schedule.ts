/**
 * Draws a schedule from a seed. Each schedule has one theme: what is hard to find needs two or three things that come close together,
 * and all kinds of faults in one urn would keep them apart.
 */

import { Draw } from './draw.ts';
import {
  faultsOfArrival,
  faultsOfLeaving,
  faultsOfMachines,
  faultsOfResolver,
  faultsOfSources,
  faultsWithOrders,
  LOST_MS,
  lateHandover,
} from './drawn-faults.ts';
import {
  changingChannels,
  comingAndGoing,
  KNOWING_MS,
  lastViewers,
  someViewers,
  type ViewerComes,
} from './drawn-viewers.ts';
import type { Fault } from './faults.ts';
import type { Habits } from './providers/provider.ts';
import { endMs, type Happening, LIVE, type Schedule, SECOND_PROFILE, WORKERS } from './schedule.ts';
import { firstProfile } from './streams.ts';

/** A worker that was cut off has another connection to Redis this long after the end of the cut, in ms. */
const ANEW_MS = [1_000, 4_500] as const;
/** How many viewers each of two profiles has. */
const VIEWERS_OF_TWO = 2;

type Theme = (draw: Draw) => Happening[];

/** How often each theme is drawn; together 1. */
const THEMES: readonly (readonly [share: number, theme: Theme])[] = [
  [0.1, comingAndGoing],
  [0.06, lastViewers],
  [0.12, changingChannels],
  [0.14, arriving],
  [0.08, leaving],
  [0.1, handingOver],
  [0.22, failing],
  [0.18, ordered],
];

/** How often the streams are live MPEG-TS, which source feeds read; and how often of these their sources break or hang. */
const LIVE_SHARE = 0.15;
const OUTAGES_SHARE = 0.5;
/** Of these, how often a resolver says where they go next. */
const RESOLVER_SHARE = 0.3;
/** How often something is wrong with the resolver, too. */
const RESOLVER_TROUBLE_SHARE = 0.5;
/** How often all of the streams are direct, and how often only those of the first profile. */
const DIRECT_SHARE = 0.35;
const BESIDE_DIRECT_SHARE = 0.2;
/** How often providers begin a connection with the past, and how often with a clock of its own. */
const BURST_SHARE = 0.5;
const BURSTS_MS = [1_000, 3_000] as const;
const OWN_CLOCKS_SHARE = 0.3;
const LIVE_SEED = 0x11fe;

/** Whether source feeds read the streams of a seed's schedule. */
export function isLive(seed: number): boolean {
  return liveDraw(seed) !== undefined;
}

function liveDraw(seed: number): Draw | undefined {
  const draw = new Draw(seed ^ LIVE_SEED);
  return draw.is(LIVE_SHARE) ? draw : undefined;
}

export function scheduleOf(seed: number): Schedule {
  const draw = new Draw(seed);
  const live = liveDraw(seed);
  if (live !== undefined) {
    const happenings = live.is(OUTAGES_SHARE) ? outages(live) : withLive(themeOf(draw)(draw));
    const hasResolver = live.is(RESOLVER_SHARE);
    const resolver = hasResolver && live.is(RESOLVER_TROUBLE_SHARE) ? faultsOfResolver(live, happenings) : [];
    const direct = directStreams(live, happenings);
    return { seed, happenings: inOrder([...happenings, ...resolver]), hasResolver, direct, habits: habits(live) };
  }
  return { seed, happenings: withinTheAccount(inOrder(themeOf(draw)(draw))) };
}

function directStreams(draw: Draw, happenings: readonly Happening[]): number[] {
  const chance = draw.share();
  if (chance > DIRECT_SHARE + BESIDE_DIRECT_SHARE) return [];
  const streams = new Set(happenings.flatMap((each) => (each.kind === 'viewer' ? [each.stream] : [])));
  return [...streams].filter((stream) => chance < DIRECT_SHARE || stream === firstProfile(stream));
}

function habits(draw: Draw): Habits {
  const burstMs = draw.is(BURST_SHARE) ? draw.from(BURSTS_MS) : 0;
  return { burstMs, hasOwnClocks: draw.is(OWN_CLOCKS_SHARE) };
}

function inOrder(happenings: Happening[]): Happening[] {
  return happenings.sort((a, b) => a.atMs - b.atMs);
}

/** The same with streams that source feeds read. */
function withLive(happenings: readonly Happening[]): Happening[] {
  return happenings.map((each) => ('stream' in each ? { ...each, stream: each.stream + LIVE } : each));
}

/** Sources break, hang and come back, alone or among other faults. */
function outages(draw: Draw): Happening[] {
  const viewers = someViewers(draw);
  const faults = faultsOfSources(draw, viewers);
  return withLive([...viewers, ...faults, ...comers(draw, viewers, faults)]);
}

/**
 * Two profiles of a channel have a connection each, and its account allows no third one. More viewers would need a second process of
 * one of them: those that come again after a crash count twice for the time of a lease.
 */
function withinTheAccount(happenings: readonly Happening[]): Happening[] {
  const hasTwo = happenings.some((each) => each.kind === 'viewer' && each.stream === SECOND_PROFILE);
  const counts = new Map<number, number>();
  return happenings.filter((each) => {
    if (each.kind !== 'viewer' || !hasTwo) return true;
    const count = (counts.get(each.stream) ?? 0) + 1;
    counts.set(each.stream, count);
    return count <= VIEWERS_OF_TWO;
  });
}

function themeOf(draw: Draw): Theme {
  let chance = draw.share();
  for (const [share, theme] of THEMES) {
    if (chance < share) return theme;
    chance -= share;
  }
  return failing;
}

/** Machines, the network and Redis fail. */
function failing(draw: Draw): Happening[] {
  const viewers = someViewers(draw);
  const faults = faultsOfMachines(draw);
  return [...viewers, ...faults, ...comers(draw, viewers, faults)];
}

/** People delete streams and move them to other sources, or sources break, among other faults. */
function ordered(draw: Draw): Happening[] {
  const viewers = someViewers(draw);
  const faults = faultsWithOrders(draw, viewers);
  return [...viewers, ...faults, ...comers(draw, viewers, faults)];
}

/**
 * A fault comes within the milliseconds in which a worker takes what a viewer needs that has just come. That viewer may leave while
 * the fault lasts.
 */
function arriving(draw: Draw): Happening[] {
  const stayMs = () => (draw.is(0.7) ? draw.between(500, 6_000) : undefined);
  const [early] = KNOWING_MS;
  // Somebody else may be there, at the worker that makes the feed by then.
  const others = draw.is(0.5) ? someViewers(draw).slice(0, 2) : [];
  const atMs = draw.between(early, 6_000);
  const viewer: ViewerComes = { kind: 'viewer', atMs, stream: 0, worker: draw.between(0, 2), stayMs: stayMs() };
  const faults = faultsOfArrival(draw, viewer);
  return [...others, viewer, ...faults, ...comers(draw, [viewer], faults)];
}

/** The last viewers leave while something is wrong with Redis. */
function leaving(draw: Draw): Happening[] {
  const viewers = someViewers(draw).map((viewer) =>
    draw.is(0.8) ? { ...viewer, stayMs: viewer.stayMs ?? draw.between(500, 5_000) } : viewer,
  );
  return [...viewers, ...faultsOfLeaving(draw, viewers)];
}

/**
 * A feed is handed over by a worker that is then cut off from Redis, and the request arrives late. By then another worker has taken the
 * feed over, or everybody had left and the worker has begun the feed anew.
 */
function handingOver(draw: Draw): Happening[] {
  const at = draw.between(0, 2);
  const drainMs = draw.between(3_200, 4_500);
  const { faults, cut } = lateHandover(draw, WORKERS[at] ?? 'w1', drainMs);
  const beginsAnew = draw.is(0.5);
  const comes = (atMs: number, worker: number, stayMs: number | undefined): ViewerComes => ({
    kind: 'viewer',
    atMs,
    stream: 0,
    worker: worker % WORKERS.length,
    stayMs,
  });
  const stays = (fromMs: number) => (beginsAnew ? cut.atMs + draw.between(1_500, LOST_MS) - fromMs : undefined);
  const firstMs = draw.between(300, 900);
  const nextMs = draw.between(...KNOWING_MS);
  const last = beginsAnew
    ? comes(cut.atMs + cut.ms + draw.between(...ANEW_MS), at, undefined)
    : comes(cut.atMs + draw.between(LOST_MS, cut.ms), at + 2, undefined);
  return [comes(firstMs, at, stays(firstMs)), comes(nextMs, at + 1, stays(nextMs)), last, ...faults];
}

/** Who comes while a fault lasts, when others may have taken over already, finds two that think they are the owner. */
function comers(draw: Draw, viewers: readonly ViewerComes[], faults: readonly Fault[]): ViewerComes[] {
  const stream = viewers[0]?.stream ?? 0;
  return faults.flatMap((fault) => {
    const lastsMs = endMs(fault) - fault.atMs;
    if (lastsMs < 2_000 || !draw.is(0.4)) return [];
    const atMs = draw.between(fault.atMs + lastsMs / 2, endMs(fault) + 500);
    const stayMs = draw.is(0.5) ? undefined : draw.between(50, 4_000);
    return [{ kind: 'viewer', atMs, stream, worker: draw.between(0, 2), stayMs } as const];
  });
}
