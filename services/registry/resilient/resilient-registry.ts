/**
 * A shared registry that may vanish. This worker also keeps what it has seen and done. So running streams go on, their
 * viewers are counted, and new streams start locally. When the registry is back, even empty or behind, the worker writes back.
 */

import { type Clock, systemClock } from '../../shared/clock.ts';
import { BadRecordError } from '../bad-record.ts';
import type { BroadcastBook } from '../broadcasts/broadcast.ts';
import {
  type EventCounts,
  type EventFilter,
  type EventPosition,
  type FailoverNews,
  failoverData,
  type NewEvents,
  type OnAnswer,
  type RecordedEvent,
  type ToldEvent,
} from '../events/event.ts';
import { filmFeedKey, processFeedKey } from '../feed-keys.ts';
import { PAGE_OPENED } from '../groups.ts';
import { LocalHoldings } from '../memory/holdings.ts';
import { NoAnswerError } from '../outage.ts';
import type { RedisRegistry } from '../redis/redis-registry.ts';
import type { Overview, Registry, SampleBook, SlotSummary, StreamSummary, WebhookBook } from '../registry.ts';
import type { StreamReport } from '../stream-report.ts';
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
  Joined,
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
} from '../types.ts';
import { insistingBook, insistingBroadcasts } from './insisting-book.ts';
import { OwnEvents } from './own-events.ts';
import { type OtherWorkers, PeerReports } from './peer-reports.ts';
import { Reachability } from './reachability.ts';
import { WriteBack } from './write-back.ts';

export interface ResilientRegistryOptions {
  /** Called with the error that begins an outage. */
  readonly onOutage: (error: unknown) => void;
  /** Called with an error that is a fault of this program, not of Redis. */
  readonly onBug: (error: unknown) => void;
  /** Called with a record that cannot be read or changed. */
  readonly onBadRecord: (error: BadRecordError) => void;
  /** Called with where the registry differs from what this worker holds; it gets that anew. */
  readonly onLoss: (lost: readonly string[]) => void;
  /** Awaited before this worker writes back, also the first time: the registry may have forgotten the worker. */
  readonly introduce: () => Promise<void>;
  /** The workers to ask while the registry does not answer. */
  readonly others: OtherWorkers;
  /** How long after an outage other workers may not have written back yet. */
  readonly youngMs: number;
  /** How long a stream stays in use after its last viewer has left. */
  readonly graceMs: number;
  /** Unset: the system's. */
  readonly clock?: Clock;
}

export class ResilientRegistry implements Registry {
  readonly #shared: RedisRegistry;
  readonly #held: LocalHoldings;
  readonly #reach: Reachability;
  readonly #peerReports: PeerReports;
  readonly #events: OwnEvents;
  /** As Redis has said last. */
  #eventCounts: EventCounts = {};
  readonly #writeBack: WriteBack;
  readonly #youngMs: number;
  readonly #workerId: string;
  readonly webhooks: WebhookBook;
  readonly broadcasts: BroadcastBook;
  readonly samples: SampleBook;
  readonly #clock: Clock;
  readonly #onBadRecord: (error: BadRecordError) => void;

  constructor(shared: RedisRegistry, me: WorkerIdentity, options: ResilientRegistryOptions) {
    const { onOutage, onBug, onLoss, onBadRecord, introduce, others, youngMs, graceMs, clock = systemClock } = options;
    this.#onBadRecord = onBadRecord;
    this.#youngMs = youngMs;
    this.#clock = clock;
    this.#peerReports = new PeerReports(others, clock);
    this.#shared = shared;
    this.#held = new LocalHoldings(me, graceMs, clock);
    this.#workerId = me.workerId;
    const lost = (error: unknown) => {
      this.#events.noteOutage(error);
      onOutage(error);
    };
    this.#reach = new Reachability(lost, onBug, clock);
    const told = (events: Parameters<RedisRegistry['tellEvents']>[0]) =>
      this.#reach.ask(
        () => shared.tellEvents(events),
        async () => undefined,
      );
    this.#events = new OwnEvents(told, me.workerId, clock);
    this.webhooks = insistingBook(shared.webhooks, this.#reach);
    this.broadcasts = insistingBroadcasts(shared.broadcasts, this.#reach);
    this.samples = {
      keep: (sample) => shared.samples.keep(sample),
      read: () =>
        this.#reach.ask(
          () => shared.samples.read(),
          async () => [{ workerId: me.workerId, samples: shared.ownSamples.all }],
        ),
    };
    this.#writeBack = new WriteBack({ shared, held: this.#held, reach: this.#reach, introduce, clock, onLoss });
  }

