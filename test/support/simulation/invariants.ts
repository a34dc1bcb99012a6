/** What must hold in a simulated cluster: after each step, some time after the last fault, and when everybody has gone. */

import type { FeedPlace } from '../../../services/proxy/src/ownership/feed-place.ts';
import { LEASE_MARGIN_MS, LEASE_MS, STANDSTILL_MS } from '../../../services/proxy/src/timing.ts';
import { processFeedKey } from '../../../services/registry/feed-keys.ts';
import type { Request } from './redis/connection.ts';
import type { RedisLink, RedisServer } from './redis-model.ts';
import type { Provider } from './run-model.ts';
import { SECOND_PROFILE } from './schedule.ts';
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
  | 'nobody follows itself'
  | 'connections of an account'
  | 'one of each'
  | 'nothing left'
  | 'nobody is cut'
  | 'errors are handled';

export interface Violation {
  readonly rule: Rule;
  readonly what: string;
  readonly atMs: number;
}

/** Which argument of transfer.lua is the epoch. */
const TRANSFERRED_EPOCH = 3;
/** More slots than a schedule has viewers for. */
const SLOTS = 3;
/** How long two owners may not know of each other: a renewal, the ways, and a busy event loop. */
const LEARN_MS = 3_000;
/** For how long the registry must have answered before it is held to what it counts. */
const CALM_MS = 10_000;

interface Cluster {
  readonly nowMs: () => number;
  readonly workers: () => readonly SimulatedWorker[];
  readonly redis: RedisServer;
  readonly provider: Provider;
  readonly streamIds: readonly string[];
  readonly isCut: (one: string, other: string) => boolean;
  /** When something last kept a worker from the registry, or the registry from its memory. */
  readonly unrestMs: () => number;
}

/** Who makes a feed instead of a process that stood still. */
type TakenOver = ReadonlyMap<string, SimulatedWorker>;

interface OwnerSeen {
  readonly incarnation: string;
  readonly epoch: number;
}

