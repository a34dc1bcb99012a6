/** What must hold in a simulated cluster after each step. */

import type { FeedPlace } from '../../../services/proxy/src/ownership/feed-place.ts';
import { LEASE_MARGIN_MS, LEASE_MS, STANDSTILL_MS } from '../../../services/proxy/src/timing.ts';
import { streamOfFeed } from '../../../services/registry/feed-keys.ts';
import { ASKED_MS } from '../../../services/registry/redis/limits.ts';
import { type OwnerSeen, ownerOf } from './owner-seen.ts';
import type { Provider } from './providers/provider.ts';
import type { Request } from './redis/connection.ts';
import type { RedisLink, RedisServer } from './redis-model.ts';
import { MAX_CONNECTIONS, type SimulatedWorker } from './sim-worker.ts';
import type { MediaWatch, Unit } from './unit-media.ts';

/** Which rule a schedule has broken. */
export type Rule =
  | 'fencing'
  | 'one owner'
  | 'owner of a living worker'
  | 'epochs grow'
  | 'own pictures'
  | 'no step back'
  | 'nothing is lost'
  | 'nobody follows itself'
  | 'connections of an account'
  | 'one of each'
  | 'nothing left'
  | 'nobody is cut'
  | 'readers are kept'
  | 'late questions'
  | 'a source that plays is kept'
  | 'errors are handled';

export interface Violation {
  readonly rule: Rule;
  readonly what: string;
  readonly atMs: number;
}

/** Which argument of transfer.lua is the epoch. */
const TRANSFERRED_EPOCH = 3;
/** How exactly a worker knows the time in Redis, in ms. */
const KNOWN_MS = 10;
/** How long two owners may not know of each other: a renewal, the ways, and a busy event loop. */
const LEARN_MS = 3_000;
/** For how long the registry must have answered before it is held to what it counts. */
const CALM_MS = 10_000;

export interface SimulatedWorld {
  readonly nowMs: () => number;
  readonly workers: () => readonly SimulatedWorker[];
  readonly redis: RedisServer;
  readonly provider: Provider;
  readonly streamIds: readonly string[];
  /** The accounts that a stream may read from. */
  readonly accountsOf: (streamId: string) => readonly string[];
  /** Somebody deletes the stream: its feeds end, whoever reads them. */
  readonly isDeleted: (streamId: string) => boolean;
  readonly isCut: (one: string, other: string) => boolean;
  /** When something last kept a worker from the registry, or the registry from its memory. */
  readonly unrestMs: () => number;
}

/** Who makes a feed instead of a process that stood still. */
type TakenOver = ReadonlyMap<string, SimulatedWorker>;

export class Invariants {
  readonly #cluster: SimulatedWorld;
  readonly violations: Violation[] = [];
  /** Processes that stood still past their lease and wait for the registry; by incarnation. */
  readonly #inDoubt = new Map<string, TakenOver>();
  readonly #renewedMs = new Map<string, number>();
  readonly #owners = new Map<string, OwnerSeen>();
  /** Since when a feed has two owners that could know of each other. */
  readonly #twoSinceMs = new Map<string, number>();
  /** What each incarnation has of each feed: unit → maker. */
  readonly #makers = new Map<string, Map<number, number>>();
  readonly #feeds: readonly string[];

  /** @param feeds all that the streams can have */
  constructor(cluster: SimulatedWorld, feeds: readonly string[]) {
    this.#cluster = cluster;
    this.#feeds = feeds;
  }