  get knowsAll(): boolean {
    return this.#reach.isOpenFor(this.#youngMs);
  }

  get outageMs(): number | undefined {
    return this.#events.outageMs;
  }

  async createStream(spec: StreamSpec, maxStreams: number): Promise<CreateAnswer | 'full'> {
    const answer = await this.#reach.change(
      () => this.#shared.createStream(spec, maxStreams),
      () => this.#createAlone(spec, maxStreams),
    );
    if (answer !== 'full') this.#held.adoptStream(answer.stream);
    return answer;
  }

  async stream(id: string): Promise<StreamRecord | undefined> {
    const record = await this.#reach.ask(
      () => this.#shared.stream(id),
      async () => 'no_answer' as const,
    );
    if (record === 'no_answer') return this.#streamAlone(id);
    if (record === undefined) return (await this.#mended(id)) ? this.remembered(id) : undefined;
    this.#held.adoptStream(record);
    return record;
  }

  /**
   * Writes back a stream that the registry has lost: one that this worker knows, or that has viewers on another worker.
   * @returns false when it was deleted, or nobody knows it
   */
  async #mended(id: string): Promise<boolean> {
    const stream = this.remembered(id) ?? (await this.#peerReports.watchedUnlessBusy(id));
    if (stream === undefined) return false;
    const isThere = await this.#reach.change(
      () => this.#shared.restoring.restoreStream(stream),
      async () => true,
    );
    if (isThere) this.#held.adoptStream(stream);
    return isThere;
  }

  /** This worker's answer to another worker that asks about a stream. */
  streamReport(id: string): StreamReport {
    return this.#held.streamReport(id);
  }

  remembered(id: string): Readonly<StreamRecord> | undefined {
    return this.#held.records.remembered(id);
  }

  streams(): Promise<StreamRecord[]> {
    return this.#reach.ask(
      (onProgress) => this.#shared.streams(onProgress),
      () => this.#held.records.streams(),
    );
  }

  summaries(ids?: readonly string[]): Promise<Map<string, StreamSummary>> {
    return this.#reach.ask(
      () => this.#shared.summaries(ids),
      () => this.#held.records.summaries(ids),
    );
  }

  overview(since?: EventPosition): Promise<Overview> {
    return this.#reach.ask(
      () => this.#shared.overview(since),
      () => this.#held.records.overview(),
    );
  }

  slots(streamId: string): Promise<SlotSummary[]> {
    return this.#reach.ask(
      () => this.#shared.slots(streamId),
      async () =>
        (await this.#held.records.slots(streamId)).map(({ slot, viewers }) => ({
          ...{ slot, viewers },
          owner: this.#held.isMadeHere(processFeedKey(streamId, slot)) ? { workerId: this.#workerId } : undefined,
        })),
    );
  }

  streamsOf(ids: readonly string[]): Promise<StreamRecord[]> {
    return this.#reach.ask(
      () => this.#shared.streamsOf(ids),
      () => this.#held.records.streamsOf(ids),
    );
  }

  async deleteStream(id: string, reason?: DeletionReason): Promise<boolean> {
    const known = await this.#held.deleteStream(id);
    this.#writeBack.noteTurnover();
    return this.#reach.change(
      () => this.#shared.deleteStream(id, reason),
      async () => known,
    );
  }

  async advanceFailover(
    id: string,
    fromIndex: number,
    next: FailoverState,
    why?: FailoverNews,
  ): Promise<Advanced | undefined> {
    const advanced = await this.#reach.change(
      () => this.#shared.advanceFailover(id, fromIndex, next, why),
      () => this.#advanceAlone(id, fromIndex, next, why),
    );
    if (advanced !== undefined) this.#held.records.noteState(id, advanced.state);
    return advanced;
  }

  /** The move is written back; its event is told then. */
  async #advanceAlone(
    id: string,
    fromIndex: number,
    next: FailoverState,
    why?: FailoverNews,
  ): Promise<Advanced | undefined> {
    const advanced = await this.#held.records.advanceFailover(id, fromIndex, next);
    for (const streamId of why?.reason === PAGE_OPENED ? [] : (advanced?.streams ?? [])) {
      const data = { ...failoverData(next, why), client_count: this.#held.records.viewersOf(streamId) };
      this.tellEvent({ type: 'failover_triggered', streamId, data });
    }
    return advanced;
  }

  isOnlyLookedAt(id: string): Promise<boolean> {
    return this.#reach.ask(
      () => this.#shared.isOnlyLookedAt(id),
      () => this.#held.records.isOnlyLookedAt(id),
    );
  }

  async markUnshareable(id: string): Promise<void> {
    await this.#held.records.markUnshareable(id);
    await this.#do(() => this.#shared.markUnshareable(id));
  }

  async noteDash(id: string, url: string | undefined): Promise<void> {
    await this.#held.records.noteDash(id, url);
    await this.#do(() => this.#shared.noteDash(id, url));
  }

  async countError(id: string): Promise<void> {
    await this.#held.records.countError(id);
    await this.#do(() => this.#shared.countError(id));
  }

  async join(request: JoinRequest): Promise<JoinAnswer> {
    const answer = await this.#join(request);
    return answer.kind === 'no_stream' && (await this.#mended(request.client.streamId)) ? this.#join(request) : answer;
  }

  async #join(request: JoinRequest): Promise<JoinAnswer> {
    this.#writeBack.noteTurnover();
    const answer = await this.#reach.change(
      () => this.#shared.join(request, (id) => this.#held.records.connectedAtMs(request.client.streamId, id)),
      async () => ({ kind: 'counted_here' as const, answer: await this.#joinAlone(request) }),
    );
    if (answer.kind === 'counted_here') return this.#placeAlone(answer.answer, request);
    if (answer.kind !== 'joined') return answer;
    const { client, stream, slot, place } = answer;
    if (slot !== undefined && place !== undefined) this.#held.notePlace(feedOf(answer, slot, request), place);
    this.#held.adoptStream(stream);
    this.#held.records.adoptClient(client, request.session?.timeoutMs);
    this.#writeBack.noteTurnover();
    return answer;
  }

  async leave(said: ClientReport): Promise<number> {
    const report = this.#held.records.named(said);
    this.#writeBack.noteTurnover();
    // Even if the registry is not told about it.
    this.#shared.forgetCounters(report);
    const left = await this.#held.records.leave(report);
    const untold = this.#held.untold.take(report);
    if (untold !== undefined) this.#events.tellVisit(untold, report);
    const answer = await this.#reach.change(
      () => this.#shared.leave(report),
      async () => {
        this.#held.givenUp.client(report);
        return left;
      },
    );
    this.#writeBack.noteTurnover();
    return answer;
  }

  /** During an outage nobody knows whether another worker sees the session. A cleanup after it counts the session out. */
  expire(session: NamedSession): Promise<SessionEnd> {
    this.#held.records.forgetSession(session);
    return this.#reach.ask<SessionEnd, SessionEnd>(
      () => this.#shared.expire(session),
      async () => 'expired',
    );
  }

  async releaseSlot(streamId: string, slot: number): Promise<boolean> {
    const feed = processFeedKey(streamId, slot);
    const released = await this.#reach.change(
      () => this.#shared.releaseSlot(streamId, slot),
      async () => {
        const isEmpty = await this.#held.records.releaseSlot(streamId, slot);
        if (isEmpty) this.#held.givenUp.feed(feed);
        return isEmpty;
      },
    );
    if (released) this.#held.forgetFeed(feed);
    return released;
  }

  async report(said: readonly ClientReport[]): Promise<void> {
    const clients = said.map((each) => this.#held.records.named(each));
    await this.#held.records.report(clients);
    await this.#shared.report(clients);
  }

  clients(streamId?: string): Promise<ClientRecord[]> {
    return this.#reach.ask(
      (onProgress) => this.#shared.clients(streamId, onProgress),
      () => this.#held.records.clients(streamId),
    );
  }

  sessionCount(): Promise<number> {
    return this.#reach.ask(
      () => this.#shared.sessionCount(),
      () => this.#held.records.sessionCount(),
    );
  }

  /** During an outage this does not take a feed that another worker is known to make: only that worker's death frees it. */
  async acquire(feed: string): Promise<Place> {
    const shared = () => this.#shared.acquire(feed);
    const place = await (this.#held.isMadeElsewhere(feed)
      ? this.#reach.askOwnership(shared, () => {
          throw new Error(`Redis does not answer, and another worker makes ${feed}.`);
        })
      : this.#reach.change(shared, async () => this.#held.unconfirmedPlace(feed)));
    this.#held.notePlace(feed, place);
    return place;
  }

  async confirm(feed: string): Promise<Place> {
    const place = await this.#reach.askOwnership(
      () => this.#shared.acquire(feed),
      () => {
        throw new NoAnswerError(`Redis does not answer, so nobody knows who makes ${feed}.`);
      },
    );
    this.#held.notePlace(feed, place);
    return place;
  }

  async locate(feed: string): Promise<Place> {
    const place = await this.#reach.ask(
      () => this.#shared.acquire(feed),
      () => this.#locateAlone(feed),
    );
    this.#held.notePlace(feed, place);
    return place;
  }

  async seize(feed: string, deadIncarnation: string): Promise<Place> {
    const place = await this.#reach.askOwnership(
      () => this.#shared.seize(feed, deadIncarnation),
      () => {
        // If this worker makes the feed, the returning registry still believes in the dead worker's lease.
        this.#held.noteDeath(feed, deadIncarnation);
        throw new Error(`Redis does not answer, so the owner of ${feed} is unknown.`);
      },
    );
    this.#held.notePlace(feed, place);
    return place;
  }

  async ownUnconfirmed(feed: string): Promise<Place> {
    const place = await this.#reach.change(
      () => this.#shared.acquire(feed),
      async () => this.#held.unconfirmedPlace(feed),
    );
    this.#held.notePlace(feed, place);
    return place;
  }

  adopt(feed: string, place: RegisteredPlace): void {
    this.#held.notePlace(feed, place);
  }

  /** @throws when the shared registry does not answer: only it knows the owner */
  async transfer(feed: string, epoch: number, to: WorkerIdentity): Promise<number | undefined> {
    const next = await this.#reach.insist(() => this.#shared.transfer(feed, epoch, to));
    if (next !== undefined) this.#held.forgetFeed(feed);
    return next;
  }

  async release(feed: string): Promise<void> {
    this.#held.forgetFeed(feed);
    await this.#do(
      () => this.#shared.release(feed),
      () => this.#held.givenUp.feed(feed),
    );
  }

  async agree(streamId: string, name: string, offered: string | undefined): Promise<string | undefined> {
    const agreed = await this.#reach.change(
      () => this.#shared.agree(streamId, name, offered),
      () => this.#held.records.agree(streamId, name, offered),
    );
    if (agreed !== undefined) await this.#held.records.agree(streamId, name, agreed);
    return agreed;
  }

  tellEvent(event: ToldEvent, onAnswer?: OnAnswer): void {
    this.#events.tell(event, onAnswer);
  }

  onTold(listener: (event: ToldEvent) => void): void {
    this.#events.onTold(listener);
  }

  async eventCounts(): Promise<EventCounts> {
    this.#eventCounts = await this.#reach.ask(
      () => this.#shared.eventCounts(),
      async () => this.#eventCounts,
    );
    return this.#eventCounts;
  }

  streamTotals(ids: readonly string[]): Promise<Map<string, StreamSummary>> {
    return this.#reach.ask(
      () => this.#shared.summaries(ids),
      async () => new Map(),
    );
  }

  events(filter: EventFilter, limit: number, before?: string): Promise<RecordedEvent[]> {
    return this.#reach.insist(() => this.#shared.events(filter, limit, before));
  }

  newestEvent(): Promise<EventPosition> {
    return this.#reach.insist(() => this.#shared.newestEvent());
  }

  newEvents(since: EventPosition): Promise<NewEvents> {
    return this.#reach.insist(() => this.#shared.newEvents(since));
  }

  async takeConnection(connection: ProviderConnection, max: number): Promise<boolean> {
    const taken = await this.#reach.change(
      () => this.#shared.takeConnection(connection, max),
      () => this.#held.records.takeConnection(connection, max),
    );
    if (taken) this.#held.records.adoptConnection(connection);
    return taken;
  }

  async returnConnection(connection: ProviderConnection): Promise<void> {
    await this.#held.records.returnConnection(connection);
    await this.#do(
      () => this.#shared.returnConnection(connection),
      () => this.#held.givenUp.connection(connection),
    );
  }

  async renew(load: WorkerLoad): Promise<Renewal> {
    const renewal = await this.#writeBack.renew(load);
    if (this.#reach.isOpenFor(0)) this.#events.noteReturn();
    void this.#events.flush();
    return renewal;
  }

  /** The connection broke: requests under way may be lost, and the next connection may lead to a registry that is behind. */
  interrupted(error: unknown): void {
    this.#writeBack.introduceAgain();
    this.#reach.lose(error, 0);
  }

  /** This worker starts without the registry. */
  beginAlone(error: unknown): void {
    this.#events.noteOutage(error);
  }

  async heartbeat(record: Omit<WorkerRecord, keyof WorkerIdentity>): Promise<void> {
    await this.#held.records.heartbeat(record);
    await this.#shared.heartbeat(record);
  }

  workers(): Promise<WorkerRecord[]> {
    return this.#reach.ask(
      () => this.#shared.workers(),
      () => this.#held.records.workers(),
    );
  }

  peers(): readonly WorkerIdentity[] {
    return this.#shared.peers();
  }

  async send(command: Command, workerId?: string): Promise<void> {
    await this.#reach.change(
      () => this.#shared.send(command, workerId),
      async () => {
        // Deletions are written back anyway, and a viewer that waits for a connection has given up by then.
        if (command.kind !== 'delete' && command.kind !== 'reclaim') this.#writeBack.sendLater(command, workerId);
      },
    );
  }

  drain(order: DrainOrder): Promise<DrainAnswer> {
    return this.#reach.ask<DrainAnswer, DrainAnswer>(
      () => this.#shared.drain(order),
      async () => 'no_answer',
    );
  }

  undrain(workerId: string): Promise<UndrainAnswer> {
    return this.#reach.ask<UndrainAnswer, UndrainAnswer>(
      () => this.#shared.undrain(workerId),
      async () => 'no_answer',
    );
  }

  /** During an outage nobody leaves. */
  mayLeave(): Promise<boolean> {
    return this.#reach.ask(
      () => this.#shared.mayLeave(),
      async () => false,
    );
  }

  deployment(): Promise<SeenDeployment | undefined> {
    return this.#reach.ask(
      () => this.#shared.deployment(),
      async () => undefined,
    );
  }

  /** Ends this worker's lease and everything it holds. */
  leaveCluster(): Promise<void> {
    return this.#shared.leaveCluster();
  }

  async cleanup(idleTtlMs: number, dryRun = false): Promise<CleanupReport> {
    const own = await this.#held.records.cleanup(idleTtlMs, dryRun);
    return this.#reach.ask(
      () => this.#shared.cleanup(idleTtlMs, dryRun),
      // Whoever serves a session here ends it.
      async () => ({ ...own, expiredSessions: [] }),
    );
  }

  /** If the stream has viewers on another worker, its first definition holds here too. */
  async #createAlone(spec: StreamSpec, maxStreams: number): Promise<CreateAnswer | 'full'> {
    const { watched, deletedAtMs } = await this.#peerReports.elsewhere(spec.id);
    const { viewers = 0 } = this.streamReport(spec.id);
    return watched === undefined || viewers > 0
      ? this.#held.records.createStream(spec, maxStreams, deletedAtMs)
      : { stream: { ...watched, lastAccessMs: this.#clock.wallMs() }, existing: true };
  }

  /** A stream that this worker does not know does not count as idle: another worker may have viewers of it. */
  async #streamAlone(id: string): Promise<StreamRecord | undefined> {
    const known = this.remembered(id);
    const stream = known ?? (await this.#peerReports.stream(id, () => this.streamReport(id)));
    if (stream === undefined) return undefined;
    const record = known ?? { ...stream, lastAccessMs: this.#clock.wallMs() };
    this.#held.adoptStream(record);
    return record;
  }

  /** Counts the client in here, because the registry cannot. */
  async #joinAlone(request: JoinRequest): Promise<JoinAnswer> {
    // Another worker may have given the wanted id to a client; nobody can tell. A session keeps it: that is the same on all workers.
    const suffix = request.session === undefined ? `_${this.#clock.randomHex(4)}` : '';
    const clientId = `${request.clientId}${suffix}`;
    const answer = await this.#held.records.join({ ...request, clientId });
    if (answer.kind === 'joined' && answer.resumed !== true) this.#held.untold.add(answer.client);
    return answer;
  }

  /** A feed that is here keeps its place, made here or relayed. A feed that no worker has begins here, unconfirmed. */
  async #placeAlone(answer: JoinAnswer, request: JoinRequest): Promise<JoinAnswer> {
    if (answer.kind !== 'joined' || answer.slot === undefined || answer.place === undefined) return answer;
    const { client, slot } = answer;
    const { localSlots, cap } = request;
    const feed = feedOf(answer, slot, request);
    if (localSlots.includes(slot)) return { ...answer, place: this.#held.unconfirmedPlace(feed) };
    // With one client per slot, no other worker can have the feed, unless it is that of a session.
    const isMine = request.session === undefined && (cap === 1 || answer.stream.unshareable);
    const place = await (isMine ? this.ownUnconfirmed(feed) : this.locate(feed));
    if (place.kind === 'own' || place.kind === 'relay') {
      const { records } = this.#held;
      if (request.session !== undefined || records.connectedAtMs(client.streamId, client.id) !== undefined)
        return { ...answer, place };
      // The stream was deleted meanwhile, with all who watched it here. It may have been created anew.
      await this.releaseSlot(client.streamId, slot);
      return this.join(request);
    }
    // The registry has come back meanwhile and must be asked again.
    await this.leave({ ...client, clientId: client.id });
    return place;
  }

  async #locateAlone(feed: string): Promise<Place> {
    if (this.#held.isMadeHere(feed)) return this.#held.unconfirmedPlace(feed);
    return (await this.#peerReports.place(feed)) ?? this.ownUnconfirmed(feed);
  }

  /** @param untold called when the registry could not be told */
  async #do(action: () => Promise<void>, untold = (): void => undefined): Promise<void> {
    try {
      await this.#reach.change(action, async () => untold());
    } catch (error) {
      // An unreadable record cannot be changed, and nobody waits for the change.
      if (!(error instanceof BadRecordError)) throw error;
      this.#onBadRecord(error);
    }
  }
}

/** The feed of a client that has been counted in. */
function feedOf({ client, stream }: Joined, slot: number, { alone, session }: JoinRequest): string {
  const isOwn = session !== undefined && (alone === true || stream.unshareable);
  return isOwn ? filmFeedKey(client.streamId, client.id) : processFeedKey(client.streamId, slot);
}
