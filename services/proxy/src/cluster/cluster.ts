/** What a worker needs of its cluster. A worker alone and one with Redis have the same interface. */

import type { Registry } from '../../../registry/registry.ts';
import type { WorkerIdentity } from '../../../registry/types.ts';
import type { RelayServer, RelayServerDeps } from '../relay/relay-server.ts';
import type { RedisTally } from './redis-tally.ts';

/** What the relay server needs of this worker's feeds. */
export type RelayedFeeds = Pick<
  RelayServerDeps,
  'find' | 'findHls' | 'answerFilm' | 'placeAnswer' | 'isSought' | 'prepare' | 'makingReport' | 'broadcastFile'
>;

/** What a worker has before it joins: nothing here asks another worker or waits for Redis. */
export interface Cluster {
  /** Its address is known once the worker has joined. */
  readonly identity: WorkerIdentity;
  readonly registry: Registry;
  /** What is counted of Redis: nothing without one. */
  readonly redisTally: RedisTally;
  /** Whether Redis has answered this worker once, and knows it. Always true of a worker alone. */
  isKnown(): boolean;
  /** What is wrong with a Redis that drops keys when its memory is full, as it was when this worker joined; undefined if it does not. */
  evictionWarning(): string | undefined;
  /** The secret that workers authenticate with. A worker alone generates one, unless it was given one. */
  secret(): string;
  /** The secret for what viewers carry, and those that it was in the last 24 hours. */
  playbackSecrets(): readonly [string, ...string[]];
  /** Whether the cluster may use a secret for playback that this worker does not know yet: Redis was away at its start, or had none. */
  mayLackSecret(): boolean;
  /** Asks which secrets for playback the cluster has replaced, on whatever worker they were made. */
  learnSecrets(): Promise<void>;
  /**
   * Opens the relay port for the feeds of this worker, connects to Redis and takes this worker's name. If Redis does not
   * answer, the worker joins later.
   *
   * @throws {StreampoolError} 503 when another process runs under the same WORKER_ID, or Redis refuses the password
   */
  join(feeds: RelayedFeeds): Promise<JoinedCluster>;
}

export interface JoinedCluster {
  /** The workers that follow a feed of this worker, and what all relays send. */
  readonly relays: Pick<RelayServer, 'followersOf' | 'connections' | 'sentBytes'>;
  /** Calls back whenever the registry answers again, so that the worker renews at once. */
  onReturn(listener: () => void): void;
  /** Ends this worker's lease, and closes the relay port. */
  leave(): Promise<void>;
}
