/**
 * Draws a schedule from a seed. What comes when is not evenly random: the faults that are hard to find need two things that come
 * close together, so things are drawn close together. Each bias here says what it is for.
 */

import { pick, seeded } from '../seed.ts';
import {
  endMs,
  type Happening,
  ONE_ACCOUNT,
  type Schedule,
  SECOND_PROFILE,
  WORKERS,
  type WorkerName,
} from './schedule.ts';
import { GRACE_MS } from './sim-worker.ts';

/** Faults begin within this time. */
const BEGIN_MS = [1_500, 7_000] as const;
const LONGEST_MS = 7_000;
const LAST_MS = 12_000;
/** A worker that is cut off from Redis for longer has lost its lease, and others have had time to take over. */
const LOST_MS = 5_500;
/** From the moment at which a viewer leaves until its slot is given up, and how near to that another one comes. */
const GIVEN_UP_MS = [GRACE_MS - 10, GRACE_MS + 20] as const;
/** A worker asks Redis three times before it gives up an idle feed for the connection that another stream needs. */
const RECLAIM_MS = [0, 15] as const;

type ViewerComes = Extract<Happening, { kind: 'viewer' }>;

/** Most schedules have faults. Others have only viewers: many that come and go, or some that change channels on one account. */
type Theme = 'faults' | 'churn' | 'channels';

export function scheduleOf(seed: number): Schedule {
  return { seed, happenings: new Drawing(seed).happenings().sort((a, b) => a.atMs - b.atMs) };
}

class Drawing {
  readonly #random: () => number;
  #lastWorker: WorkerName;
  #lastMs = 0;

  constructor(seed: number) {
    this.#random = seeded(seed ^ 0x5eed);
    this.#lastWorker = pick(this.#random, WORKERS);
  }

