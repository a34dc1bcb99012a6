/** What a source feed reads at a time: one URL of its group, who opens it, and the connections to it. */

import type { Feed } from '../feed/feed.ts';
import type { FeedHistory, SourceClock } from '../feed/feed-history.ts';
import type { MarkLog } from '../feed/marks/mark-log.ts';
import type { FeedPlace } from '../ownership/feed-place.ts';
import type { Silence } from '../upstream/failover/silence.ts';
import { type AccountWatch, accountOf } from '../upstream/provider/provider-connections.ts';
import type { GroupSource, SourceAddress } from '../upstream/provider/source-address.ts';
import type { SourceConnections } from './source-connections.ts';
import type { SourceWatch } from './source-watch.ts';

/** A source feed of another group, as those read it that follow it. */
export interface Leader {
  readonly feed: Feed;
  readonly history: FeedHistory;
  readonly sourceClock: SourceClock | undefined;
  readonly marks: MarkLog;
  /**
   * Calls back when it does not read this any more; at once if it does not now.
   * @returns a function that ends the calls
   */
  onLeave(feedKey: string, listener: () => void): () => void;
}

/** A URL that a source feed has entered. */
export interface Entered {
  /** Whether this worker opens the URL or follows the owner. */
  readonly place: FeedPlace;
  readonly account: AccountWatch;
  /** Takes one of the connections that the provider allows. @throws {StreampoolError} 503 at the limit */
  readonly takeConnection: (signal: AbortSignal) => Promise<() => void>;
  /** The source feed of another group, on this worker, that reads the URL. This one then reads that feed. */
  readonly leader?: Leader | undefined;
  /** Somebody else may open the URL: the feed does not read it any more. */
  readonly leave: () => void;
}

/** How a source feed gets to its next URL. */
export interface Route {
  readonly source: GroupSource;
  readonly enter: (address: SourceAddress) => Promise<Entered>;
}

interface OriginParts extends Pick<Entered, 'place' | 'leader' | 'leave'> {
  readonly address: SourceAddress;
  /** Of the URL among those of the group. */
  readonly index: number;
  readonly connections: SourceConnections;
  readonly watch: SourceWatch;
}

export class Origin {
  readonly address: SourceAddress;
  readonly index: number;
  readonly place: FeedPlace;
  readonly leader: Leader | undefined;
  readonly connections: SourceConnections;
  readonly watch: SourceWatch;
  readonly #leave: () => void;

  constructor({ address, index, place, leader, connections, watch, leave }: OriginParts) {
    this.address = address;
    this.index = index;
    this.place = place;
    this.leader = leader;
    this.connections = connections;
    this.watch = watch;
    this.#leave = leave;
    place.onTaken(() => connections.close());
  }

  /** This worker opens it, for this feed. What another worker or group reads, they retry. */
  get isOwn(): boolean {
    return this.leader === undefined && this.place.current.kind === 'own';
  }

  /** Its silence, over all connections of this worker. */
  get silence(): Silence {
    return this.watch.silence;
  }

  /** As `Held` has it. What another worker or group reads, that one has opened. */
  async stage(timeoutMs: number): Promise<void> {
    if (this.isOwn) await this.connections.stage(timeoutMs);
  }

  /** The provider account, in the terms of `accountOf`. */
  get account(): string {
    return accountOf(this.address);
  }

  /** Tells the followers when another worker reads it now, and leaves that one the place at the provider. */
  leaveIfTaken(): void {
    if (this.place.goesOnAt === undefined) return;
    this.connections.letGo();
    this.place.left();
  }

  /** No connection to it is left. */
  close(): void {
    this.connections.dropPrepared();
    this.connections.close();
    this.connections.letGo();
  }

  /** The feed does not read it any more, and somebody else may. */
  leave(): void {
    this.close();
    this.#leave();
  }
}
