/** What a worker tells the pages of the console over `/console/live`: one declaration for both sides. */

/** What a page may look at. Each view is composed once for all pages that look at it. */
export const LIVE_VIEWS = ['now', 'cluster', 'providers', 'events', 'stream'] as const;

export type LiveView = (typeof LIVE_VIEWS)[number];

/** Who speaks, and how far it can be trusted. */
export interface About {
  readonly workerId: string;
  readonly version: string;
  /** Workers of the cluster that are alive. */
  readonly workers: number;
  /** Redis does not answer this worker for so long, in ms: it knows only its own streams and viewers. */
  readonly outageMs?: number | undefined;
}

export interface NowNumbers {
  readonly viewers: number;
  /** Streams with viewers. */
  readonly playing: number;
  /** All streams that were created. */
  readonly streams: number;
  readonly ffmpegs: number;
  /** FFmpegs that would run beside if no viewers shared one. */
  readonly saved: number;
  /** Viewers who share FFmpegs. */
  readonly sharing: number;
  /** Connections to providers. */
  readonly connections: number;
  /** To all viewers, over the last seconds; absent until that is known. */
  readonly bitsPerSecond?: number | undefined;
  /** From all providers, over the last 10 s; absent until that is known. */
  readonly bitsPerSecondIn?: number | undefined;
  /** Absent while the record of events cannot be read. */
  readonly joinsLastMinute?: number | undefined;
  /** How many events of `FAILURE_TYPES` the last hour has; absent as above. */
  readonly failuresLastHour?: number | undefined;
  /** There were more joins or failures than the worker has counted. */
  readonly areMore?: boolean | undefined;
}

/** What media consists of, in FFmpeg's names. What nobody knows is absent. */
export interface ShownMedia {
  /** In pixels, such as `1920x1080`. */
  readonly resolution?: string | undefined;
  readonly videoCodec?: string | undefined;
  /** Pictures a second. */
  readonly fps?: number | undefined;
  readonly audioCodec?: string | undefined;
  /** Such as `stereo` or `5.1(side)`. */
  readonly audioChannels?: string | undefined;
}

/** A stream that somebody watches. */
export interface PlayingStream {
  readonly name: string;
  readonly viewers: number;
  /** Undefined: it is passed on as it comes. */
  readonly profile?: string | undefined;
  /** What its viewers get, over the last seconds. */
  readonly bitsPerSecond?: number | undefined;
  readonly width?: number | undefined;
  readonly height?: number | undefined;
  readonly frameRate?: number | undefined;
  /** As RFC 6381 writes them, with commas between. */
  readonly codecs?: string | undefined;
  /** Of the source. */
  readonly input?: ShownMedia | undefined;
  /** Of what viewers get. */
  readonly output?: ShownMedia | undefined;
  /** Seconds of media made in a second. */
  readonly speed?: number | undefined;
  /** Runs of FFmpeg, or of the source, that ended and were replaced. */
  readonly failures?: number | undefined;
  readonly sourceHost: string;
  /** 0: the primary source; n: backup n. */
  readonly backup: number;
  /** The worker that makes its first process feed. */
  readonly owner?: string | undefined;
  /** When its first viewer came; absent when the record of events does not say. */
  readonly sinceMs?: number | undefined;
}

export interface NowState {
  readonly about: About;
  readonly numbers: NowNumbers;
  /** By id; those with the most viewers. */
  readonly streams: Readonly<Record<string, PlayingStream>>;
  /** Their ids, the most viewers first. */
  readonly order: readonly string[];
}

export interface EventsState {
  readonly about: About;
}

/** An event as `GET /events` shows it. */
export interface ShownEvent {
  readonly event_id: string;
  readonly event_type: string;
  readonly stream_id: string | null;
  readonly timestamp: string;
  readonly late: boolean;
  readonly data: Readonly<Record<string, unknown>>;
}

/** No list of a page has more rows. */
export const MAX_ROWS = 100;

/** Events that tell of something that went wrong, however little viewers noticed. */
export const FAILURE_TYPES = [
  'stream_failed',
  'failover_triggered',
  'takeover',
  'ffmpeg_restarted',
  'source_lost',
  'client_stalled',
  'limit_reached',
  'broadcast_failed',
  'redis_lost',
] as const;

/** What comes to a worker over one way: a curve of the drawing. */
export interface ShownFlow {
  /** Connections, or feeds. */
  readonly count: number;
  /** Absent while nobody has measured it. */
  readonly bitsPerSecond?: number | undefined;
}

/** A worker of the cluster, as the page Cluster shows it. */
export interface ShownWorker {
  /**
   * `silent`: it has not renewed its lease for a while; `gone`: a peer has proved it dead, its lease has run out, or it has ended in the
   * last minutes.
   */
  readonly state: 'serving' | 'draining' | 'silent' | 'gone';
  /** Why it drains, or how it has ended. */
  readonly reason?: string | undefined;
  /** How long it has been silent, or gone, in ms. */
  readonly forMs?: number | undefined;
  /** Viewers who lost their connection when it ended. */
  readonly lost?: number | undefined;
  readonly viewers?: number | undefined;
  readonly ffmpegs?: number | undefined;
  /** Cores in use. */
  readonly cpu?: number | undefined;
  /** Media in memory. */
  readonly bufferedBytes?: number | undefined;
  readonly connections?: number | undefined;
  /** To its viewers. */
  readonly bitsPerSecond?: number | undefined;
  /** From providers, by host. */
  readonly sources?: Readonly<Record<string, ShownFlow>> | undefined;
  /** From other workers, by name. */
  readonly relays?: Readonly<Record<string, ShownFlow>> | undefined;
  readonly version?: string | undefined;
  /** Processors that it may use. */
  readonly cores?: number | undefined;
  /** Revision of its task definition, on ECS. */
  readonly revision?: number | undefined;
  readonly zone?: string | undefined;
  readonly startedAtMs?: number | undefined;
}

export interface ClusterState {
  readonly about: About;
  /** By name. */
  readonly workers: Readonly<Record<string, ShownWorker>>;
  /** Their names: those with the most viewers first, then those that are gone. */
  readonly order: readonly string[];
  /** How many there are; a list may show fewer. */
  readonly total: number;
}

/** An account of a provider, over all workers. */
export interface ShownAccount {
  /** Host and port, without credentials. */
  readonly host: string;
  /** Tells the accounts of a host from each other; absent where there is one. */
  readonly number?: number | undefined;
  readonly connections: number;
  /** Connections that were refused in the last hour because of a limit. */
  readonly refused: number;
  /** Streams that get media over it: id → name. */
  readonly streams: Readonly<Record<string, string>>;
  /** Streams beside those. */
  readonly more: number;
  /** Why a source of this host was lost last, within the last hour. */
  readonly lastError?: string | undefined;
  readonly lastErrorMs?: number | undefined;
}

export interface ProvidersState {
  readonly about: About;
  /** Connections that each account allows; absent: nothing limits them. */
  readonly limit?: number | undefined;
  /** By a name that only tells them apart. */
  readonly accounts: Readonly<Record<string, ShownAccount>>;
  /** Their names, the most connections first. */
  readonly order: readonly string[];
  readonly total: number;
}
