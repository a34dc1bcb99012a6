/** Hands the feeds of a draining worker over to the workers that read them, one by one, while it still makes them. */

import { parseFeedKey, streamOfFeed } from '../../../registry/feed-keys.ts';
import type { EventTeller } from '../../../registry/registry.ts';
import type { WorkerIdentity } from '../../../registry/types.ts';
import type { Logger } from '../../../shared/log.ts';
import { pauseBy } from '../async.ts';
import { longestFirst } from '../ecs/deployment.ts';
import { prepareFeed } from '../relay/prepare-feed.ts';
import type { Wire } from '../relay/wire.ts';
import type { FeedPlace } from './feed-place.ts';

/** A feed that this worker makes. */
export interface OwnedFeed {
  readonly place: FeedPlace;
  /** Of the stream that it is; unset: viewers see nothing of it, only feeds do that are made of it. */
  readonly name?: string;
  /** False when it stays here. */
  handOver(to: WorkerIdentity): Promise<boolean>;
  /** What has come of it so far. */
  readonly feed?: { readonly ring: { readonly head: number } };
  /** How often media was missing in it so far; undefined when nobody can tell. */
  readonly breaks?: number | undefined;
  /** Prevents a broken source from being opened again until the returned function is called. */
  holdRetries?(): () => void;
}

export interface HandoverDeps {
  /** They read source feeds, so they go first: the new owner then follows their sources. */
  readonly processes: () => readonly OwnedFeed[];
  readonly sources: () => readonly OwnedFeed[];
  readonly followersOf: (feed: string) => readonly WorkerIdentity[];
  /** Whether that worker is known to leave soon. */
  readonly isUnwanted: (workerId: string) => boolean;
  readonly registry: EventTeller;
  readonly secret: () => string;
  readonly wire: Wire;
  readonly log: Logger;
}

const ROUND_MS = 200;
/** After so long the new owner's media has come, and whether some is missing shows. */
const SEEN_MS = 1_000;
/** A worker that could not take a feed is asked again after this time. */
const REFUSED_MS = 5_000;

export class Handover {
  readonly #deps: HandoverDeps;
  /** Until when a worker is not asked for a feed; monotonic; by feed and incarnation. */
  readonly #refusedUntilMs = new Map<string, number>();
  #running: Promise<void> | undefined;
  /** What is still to be told of feeds that have gone. */
  readonly #telling = new Set<Promise<void>>();
  #abort = new AbortController();

  constructor(deps: HandoverDeps) {
    this.#deps = deps;
  }

  /** Whether other workers still read something of this worker. */
  get isPending(): boolean {
    return [...this.#deps.processes(), ...this.#deps.sources()].some((feed) => this.#followersOf(feed).length > 0);
  }

  /** From now until `stop`, hands over every feed that another worker reads. */
  start(): void {
    if (this.#running !== undefined && !this.#abort.signal.aborted) return;
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    this.#running = Promise.all([this.#running, this.#run(signal)]).then(() => undefined);
  }

  /** What is being transferred to another worker still goes there. */
  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#running;
    await Promise.all(this.#telling);
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const processes = this.#due(this.#deps.processes());
      const due = processes.length > 0 ? processes : this.#due(this.#deps.sources());
      await Promise.all(due.map((feed) => this.#handOver(feed, signal)));
      await pauseBy(this.#deps.wire.clock, ROUND_MS, signal);
    }
  }

  /** Feeds that another worker reads and may take. */
  #due(feeds: readonly OwnedFeed[]): OwnedFeed[] {
    return feeds.filter((feed) => this.#candidates(feed).length > 0);
  }

  #candidates(feed: OwnedFeed): WorkerIdentity[] {
    const nowMs = this.#deps.wire.clock.monotonicMs();
    return longestFirst(this.#followersOf(feed), this.#deps.isUnwanted).filter(
      (follower) => (this.#refusedUntilMs.get(refusalKey(feed, follower)) ?? 0) < nowMs,
    );
  }

  #followersOf({ place }: OwnedFeed): readonly WorkerIdentity[] {
    return this.#deps.followersOf(place.feed);
  }

  async #handOver(feed: OwnedFeed, signal: AbortSignal): Promise<void> {
    const { log, secret, wire } = this.#deps;
    const goOn = feed.holdRetries?.();
    try {
      for (const to of this.#candidates(feed)) {
        const startedMs = wire.clock.monotonicMs();
        const { breaks } = feed;
        const isReady = await prepareFeed(feed.place.feed, to.address, secret(), signal, wire);
        // The drain was taken back: the feed stays here.
        if (signal.aborted) return;
        if (isReady && (await feed.handOver(to))) {
          const tookMs = Math.round(wire.clock.monotonicMs() - startedMs);
          log.debug({ feed: feed.place.feed, to: to.workerId, tookMs }, 'handed over');
          const telling = this.#tell(feed, to, { tookMs, breaks }, signal).finally(() => this.#telling.delete(telling));
          this.#telling.add(telling);
          return;
        }
        const stream = streamOfFeed(feed.place.feed);
        const refused = stream === undefined ? { feed: feed.place.feed } : { stream };
        log[stream === undefined ? 'debug' : 'info']({ ...refused, to: to.workerId }, 'could not hand a feed over');
        this.#refusedUntilMs.set(refusalKey(feed, to), wire.clock.monotonicMs() + REFUSED_MS);
      }
    } finally {
      goOn?.();
    }
  }

  /**
   * Of the feeds of streams only: viewers see nothing of those that they are made of.
   * @param before `breaks`: of the feed before it went
   */
  async #tell(
    feed: OwnedFeed,
    to: WorkerIdentity,
    before: { readonly tookMs: number; readonly breaks: number | undefined },
    signal: AbortSignal,
  ): Promise<void> {
    const { place, name } = feed;
    const key = parseFeedKey(place.feed);
    if (key?.kind !== 'process') return;
    const { streamId, slot } = key;
    const { workerId: from } = place.me;
    const epoch = place.current.kind === 'relay' ? place.current.owner.epoch : undefined;
    const head = feed.feed?.ring.head;
    await pauseBy(this.#deps.wire.clock, SEEN_MS, signal);
    // A worker that ends meanwhile, or has no reader of it any more, does not see how it goes on.
    const hasSeen = before.breaks !== undefined && head !== undefined && (feed.feed?.ring.head ?? 0) > head;
    const exact = hasSeen ? feed.breaks === before.breaks : undefined;
    const { tookMs } = before;
    const data = { worker_id: from, from, to: to.workerId, epoch, slot, took_ms: tookMs, exact };
    this.#deps.registry.tellEvent({ type: 'handover', streamId, data }, (clientsKept) => {
      const said = {
        type: 'handover',
        stream: streamId,
        slot,
        from,
        to: to.workerId,
        epoch,
        tookMs,
        exact,
        clientsKept,
      };
      const lost = exact === false ? ', media is missing' : '';
      const sentence = `${from} handed ${name} over to ${to.workerId} in ${tookMs} ms${lost}${viewersStayed(clientsKept)}`;
      this.#deps.log.info(said, sentence);
    });
  }
}

function refusalKey({ place }: OwnedFeed, { incarnation }: WorkerIdentity): string {
  return `${place.feed} ${incarnation}`;
}

/** How many viewers a change of owner has left where they were, as the log says it. @param clientsKept undefined: nobody knows */
export function viewersStayed(clientsKept: number | undefined): string {
  if (clientsKept === undefined) return '';
  return `, ${clientsKept} ${clientsKept === 1 ? 'viewer' : 'viewers'} stayed`;
}
