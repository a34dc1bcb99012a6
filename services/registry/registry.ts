/**
 * The registry: the shared state of a cluster. One contract, kept in memory for a worker alone and in Redis for several. It has a
 * part for each kind of user, and each user depends on its part only.
 */

import type { BroadcastBook } from './broadcasts/broadcast.ts';
import type {
  EventCounts,
  EventFilter,
  EventPosition,
  FailoverNews,
  NewEvents,
  OnAnswer,
  RecordedEvent,
  ToldEvent,
} from './events/event.ts';
import type { KeptWebhook, WebhookProgress } from './events/webhook.ts';
import type { WorkerSamples } from './samples/history.ts';
import type { Sample } from './samples/sample.ts';
import type {
  Advanced,
  CleanupReport,
  ClientRecord,
  ClientReport,
  Command,
  CreateAnswer,
  DeletionReason,
  DrainAnswer,
  DrainOrder,
  FailoverState,
  JoinAnswer,
  JoinRequest,
  NamedSession,
  Place,
  ProviderConnection,
  RegisteredPlace,
  Renewal,
  SeenDeployment,
  SessionEnd,
  StreamRecord,
  StreamSpec,
  UndrainAnswer,
  WorkerIdentity,
  WorkerLoad,
  WorkerRecord,
} from './types.ts';

/** The streams that were created. */
export interface StreamRecords {
  /**
   * Adds a stream, or returns the existing one with its id. At `maxStreams` (0: no limit) it removes the stream that has been
   * idle longest; `full` when none is idle.
   */
  createStream(spec: StreamSpec, maxStreams: number): Promise<CreateAnswer | 'full'>;
  stream(id: string): Promise<StreamRecord | undefined>;
  streams(): Promise<StreamRecord[]>;
  /**
   * Also removes its clients. False when there was no such stream.
   *
   * @param reason as `stream_stopped` says it
   */
  deleteStream(id: string, reason?: DeletionReason): Promise<boolean>;

  /**
   * Moves a stream and all others of its group to the next source, if they still are where the caller thinks; returns where they
   * are now. So several streams and slots that see the same failure advance by exactly one.
   *
   * @param why what the event says of it, with credentials masked
   */
  advanceFailover(
    id: string,
    fromIndex: number,
    next: FailoverState,
    why?: FailoverNews,
  ): Promise<Advanced | undefined>;
  /**
   * Whether all viewers of a stream and its group are players in pages of the console. False when there is none. Who looks whether a
   * stream plays moves it to no other source.
   */
  isOnlyLookedAt(id: string): Promise<boolean>;
  /** From now on each client of the stream gets its own slot. */
  markUnshareable(id: string): Promise<void>;
  /** @param url the address of a source that has turned out to be DASH; undefined: the one that was has become something else */
  noteDash(id: string, url: string | undefined): Promise<void>;
  countError(id: string): Promise<void>;
}

/** What is known of a stream without reading its viewers. */
export interface StreamSummary {
  /** Viewers on living workers. */
  viewers: number;
  /** Shared processes that have viewers; 0 for a direct stream. */
  processes: number;
  /** Whether it has had a viewer since it was created. */
  watched: boolean;
  /** To all its viewers, including those who have left; as old as the counters that workers write. */
  bytesServed: number;
  segmentsServed: number;
  /** When it was last created, joined, left or read. */
  lastAccessMs: number;
  /** The worker that makes slot 0; undefined while none does. */
  owner: string | undefined;
}

/** A shared process of a stream. */
export interface SlotSummary {
  readonly slot: number;
  readonly viewers: number;
  /** Who makes it; undefined while nobody does. */
  readonly owner?:
    | {
        readonly workerId: string;
        /** Undefined while the registry does not answer. */
        readonly epoch?: number | undefined;
      }
    | undefined;
}

/** The whole cluster at one moment, without its viewers. */
export interface Overview {
  /** Of all streams, by id. */
  readonly summaries: ReadonlyMap<string, StreamSummary>;
  /** The workers that live. */
  readonly workers: readonly WorkerRecord[];
  /** Incarnation → how long its lease lasts if it does not renew it, in ms; without an entry there is none that could end. */
  readonly leases: ReadonlyMap<string, number>;
  /** Workers that have died, until their incarnation has ended. */
  readonly gone: readonly GoneWorker[];
  /** What has happened since the position that was asked about; undefined: nobody asked, or the record cannot be read. */
  readonly news: NewEvents | undefined;
}

/** A peer has proved it dead and it has not renewed its lease since, or its lease has run out. */
export interface GoneWorker {
  readonly worker: WorkerRecord;
  /** Since the proof, or the end of its lease, in ms. */
  readonly forMs: number;
}

