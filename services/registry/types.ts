/** The records that workers share. Plain data, without media. */

import type { MediaFacts } from '../shared/media-facts.ts';

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
  /** Of the sound that goes in, if the source has it: as `languageCode` writes it. Undefined: as the settings of the worker say. */
  audioLanguage?: string | undefined;
}

/** What a stream asks for about silence. What is absent is as the settings of the worker say. */
export interface SilenceOrder {
  enabled?: boolean;
  /** In dB of full scale. */
  thresholdDb?: number;
  durationMs?: number;
  checkIntervalMs?: number;
  failoverThreshold?: number;
  graceMs?: number;
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
  /** Whether a reconnect goes to the server that the first redirect led to. */
  stickySession?: boolean | undefined;
  /** Whether the viewers of a direct live stream share one connection; undefined: as SHARE_DIRECT_STREAMS says. */
  share?: boolean | undefined;
  /** When silence is a fault of its source; undefined: as the settings say. */
  silence?: SilenceOrder | undefined;
  metadata: Readonly<Record<string, string>>;
  /** Undefined: a direct stream. */
  profile: StreamProfile | undefined;
  /** Its URL is that of a web page, and a program finds the media; absent: the URL is that of the media. */
  page?: StreamPage | undefined;
}

/** How the media of a web page is found. */
export interface StreamPage {
  resolver: 'streamlink' | 'ytdlp';
  /** `resolver_args`, checked. */
  args: string;
  /** In Netscape's format. */
  cookies?: string | undefined;
  cookiesPath?: string | undefined;
  /** Equal for equal ones: streams of the same page that are asked for alike have the same media. */
  key: string;
}

/** Where a stream's source is among its failover URLs. All streams of a group have the same; groups.ts says which those are. */
export interface FailoverState {
  /** -1: the primary URL; else an index into `failoverUrls`, or a count of resolver answers beyond it. */
  index: number;
  attempts: number;
  lastAtMs: number | undefined;
  currentUrl: string;
  /** What the server of this URL wants to hear in place of what the stream says; absent: the same. A page's media has its own. */
  headers?: Readonly<Record<string, string>> | undefined;
  userAgent?: string | undefined;
  /** This URL lists several qualities: the address of the one that is wanted; absent: the one that fits the profile. */
  variant?: string | undefined;
  /** The sound of this URL, where it comes apart from the pictures. */
  audio?: MediaSound | undefined;
  /** When this URL stops working, ms of the wall clock; absent: nobody has said it. */
  expiresAtMs?: number | undefined;
  /** When the group began at its primary source, for its first stream or as all were idle; absent where there is no other source. */
  begunAtMs?: number | undefined;
}

/** Where the sound of a web page's media is, when it has an address of its own. */
export interface MediaSound {
  url: string;
  headers: Readonly<Record<string, string>>;
  userAgent?: string | undefined;
}

/** Where a group of streams plays after somebody wanted to move it. */
export interface Advanced {
  state: FailoverState;
  /** The streams that have moved with it; none when it had moved already. */
  streams: readonly string[];
}

export interface StreamRecord extends StreamSpec {
  createdAtMs: number;
  lastAccessMs: number;
  failover: FailoverState;
  /** Whether it has had a viewer since it was created. */
  watched: boolean;
  /** Its source has an end, so each client gets a process of its own. */
  unshareable: boolean;
  /** The address of its source whose first bytes were a manifest of DASH, although its name does not say so. */
  dashUrl?: string | undefined;
  errorCount: number;
  /** Bytes for clients that have left; current clients carry their own counts. */
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
  /** How often it was too slow, and went on at a newer keyframe; undefined: never, or nobody has said. */
  skips?: number | undefined;
  /** A session of several requests, which any worker may serve: no worker owns it. `workerId` has counted it in. */
  session?: true | undefined;
}

/** One connection of a client; the time tells it from a later one with the same id. */
export interface ClientConnection {
  streamId: string;
  clientId: string;
  connectedAtMs: number;
}

/** A client that has another id in the registry now. */
export interface RenamedClient extends ClientConnection {
  newId: string;
}

