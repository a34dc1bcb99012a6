/** What the cluster knows: the records that workers share. Plain data, nothing of media. */

/** How a transcoded stream's FFmpeg is run, as resolved when the stream was created. */
export interface StreamProfile {
  name: string;
  /** Effective template variables, as the API reports them. */
  variables: Record<string, string>;
  /** The whole argument list, as the API reports it. */
  args: readonly string[];
  /** Checked options before the input, and between input and output. */
  inputOptions: readonly string[];
  outputOptions: readonly string[];
  container: string;
  hls: boolean;
  video: 'encode' | 'copy' | 'none';
  audio: 'encode' | 'copy' | 'none';
}

/** What `POST /streams` or `POST /transcode` created. */
export interface StreamSpec {
  /** 32 hex digits. */
  id: string;
  url: string;
  failoverUrls: readonly string[];
  failoverResolverUrl: string | undefined;
  userAgent: string;
  headers: Readonly<Record<string, string>>;
  /** A reconnect goes to the server that the first redirect led to. */
  stickySession?: boolean | undefined;
  /** Whether the viewers of a direct live stream share one connection; undefined: as SHARE_DIRECT_STREAMS says. */
  share?: boolean | undefined;
  metadata: Readonly<Record<string, string>>;
  /** Undefined: a direct stream. */
  profile: StreamProfile | undefined;
}

/** Where a stream's source stands among its failover URLs. */
export interface FailoverState {
  /** -1: the primary URL; else an index into `failoverUrls`, or a count of resolver answers beyond it. */
  index: number;
  attempts: number;
  lastAtMs: number | undefined;
  currentUrl: string;
  /** When the stream, being idle, was put back to its primary source for a new viewer; absent: never. */
  begunAtMs?: number | undefined;
}

export interface StreamRecord extends StreamSpec {
  createdAtMs: number;
  lastAccessMs: number;
  failover: FailoverState;
  /** Somebody has watched it since it was created. */
  watched: boolean;
  /** Its source has an end, so each client gets a process of its own. */
  unshareable: boolean;
  errorCount: number;
  /** Of clients that have left; those who watch carry their own. */
  bytesServed: number;
  segmentsServed: number;
}

/** One viewer: an open response or a session of several requests. */
export interface ClientRecord {
  id: string;
  streamId: string;
  /** Undefined for a client of a direct stream. */
  slot: number | undefined;
  workerId: string;
  userAgent: string;
  ipAddress: string;
  username: string | undefined;
  connectedAtMs: number;
  lastAccessMs: number;
  bytesServed: number;
  segmentsServed: number;
}

/** One of a client's connections, told from a later one that was given its id. */
export interface ClientConnection {
  streamId: string;
  clientId: string;
  connectedAtMs: number;
}

/** One worker process: a name that may come back, and an incarnation that never does. */
export interface WorkerIdentity {
  workerId: string;
  incarnation: string;
  /** Host and port of its relay. */
  address: string;
  zone: string | undefined;
  /** Of its task definition; undefined outside ECS. */
  revision?: number | undefined;
}

/** The one incarnation whose feed is the original. */
export interface Owner {
  workerId: string;
  incarnation: string;
  /** Host and port of its relay. */
  address: string;
  /** Fencing number of its ownership; only grows. */
  epoch: number;
}

/** Where a worker gets a feed from. */
export type Place =
  /** It makes the feed itself. */
  | { kind: 'own'; epoch: number }
  | {
      kind: 'relay';
      owner: Owner;
      /** Another worker that relays it, where the owner did not answer. */
      via?: Pick<WorkerIdentity, 'workerId' | 'incarnation' | 'address'> | undefined;
    }
  /** The registry is too young to know who owns what; ask again. */
  | { kind: 'wait'; ms: number }
  /** The asking worker is at its limit, and so is every other. */
  | { kind: 'full' };

/** A feed's place, once it is known. */
export type KnownPlace = Extract<Place, { kind: 'own' | 'relay' }>;

/**
 * The connections to providers that a worker holds, and who gets media over them. A source that several may read is named by
 * its feed's key, a connection of a stream's own by the stream's id.
 */
export interface HeldConnections {
  /** How many, by name. */
  held: Record<string, number>;
  /** The names of the sources that this worker reads for a stream, wherever they are held. */
  reads: Record<string, readonly string[]>;
}

