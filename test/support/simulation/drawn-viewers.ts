/** Draws who watches when. Each bias says what it is for. */

import type { Draw } from './draw.ts';
import { type Happening, ONE_ACCOUNT, SECOND_PROFILE } from './schedule.ts';
import { GRACE_MS } from './sim-worker.ts';

/** A registry that has just begun lets everybody wait. After this time it answers at once. */
export const KNOWING_MS = [2_200, 2_700] as const;

export type ViewerComes = Extract<Happening, { kind: 'viewer' }>;

/** From the moment at which a viewer leaves until its slot is given up, and how near to that another one comes. */
const GIVEN_UP_MS = [GRACE_MS - 10, GRACE_MS + 20] as const;
/**
 * The same for one at another worker, whose relay reaches the owner some milliseconds later; and how long it stays. It has gone from
 * the registry when the slot is released, and its relay waits in the owner meanwhile.
 */
const RELAYED_MS = [GRACE_MS - 12, GRACE_MS + 3] as const;
const RELAYED_STAY_MS = [3, 11] as const;
/** A worker asks Redis three times before it gives up an idle feed for the connection that another stream needs. */
const RECLAIM_MS = [0, 15] as const;
const RECLAIM_RELAYED_MS = [-4, 8] as const;

/** Some that come early, and some later. */
export function someViewers(draw: Draw): ViewerComes[] {
  const viewers: ViewerComes[] = [];
  const streams = someStreams(draw);
  for (let n = draw.between(2, 4); n > 0; n--) {
    const atMs = draw.is(0.7) ? draw.between(300, 1_500) : draw.between(300, 8_000);
    const viewer = comes(draw, atMs, streams[n % streams.length] ?? 0, draw.is(0.3) ? stay(draw) : undefined);
    viewers.push(viewer);
    if (draw.is(0.15)) viewers.push(...whenGivenUp(draw, viewer));
  }
  return viewers;
}

/** Many that come and go, often just as a slot is given up. */
export function comingAndGoing(draw: Draw): ViewerComes[] {
  const streams = someStreams(draw);
  const viewers: ViewerComes[] = [];
  for (let n = draw.between(4, 10); n > 0; n--) {
    const stayMs = draw.is(0.9) ? stay(draw) : undefined;
    const viewer = comes(draw, draw.between(300, 8_000), streams[n % streams.length] ?? 0, stayMs);
    viewers.push(viewer);
    if (draw.is(0.5)) viewers.push(...whenGivenUp(draw, viewer));
  }
  return viewers;
}

/**
 * One viewer, who leaves; and then one for some milliseconds at another worker, just as the slot is given up. Nobody else is there who
 * would keep the feed.
 */
export function lastViewers(draw: Draw): ViewerComes[] {
  const viewers: ViewerComes[] = [];
  let atMs = draw.between(...KNOWING_MS);
  for (let n = draw.between(2, 4); n > 0; n--) {
    const viewer = comes(draw, atMs, 0, draw.between(600, 1_500));
    viewers.push(viewer, ...whenGivenUp(draw, viewer, 0.8));
    // After all of it is over.
    atMs += (viewer.stayMs ?? 0) + 3 * GRACE_MS;
  }
  return viewers;
}

/** People change channels on an account that does not allow a connection for each: what nobody watches any more makes room. */
export function changingChannels(draw: Draw): ViewerComes[] {
  const worker = draw.between(0, 2);
  const at = () => (draw.is(0.8) ? worker : draw.between(0, 2));
  const change = (atMs: number, stream: number, stayMs: number | undefined, to = at()): ViewerComes => ({
    kind: 'viewer',
    atMs,
    stream: ONE_ACCOUNT + stream,
    worker: to,
    stayMs,
  });
  const viewers = [change(draw.between(300, 800), 0, undefined)];
  let atMs = draw.between(500, 1_500);
  let channel = 1;
  for (let n = draw.between(2, 6); n > 0; n--) {
    const stayMs = draw.between(200, 1_500);
    viewers.push(change(atMs, channel, stayMs));
    atMs += stayMs + draw.between(0, 600);
    channel = 3 - channel;
    // Another one comes to the channel that has just been left, while that makes room: here, or for a moment at another worker.
    if (draw.is(0.4)) viewers.push(change(atMs + draw.between(...RECLAIM_MS), 3 - channel, draw.between(50, 1_000)));
    else if (draw.is(0.6)) {
      const comesMs = atMs + draw.between(...RECLAIM_RELAYED_MS);
      viewers.push(change(comesMs, 3 - channel, draw.between(...RELAYED_STAY_MS), (worker + draw.between(1, 2)) % 3));
    }
  }
  return viewers;
}

/** One that comes just as the slot is given up that another one has left. */
function whenGivenUp(draw: Draw, { atMs, stream, worker, stayMs }: ViewerComes, elsewhere = 0.4): ViewerComes[] {
  if (stayMs === undefined) return [];
  const leftMs = atMs + stayMs;
  if (draw.is(elsewhere)) {
    const at = { atMs: leftMs + draw.between(...RELAYED_MS), worker: (worker + draw.between(1, 2)) % 3 };
    return [{ kind: 'viewer', stream, ...at, stayMs: draw.between(...RELAYED_STAY_MS) }];
  }
  const nextMs = leftMs + draw.between(...GIVEN_UP_MS);
  return [{ kind: 'viewer', stream, worker, atMs: nextMs, stayMs: draw.between(50, 3_000) }];
}

function comes(draw: Draw, atMs: number, stream: number, stayMs: number | undefined): ViewerComes {
  return { kind: 'viewer', atMs, stream, worker: draw.between(0, 2), stayMs };
}

function stay(draw: Draw): number {
  return draw.is(0.3) ? draw.between(0, 60) : draw.between(50, 5_000);
}

function someStreams(draw: Draw): number[] {
  const other = draw.is(0.5) ? 1 : SECOND_PROFILE;
  return draw.is(0.3) ? [0, other] : [0];
}
