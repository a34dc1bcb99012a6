/** What must hold in a simulated cluster when it is at rest: some time after the last fault, and when everybody has gone. */

import { streamOfFeed } from '../../../services/registry/feed-keys.ts';
import type { SimulatedWorld } from './invariants.ts';
import { ownerOf } from './owner-seen.ts';
import { MAX_CONNECTIONS, type SimulatedWorker } from './sim-worker.ts';
import { groupOf } from './streams.ts';

export class AtRest {
  readonly #world: SimulatedWorld;
  readonly #feeds: readonly string[];

  /** @param feeds all that the streams can have */
  constructor(world: SimulatedWorld, feeds: readonly string[]) {
    this.#world = world;
    this.#feeds = feeds;
  }

  /** Why the cluster has not come to rest; undefined when it has one of each. */
  unsettled(
    viewers: readonly { streamId: string; worker: SimulatedWorker | undefined; lastUnitMs: number | undefined }[],
  ) {
    const { workers, nowMs, redis } = this.#world;
    for (const worker of workers()) {
      if (worker.lease.state !== 'held') return `${worker.name} has no lease`;
      if (!worker.registry.knowsAll) return `${worker.name} does not ask the registry yet`;
    }
    for (const { worker, lastUnitMs, streamId } of viewers) {
      if (worker === undefined) return `a viewer of ${streamId} has no worker`;
      const getsNothing = lastUnitMs === undefined || nowMs() - lastUnitMs > 1_500;
      if (getsNothing && !this.#isAtLimit(streamId)) return `a viewer at ${worker.name} gets nothing`;
    }
    for (const feed of this.#feeds) {
      const having = workers().flatMap((worker) => {
        const place = worker.here.placeOf(feed);
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
      const streamId = streamOfFeed(feed);
      if (streamId !== undefined && owner.worker.running.size === 0 && !this.#isAtLimit(streamId)) {
        return `${owner.worker.name} owns ${feed} and runs nothing`;
      }
    }
    return this.#apart();
  }

  /**
   * Whether the account of a stream allows no further connection, and each that it has is for somebody who watches. Who needs another
   * process is then refused: more viewers have come than two processes take, or those of a dead worker still count.
   */
  #isAtLimit(streamId: string): boolean {
    const { workers, accountsOf } = this.#world;
    const watched = workers().flatMap(({ running, seating }) => {
      const pids = seating.feeds.status().flatMap(({ readers, pid }) => (readers > 0 ? [pid] : []));
      return [...running].filter(({ pid }) => pids.includes(pid));
    });
    return accountsOf(streamId).some(
      (account) => watched.filter((run) => run.account === account).length >= MAX_CONNECTIONS,
    );
  }

  /** Which streams of one group are made from different sources; undefined: none. */
  #apart(): string | undefined {
    const urls = new Map<string, string>();
    for (const { name, running } of this.#world.workers()) {
      for (const { streamId, url } of running) {
        const group = groupOf(streamId);
        const known = urls.get(group) ?? url;
        urls.set(group, known);
        // Who got no connection there stays where it has one.
        if (known !== url && !this.#isAtLimit(streamId))
          return `${name} makes ${streamId} from ${url}, and its group is made from ${known}`;
      }
    }
    return undefined;
  }

  /** What is left although everybody has gone; undefined when nothing is. */
  left(): string | undefined {
    const { workers, redis, provider, streamIds } = this.#world;
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
    for (const { name, seating, sources, relays, running } of workers()) {
      if (seating.feeds.size > 0) return `a feed on ${name}`;
      if (sources.size > 0) return `a source feed on ${name}`;
      if (running.size > 0) return `a process on ${name}`;
      if (relays.connections > 0) return `a relay of ${name}`;
    }
    return undefined;
  }
}