  broken(rule: Rule, what: string): void {
    this.violations.push({ rule, what, atMs: this.#cluster.nowMs() });
  }

  /** A process goes on after it stood still. */
  wentOn(worker: SimulatedWorker, stoodMs: number): void {
    const { incarnation } = worker.identity;
    const renewedMs = this.#renewedMs.get(incarnation) ?? 0;
    const isOver = this.#cluster.nowMs() - renewedMs > LEASE_MS - LEASE_MARGIN_MS;
    // A little more than what the worker itself must notice.
    if (stoodMs > STANDSTILL_MS + 200 && isOver) this.#inDoubt.set(incarnation, this.#takenOverFrom(worker));
  }

  /** The feeds that it made, and that other workers make which it can ask. */
  #takenOverFrom(worker: SimulatedWorker): TakenOver {
    const taken = new Map<string, SimulatedWorker>();
    for (const feed of this.#feeds) {
      if (worker.here.placeOf(feed)?.current.kind !== 'own') continue;
      const by = this.#cluster.workers().find((each) => each !== worker && this.#canAskMaker(worker, each, feed));
      if (by !== undefined) taken.set(feed, by);
    }
    return taken;
  }

  #canAskMaker({ name }: SimulatedWorker, other: SimulatedWorker, feed: string): boolean {
    if (other.process.isStanding || !other.process.isAlive) return false;
    if (this.#cluster.isCut(name, other.name) || this.#cluster.isCut(other.name, name)) return false;
    return other.here.placeOf(feed)?.isOriginal === true && other.running.size > 0;
  }

  /** Why a worker in doubt must not pass on a feed that it made; undefined when it may. */
  #whyDoubted(worker: SimulatedWorker, feed: string): string | undefined {
    const taken = this.#inDoubt.get(worker.identity.incarnation);
    if (taken === undefined) return undefined;
    if (worker.lease.reachable) return 'before the registry had confirmed it';
    const by = taken.get(feed);
    if (by === undefined || !this.#canAskMaker(worker, by, feed)) return undefined;
    return `while Redis was away and ${by.name} made it`;
  }

  /** A request took effect in Redis `tookMs` after a worker had asked. */
  performed({ process }: RedisLink, request: Request, tookMs: number): void {
    const asking = this.#cluster.workers().find((worker) => worker.process === process);
    if (asking !== undefined && request.name === 'renew') {
      this.#renewedMs.set(asking.identity.incarnation, this.#cluster.nowMs());
      if (!process.isStanding) this.#inDoubt.delete(asking.identity.incarnation);
    }
    for (const feed of this.#feeds) this.#checkOwner(feed, asking, request, tookMs);
  }

  #checkOwner(feed: string, asking: SimulatedWorker | undefined, request: Request, tookMs: number): void {
    const { name, args } = request;
    const before = this.#owners.get(feed);
    const owner = ownerOf(this.#cluster.redis, feed);
    if (owner?.incarnation === before?.incarnation && owner?.epoch === before?.epoch) return;
    if (owner === undefined) this.#owners.delete(feed);
    else this.#owners.set(feed, owner);
    if (owner !== undefined && this.#isOver(request, tookMs)) {
      const what = `${owner.incarnation} got ${feed} by ${name} ${Math.round(tookMs)} ms after it was asked; nobody waits for it any more`;
      this.broken('late questions', what);
    }
    if (before === undefined || owner === undefined) return;
    if (owner.epoch <= before.epoch) {
      this.broken('epochs grow', `${feed} had epoch ${before.epoch} and got ${owner.epoch} by ${name}`);
    }
    if (owner.incarnation === before.incarnation) return;
    const { store } = this.#cluster.redis;
    if (store.value(`sp:lease:${before.incarnation}`) === undefined) return;
    const living = this.#cluster.workers().find(({ identity }) => identity.incarnation === before.incarnation);
    if (living === undefined) return;
    // Not one that was meant for an earlier ownership of the same worker.
    const isHandover = name === 'transfer' && asking === living && Number(args[TRANSFERRED_EPOCH]) === before.epoch;
    const held = asking?.here.placeOf(feed)?.current;
    const isNewer = name === 'restore' && held?.kind === 'own' && held.epoch > before.epoch;
    if (isHandover || isNewer) return;
    const what = `${feed} belonged to ${before.incarnation}, which lives and has its lease, and went to ${owner.incarnation} by ${name}`;
    this.broken('owner of a living worker', what);
  }

  /** Whether whoever asked for a feed has given up. The limit is a time in Redis, so it means nothing when its clock was set. */
  #isOver({ name, args }: Request, tookMs: number): boolean {
    const hasLimit = ['join', 'acquire'].includes(name) && args.some((each) => each.includes('"lateAtMs":'));
    return hasLimit && tookMs > ASKED_MS + KNOWN_MS && this.#cluster.redis.machine.wallOffMs === 0;
  }

  /** Redis is another process, or has lost keys: what it says from now on is not compared with what it said before. */
  lookAnew(): void {
    this.#owners.clear();
    for (const feed of this.#feeds) {
      const owner = ownerOf(this.#cluster.redis, feed);
      if (owner !== undefined) this.#owners.set(feed, owner);
    }
  }

  watch(worker: SimulatedWorker, place: FeedPlace): MediaWatch {
    const { feed } = place;
    const { incarnation } = worker.identity;
    const mine = this.#makersOf(incarnation, feed);
    return {
      begins: (kind, same, last) => {
        const { current } = place;
        if (kind !== 'relay' || !same || last === undefined || current.kind !== 'relay') return;
        this.#checkSame(incarnation, feed, (current.via ?? current.owner).incarnation, last);
      },
      passes: (kind, unit) => {
        mine.set(unit.number, unit.maker);
        if (kind === 'relay' || !place.isOriginal) return;
        const why = this.#whyDoubted(worker, feed);
        if (why === undefined) return;
        const what = `${incarnation} stood still past its lease and passed unit ${unit.number} of ${feed} on ${why}`;
        this.broken('fencing', what);
      },
      beginsLater: (last) => {
        const { current } = place;
        if (current.kind !== 'relay') return false;
        const theirs = this.#makersOf((current.via ?? current.owner).incarnation, feed);
        const next = last.number + 1;
        return !theirs.has(next) && [...theirs.keys()].some((unit) => unit > next);
      },
      starts: (unit) => this.#cluster.provider.began(unit),
      ends: (end, readers) => {
        if (readers === 0 || end.kind === 'failed' || !place.isOriginal) return;
        if (this.#cluster.isDeleted(streamOfFeed(feed) ?? '')) return;
        this.broken('readers are kept', `${incarnation} ended ${feed}, which ${readers} read there`);
      },
    };
  }

  #checkSame(incarnation: string, feed: string, sender: string, last: Unit): void {
    const theirs = this.#makersOf(sender, feed).get(last.number);
    if (theirs === undefined || theirs === last.maker) return;
    this.broken(
      'own pictures',
      `${incarnation} goes on within the pictures of run ${last.maker} with those of run ${theirs} from ${sender}, at unit ${last.number} of ${feed}`,
    );
  }

  #makersOf(incarnation: string, feed: string): Map<number, number> {
    const name = `${incarnation} ${feed}`;
    const makers = this.#makers.get(name) ?? new Map<number, number>();
    this.#makers.set(name, makers);
    return makers;
  }

  /** Cheap enough for every now and then: what takes time to be wrong. */
  look(): void {
    for (const feed of this.#feeds) this.#checkOwners(feed);
    this.#checkConnections();
  }

  #checkOwners(feed: string): void {
    const { workers, nowMs, redis, isCut, unrestMs } = this.#cluster;
    const owners: SimulatedWorker[] = [];
    for (const worker of workers()) {
      const place = worker.here.placeOf(feed);
      if (place === undefined) continue;
      const { current } = place;
      if (current.kind === 'relay' && current.owner.incarnation === worker.identity.incarnation) {
        this.broken('nobody follows itself', `${worker.identity.incarnation} relays ${feed} from itself`);
      }
      const { process, link } = worker;
      const isThere = !process.isStanding && link.isConnected && !link.isStalled && !isCut(worker.name, 'redis');
      if (isThere && place.isOriginal && current.kind === 'own' && current.epoch > 0) owners.push(worker);
    }
    if (owners.length < 2 || !redis.isAnswering) {
      this.#twoSinceMs.delete(feed);
      return;
    }
    const sinceMs = this.#twoSinceMs.get(feed) ?? nowMs();
    this.#twoSinceMs.set(feed, sinceMs);
    if (nowMs() - Math.max(sinceMs, unrestMs()) < LEARN_MS) return;
    const names = owners.map(({ identity }) => identity.incarnation).join(' and ');
    this.broken('one owner', `${names} have both made ${feed} for ${LEARN_MS} ms`);
  }

  #checkConnections(): void {
    const { provider, nowMs, unrestMs } = this.#cluster;
    if (unrestMs() > Number.NEGATIVE_INFINITY && nowMs() - unrestMs() < CALM_MS) return;
    for (const account of provider.accounts) {
      const open = provider.connections(account);
      if (open > MAX_CONNECTIONS)
        this.broken('connections of an account', `${open} are open, ${MAX_CONNECTIONS} allowed`);
    }
  }
}
