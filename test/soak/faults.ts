/** Everything that can go wrong, one function each: begins a trouble, says what it did it to, and answers when it is over. */
import { setTimeout as sleep } from 'node:timers/promises';
import { seeded } from '../support/seed.ts';
import { until } from '../support/until.ts';
import type { Worker } from '../support/worker.ts';
import type { Audience } from './audience.ts';
import { DRAIN_S, type Ground, type SoakStream, type WorkerPlace } from './ground.ts';
import { ffmpegsNow } from './invariants.ts';
import { REDIS_BACK_MS } from './journal.ts';
import type { FaultKind } from './schedule.ts';

export interface Scene {
  readonly ground: Ground;
  readonly audience: Audience;
}

/** A trouble that has begun. */
export interface Trouble {
  readonly target: string;
  /** Resolves when what was broken has been put right; rejects when that is not what came of it. */
  readonly over: Promise<void>;
}

/** Numbers from 0 to 1. */
type Draws = readonly number[];
type Begin = (scene: Scene, draws: Draws) => Promise<Trouble>;

/** Workers that may be in trouble at the same time: one of three goes on. */
const SURVIVORS = 1;
/** A worker looks for holes every two seconds, and writes back what is missing twice. */
const WRITTEN_BACK_MS = 5_000;
/** Beyond the drain: what is in the sockets, and what it owned. */
const EXIT_MS = DRAIN_S * 1_000 + 8_000;