export class Invariants {
  readonly #cluster: Cluster;
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

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    const slots = [...Array(SLOTS).keys()];
    this.#feeds = cluster.streamIds.flatMap((id) => slots.map((slot) => processFeedKey(id, slot)));
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
      if (worker.seating.feeds.placeOf(feed)?.current.kind !== 'own') continue;
      const by = this.#cluster.workers().find((each) => each !== worker && this.#canAskMaker(worker, each, feed));
      if (by !== undefined) taken.set(feed, by);
    }
    return taken;
  }

  #canAskMaker({ name }: SimulatedWorker, other: SimulatedWorker, feed: string): boolean {
    if (other.process.isStanding || !other.process.isAlive) return false;
    if (this.#cluster.isCut(name, other.name) || this.#cluster.isCut(other.name, name)) return false;
    return other.seating.feeds.placeOf(feed)?.isOriginal === true && other.running.size > 0;
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

  /** A request took effect in Redis. */
  performed({ process }: RedisLink, request: Request): void {
    const asking = this.#cluster.workers().find((worker) => worker.process === process);
    if (asking !== undefined && request.name === 'renew') {
      this.#renewedMs.set(asking.identity.incarnation, this.#cluster.nowMs());
      if (!process.isStanding) this.#inDoubt.delete(asking.identity.incarnation);
    }
    for (const feed of this.#feeds) this.#checkOwner(feed, asking, request);
  }

  #checkOwner(feed: string, asking: SimulatedWorker | undefined, { name, args }: Request): void {
    const before = this.#owners.get(feed);
    const owner = ownerOf(this.#cluster.redis, feed);
    if (owner?.incarnation === before?.incarnation && owner?.epoch === before?.epoch) return;
    if (owner === undefined) this.#owners.delete(feed);
    else this.#owners.set(feed, owner);
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
    const held = asking?.seating.feeds.placeOf(feed)?.current;
    const isNewer = name === 'restore' && held?.kind === 'own' && held.epoch > before.epoch;
    if (isHandover || isNewer) return;
    const what = `${feed} belonged to ${before.incarnation}, which lives and has its lease, and went to ${owner.incarnation} by ${name}`;
    this.broken('owner of a living worker', what);
  }

  /** Redis is another process, or has lost keys: what it says now is not compared with what it said before. */
  forgetOwners(): void {
    this.#owners.clear();
  }

  watch(worker: SimulatedWorker, feed: string): MediaWatch {
    const { incarnation } = worker.identity;
    const place = (): FeedPlace | undefined => worker.seating.feeds.placeOf(feed);
    const mine = this.#makersOf(incarnation, feed);
    return {
      begins: (kind, same, last) => {
        const current = place()?.current;
        if (kind !== 'relay' || !same || last === undefined || current?.kind !== 'relay') return;
        this.#checkSame(incarnation, feed, (current.via ?? current.owner).incarnation, last);
      },
      passes: (kind, unit) => {
        mine.set(unit.number, unit.maker);
        const current = place()?.current;
        if (kind === 'relay' || current?.kind !== 'own' || current.split === true) return;
        const why = this.#whyDoubted(worker, feed);
        if (why === undefined) return;
        const what = `${incarnation} stood still past its lease and passed unit ${unit.number} of ${feed} on ${why}`;
        this.broken('fencing', what);
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
      const place = worker.seating.feeds.placeOf(feed);
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

  /** Why the cluster has not come to rest; undefined when it has one of each. */
  unsettled(
    viewers: readonly { streamId: string; worker: SimulatedWorker | undefined; lastUnitMs: number | undefined }[],
  ) {
    const { workers, nowMs, redis } = this.#cluster;
    for (const worker of workers()) {
      if (worker.lease.state !== 'held') return `${worker.name} has no lease`;
      if (!worker.registry.knowsAll) return `${worker.name} does not ask the registry yet`;
    }
    for (const { worker, lastUnitMs, streamId } of viewers) {
      if (worker === undefined) return `a viewer of ${streamId} has no worker`;
      if (lastUnitMs === undefined || nowMs() - lastUnitMs > 1_500) return `a viewer at ${worker.name} gets nothing`;
    }
    for (const feed of this.#feeds) {
      const having = workers().flatMap((worker) => {
        const place = worker.seating.feeds.placeOf(feed);
        return place === undefined ? [] : [{ worker, place }];
      });
      if (having.length === 0) continue;
      const owners = having.filter(({ place }) => place.isOriginal);
      const names = owners.map(({ worker }) => worker.name).join(' and ');
      const [owner] = owners;
      if (owner === undefined || owners.length > 1) return `${feed} is made by ${names || 'nobody'}`;
      const { current } = owner.place;
      const stored = ownerOf(redis, feed);
      if (current.kind !== 'own' || current.epoch === 0) return `${owner.worker.name} makes ${feed} unconfirmed`;
      if (stored?.incarnation !== owner.worker.identity.incarnation || stored.epoch < current.epoch) {
        return `${owner.worker.name} makes ${feed} with epoch ${current.epoch}, and Redis names ${stored?.incarnation} with ${stored?.epoch}`;
      }
      for (const { worker, place } of having) {
        if (place === owner.place) continue;
        const { current: theirs } = place;
        const { incarnation } = owner.worker.identity;
        // Through a third worker too: such a relay goes on until it ends.
        const isFollower =
          theirs.kind === 'relay' && [theirs.owner.incarnation, theirs.via?.incarnation].includes(incarnation);
        if (!isFollower) return `${worker.name} does not follow ${owner.worker.name}, which makes ${feed}`;
      }
      if (owner.worker.running.size === 0) return `${owner.worker.name} owns ${feed} and runs nothing`;
    }
    return this.#apart();
  }

  /** Which streams of one group are made from different sources; undefined: none. */
  #apart(): string | undefined {
    const urls = new Map<string, string>();
    for (const { name, running } of this.#cluster.workers()) {
      for (const { streamId, url } of running) {
        const group = String(SECOND_PROFILE).repeat(32) === streamId ? '0'.repeat(32) : streamId;
        const known = urls.get(group) ?? url;
        urls.set(group, known);
        if (known !== url) return `${name} makes ${streamId} from ${url}, and its group is made from ${known}`;
      }
    }
    return undefined;
  }

  /** What is left although everybody has gone; undefined when nothing is. */
  left(): string | undefined {
    const { workers, redis, provider, streamIds } = this.#cluster;
    const { store } = redis;
    for (const feed of this.#feeds) {
      const owner = ownerOf(redis, feed);
      if (owner !== undefined) return `${owner.incarnation} as the owner of ${feed} in Redis`;
    }
    for (const id of streamIds) {
      for (const kind of ['slots', 'clients']) {
        if (store.value(`sp:${kind}:${id}`) !== undefined) return `${kind} of ${id} in Redis`;
      }
    }
    const records = store.value('workers');
    for (const text of records?.kind === 'hash' ? records.fields.values() : []) {
      if (Number((JSON.parse(text) as { bytesPerSecond?: number }).bytesPerSecond) > 0) return 'what clients got';
    }
    for (const key of store.keys()) {
      const value = store.value(key);
      // Those of dead workers do not count, and go with the next one that is taken.
      const isHeld = (incarnation: string) => store.value(`sp:lease:${incarnation}`) !== undefined;
      const holders = key.startsWith('sp:connections:') && value?.kind === 'hash' ? [...value.fields.values()] : [];
      if (holders.some(isHeld)) return `${key} in Redis`;
    }
    for (const account of provider.accounts) {
      if (provider.connections(account) > 0) return 'a connection to the provider';
    }
    for (const { name, seating, relays, running } of workers()) {
      if (seating.feeds.size > 0) return `a feed on ${name}`;
      if (running.size > 0) return `a process on ${name}`;
      if (relays.connections > 0) return `a relay of ${name}`;
    }
    return undefined;
  }
}

function ownerOf({ store }: RedisServer, feed: string): OwnerSeen | undefined {
  const value = store.value(`sp:owner:${feed}`);
  if (value?.kind !== 'hash') return undefined;
  const incarnation = value.fields.get('incarnation');
  // '-': its owner is proven dead, and nobody has taken it yet.
  if (incarnation === undefined || incarnation === '-') return undefined;
  return { incarnation, epoch: Number(value.fields.get('epoch')) };
}