/** What a worker counts of itself. */
export interface WorkerNumbers {
  /** FFmpegs. */
  processes: number;
  /** Viewers, of direct streams too. */
  clients: number;
  /** Made here or relayed. */
  processFeeds: number;
  sourceFeeds: number;
  /** In the rings of all those feeds. */
  bufferedBytes: number;
  /** Of the FFmpegs of the feeds there are now. */
  restarts: number;
  /** Times a viewer was too slow and went on at a newer keyframe, since the start. */
  skips: number;
  /** Viewers dropped because they took nothing, since the start. */
  stalls: number;
  draining: boolean;
  /** An earlier version does not say. */
  connections?: HeldConnections | undefined;
}

/** `busy`: it takes a further process only when all are busy; `full`: it takes none. */
export type Capacity = 'free' | 'busy' | 'full';

/** What a worker tells about itself with each renewal. */
export interface WorkerLoad extends WorkerNumbers {
  capacity: Capacity;
}

/** The readable record of a worker: `HGETALL workers`. Its numbers are at most a renewal old. */
export interface WorkerRecord extends WorkerIdentity, WorkerNumbers {
  startedAtMs: number;
  lastSeenMs: number;
  /** Cores in use, averaged over the last heartbeat interval. */
  cpu: number;
}

/** Something another worker, or the admin API, wants done. None is lost: they wait in a list until the next renewal. */
export type Command =
  | { kind: 'delete'; streamId: string }
  | { kind: 'failover'; streamId: string }
  /** Of one stream, or of whatever stream. */
  | { kind: 'disconnect'; clientId: string; streamId?: string }
  /** A newer connection of the same player is there: this one ends once it takes nothing for CLIENT_TIMEOUT. */
  | ({ kind: 'superseded' } & ClientConnection)
  /** Close what holds a connection to a provider account and serves nobody. */
  | { kind: 'reclaim'; account: string }
  | { kind: 'drain' };

/** A feed of this worker that has another place than it believed: made elsewhere now, or here under another epoch. */
export interface MovedFeed {
  feed: string;
  place: KnownPlace;
}

export interface Renewal {
  commands: Command[];
  /** Found when a registry that had forgotten this worker was told what it holds. */
  moved: MovedFeed[];
  /** The lease had not expired: what this incarnation owns is still its own. */
  unbroken: boolean;
}

/** One connection to a provider. */
export interface ProviderConnection {
  /** A hash of provider and credentials. */
  account: string;
  id: string;
}

export interface JoinRequest {
  client: Omit<ClientRecord, 'id' | 'slot'>;
  /** Taken as it is unless a live client has it: then it gets a suffix. */
  clientId: string;
  /** Clients per slot, 0: no cap; undefined: a direct stream, which has no slots. */
  cap: number | undefined;
  /** Slots whose feed the asking worker already has. */
  localSlots: readonly number[];
  /** Whether the asking worker would make the feed, if nobody does; undefined: as it said with its last renewal. */
  capacity?: Capacity | undefined;
  /** The feed of the stream's source: whoever has that should make the process, if the asking worker does not. */
  sourceFeed?: string | undefined;
  /** It gets a process of its own: there is no feed that anybody could own. An unshareable stream's clients always do. */
  alone?: boolean | undefined;
}

export interface EarlierConnection extends ClientConnection {
  /** The worker that serves it. */
  workerId: string;
}

/** Counted in, with the place of its feed (undefined: it has none, as a direct stream's or one that is alone). */
export interface Joined {
  kind: 'joined';
  client: ClientRecord;
  /** As it is now. */
  stream: StreamRecord;
  slot: number | undefined;
  place: KnownPlace | undefined;
  /** Connections that the same player has opened before and not closed, as far as is known. */
  earlier: readonly EarlierConnection[];
}

export type JoinAnswer =
  | Joined
  /** Not counted in. */
  | Extract<Place, { kind: 'wait' | 'full' }>
  | { kind: 'no_stream' };

/** What has changed about a client since the last report. */
export interface ClientReport extends ClientConnection {
  bytesServed: number;
  segmentsServed: number;
  lastAccessMs: number;
}

export interface CreateAnswer {
  stream: StreamRecord;
  /** It is in use already: its creator's failover URLs, metadata and, with `url_only`, profile hold. */
  existing: boolean;
}

/** What a cleanup removed. */
export interface CleanupReport {
  expiredStreams: string[];
  /** Whose lease had run out; their clients, slots and feeds are gone. */
  deadIncarnations: string[];
}