export const begin: Record<FaultKind, Begin> = {
  'kill worker': async ({ ground, audience }, draws) => {
    const place = chosen(await ground.atLeastUp(SURVIVORS + 1), draws[0]);
    await expendable({ ground, audience }, [place]);
    await kill(place, audience);
    return { target: place.id, over: replaced(ground, place, between(200, 2_000, draws[1])) };
  },

  'terminate worker': async ({ ground, audience }, draws) => {
    const place = chosen(await ground.atLeastUp(SURVIVORS + 1), draws[0]);
    await expendable({ ground, audience }, [place]);
    place.state = 'ending';
    audience.excuse(place.worker, 'terminated');
    place.worker.signal('SIGTERM');
    const over = async () => {
      const { worker } = place;
      await until(() => worker.exit, { timeoutMs: EXIT_MS, what: `${place.id} to end after SIGTERM` });
      if (worker.exit?.code !== 0)
        throw new Error(`${place.id} exited with ${JSON.stringify(worker.exit)} after SIGTERM`);
      await replaced(ground, place, between(0, 1_000, draws[1]));
    };
    return { target: place.id, over: over() };
  },

  'stop worker': async ({ ground }, draws) => {
    const place = chosen(await ground.atLeastUp(SURVIVORS + 1), draws[0]);
    const forMs = between(1_000, 8_000, draws[1]);
    place.state = 'stopped';
    place.worker.signal('SIGSTOP');
    const over = async () => {
      await sleep(forMs);
      place.worker.signal('SIGCONT');
      place.state = 'up';
    };
    return { target: `${place.id} for ${forMs} ms`, over: over() };
  },

  'kill ffmpeg': async (scene, draws) => signalFfmpeg(scene, draws, 'SIGKILL'),
  'stop ffmpeg': async (scene, draws) => signalFfmpeg(scene, draws, 'SIGSTOP'),

  'cut relays': async ({ ground }, draws) => {
    const place = chosen(await ground.atLeastUp(1), draws[0]);
    place.proxy?.cut();
    return { target: `those of ${place.id}`, over: Promise.resolve() };
  },

  'kill redis': async ({ ground, audience }, draws) => {
    const redis = await ground.redis();
    const forMs = between(0, 4_000, draws[0]);
    await until(() => allKnown({ ground, audience }, []), {
      timeoutMs: 60_000,
      what: 'a worker that knows each stream',
    });
    ground.redisIsUp = false;
    ground.redisIsWholeAtMs = Number.POSITIVE_INFINITY;
    await redis.kill();
    const over = async () => {
      await sleep(forMs);
      await redis.start();
      ground.redisIsUp = true;
      ground.redisIsWholeAtMs = Date.now() + REDIS_BACK_MS;
    };
    return { target: `down for ${forMs} ms, then empty`, over: over() };
  },

  'stop redis': async ({ ground }, draws) => {
    const redis = await ground.redis();
    const forMs = between(1_000, 3_000, draws[0]);
    ground.redisIsUp = false;
    await redis.pause();
    const over = async () => {
      await sleep(forMs);
      redis.resume();
      ground.redisIsUp = true;
    };
    return { target: `for ${forMs} ms`, over: over() };
  },

  'cut source': async ({ ground }, draws) => {
    const channel = chosen(ground.channels, draws[0]);
    await channel.cutConnections({ midPacket: (draws[1] ?? 0) < 0.5 });
    return { target: channel.url, over: Promise.resolve() };
  },

  'refuse source': async ({ ground }, draws) => {
    const channel = chosen(ground.channels, draws[0]);
    await channel.refuse();
    await channel.cutConnections();
    const over = async () => {
      await sleep(2_000);
      await channel.play();
    };
    return { target: `${channel.url} for 2 s`, over: over() };
  },

  'burst of viewers': async ({ ground, audience }, draws) => {
    const stream = chosen(ground.streams, draws[0]);
    const stayMs = between(300, 3_000, draws[1]);
    const count = 3 + Math.floor((draws[2] ?? 0) * 4);
    const places = await ground.atLeastUp(1);
    const burst = Array.from({ length: count }, (_, n) => {
      const place = places[n % places.length] as WorkerPlace;
      return audience.join(place, stream, stayMs + 50 * n, true);
    });
    const over = async () => {
      await Promise.all(burst.map(({ handle }) => handle.done));
    };
    return { target: `${count} of ${stream.mark} for ${stayMs} ms`, over: over() };
  },

  'drain and kill': async ({ ground, audience }, draws) => {
    await ground.redis();
    const places = await ground.atLeastUp(SURVIVORS + 1);
    const place = chosen(places, draws[0]);
    const others = places.filter((other) => other !== place);
    const other = chosen(others, draws[1]);
    await expendable({ ground, audience }, [place, other]);
    place.state = 'ending';
    await demand(other.worker, 'POST', `/workers/${place.id}/drain`, 202);
    await sleep(between(0, 1_500, draws[2]));
    // Either the one that hands over dies, or, with somebody left, one that may be taking it over.
    const takerDies = (draws[3] ?? 0) < 0.5 && others.length > SURVIVORS && other.state === 'up';
    if (takerDies) await kill(other, audience);
    else await kill(place, audience);
    const over = async () => {
      if (takerDies) {
        await sleep(2_000);
        await kill(place, audience);
        await replaced(ground, other, 200);
      }
      await replaced(ground, place, between(200, 2_000, draws[3]));
    };
    return { target: `${place.id} drains, ${takerDies ? other.id : 'itself'} dies`, over: over() };
  },

  'evict keys': evict,
  'leaving viewers': leaveAtOnce,

  'change by API': async (scene, draws) => {
    await scene.ground.redis();
    const places = await scene.ground.atLeastUp(1);
    const { worker } = chosen(places, draws[0]);
    return (draws[1] ?? 0) < 0.5
      ? failOver(scene, worker)
      : recreate(scene, worker, chosen(places, draws[2]).worker, chosen(scene.ground.streams, draws[3]));
  },
};

/** Viewers that hang up at whatever moment: before they are counted in, while they wait, with the first bytes. */
async function leaveAtOnce({ ground, audience }: Scene, draws: Draws): Promise<Trouble> {
  const stream = chosen(ground.streams, draws[0]);
  const places = await ground.atLeastUp(1);
  const count = 5 + Math.floor((draws[1] ?? 0) * 10);
  const longestMs = between(10, 400, draws[2]);
  const leaving = Array.from({ length: count }, (_, n) => {
    const viewer = audience.join(chosen(places, n / count), stream, 0, true);
    // Not with the audience's next tick, but each at a moment of its own.
    setTimeout(() => void viewer.handle.stop(), (longestMs * n) / count);
    return viewer.handle.done;
  });
  const over = Promise.all(leaving).then(() => undefined);
  return { target: `${count} of ${stream.mark} within ${longestMs} ms`, over };
}

/** What a Redis does whose memory is full: it drops keys, whichever they are. */
async function evict({ ground }: Scene, draws: Draws): Promise<Trouble> {
  const redis = await ground.redis();
  const keys = (await redis.cli('KEYS', '*')).split('\n').filter((key) => key !== '');
  const random = seeded(Math.floor((draws[0] ?? 0) * 2 ** 31));
  const share = 0.05 + (draws[1] ?? 0) * 0.4;
  const evicted = keys.filter(() => random() < share);
  if (evicted.length > 0) await redis.cli('DEL', ...evicted);
  ground.redisIsWholeAtMs = Math.max(ground.redisIsWholeAtMs, Date.now() + WRITTEN_BACK_MS);
  return { target: `${evicted.length} of ${keys.length}`, over: sleep(WRITTEN_BACK_MS).then(() => undefined) };
}