/** One worker process: the name may return, the incarnation never does. */
export interface WorkerIdentity {
  workerId: string;
  incarnation: string;
  /** Host and port of its relay. */
  address: string;
  zone: string | undefined;
  /** Revision of its task definition; undefined outside ECS. */
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
      /** Another worker that relays it, when the owner did not answer. */
      via?: Pick<WorkerIdentity, 'workerId' | 'incarnation' | 'address'> | undefined;
    }
  /** The registry is too young to know the owners; ask again. */
  | { kind: 'wait'; ms: number }
  /** The asking worker and all others are at their limit, or drain. */
  | {
      kind: 'full';
      /** No worker takes viewers. */
      draining?: boolean | undefined;
    };

/** A feed's place, once it is known. */
export type RegisteredPlace = Extract<Place, { kind: 'own' | 'relay' }>;

/**
 * The provider connections that a worker holds, and the streams that get media over them. A source that several streams may
 * read is named by its feed's key; a stream's own connection by the stream's id.
 */
export interface HeldConnections {
  /** The number of connections, by name. */
  held: Record<string, number>;
  /** Stream → names of the sources that this worker reads for it, whichever worker holds them. */
  reads: Record<string, readonly string[]>;
}

/**
 * Why a worker drains. `told`: by a call of the API, which can be taken back. `deployment`: ECS wants another deployment.
 * `stopping`: its process ends.
 */
export type DrainReason = (typeof DRAIN_REASONS)[number];

export const DRAIN_REASONS = ['told', 'deployment', 'stopping'] as const;

/** A call to drain a worker. */
export interface DrainOrder {
  readonly workerId: string;
  /** Also the last worker that takes viewers. */
  readonly force: boolean;
}

/**
 * `draining`: it drains already. `last`: refused, because no other worker takes viewers. `gone`: its lease has run out.
 * `no_answer`: the registry does not answer, so nobody can tell.
 */
export type DrainAnswer = 'begun' | 'draining' | 'last' | 'unknown' | 'gone' | 'no_answer';

/** `taking`: it takes viewers already. `deployment` and `stopping`: refused, because it drains for that reason. */
export type UndrainAnswer = 'sent' | 'taking' | 'deployment' | 'stopping' | 'unknown' | 'gone' | 'no_answer';

/** What ECS wants to run: its service's primary deployment. */
export interface Deployment {
  /** Of the task definition. */
  revision: number;
  /** When it was begun: its tasks start later. */
  createdAtMs: number;
  /** How many tasks. */
  desiredCount: number;
}

/** As the registry has it. */
export interface SeenDeployment extends Deployment {
  /** When ECS said so, by the clock of the registry. */
  seenAtMs: number;
}

/** How the owner makes a stream's first process feed. */
export interface MadeStream {
  /** Over the last seconds; undefined in the first one. */
  bitsPerSecond?: number | undefined;
  /** Seconds of media made in a second; below 1 the viewers run out of media. */
  speed?: number | undefined;
  /** Runs of FFmpeg, or of the source, that ended and were replaced. */
  failures: number;
  /** For the entry of HLS on a worker that does not have the feed; earlier versions do not send it. */
  variant?: MadeVariant | undefined;
  /** Of its ownership: where two workers say that they make it, the larger one does. Earlier versions do not send it, nor what follows. */
  epoch?: number | undefined;
  /** What it is made of. */
  input?: MadeInput | undefined;
  /** What it consists of. */
  output?: MediaFacts | undefined;
}

/** What a worker gets of a source. */
export interface MadeInput extends MediaFacts {
  /** Over the last 10 s; undefined in the first one, and while FFmpeg reads the source itself. */
  bitsPerSecond?: number | undefined;
  /** Media of it that the worker holds; undefined while FFmpeg reads the source itself. */
  bufferMs?: number | undefined;
  /** How long ago the newest of it came. */
  lastByteAgoMs?: number | undefined;
  /** How often its clock has jumped since it was opened; undefined when another worker reads it. */
  repairs?: number | undefined;
}

/** A stream at one time. */
export interface StreamSample {
  /** Since 1970. */
  readonly atMs: number;
  /** On all workers. */
  readonly viewers: number;
  /** Undefined: it had just begun, or is not shared. */
  readonly bitsPerSecond?: number | undefined;
}

/** What the worker that makes a stream tells of it when somebody looks at it. */
export interface MakingReport {
  /** Its last ten minutes, every 10 s, oldest first. */
  readonly samples?: readonly StreamSample[] | undefined;
  /** The last lines of its FFmpeg, masked; undefined: it has none. */
  readonly lines?: readonly string[] | undefined;
  /** The names of the workers that relay it from here, by slot, for each slot that is made here. Earlier versions do not send it. */
  readonly relays?: Readonly<Record<string, readonly string[]>> | undefined;
}