/** All streams at a glance, for people who look on all the time. The cost depends on the number of streams, and not on that of viewers. */
export interface Glances {
  /** The summaries of all streams, or of some, by id. */
  summaries(ids?: readonly string[]): Promise<Map<string, StreamSummary>>;
  /**
   * What people look at once a second: one command, however many streams and workers there are. When a stream without viewers was
   * last used is 0 if it is idle.
   *
   * @param since up to where the asker knows the events
   */
  overview(since?: EventPosition): Promise<Overview>;
  /** The shared processes of a stream, by number. */
  slots(streamId: string): Promise<SlotSummary[]>;
  /** The records of these streams; those that do not exist are left out. */
  streamsOf(ids: readonly string[]): Promise<StreamRecord[]>;
}

/** The viewers, and the slots that they have. */
export interface Viewers {
  /** Counts a client in, gives it a slot, and returns the place of the slot's feed and the stream, in one atomic step. */
  join(request: JoinRequest): Promise<JoinAnswer>;
  /** Counts a client out, or ends a session on all workers; returns how many its slot has left. Unknown clients are no error. */
  leave(report: ClientReport): Promise<number>;
  /** This worker has not seen a session for its timeout: counts it out, unless another worker has reported it since. */
  expire(session: NamedSession): Promise<SessionEnd>;
  /** Releases the slot's feed if no client is in the slot; false when one is. */
  releaseSlot(streamId: string, slot: number): Promise<boolean>;
  /** Takes the counters of this worker's clients; others see them after the next renewal. */
  report(clients: readonly ClientReport[]): Promise<void>;
  clients(streamId?: string): Promise<ClientRecord[]>;
  /** HLS sessions of all streams. */
  sessionCount(): Promise<number>;
}

/** Who makes a feed. */
export interface FeedOwners {
  /** Where this worker gets a source feed. If nobody owns it, this worker becomes its owner. */
  acquire(feed: string): Promise<Place>;
  /** The same as `acquire` when the owner is proven dead before its lease has run out. Until that renews, people see it as gone. */
  seize(feed: string, deadIncarnation: string): Promise<Place>;
  /** Hands a feed over to a living worker; returns the new epoch, or undefined when the caller does not own the feed (any more). */
  transfer(feed: string, epoch: number, to: WorkerIdentity): Promise<number | undefined>;
  /** Releases a feed of this worker. */
  release(feed: string): Promise<void>;
}

/** What workers have to say alike of a stream, whichever of them says it first. */
export interface Agreements {
  /**
   * What they have agreed on under a name: what was offered first. It is kept for a day after the last offer.
   *
   * @param offered undefined: only asks
   * @returns undefined when nothing has been offered
   */
  agree(streamId: string, name: string, offered: string | undefined): Promise<string | undefined>;
}

/** The record of what has happened. Changes of the registry write their events themselves, in the same step. */
export interface EventRecord {
  /**
   * Events, the newest first.
   *
   * @param before the id of an event: only older ones
   */
  events(filter: EventFilter, limit: number, before?: string): Promise<RecordedEvent[]>;
  /** Where the record ends. */
  newestEvent(): Promise<EventPosition>;
  /** What has come since a position: some hundreds at most, the rest with the next question. */
  newEvents(since: EventPosition): Promise<NewEvents>;
}

/** What is added up of all that happens. */
export interface Totals {
  /** How many events of each type the record has got, in the whole cluster. Without an answer: what was known last. */
  eventCounts(): Promise<EventCounts>;
}

/** Where a worker says what it alone knows. */
export interface EventTeller {
  /**
   * Adds an event: once, whatever is repeated on the way, and later if the registry is away. Nobody waits for it.
   *
   * @param onAnswer called when the registry has it, with the viewers that have stayed in a takeover or handover; and with undefined
   *   when it does not answer
   */
  tellEvent(event: ToldEvent, onAnswer?: OnAnswer): void;
}

/** What this worker tells, for what goes by it on this worker. */
export interface ToldEvents {
  /** Calls back with each event that this worker tells, when it happens. */
  onTold(listener: (event: ToldEvent) => void): void;
}

/** The webhooks of the cluster, and how far each is. */
export interface WebhookBook {
  /**
   * Adds webhooks, or replaces those with their URLs; these keep their progress. All of them or none.
   *
   * @param isRestoring only if the registry has lost them all
   * @returns false when there would be more than `MAX_WEBHOOKS`
   */
  put(webhooks: readonly KeptWebhook[], isRestoring?: boolean): Promise<boolean>;
  /** By URL. Undefined when the registry knows of none, also of none that was removed: it may have lost them. */
  list(): Promise<KeptWebhook[] | undefined>;
  /** False when there is none with this URL. */
  remove(url: string): Promise<boolean>;
  /**
   * Takes note of how far a webhook is, if the caller still delivers.
   *
   * @param epoch of the ownership of `DELIVERY`
   * @returns false when another worker delivers, or the webhook is gone
   */
  note(url: string, progress: WebhookProgress, epoch: number): Promise<boolean>;
}

