/** The registry: the shared state of a cluster. One contract; in memory for a single worker, in Redis for several. */

import type {
  CleanupReport,
  ClientRecord,
  ClientReport,
  CreateAnswer,
  FailoverState,
  JoinAnswer,
  JoinRequest,
  StreamRecord,
  StreamSpec,
} from './types.ts';

export interface Registry {
  /** Adds a stream, or answers the one that has its id. `full` when `maxStreams` are there already. */
  createStream(spec: StreamSpec, maxStreams: number): Promise<CreateAnswer | 'full'>;
  stream(id: string): Promise<StreamRecord | undefined>;
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

  /** Counts a client in and gives it a slot, in one atomic step. Undefined: no such stream. */
  join(request: JoinRequest): Promise<JoinAnswer | undefined>;
  /** Counts a client out; answers how many its slot has left. Unknown clients are no error. */
  leave(report: ClientReport): Promise<number>;
  /** True, and the slot is free, only if nobody is in it. */
  releaseSlot(streamId: string, slot: number): Promise<boolean>;
  /** Takes over the counters of this worker's clients. */
  report(clients: readonly ClientReport[]): Promise<void>;
  clients(streamId?: string): Promise<ClientRecord[]>;

  /** Removes streams that nobody has watched for `idleTtlMs`. Idempotent. */
  cleanup(idleTtlMs: number): Promise<CleanupReport>;
}