/** What an entry of HLS says of a stream. */
export interface MadeVariant {
  /** bit/s, of the segment with the most. */
  peakBitsPerSecond: number;
  /** As RFC 6381 writes them. */
  codecs: readonly string[];
  size?: { readonly width: number; readonly height: number } | undefined;
  /** Pictures a second. */
  frameRate?: number | undefined;
}

/** Feeds that come to a worker from one other worker. */
export interface Relays {
  feeds: number;
  /** Of those whose rate is known; undefined in their first second. */
  bitsPerSecond?: number | undefined;
}

/** An account of a provider, as one worker uses it. */
export interface HeldAccount {
  /** Host and port. */
  host: string;
  /** The number of connections, by name as in `HeldConnections`. */
  held: Record<string, number>;
  /** Connections that were refused in the last hour because of a limit. */
  refused?: number | undefined;
}

/** The numbers that a worker counts about itself. */
export interface WorkerNumbers {
  /** Number of FFmpegs. */
  processes: number;
  /** Viewers, including those of direct streams. */
  clients: number;
  /** Process feeds, made here or relayed. */
  processFeeds: number;
  sourceFeeds: number;
  /** Media bytes in the rings of all feeds, and those kept of HLS sources. */
  bufferedBytes: number;
  /** Restarts of the FFmpegs of the current feeds. */
  restarts: number;
  /** How often a slow viewer skipped to a newer keyframe, since the start. */
  skips: number;
  /** Viewers dropped because they stopped reading, since the start. */
  stalls: number;
  draining: boolean;
  /** Why it drains; undefined when it does not, or runs an earlier version. */
  drainReason?: DrainReason | undefined;
  /** Earlier versions do not send it. */
  connections?: HeldConnections | undefined;
  /** The streams whose slot 0 it makes, by id; earlier versions do not send it. */
  making?: Record<string, MadeStream> | undefined;
  /** What it relays, by the name of the worker that it comes from; earlier versions do not send it, nor the next three. */
  relays?: Record<string, Relays> | undefined;
  /** By a hash of provider and credentials. */
  accounts?: Record<string, HeldAccount> | undefined;
  version?: string | undefined;
  /** Processors that it may use. */
  cores?: number | undefined;
  /** By how many ms its clock is ahead of that of Redis. The registry adds it. */
  clockAheadMs?: number | undefined;
  /** To its current viewers: each one's average since it came, summed. The registry adds it; earlier versions do not. */
  bytesPerSecond?: number | undefined;
}

/** `busy`: takes another process only when no worker is free; `full`: takes none. */
export type Capacity = 'free' | 'busy' | 'full';

/** What a worker reports about itself with each renewal. */
export interface WorkerLoad extends WorkerNumbers {
  capacity: Capacity;
}

/** The readable record of a worker: `HGETALL workers`. Its numbers are at most a renewal old. */
export interface WorkerRecord extends WorkerIdentity, WorkerNumbers {
  /** By the clock of the registry where it has one, else by the worker's own. */
  startedAtMs: number;
  lastSeenMs: number;
  /** CPU cores in use, averaged over the last heartbeat interval. */
  cpu: number;
}

/** A request of another worker or of the admin API. None is lost: they wait in a list until the next renewal. */
export type Command =
  | { kind: 'delete'; streamId: string }
  /** Follow the stream to the source that it has moved to. */
  | { kind: 'failover'; streamId: string }
  /** Move the stream on, if its source is still this one: two such commands move it by one. */
  | { kind: 'advance'; streamId: string; fromIndex: number }
  /** Of one stream, or of any. `atMs`: sessions that began before; earlier versions do not send it. */
  | { kind: 'disconnect'; clientId: string; streamId?: string; atMs?: number | undefined }
  /** The registry does not have this session any more. */
  | ({ kind: 'ended' } & NamedSession)
  /** The same player has a newer connection: this one ends when it reads nothing for CLIENT_TIMEOUT. */
  | ({ kind: 'superseded' } & ClientConnection)
  /** Another connection got the id of this one while this worker was taken for dead. */
  | ({ kind: 'renamed' } & RenamedClient)
  /** Close feeds that hold a connection to a provider account and serve nobody. */
  | { kind: 'reclaim'; account: string }
  /** A secret for playback was replaced: what was made with it is still to be read. */
  | { kind: 'secrets' }
  /** The webhooks have changed. */
  | { kind: 'webhooks' }
  /** Somebody has asked for a broadcast, or for its end. `removed`: or for nothing of it to be left. */
  | { kind: 'broadcast'; id: string; removed?: boolean | undefined }
  | { kind: 'drain' }
  /** Take viewers again, if it was told to drain. */
  | { kind: 'undrain' };