/** The last hour of the workers in numbers. */
export interface SampleBook {
  /** Keeps a sample of this worker. Others have it after its next renewal. */
  keep(sample: Sample): void;
  /** Of all workers that had one in the last two hours, also of those that are gone. While the registry does not answer: of this one. */
  read(): Promise<WorkerSamples[]>;
}

/** How many connections the accounts of providers have. */
export interface ConnectionLimits {
  /** Takes one of the `max` connections of a provider account; false when the workers use them all. */
  takeConnection(connection: ProviderConnection, max: number): Promise<boolean>;
  /** Returns it. Unknown ones are no error. */
  returnConnection(connection: ProviderConnection): Promise<void>;
}

/** What a worker says of itself. */
export interface Membership {
  /** Renews this worker's lease and fetches its commands. Throws when the registry does not answer. */
  renew(load: WorkerLoad): Promise<Renewal>;
  /** Writes the readable record of this worker; renewals keep its numbers up to date. */
  heartbeat(record: Omit<WorkerRecord, keyof WorkerIdentity>): Promise<void>;
}

/** The workers of the cluster, and commands to them. */
export interface Members {
  /** The workers with a valid lease that no peer has proved dead since they renewed it. */
  workers(): Promise<WorkerRecord[]>;
  /** Sends a command to a worker, or to all. */
  send(command: Command, workerId?: string): Promise<void>;
}

/** Which workers take viewers. */
export interface Drains {
  /** Tells a worker to drain; refuses that to the last one that takes viewers. In one step, whoever else drains at the same time. */
  drain(order: DrainOrder): Promise<DrainAnswer>;
  /** Tells a worker to take viewers again. */
  undrain(workerId: string): Promise<UndrainAnswer>;
}

/** What a worker on ECS asks about deployments. */
export interface Deployments {
  /** What ECS wants to run; undefined when nobody has said so for some minutes. */
  deployment(): Promise<SeenDeployment | undefined>;
  /** Whether this worker may drain for another deployment: not as the last one that takes viewers. */
  mayLeave(): Promise<boolean>;
}

/** Whom a worker asks directly. */
export interface Peers {
  /** The other workers, as of the last arrival or departure; also known while the registry does not answer. */
  peers(): readonly WorkerIdentity[];
}

/** What any worker does for all of them now and then. */
export interface Housekeeping {
  /**
   * Removes dead incarnations, sessions that no worker sees any more, and streams that had no viewer for `idleTtlMs`. Idempotent.
   *
   * @param dryRun only says what would be removed
   */
  cleanup(idleTtlMs: number, dryRun?: boolean): Promise<CleanupReport>;
}

/** What a worker knows of streams without the registry's answer. */
export interface KnownStreams {
  /** False during an outage: then a stream that this worker does not know may still exist. */
  readonly knowsAll: boolean;
  /**
   * What this worker remembers of a stream, without asking anybody: it may have changed or be deleted. The same object, until it
   * remembers something else.
   */
  remembered(id: string): Readonly<StreamRecord> | undefined;
}

/** Whether the registry answers. */
export interface Outages {
  /** How long the outage of now has lasted, in ms; undefined when there is none. */
  readonly outageMs: number | undefined;
}

/** How a feed begins on a worker that may have no answer from the registry. */
export interface FeedStarts {
  /** The same as `acquire` for a feed that is not here yet: during an outage this asks the other workers who has it. */
  locate(feed: string): Promise<Place>;
  /** Takes a feed without the registry's answer; this worker yields to an owner that the registry confirms. */
  ownUnconfirmed(feed: string): Promise<Place>;
  /**
   * The same as `acquire` when only the registry's own answer counts, because this worker may have missed that another one took the
   * feed. Throws when the registry does not answer.
   */
  confirm(feed: string): Promise<Place>;
  /** Takes note of the place that a feed's former owner has named, which this worker could not ask the registry about. */
  adopt(feed: string, place: RegisteredPlace): void;
}

/** What workers keep together, wherever it is kept. */
export interface SharedRegistry
  extends StreamRecords,
    Glances,
    Viewers,
    FeedOwners,
    Agreements,
    EventRecord,
    Totals,
    ConnectionLimits,
    Membership,
    Members,
    Drains,
    Deployments,
    Peers,
    Housekeeping {
  readonly webhooks: WebhookBook;
  readonly broadcasts: BroadcastBook;
  readonly samples: SampleBook;
}

/** What is counted of streams by who draws no conclusion from what this worker alone knows. */
export interface SureTotals {
  /** Their summaries; without an answer none: less than before would look like a count that began anew. */
  streamTotals(ids: readonly string[]): Promise<ReadonlyMap<string, StreamSummary>>;
}

/** What the parts of a worker use. It also answers while the shared registry does not. */
export interface Registry
  extends SharedRegistry,
    EventTeller,
    ToldEvents,
    KnownStreams,
    Outages,
    FeedStarts,
    SureTotals {}
