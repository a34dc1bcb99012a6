/** The registry of a worker alone: the same contract, in the memory of this process. */

import { type Clock, systemClock } from '../../shared/clock.ts';
import { clientIds, isLooking, sessionIds } from '../client-ids.ts';
import { clientRecord } from '../client-report.ts';
import {
  EVENTS_START,
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
import { EventLimit } from '../events/event-limit.ts';
import type { EventLog } from '../events/event-log.ts';
import { factsOf } from '../events/stream-facts.ts';
import { PAGE_OPENED } from '../groups.ts';
import { movedAtMs, newStream } from '../new-stream.ts';
import type { Overview, Registry, SampleBook, SlotSummary, StreamSummary } from '../registry.ts';
import { SampleLog } from '../samples/sample-log.ts';
import type {
  Advanced,
  CleanupReport,
  ClientConnection,
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
  RenamedClient,
  Renewal,
  SessionEnd,
  StreamRecord,
  StreamSpec,
  UndrainAnswer,
  WorkerIdentity,
  WorkerLoad,
  WorkerRecord,
} from '../types.ts';
import { change, copyOf, countSlots, type Entry, isSession, rememberedOf, summaryOf } from './entry.ts';
import { MemoryBroadcasts } from './memory-broadcasts.ts';
import { MemoryWebhooks } from './memory-webhooks.ts';
import { chooseSlot } from './slots.ts';
import { StreamNews } from './stream-news.ts';
import { StreamTable } from './stream-table.ts';

/** A worker alone owns every feed. */
const MINE = { kind: 'own', epoch: 1 } as const;

export class MemoryRegistry implements Registry {
  readonly knowsAll = true;
  readonly outageMs = undefined;
  readonly webhooks = new MemoryWebhooks();
  readonly broadcasts: MemoryBroadcasts;
  readonly samples: SampleBook;
  readonly #streams: StreamTable;
  /** Connection to a provider → account. */
  readonly #connections = new Map<string, string>();
  readonly #commands: Command[] = [];
  readonly #identity: WorkerIdentity;
  readonly #log: EventLog | undefined;
  readonly #news: StreamNews | undefined;
  readonly #clock: Clock;
  readonly #eventLimit: EventLimit;
  /** Of clients that were given another id. Whoever serves one learns that later. */
  readonly #formerIds = new WeakMap<ClientRecord, readonly string[]>();
  readonly #toldListeners: ((event: ToldEvent) => void)[] = [];
  #worker: WorkerRecord | undefined;

  /**
   * @param graceMs how long a stream stays in use after its last viewer has left
   * @param log gets what happens; unset: nobody is told, as where Redis has the record
   */
  constructor(identity: WorkerIdentity, graceMs: number, clock: Clock = systemClock, log?: EventLog) {
    this.#identity = identity;
    const samples = new SampleLog();
    this.samples = {
      keep: (sample) => samples.add(sample),
      read: async () => [{ workerId: identity.workerId, samples: samples.all }],
    };
    this.broadcasts = new MemoryBroadcasts((streamId) => {
      const entry = this.#streams.get(streamId);
      if (entry !== undefined) change(entry, { lastAccessMs: this.#clock.wallMs() });
    }, identity.workerId);
    this.#streams = new StreamTable(graceMs, (streamId) => this.broadcasts.isRecorded(streamId));
    this.#clock = clock;
    this.#eventLimit = new EventLimit(clock);
    this.#log = log;
    this.#news = log && new StreamNews(log, clock);
  }

  /** @param deletedAtMs when another worker has deleted the stream; what was there before counts no longer */
  async createStream(
    spec: StreamSpec,
    maxStreams: number,
    deletedAtMs = Number.NEGATIVE_INFINITY,
  ): Promise<CreateAnswer | 'full'> {
    const nowMs = this.#clock.wallMs();
    const known = this.#streams.get(spec.id);
    const counts = known !== undefined && known.record.createdAtMs > deletedAtMs;
    if (counts && !this.#streams.isIdle(known, nowMs)) {
      // Another viewer is coming to a stream without viewers so far. A request does not prolong the grace time of a watched one.
      if (!known.record.watched) change(known, { lastAccessMs: nowMs });
      return { stream: copyOf(known), existing: true };
    }
    if (known === undefined && maxStreams > 0 && !this.#hasRoom(maxStreams)) return 'full';
    const record = newStream(spec, nowMs);
    if (known?.clients.size === 0) this.#news?.ended(known.record, 'last_client_disconnected');
    // Whoever still watches a deleted stream here goes on with the new one.
    const entry = this.#streams.put(record, nowMs);
    if (!this.#streams.isPlayed(entry, nowMs, spec.id)) this.#streams.begin(entry, nowMs);
    return { stream: copyOf(entry), existing: false };
  }

  #remove(id: string, reason: string): boolean {
    const entry = this.#streams.get(id);
    if (entry === undefined) return false;
    const { record, clients } = entry;
    for (const client of clients.values()) {
      clients.delete(client.id);
      this.#news?.left(record, client, client, clients.size, reason);
    }
    this.#news?.ended(record, reason);
    this.#streams.delete(entry);
    return true;
  }

  /** Tells which streams have been without a viewer for their grace time. */
  #endIdle(): void {
    const nowMs = this.#clock.wallMs();
    for (const id of this.#news?.playing ?? []) {
      const entry = this.#streams.get(id);
      if (entry !== undefined && this.#streams.isIdle(entry, nowMs))
        this.#news?.ended(entry.record, 'last_client_disconnected');
    }
  }

  /** Makes room by removing the streams that have been idle longest. */
  #hasRoom(maxStreams: number): boolean {
    const nowMs = this.#clock.wallMs();
    while (this.#streams.size >= maxStreams) {
      const oldest = this.#streams.idleLongest(nowMs);
      if (oldest === undefined) return false;
      this.#remove(oldest.record.id, 'inactive_timeout');
    }
    return true;
  }

  async stream(id: string): Promise<StreamRecord | undefined> {
    const entry = this.#streams.get(id);
    return entry && copyOf(entry);
  }

  remembered(id: string): Readonly<StreamRecord> | undefined {
    const entry = this.#streams.get(id);
    if (entry === undefined) return undefined;
    return rememberedOf(entry);
  }

  async streams(): Promise<StreamRecord[]> {
    return [...this.#streams.values()].map(copyOf);
  }

  async summaries(ids: Iterable<string> = this.#streams.keys()): Promise<Map<string, StreamSummary>> {
    const known = [...ids].flatMap((id) => this.#streams.get(id) ?? []);
    return new Map(known.map((entry) => [entry.record.id, summaryOf(entry, this.#identity.workerId)]));
  }

  async overview(since?: EventPosition): Promise<Overview> {
    const news = since && this.#log?.newEvents(since);
    return { summaries: await this.summaries(), workers: await this.workers(), leases: new Map(), gone: [], news };
  }

  async slots(streamId: string): Promise<SlotSummary[]> {
    const entry = this.#streams.get(streamId);
    const owner = { workerId: this.#identity.workerId, epoch: MINE.epoch };
    const slots = entry === undefined ? [] : [...countSlots(entry)];
    return slots.sort(([a], [b]) => a - b).map(([slot, viewers]) => ({ slot, viewers, owner }));
  }

  async streamsOf(ids: readonly string[]): Promise<StreamRecord[]> {
    return ids.flatMap((id) => this.remembered(id) ?? []);
  }

  async deleteStream(id: string, reason: DeletionReason = 'manual_deletion'): Promise<boolean> {
    return this.#remove(id, reason);
  }

  async advanceFailover(
    id: string,
    fromIndex: number,
    next: FailoverState,
    why?: FailoverNews,
  ): Promise<Advanced | undefined> {
    const group = this.#streams.get(id)?.group;
    if (group === undefined) return undefined;
    if (group.state.index !== fromIndex) return { state: { ...group.state }, streams: [] };
    const movedMs = movedAtMs(group.state);
    // Of two states the later one counts.
    group.state = movedAtMs(next) > movedMs ? { ...next } : { ...next, lastAtMs: movedMs + 1 };
    for (const each of why?.reason === PAGE_OPENED ? [] : group.streams) {
      const data = { ...failoverData(next, why), client_count: this.viewersOf(each) };
      this.tellEvent({ type: 'failover_triggered', streamId: each, data });
    }
    return { state: { ...group.state }, streams: [...group.streams] };
  }

  /** Takes over where a stream's group has moved to. */
  noteState(id: string, state: FailoverState): void {
    const group = this.#streams.get(id)?.group;
    if (group !== undefined && movedAtMs(state) >= movedAtMs(group.state)) group.state = { ...state };
  }

  async isOnlyLookedAt(id: string): Promise<boolean> {
    const streams = this.#streams.get(id)?.group.streams ?? [];
    const clients = [...streams].flatMap((each) => [...(this.#streams.get(each)?.clients.keys() ?? [])]);
    return clients.length > 0 && clients.every(isLooking);
  }

  async markUnshareable(id: string): Promise<void> {
    const entry = this.#streams.get(id);
    if (entry !== undefined) change(entry, { unshareable: true });
  }

  async noteDash(id: string, url: string | undefined): Promise<void> {
    const entry = this.#streams.get(id);
    if (entry !== undefined) change(entry, { dashUrl: url });
  }

  async countError(id: string): Promise<void> {
    const entry = this.#streams.get(id);
    if (entry !== undefined) change(entry, { errorCount: entry.record.errorCount + 1 });
  }

  async join(request: JoinRequest): Promise<JoinAnswer> {
    const entry = this.#streams.get(request.client.streamId);
    if (entry === undefined) return { kind: 'no_stream' };
    const nowMs = this.#clock.wallMs();
    const { session } = request;
    const live =
      session &&
      sessionIds(request.clientId)
        .map((id) => entry.clients.get(id))
        .find(isSession);
    if (session?.onlyLive === true && live === undefined) return { kind: 'no_session' };
    this.#endIdle();
    if (!this.#streams.isPlayed(entry, nowMs)) this.#streams.begin(entry, nowMs);
    const cap = request.cap !== undefined && entry.record.unshareable ? 1 : request.cap;
    const free = () => (cap === undefined ? undefined : chooseSlot(countSlots(entry), request.localSlots, cap));
    const slot = live?.slot ?? free();
    const ids = (session === undefined ? [] : sessionIds(request.clientId)).concat(
      clientIds(request.clientId, (bytes) => this.#clock.randomHex(bytes)),
    );
    const id = ids.find((each) => !entry.clients.has(each)) ?? request.clientId;
    const earlier = (session === undefined ? ids : [])
      .flatMap((each) => entry.clients.get(each) ?? [])
      .filter((each) => !isSession(each))
      .map(({ streamId, id: clientId, connectedAtMs, workerId }) => ({ streamId, clientId, connectedAtMs, workerId }));
    const counted = clientRecord(request, { id, slot });
    const client: ClientRecord = live === undefined ? counted : { ...live, slot };
    entry.clients.set(client.id, client);
    if (session !== undefined) this.#prolong(entry, client.id, this.#clock.monotonicMs() + session.timeoutMs);
    change(entry, { lastAccessMs: nowMs, watched: true });
    if (live === undefined) this.#news?.joined(entry.record, client, entry.clients.size);
    const stream = copyOf(entry);
    const isAlone = request.alone === true || entry.record.unshareable;
    const hasFeed = cap !== undefined && (!isAlone || session !== undefined);
    return {
      kind: 'joined',
      client: { ...client },
      stream,
      slot,
      place: hasFeed ? MINE : undefined,
      earlier,
      resumed: live !== undefined,
    };
  }

  #prolong({ sessions }: Entry, clientId: string, endsMs: number): void {
    sessions.set(clientId, Math.max(sessions.get(clientId) ?? endsMs, endsMs));
  }

  async expire(session: NamedSession): Promise<SessionEnd> {
    const entry = this.#streams.get(session.streamId);
    const client = entry?.clients.get(session.clientId);
    if (entry === undefined || client?.session === undefined) return 'gone';
    if ((entry.sessions.get(client.id) ?? 0) > this.#clock.monotonicMs()) return 'lives';
    await this.leave({ ...client, clientId: client.id, bytesServed: 0, segmentsServed: 0 }, 'timeout');
    return 'expired';
  }

  async leave(report: ClientReport, reason = 'left'): Promise<number> {
    const entry = this.#streams.get(report.streamId);
    const client = entry?.clients.get(report.clientId);
    if (entry === undefined || client?.connectedAtMs !== report.connectedAtMs) return 0;
    entry.clients.delete(report.clientId);
    entry.sessions.delete(report.clientId);
    // A report of a session says what has come since the last one.
    const bytesServed = report.bytesServed + (isSession(client) ? client.bytesServed : 0);
    const segmentsServed = report.segmentsServed + (isSession(client) ? client.segmentsServed : 0);
    change(entry, {
      bytesServed: entry.record.bytesServed + bytesServed,
      segmentsServed: entry.record.segmentsServed + segmentsServed,
      lastAccessMs: this.#clock.wallMs(),
    });
    this.#news?.left(entry.record, client, { bytesServed, segmentsServed }, entry.clients.size, reason);
    return client.slot === undefined ? 0 : (countSlots(entry).get(client.slot) ?? 0);
  }

  async releaseSlot(streamId: string, slot: number): Promise<boolean> {
    const entry = this.#streams.get(streamId);
    return entry === undefined || (countSlots(entry).get(slot) ?? 0) === 0;
  }

  async report(clients: readonly ClientReport[]): Promise<void> {
    for (const report of clients) {
      const entry = this.#streams.get(report.streamId);
      const client = entry?.clients.get(report.clientId);
      if (entry === undefined || client?.connectedAtMs !== report.connectedAtMs) continue;
      const before = isSession(client) ? client : { bytesServed: 0, segmentsServed: 0 };
      client.bytesServed = before.bytesServed + report.bytesServed;
      client.segmentsServed = before.segmentsServed + report.segmentsServed;
      client.lastAccessMs = report.lastAccessMs;
      client.skips = report.skips;
      const { seen } = report;
      if (seen !== undefined) this.#prolong(entry, client.id, seen.atMs + seen.timeoutMs);
      if (report.lastAccessMs > entry.record.lastAccessMs) change(entry, { lastAccessMs: report.lastAccessMs });
    }
  }

  async clients(streamId?: string): Promise<ClientRecord[]> {
    const entries = streamId === undefined ? [...this.#streams.values()] : [this.#streams.get(streamId)];
    return entries.flatMap((entry) => [...(entry?.clients.values() ?? [])].map((client) => ({ ...client })));
  }

  async sessionCount(): Promise<number> {
    return (await this.clients()).filter(isSession).length;
  }

  /** Takes over a stream that was created elsewhere. */
  adoptStream(record: StreamRecord): void {
    this.#streams.put(record);
    this.noteState(record.id, record.failover);
  }

  /**
   * Takes over a client that was counted in elsewhere.
   *
   * @param timeoutMs of a session
   */
  adoptClient(client: ClientRecord, timeoutMs = 0): void {
    const entry = this.#streams.get(client.streamId);
    if (entry === undefined) return;
    entry.clients.set(client.id, { ...client });
    if (isSession(client)) this.#prolong(entry, client.id, this.#clock.monotonicMs() + timeoutMs);
  }

  /** This worker does not serve a session any more, whatever becomes of it elsewhere. */
  forgetSession({ streamId, clientId }: NamedSession): void {
    const entry = this.#streams.get(streamId);
    if (entry === undefined || !isSession(entry.clients.get(clientId))) return;
    entry.clients.delete(clientId);
    entry.sessions.delete(clientId);
  }

  /** For how many ms from now on a session lasts. */
  lastsMs({ streamId, id }: ClientRecord): number {
    const endsMs = this.#streams.get(streamId)?.sessions.get(id) ?? 0;
    return Math.max(0, Math.round(endsMs - this.#clock.monotonicMs()));
  }

  /** Since when a client of this worker with this id is connected, in ms; undefined: there is none. Sessions do not count. */
  connectedAtMs(streamId: string, clientId: string): number | undefined {
    const client = this.#streams.get(streamId)?.clients.get(clientId);
    return isSession(client) ? undefined : client?.connectedAtMs;
  }

  /** A client of this worker has another id from now on. */
  renameClient({ streamId, clientId, connectedAtMs, newId }: RenamedClient): void {
    const { clients, sessions } = this.#streams.get(streamId) ?? {};
    const client = clients?.get(clientId);
    if (clients === undefined || client?.connectedAtMs !== connectedAtMs) return;
    clients.delete(clientId);
    const renamed = { ...client, id: newId };
    clients.set(newId, renamed);
    this.#formerIds.set(renamed, [...(this.#formerIds.get(client) ?? []), clientId]);
    const endsMs = sessions?.get(clientId);
    sessions?.delete(clientId);
    if (endsMs !== undefined) sessions?.set(newId, endsMs);
  }

  /** What is said of a client, under the id that it has by now. */
  named<Report extends ClientConnection>(report: Report): Report {
    const { streamId, clientId, connectedAtMs } = report;
    const { clients } = this.#streams.get(streamId) ?? {};
    if (clients === undefined || clients.get(clientId)?.connectedAtMs === connectedAtMs) return report;
    for (const client of clients.values()) {
      const isMeant =
        client.connectedAtMs === connectedAtMs && this.#formerIds.get(client)?.includes(clientId) === true;
      if (isMeant) return { ...report, clientId: client.id };
    }
    return report;
  }

  /** Takes over a connection that was granted elsewhere. */
  adoptConnection({ account, id }: ProviderConnection): void {
    this.#connections.set(id, account);
  }

  /** The number of a stream's viewers. */
  viewersOf(streamId: string): number {
    return this.#streams.get(streamId)?.clients.size ?? 0;
  }

  /** Without sessions, which other workers may serve too. */
  get clientCount(): number {
    let count = 0;
    for (const { clients, sessions } of this.#streams.values()) count += clients.size - sessions.size;
    return count;
  }

  connections(): ProviderConnection[] {
    return [...this.#connections].map(([id, account]) => ({ account, id }));
  }

  async acquire(): Promise<Place> {
    return MINE;
  }

  async locate(): Promise<Place> {
    return MINE;
  }

  async seize(): Promise<Place> {
    return MINE;
  }

  async confirm(): Promise<Place> {
    return MINE;
  }

  async ownUnconfirmed(): Promise<Place> {
    return MINE;
  }

  adopt(): void {
    // Nobody else could name a place.
  }

  async transfer(): Promise<undefined> {
    return undefined;
  }

  async release(): Promise<void> {
    // No other worker could take it.
  }

  async agree(streamId: string, name: string, offered: string | undefined): Promise<string | undefined> {
    const entry = this.#streams.get(streamId);
    const agreed = entry?.agreed.get(name) ?? offered;
    if (agreed !== undefined) entry?.agreed.set(name, agreed);
    return agreed;
  }

  tellEvent(event: ToldEvent, onAnswer?: OnAnswer): void {
    if (event.kind !== undefined && !this.#eventLimit.takes(event.kind)) return;
    const stream = this.#streams.get(event.streamId ?? '')?.record;
    for (const listener of this.#toldListeners) listener(event);
    this.#log?.add(event, stream && factsOf(stream));
    // A worker alone takes nothing over.
    onAnswer?.(undefined);
  }

  onTold(listener: (event: ToldEvent) => void): void {
    this.#toldListeners.push(listener);
  }

  async eventCounts(): Promise<EventCounts> {
    return this.#log?.counts ?? {};
  }

  streamTotals(ids: readonly string[]): Promise<Map<string, StreamSummary>> {
    return this.summaries(ids);
  }

  async events(filter: EventFilter, limit: number, before?: string): Promise<RecordedEvent[]> {
    return this.#log?.events(filter, limit, before) ?? [];
  }

  async newestEvent(): Promise<EventPosition> {
    return this.#log?.newest ?? EVENTS_START;
  }

  async newEvents(since: EventPosition): Promise<NewEvents> {
    return this.#log?.newEvents(since) ?? { events: [], position: since, missed: 0 };
  }

  async takeConnection({ account, id }: ProviderConnection, max: number): Promise<boolean> {
    const used = [...this.#connections.values()].filter((each) => each === account).length;
    if (used >= max) return false;
    this.#connections.set(id, account);
    return true;
  }

  async returnConnection({ id }: ProviderConnection): Promise<void> {
    this.#connections.delete(id);
  }

  async renew({ capacity: _, ...numbers }: WorkerLoad): Promise<Renewal> {
    this.#endIdle();
    if (this.#worker !== undefined) this.#worker = { ...this.#worker, ...numbers, lastSeenMs: this.#clock.wallMs() };
    return { commands: this.#commands.splice(0), moved: [], unbroken: true };
  }

  async heartbeat(record: Omit<WorkerRecord, keyof WorkerIdentity>): Promise<void> {
    this.#worker = { ...this.#identity, ...record };
  }

  async workers(): Promise<WorkerRecord[]> {
    return this.#worker === undefined ? [] : [{ ...this.#worker }];
  }

  peers(): readonly WorkerIdentity[] {
    return [];
  }

  async send(command: Command, workerId?: string): Promise<void> {
    if (workerId === undefined || workerId === this.#identity.workerId) this.#commands.push(command);
  }

  async drain({ workerId, force }: DrainOrder): Promise<DrainAnswer> {
    if (workerId !== this.#identity.workerId) return 'unknown';
    if (this.#worker?.draining === true) return 'draining';
    if (!force) return 'last';
    this.#commands.push({ kind: 'drain' });
    return 'begun';
  }

  async undrain(workerId: string): Promise<UndrainAnswer> {
    if (workerId !== this.#identity.workerId) return 'unknown';
    const { draining = false, drainReason = 'told' } = this.#worker ?? {};
    if (draining && drainReason !== 'told') return drainReason;
    this.#commands.push({ kind: 'undrain' });
    return draining ? 'sent' : 'taking';
  }

  /** No other worker could serve its viewers, and ECS tells it when it stops it. */
  async mayLeave(): Promise<boolean> {
    return false;
  }

  async deployment(): Promise<undefined> {
    return undefined;
  }

  async cleanup(idleTtlMs: number, dryRun = false): Promise<CleanupReport> {
    const expiredSessions: NamedSession[] = [];
    for (const { id: clientId, streamId, session } of dryRun ? [] : await this.clients()) {
      if (session === undefined || (await this.expire({ streamId, clientId })) !== 'expired') continue;
      expiredSessions.push({ streamId, clientId });
    }
    const expiredStreams: string[] = [];
    for (const { record, clients } of [...this.#streams.values()]) {
      if (clients.size > 0 || this.broadcasts.isRecorded(record.id)) continue;
      if (this.#clock.wallMs() - record.lastAccessMs < idleTtlMs) continue;
      if (!dryRun) this.#remove(record.id, 'inactive_timeout');
      expiredStreams.push(record.id);
    }
    return { expiredStreams, deadIncarnations: [], expiredSessions };
  }
}
