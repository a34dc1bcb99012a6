/** What the admin API needs from the cluster. One contract, implemented over Redis and over the function that reaches Redis. */

import type { BroadcastKind, BroadcastState } from '../../../registry/broadcasts/broadcast.ts';
import type { BroadcastTotals } from '../../../registry/broadcasts/totals.ts';
import type { Deployment, DrainAnswer, DrainOrder, DrainReason, UndrainAnswer } from '../../../registry/types.ts';
import type { PageRequest } from '../paging.ts';

/** Totals of the cluster at one moment. */
export interface ClusterNumbers {
  workers: number;
  /** Workers whose lease has run out and that no cleanup has removed yet. */
  deadWorkers: number;
  drainingWorkers: number;
  streams: number;
  activeStreams: number;
  clients: number;
  /** Viewers of transcoded streams; they share processes. */
  transcodedClients: number;
  /** FFmpeg processes that those viewers use. */
  processes: number;
  /** To all viewers of the streams that still exist, including viewers that have left. */
  bytesServed: number;
  /** To the current viewers: each one's average since it joined, summed. */
  bytesPerSecond: number;
  /** Recordings and network channels. */
  broadcasts: BroadcastTotals;
}

/** Absent values are null in these records: they pass between functions as JSON, which drops undefined fields. */
export interface WorkerState {
  workerId: string;
  incarnation: string;
  /** Host and port of its relay. */
  address: string;
  zone: string | null;
  startedAtMs: number;
  /** When it last wrote its record. */
  lastSeenMs: number;
  /** Whether its lease is valid. */
  alive: boolean;
  draining: boolean;
  /** Null: it does not drain, or runs an earlier version. */
  drainReason: DrainReason | null;
  /** Viewers and FFmpegs; at most a second old while the worker is alive. */
  clients: number;
  processes: number;
  /** CPU cores in use, averaged over its last heartbeat interval. */
  cpuCores: number;
}

export interface StreamState {
  streamId: string;
  /** `waiting`: it has no viewer, and is not idle yet. */
  state: 'active' | 'waiting' | 'idle';
  /** The worker that makes its first process; null while none does, and for streams that have none. */
  owner: string | null;
  /** How the owner makes it; null while nobody knows. */
  bitsPerSecond: number | null;
  /** Seconds of media made in a second. */
  speed: number | null;
  /** Runs that ended and were replaced. */
  failures: number | null;
  /** Credentials are hidden in every URL. */
  url: string;
  currentUrl: string;
  /** Null: a direct stream. */
  profile: string | null;
  metadata: Record<string, string>;
  createdAtMs: number;
  lastAccessMs: number;
  clients: number;
  processes: number;
  bytesServed: number;
  errors: number;
}

export interface ProcessState {
  slot: number;
  clients: number;
  /** The worker that runs the FFmpeg; null while none does. */
  owner: { workerId: string; epoch: number } | null;
}

export interface ViewerState {
  clientId: string;
  workerId: string;
  /** Null: a viewer of a direct stream. */
  slot: number | null;
  ipAddress: string;
  userAgent: string;
  connectedAtMs: number;
  bytesServed: number;
}

export interface StreamDetails extends StreamState {
  sharedBy: ProcessState[];
  /** Some of them; as many as the request allows. */
  viewers: ViewerState[];
  /** Where the next page of viewers begins; null: this is the last page. */
  nextCursor: string | null;
}

export interface StreamsRequest extends PageRequest {
  idle?: boolean | undefined;
}

export interface StreamPage {
  streams: StreamState[];
  total: number;
  /** Where the next page begins; null: this is the last page. */
  nextCursor: string | null;
}

/** A recording, or a network channel. */
export interface BroadcastRow {
  broadcastId: string;
  kind: BroadcastKind;
  /** `title` of its metadata. */
  name: string | null;
  streamId: string;
  status: BroadcastState;
  /** Why it has failed. */
  error: string | null;
  /** The worker that makes it, or has made it last. */
  worker: string | null;
  startedAtMs: number | null;
  endedAtMs: number | null;
  /** How much there is of it. */
  seconds: number;
  bytes: number;
  /** How many are listed. */
  segments: number | null;
}

export interface BroadcastsRequest extends PageRequest {
  kind?: BroadcastKind | undefined;
  status?: BroadcastState | undefined;
  streamId?: string | undefined;
}

export interface BroadcastPage {
  broadcasts: BroadcastRow[];
  /** On all pages. */
  total: number;
  nextCursor: string | null;
  /** Of all that there are, whatever was asked for. */
  totals: BroadcastTotals;
}

export interface CleanupAnswer {
  expiredStreams: string[];
  /** They are removed with everything they held. The name is null when no record has it any more. */
  deadWorkers: { workerId: string | null; incarnation: string }[];
}

/** `sent`: to this worker, which moves the stream on. */
export type FailoverAnswer =
  | { kind: 'sent'; workerId: string }
  | { kind: 'unknown' }
  /** It was created without other sources. */
  | { kind: 'no sources' }
  | { kind: 'no worker' };

export type DisconnectAnswer = { kind: 'sent' | 'gone'; workerId: string } | { kind: 'unknown' };

export interface FoundViewer extends ViewerState {
  streamId: string;
  /** Null: it has given none. */
  username: string | null;
}

export interface ViewerSearch extends PageRequest {
  field: 'ipAddress' | 'username';
  value: string;
}

export interface FoundViewers {
  viewers: FoundViewer[];
  nextCursor: string | null;
}

export interface ClusterAdmin {
  /** How many milliseconds the registry takes to answer. */
  ping(): Promise<number>;
  numbers(): Promise<ClusterNumbers>;
  workers(): Promise<WorkerState[]>;
  /** The streams in use, or the idle ones. */
  streams(page: StreamsRequest): Promise<StreamPage>;
  /** A stream with a page of its viewers. Null when there is none. */
  stream(id: string, page: PageRequest): Promise<StreamDetails | null>;
  /** Deletes a stream on every worker; returns how many viewers it had, or null when there is no such stream. */
  deleteStream(id: string): Promise<number | null>;
  /** Returns what it removed; with `dryRun`, what it would remove. */
  cleanup(dryRun: boolean): Promise<CleanupAnswer>;
  drain(order: DrainOrder): Promise<DrainAnswer>;
  undrain(workerId: string): Promise<UndrainAnswer>;
  /** Tells the workers what ECS wants to run. `askedAtMs`: when ECS was asked. */
  noteDeployment(deployment: Deployment, askedAtMs: number): Promise<null>;
  /** Tells a worker to move a stream to its next source. */
  failover(streamId: string): Promise<FailoverAnswer>;
  /** Tells the worker of a viewer to end its connection. */
  disconnect(streamId: string, clientId: string): Promise<DisconnectAnswer>;
  /** The viewers of all streams with this address or name. */
  viewers(search: ViewerSearch): Promise<FoundViewers>;
  /** Recordings and network channels. */
  broadcasts(page: BroadcastsRequest): Promise<BroadcastPage>;
}

/** One call of the contract, as it passes from function to function. */
export type ClusterCall = {
  [Name in keyof ClusterAdmin]: { operation: Name; args: Parameters<ClusterAdmin[Name]> };
}[keyof ClusterAdmin];

/** Redis does not answer, or not in time. The caller gets 503 with the reason. */
export class RegistryUnavailable extends Error {
  constructor(reason: string, options?: ErrorOptions) {
    super(reason, options);
    this.name = 'RegistryUnavailable';
  }
}

/** Redis refuses the password, which may have been rotated. */
export class PasswordRefused extends RegistryUnavailable {}