/** A feed of this worker with another place than this worker believed: made elsewhere now, or here under another epoch. */
export interface MovedFeed {
  feed: string;
  place: RegisteredPlace;
}

export interface Renewal {
  commands: Command[];
  /** Found when this worker wrote back to a registry that had forgotten it. */
  moved: MovedFeed[];
  /** The lease had not expired: this incarnation still owns its feeds. */
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
  /** The wanted id; it gets a suffix if a live client has it. */
  clientId: string;
  /** Clients per slot, 0: no cap; undefined: a direct stream, which has no slots. */
  cap: number | undefined;
  /** Slots whose feed the asking worker already has. */
  localSlots: readonly number[];
  /** Whether the asking worker would make the feed if nobody does; undefined: as in its last renewal. */
  capacity?: Capacity | undefined;
  /** The feed of the stream's source: its owner should make the process if the asking worker does not. */
  sourceFeed?: string | undefined;
  /**
   * It gets its own process. That makes no feed that somebody could own; that of a session makes the session's own feed. Clients of an
   * unshareable stream always do.
   */
  alone?: boolean | undefined;
  /**
   * It is a session: if one with this id lives, this worker joins that. It keeps its slot, and is not counted again. If another
   * client has the id, the session gets a second one, which is the same each time.
   */
  session?: SessionRequest | undefined;
}

export interface SessionRequest {
  /** How long it lasts when no worker sees it, in ms. */
  readonly timeoutMs: number;
  /** Join it only if it lives. */
  readonly onlyLive: boolean;
}

export interface EarlierConnection extends ClientConnection {
  /** The worker that serves it. */
  workerId: string;
}

/**
 * Counted in, with the place of its feed; undefined when it has none, as for a direct stream or with its own process. A session with
 * its own process has a feed of its own, which the worker makes that has counted it in; undefined when that one has gone since.
 */
export interface Joined {
  kind: 'joined';
  client: ClientRecord;
  /** The stream's current record. */
  stream: StreamRecord;
  slot: number | undefined;
  place: RegisteredPlace | undefined;
  /** Known earlier connections of the same player that it has not closed. */
  earlier: readonly EarlierConnection[];
  /** A session that another worker, or this one, had counted in before. */
  resumed?: boolean | undefined;
}

export type JoinAnswer =
  | Joined
  /** Not counted in. */
  | Extract<Place, { kind: 'wait' | 'full' }>
  | { kind: 'no_stream' }
  /** There is no such session, and it was not to begin. */
  | { kind: 'no_session' };

/** What a client has got. Of a session: since the last report, because several workers add up. */
export interface ClientReport extends ClientConnection {
  bytesServed: number;
  segmentsServed: number;
  lastAccessMs: number;
  /** Of one that reads a feed: how often it was too slow, and went on at a newer keyframe. */
  skips?: number | undefined;
  /** Of a session: when this worker has last seen it, monotonic, and how long it lasts from then on. */
  seen?: { readonly atMs: number; readonly timeoutMs: number } | undefined;
}

/** `lives`: a worker has seen the session within its timeout. `gone`: there is no such session. */
export type SessionEnd = 'expired' | 'lives' | 'gone';

/** A session as the registry names it. */
export interface NamedSession {
  streamId: string;
  clientId: string;
}

export interface CreateAnswer {
  stream: StreamRecord;
  /** It is in use already, so its creator's failover URLs, metadata and, with `url_only`, profile hold. */
  existing: boolean;
}

/** Why a stream is removed. */
export type DeletionReason = 'manual_deletion' | 'metadata_filter_deletion' | 'oldest_stream_deletion';

/** What a cleanup removed. */
export interface CleanupReport {
  expiredStreams: string[];
  /** Incarnations whose lease had run out; their clients, slots and feeds are gone. */
  deadIncarnations: string[];
  /** Sessions that no worker had seen for their timeout. */
  expiredSessions: NamedSession[];
}