async function failOver({ ground }: Scene, worker: Worker): Promise<Trouble> {
  const stream = ground.streams.find(({ body }) => body.failover_urls !== undefined) as SoakStream;
  await demand(worker, 'POST', `/streams/${stream.id}/failover`, 200);
  return { target: `failover of ${stream.mark}`, over: Promise.resolve() };
}

async function recreate({ audience }: Scene, by: Worker, again: Worker, stream: SoakStream): Promise<Trouble> {
  const deleted = audience.deleting(stream);
  try {
    await demand(by, 'DELETE', `/streams/${stream.id}`, 200);
    const { stream_id } = await again.api.createTranscode(stream.body);
    if (stream_id !== stream.id) throw new Error(`${stream.mark} was created anew as ${stream_id}, not ${stream.id}`);
  } finally {
    deleted.again();
  }
  return { target: `${stream.mark} deleted and created`, over: Promise.resolve() };
}

async function demand(worker: Worker, method: string, path: string, status: number): Promise<void> {
  const untilMs = performance.now() + REDIS_BACK_MS;
  let answer = await worker.api.request(method, path);
  const isTriedAgain = answer.status === 503;
  // The worker has not noticed yet that Redis is back.
  while (answer.status === 503 && performance.now() < untilMs) {
    await sleep(200);
    answer = await worker.api.request(method, path);
  }
  if (answer.status === status) return;
  // The worker deletes even what it does not know, so the first try has deleted what another worker had yet to write back.
  if (isTriedAgain && method === 'DELETE' && answer.status === 404) return;
  throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
}

async function signalFfmpeg({ ground }: Scene, draws: Draws, signal: NodeJS.Signals): Promise<Trouble> {
  const victims = await until(
    () => {
      const found = ffmpegsNow(ground).filter(({ state }) => state !== 'T');
      return found.length > 0 && found;
    },
    { timeoutMs: 20_000, what: 'an FFmpeg' },
  );
  const { pid, mark } = chosen(victims, draws[0]);
  try {
    process.kill(pid, signal);
  } catch {
    // It ended at that moment.
  }
  const gone = () => !ffmpegsNow(ground).some((each) => each.pid === pid);
  // A worker that stands still itself replaces it when it wakes.
  const over = () => until(gone, { timeoutMs: 20_000, everyMs: 200, what: `FFmpeg ${pid} of ${mark} to be replaced` });
  return { target: `${pid} of ${mark}`, over: over().then(() => undefined) };
}

/**
 * Waits as long as these may not die: a stream that no other worker has met is forgotten if Redis, which was emptied, has
 * not been told of it yet.
 */
async function expendable(scene: Scene, victims: readonly WorkerPlace[]): Promise<void> {
  await until(() => Date.now() >= scene.ground.redisIsWholeAtMs || allKnown(scene, victims), {
    timeoutMs: 60_000,
    what: 'somebody else who knows each stream',
  });
}

/** Whether each stream plays on some worker that goes on, but for these. */
function allKnown({ ground, audience }: Scene, but: readonly WorkerPlace[]): boolean {
  const others = ground.up().filter((place) => !but.includes(place));
  return ground.streams.every((stream) =>
    audience.watching(stream).some(({ worker, bytes }) => bytes > 0 && others.some((each) => each.worker === worker)),
  );
}

async function kill(place: WorkerPlace, audience: Audience): Promise<void> {
  place.state = 'down';
  audience.excuse(place.worker, 'killed');
  await place.worker.kill();
}

/** Another worker under the name of one that has ended. */
async function replaced(ground: Ground, place: WorkerPlace, afterMs: number): Promise<void> {
  await ground.vacate(place);
  await sleep(afterMs);
  await ground.fill(place);
}

function chosen<T>(from: readonly T[], draw = 0): T {
  const one = from[Math.floor(draw * from.length)];
  if (one === undefined) throw new Error('nothing to choose from');
  return one;
}

function between(least: number, most: number, draw = 0): number {
  return Math.round(least + draw * (most - least));
}
