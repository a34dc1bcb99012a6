/** The registry: the shared state of a cluster. One contract; in memory for a single worker, in Redis for several. */

import type {
  CleanupReport,
  ClientRecord,
  ClientReport,
  Command,
  CreateAnswer,
  FailoverState,
  JoinAnswer,
  JoinRequest,
  Place,
  ProviderConnection,
  Renewal,
  StreamRecord,
  StreamSpec,
  WorkerIdentity,
  WorkerLoad,
  WorkerRecord,
} from './types.ts';

export interface Registry {
  /** False during an outage: what this worker has not met may exist all the same. */
  readonly knowsAll: boolean;

  /**
   * Adds a stream, or answers the one that has its id. At `maxStreams` (0: no limit) the one that has been idle longest gives
   * way; `full` when none is idle.
   */
  createStream(spec: StreamSpec, maxStreams: number): Promise<CreateAnswer | 'full'>;
  stream(id: string): Promise<StreamRecord | undefined>;
  /** What this worker remembers of a stream, without asking anybody: it may have changed or be gone since. */
  remembered(id: string): StreamRecord | undefined;
  streams(): Promise<StreamRecord[]>;
  /** False when there was none. Its clients are gone with it. */
  deleteStream(id: string): Promise<boolean>;

  /**
   * Moves a stream's source on, if it still stands where the caller thinks; answers where it stands now. Several slots that
   * see one failure so advance by exactly one.
   */
  advanceFailover(id: string, fromIndex: number, next: FailoverState): Promise<FailoverState | undefined>;
  /** From now on each client of the stream gets a slot of its own. */
  markUnshareable(id: string): Promise<void>;
  countError(id: string): Promise<void>;

  /** Counts a client in, gives it a slot and the place of that slot's feed, and tells of the stream, in one atomic step. */
  join(request: JoinRequest): Promise<JoinAnswer>;
  /** Counts a client out; answers how many its slot has left. Unknown clients are no error. */
  leave(report: ClientReport): Promise<number>;
  /** True only if nobody is in the slot; its feed is then no longer this worker's. */
  releaseSlot(streamId: string, slot: number): Promise<boolean>;
  /** Takes over the counters of this worker's clients; others see them after the next renewal. */
  report(clients: readonly ClientReport[]): Promise<void>;
  clients(streamId?: string): Promise<ClientRecord[]>;

  /** Where this worker gets a feed from that is not a slot's. A feed that nobody owns becomes its own. */
  acquire(feed: string): Promise<Place>;
  /** The same for a feed that is not here yet: without the shared registry the other workers are asked who has it. */
  locate(feed: string): Promise<Place>;
  /** The same as `acquire`, when the owner is proven dead before its lease has run out. */
  seize(feed: string, deadIncarnation: string): Promise<Place>;
  /** A feed that this worker makes from now on because nobody can be asked; it yields to an owner who was granted it. */
  assume(feed: string): Promise<Place>;
  /** Hands a feed over to a living worker; answers the new epoch, or undefined when it was not (or no longer) the caller's. */
  transfer(feed: string, epoch: number, to: WorkerIdentity): Promise<number | undefined>;
  /** Gives a feed up that is this worker's. */
  release(feed: string): Promise<void>;

  /** Takes one of the `max` connections that a provider account allows; false when all are in use, by whatever worker. */
  takeConnection(connection: ProviderConnection, max: number): Promise<boolean>;
  /** Gives it back. Unknown ones are no error. */
  returnConnection(connection: ProviderConnection): Promise<void>;

  /** Keeps this worker's lease and fetches what it is asked to do. Throws when the registry does not answer. */
  renew(load: WorkerLoad): Promise<Renewal>;
  /** Writes the readable record of this worker; renewals keep its numbers up to date. */
  heartbeat(record: Omit<WorkerRecord, keyof WorkerIdentity>): Promise<void>;
  /** The workers whose lease holds. */
  workers(): Promise<WorkerRecord[]>;
  /** The others, as they were when workers last came or went: also known while the registry does not answer. */
  peers(): readonly WorkerIdentity[];
  /** Leaves a command for a worker, or for all. */
  send(command: Command, workerId?: string): Promise<void>;
  /** Ends this worker's lease and everything it holds. */
  leaveCluster(): Promise<void>;

  /**
   * Removes dead incarnations, and streams that nobody has watched for `idleTtlMs`. Idempotent.
   *
   * @param dryRun only says what would go
   */
  cleanup(idleTtlMs: number, dryRun?: boolean): Promise<CleanupReport>;
}