  happenings(): Happening[] {
    const chance = this.#random();
    const theme: Theme = chance < 0.12 ? 'churn' : chance < 0.22 ? 'channels' : 'faults';
    const viewers = theme === 'channels' ? this.#channels() : this.#viewers(theme);
    if (theme !== 'faults') return viewers;
    const faults = Array.from({ length: this.#between(1, 4) }, () => this.#fault(viewers)).filter(
      (each) => each !== undefined,
    );
    return [...viewers, ...faults, ...this.#comers(viewers, faults)];
  }

  #is(share: number): boolean {
    return this.#random() < share;
  }

  #between(low: number, high: number): number {
    return Math.round(low + this.#random() * (high - low));
  }

  /** Two faults of one worker find more than one of each of two. */
  #worker(): WorkerName {
    if (this.#is(0.6)) this.#lastWorker = pick(this.#random, WORKERS);
    return this.#lastWorker;
  }

  /** One that somebody watches. */
  #stream(viewers: readonly ViewerComes[]): number {
    return pick(this.#random, viewers).stream;
  }

  #viewers(theme: Theme): ViewerComes[] {
    const isChurn = theme === 'churn';
    const other = this.#is(0.5) ? 1 : SECOND_PROFILE;
    const streams = this.#is(0.3) ? [0, other] : [0];
    const count = isChurn ? this.#between(4, 10) : this.#between(2, 4);
    const viewers: ViewerComes[] = [];
    for (let n = 0; n < count; n++) {
      const atMs = this.#is(0.7) && !isChurn ? this.#between(300, 1_500) : this.#between(300, 8_000);
      const leaves = this.#is(isChurn ? 0.9 : 0.3);
      const stayMs = leaves ? (this.#is(0.3) ? this.#between(0, 60) : this.#between(50, 5_000)) : undefined;
      const stream = streams[n % streams.length] ?? 0;
      const viewer = { kind: 'viewer', atMs, stream, worker: this.#between(0, 2), stayMs } as const;
      viewers.push(viewer);
      // One comes just as the slot is given up that the other has left.
      if (stayMs === undefined || !this.#is(isChurn ? 0.5 : 0.15)) continue;
      const nextMs = atMs + stayMs + this.#between(...GIVEN_UP_MS);
      viewers.push({ ...viewer, atMs: nextMs, stayMs: this.#between(50, 3_000) });
    }
    return viewers;
  }

  /** People change channels on an account that does not allow a connection for each: what nobody watches any more makes room. */
  #channels(): ViewerComes[] {
    const worker = this.#between(0, 2);
    const comes = (atMs: number, stream: number, stayMs: number | undefined): ViewerComes => ({
      kind: 'viewer',
      atMs,
      stream: ONE_ACCOUNT + stream,
      worker: this.#is(0.8) ? worker : this.#between(0, 2),
      stayMs,
    });
    const viewers = [comes(this.#between(300, 800), 0, undefined)];
    let atMs = this.#between(500, 1_500);
    let channel = 1;
    for (let n = this.#between(2, 6); n > 0; n--) {
      const stayMs = this.#between(200, 1_500);
      viewers.push(comes(atMs, channel, stayMs));
      atMs += stayMs + this.#between(0, 600);
      channel = 3 - channel;
      // Another one comes to the channel that has just been left, while that makes room.
      if (this.#is(0.5))
        viewers.push(comes(atMs + this.#between(...RECLAIM_MS), 3 - channel, this.#between(50, 1_000)));
    }
    return viewers;
  }

  /** Who comes while a fault lasts, when others may have taken over already, finds two that think they are the owner. */
  #comers(viewers: readonly ViewerComes[], faults: readonly Happening[]): ViewerComes[] {
    const stream = viewers[0]?.stream ?? 0;
    return faults.flatMap((fault) => {
      const lastsMs = endMs(fault) - fault.atMs;
      if (lastsMs < 2_000 || !this.#is(0.4)) return [];
      const atMs = this.#between(fault.atMs + lastsMs / 2, endMs(fault) + 500);
      const stayMs = this.#is(0.5) ? undefined : this.#between(50, 4_000);
      return [{ kind: 'viewer', atMs, stream, worker: this.#between(0, 2), stayMs } as const];
    });
  }

  #fault(viewers: readonly ViewerComes[]): Happening | undefined {
    // At the same moment as another fault, a little after it or a little before.
    const isNext = this.#lastMs > 0 && this.#is(0.4);
    const atMs = isNext ? Math.max(300, this.#lastMs + this.#between(-300, 1_000)) : this.#between(...BEGIN_MS);
    this.#lastMs = atMs;
    // Short faults find races, long ones outlast a lease.
    const ms = Math.min(this.#is(0.4) ? this.#between(50, 2_000) : this.#between(2_000, LONGEST_MS), LAST_MS - atMs);
    const worker = () => this.#worker();
    const ways = this.#is(0.5) ? (['redis', worker()] as const) : ([worker(), pick(this.#random, WORKERS)] as const);
    const [from, to] = this.#is(0.5) ? ways : [ways[1], ways[0]];
    const makers: readonly (() => Happening | undefined)[] = [
      () => ({ kind: 'crash', atMs, worker: worker(), downMs: ms }),
      () => ({ kind: 'power', atMs, worker: worker(), downMs: ms }),
      () => ({ kind: 'pause', atMs, worker: worker(), ms }),
      () => ({ kind: 'pause', atMs, worker: worker(), ms: LONGEST_MS }),
      () => (from === to ? undefined : { kind: 'cut', atMs, from, to, isOneWay: this.#is(0.3), ms }),
      // What a worker has asked before it is cut off takes effect after others have taken over.
      () => ({
        kind: 'cut',
        atMs,
        from: worker(),
        to: 'redis',
        isOneWay: this.#is(0.5),
        ms: this.#between(LOST_MS, LONGEST_MS),
      }),
      () =>
        from === to
          ? undefined
          : { kind: 'slow', atMs, from, to, share: this.#random() * 0.5, moreMs: this.#random() * 300, ms },
      () => ({ kind: 'hang', atMs, ms }),
      () => ({
        kind: 'redis',
        atMs,
        downMs: ms,
        kept: pick(this.#random, ['all', 'nothing', 'all_but_a_second'] as const),
      }),
      () => ({ kind: 'evict', atMs, keys: this.#between(1, 5) }),
      () => ({ kind: 'spoil', atMs, only: 'sp:slots:', ms }),
      () => ({
        kind: 'clock',
        atMs,
        machine: this.#is(0.3) ? 'redis' : worker(),
        byMs: this.#between(-20_000, 20_000),
      }),
      () => ({ kind: 'drain', atMs, worker: worker(), ms }),
      () => ({ kind: 'drain', atMs, worker: worker(), ms }),
      () => ({ kind: 'source', atMs, stream: 0, isBackup: this.#is(0.3), ms }),
      () => ({ kind: 'failover', atMs, stream: this.#stream(viewers), worker: worker() }),
      () => ({ kind: 'delete', atMs, stream: this.#stream(viewers), worker: worker() }),
    ];
    return pick(this.#random, makers)();
  }
}
