/** What the admin API asks of the cluster. One contract; over Redis directly, or through the function that reaches Redis. */

import type { PageRequest } from '../paging.ts';

/** Totals of the cluster at one moment. */
export interface ClusterNumbers {
  workers: number;
  /** Whose lease has run out, and who has not been cleaned up yet. */
  deadWorkers: number;
  drainingWorkers: number;
  streams: number;
  activeStreams: number;
  clients: number;
  /** Viewers of transcoded streams, who share processes. */
  transcodedClients: number;
  /** FFmpeg processes that those viewers use. */
  processes: number;
  /** To all viewers of the streams that exist, those who have left included. */
  bytesServed: number;
  /** To the viewers of this moment, on average since each came. */
  bytesPerSecond: number;
}

/** What is absent is null in these records: they cross from function to function as JSON, which drops undefined fields. */
export interface WorkerState {
  workerId: string;
  incarnation: string;
  /** Host and port of its relay. */
  address: string;
  zone: string | null;
  startedAtMs: number;
  /** When it last wrote its record. */
  lastSeenMs: number;
  /** Its lease runs. */
  alive: boolean;
  draining: boolean;
  /** Viewers and FFmpegs, a second old at most while it is alive. */
  clients: number;
  processes: number;
  /** In use, averaged over its last heartbeat interval. */
  cpuCores: number;
}

export interface StreamState {
  streamId: string;
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
  /** The worker whose FFmpeg it is; null while nobody's is. */
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
  viewers: ViewerState[];
}

export interface StreamsRequest extends PageRequest {
  idle?: boolean | undefined;
}

export interface StreamPage {
  streams: StreamState[];
  total: number;
  /** Where the next page begins; null: this is the last one. */
  nextCursor: string | null;
}

export interface CleanupAnswer {
  expiredStreams: string[];
  /** With everything they held; the name is null where no record was left to say it. */
  deadWorkers: { workerId: string | null; incarnation: string }[];
}

/** `gone`: its lease has run out, so nobody would read the command. */
export type DrainAnswer = 'sent' | 'unknown' | 'gone';

export interface ClusterAdmin {
  /** Milliseconds that the registry takes to answer. */
  ping(): Promise<number>;
  numbers(): Promise<ClusterNumbers>;
  workers(): Promise<WorkerState[]>;
  /** Those in use, or those that are only kept for their address. */
  streams(page: StreamsRequest): Promise<StreamPage>;
  /** Null when there is none. */
  stream(id: string): Promise<StreamDetails | null>;
  /** Ends a stream on every worker; answers how many viewers it had, null when there is no such stream. */
  deleteStream(id: string): Promise<number | null>;
  /** What was removed; with `dryRun`, what would be. */
  cleanup(dryRun: boolean): Promise<CleanupAnswer>;
  drain(workerId: string): Promise<DrainAnswer>;
}

/** One call of the contract, as it crosses from function to function. */
export type ClusterCall = {
  [Name in keyof ClusterAdmin]: { operation: Name; args: Parameters<ClusterAdmin[Name]> };
}[keyof ClusterAdmin];

/** Redis does not answer, or not in time: 503 for whoever asked, with the reason. */
export class RegistryUnavailable extends Error {
  constructor(reason: string, options?: ErrorOptions) {
    super(reason, options);
    this.name = 'RegistryUnavailable';
  }
}
