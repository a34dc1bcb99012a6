/**
 * A shared registry that may vanish. What this worker has seen and done is kept beside it, so that running streams go on,
 * their viewers are counted and new ones start locally; when it is back, even empty or behind, it is told first.
 */

import { randomBytes } from 'node:crypto';
import { BadRecordError } from '../bad-record.ts';
import { processFeedKey } from '../feed-keys.ts';
import { LocalHoldings } from '../memory/holdings.ts';
import type { RedisRegistry } from '../redis/redis-registry.ts';
import type { Registry } from '../registry.ts';
import type { StreamReport } from '../stream-report.ts';
import type {
  CleanupReport,
  ClientRecord,
  ClientReport,
  Command,
  CreateAnswer,
  FailoverState,
  JoinAnswer,
  JoinRequest,
  MovedFeed,
  Place,
  ProviderConnection,
  Renewal,
  StreamRecord,
  StreamSpec,
  WorkerIdentity,
  WorkerLoad,
  WorkerRecord,
} from '../types.ts';
import { type OtherWorkers, PeerReports } from './peer-reports.ts';
import { Reachability } from './reachability.ts';

export interface ResilientRegistryOptions {
  /** Told of the error with which an outage begins. */
  readonly onOutage: (error: unknown) => void;
  /** Told of a record in which nothing could be noted. */
  readonly onBadRecord: (error: BadRecordError) => void;
  /** Told of what the registry has lost and is told again. */
  readonly onLoss: (lost: readonly string[]) => void;
  /** Awaited before a registry is told what is here, also the first time: it may have forgotten who this is. */
  readonly introduce: () => Promise<void>;
  /** Asked while the registry does not answer. */
  readonly others: OtherWorkers;
  /** How long after an outage the other workers may not have told what they know. */
  readonly youngMs: number;
  /** How long a stream stays what it was after its last viewer has left. */
  readonly graceMs: number;
}

/** Every so many renewals (one a second) the registry is looked through for holes. */
const WHOLE_RENEWALS = 2;
/** Of one that takes longer to answer nothing is asked that can wait. */
const QUICK_MS = 200;

export class ResilientRegistry implements Registry {
  readonly #shared: RedisRegistry;
  readonly #held: LocalHoldings;
  readonly #reach: Reachability;
  readonly #peerReports: PeerReports;
  readonly #introduce: () => Promise<void>;
  readonly #youngMs: number;
  #introduced = false;
  readonly #onBadRecord: (error: BadRecordError) => void;
  readonly #onLoss: (lost: readonly string[]) => void;
  #renewals = 0;
  /** What the registry did not have when it was last looked through. */
  #missing: readonly string[] = [];
  /** Commands of an outage. */
  readonly #unsent: { command: Command; workerId: string | undefined }[] = [];
  /** Beginnings and ends of clients, for comparing counts while there are none. */
  #turnover = 0;

  constructor(shared: RedisRegistry, me: WorkerIdentity, options: ResilientRegistryOptions) {
    const { onOutage, onLoss, onBadRecord, introduce, others, youngMs, graceMs } = options;
    this.#onLoss = onLoss;
    this.#onBadRecord = onBadRecord;
    this.#youngMs = youngMs;
    this.#peerReports = new PeerReports(others);
    this.#shared = shared;
    this.#held = new LocalHoldings(me, graceMs);
    this.#reach = new Reachability(onOutage);
    this.#introduce = introduce;
  }

  get knowsAll(): boolean {
    return this.#reach.isOpenFor(this.#youngMs);
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
      async () => this.remembered(id) ?? (await this.#streamElsewhere(id)),
    );
    if (record === undefined) return (await this.#mended(id)) ? this.remembered(id) : undefined;
    this.#held.adoptStream(record);
    return record;
  }

  /**
   * Writes a stream back that this worker has met and the registry has lost.
   * @returns false when it was deleted, or nobody has met it here
   */
  async #mended(id: string): Promise<boolean> {
    const stream = this.remembered(id);
    if (stream === undefined) return false;
    return this.#reach.change(
      () => this.#shared.restoreStream(stream),
      async () => true,
    );
  }

  /** What this worker tells another one that asks it. */
  streamReport(id: string): StreamReport {
    return this.#held.streamReport(id);
  }

  remembered(id: string): StreamRecord | undefined {
    return this.#held.records.remembered(id);
  }

  streams(): Promise<StreamRecord[]> {
    return this.#reach.ask(
      (onProgress) => this.#shared.streams(onProgress),
      () => this.#held.records.streams(),
    );
  }

  async deleteStream(id: string): Promise<boolean> {
    const known = await this.#held.deleteStream(id);
    this.#turnover++;
    return this.#reach.change(
      () => this.#shared.deleteStream(id),
      async () => known,
    );
  }

  advanceFailover(id: string, fromIndex: number, next: FailoverState): Promise<FailoverState | undefined> {
    return this.#reach.change(
      () => this.#shared.advanceFailover(id, fromIndex, next),
      () => this.#held.records.advanceFailover(id, fromIndex, next),
    );
  }

  async markUnshareable(id: string): Promise<void> {
    await this.#held.records.markUnshareable(id);
    await this.#do(() => this.#shared.markUnshareable(id));
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
    this.#turnover++;
    let alone = false;
    const answer = await this.#reach.change(
      () => this.#shared.join(request),
      () => {
        alone = true;
        return this.#joinAlone(request);
      },
    );
    if (alone) return this.#placeAlone(answer, request);
    if (answer.kind !== 'joined') return answer;
    const { client, stream, slot, place } = answer;
    if (slot !== undefined && place !== undefined) this.#held.notePlace(processFeedKey(client.streamId, slot), place);
    this.#held.adoptStream(stream);
    this.#held.records.adoptClient(client);
    this.#turnover++;
    return answer;
  }

  async leave(report: ClientReport): Promise<number> {
    this.#turnover++;
    // Also when the registry is not told of it.
    this.#shared.forgetCounters(report);
    const left = await this.#held.records.leave(report);
    const answer = await this.#reach.change(
      () => this.#shared.leave(report),
      async () => left,
    );
    this.#turnover++;
    return answer;
  }

  async releaseSlot(streamId: string, slot: number): Promise<boolean> {
    const released = await this.#reach.change(
      () => this.#shared.releaseSlot(streamId, slot),
      () => this.#held.records.releaseSlot(streamId, slot),
    );
    if (released) this.#held.forgetFeed(processFeedKey(streamId, slot));
    return released;
  }

  async report(clients: readonly ClientReport[]): Promise<void> {
    await this.#held.records.report(clients);
    await this.#shared.report(clients);
  }

  clients(streamId?: string): Promise<ClientRecord[]> {
    return this.#reach.ask(
      (onProgress) => this.#shared.clients(streamId, onProgress),
      () => this.#held.records.clients(streamId),
    );
  }

  /** During an outage a feed that another worker is known to make is not taken: only its death makes it free. */
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
        // Should this worker make it, the registry will still believe in the dead one's lease when it is back.
        this.#held.noteDeath(feed, deadIncarnation);
        throw new Error(`Redis does not answer; nobody can say who makes ${feed} now.`);
      },
    );
    this.#held.notePlace(feed, place);
    return place;
  }

  async assume(feed: string): Promise<Place> {
    const place = await this.#reach.change(
      () => this.#shared.acquire(feed),
      async () => this.#held.unconfirmedPlace(feed),
    );
    this.#held.notePlace(feed, place);
    return place;
  }

  /** @throws when the shared registry does not answer: it alone can say who the owner is */
  async transfer(feed: string, epoch: number, to: WorkerIdentity): Promise<number | undefined> {
    const next = await this.#reach.insist(() => this.#shared.transfer(feed, epoch, to));
    if (next !== undefined) this.#held.forgetFeed(feed);
    return next;
  }

  async release(feed: string): Promise<void> {
    this.#held.forgetFeed(feed);
    await this.#do(() => this.#shared.release(feed));
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
    await this.#do(() => this.#shared.returnConnection(connection));
  }

  /** Keeps the lease; tells the registry what is here when that may be news to it. */
  async renew(load: WorkerLoad): Promise<Renewal> {
    await this.#held.records.renew(load);
    const commands: Command[] = [];
    const moved: MovedFeed[] = [];
    const renew = async () => {
      const turnover = this.#turnover;
      const quiet = this.#reach.quiet;
      const sentMs = performance.now();
      const renewed = await this.#shared.renew(load);
      const isQuick = performance.now() - sentMs < QUICK_MS;
      for (const command of renewed.commands) {
        if (command.kind === 'delete') await this.#forgetDeleted(command.streamId);
      }
      commands.unshift(...renewed.commands);
      moved.unshift(...renewed.moved.filter((each) => !this.#held.isStale(each)));
      if (!renewed.unbroken) await this.#introduceTo(true);
      // Another number means a client that a connection long broken has counted, or one that was not counted.
      // Those of a stream that was deleted are gone there already, and here once the command is obeyed.
      const deletes = renewed.commands.some(({ kind }) => kind === 'delete');
      const comparable = quiet && !deletes && this.#reach.quiet && turnover === this.#turnover;
      const isWhole = !isQuick || (await this.#isWhole());
      return renewed.unbroken && isWhole && !(comparable && renewed.clientCount !== this.#held.records.clientCount);
    };
    const tell = async () => {
      const { places, deleted } = await this.#shared.restore(await this.#held.snapshot());
      moved.push(...places);
      for (const streamId of deleted) {
        await this.#held.forgetStream(streamId);
        commands.push({ kind: 'delete', streamId });
      }
      for (const { command, workerId } of this.#unsent.splice(0)) await this.#shared.send(command, workerId);
    };
    const unbroken = await this.#reach.renewal({ prepare: () => this.#introduceTo(false), renew, tell });
    for (const { feed, place } of moved) this.#held.notePlace(feed, place);
    return { commands, moved, unbroken };
  }

  /**
   * Whether the registry still has all that this worker holds. What comes or goes at that moment may be missing once; what
   * is missing twice is lost.
   */
  async #isWhole(): Promise<boolean> {
    if (++this.#renewals % WHOLE_RENEWALS !== 0 && this.#missing.length === 0) return true;
    const before = this.#missing;
    this.#missing = await this.#shared.missing(await this.#held.snapshot());
    const lost = this.#missing.filter((each) => before.includes(each));
    if (lost.length === 0) return true;
    this.#missing = [];
    this.#onLoss(lost);
    // Also the secrets that all share.
    await this.#introduceTo(true);
    return false;
  }

  /** It may have been created anew since. */
  async #forgetDeleted(streamId: string): Promise<void> {
    if ((await this.#shared.stream(streamId)) === undefined) await this.#held.forgetStream(streamId);
  }

  /** @param forgotten it knew this worker, and does not any more */
  async #introduceTo(forgotten: boolean): Promise<void> {
    if (this.#introduced && !forgotten) return;
    await this.#introduce();
    this.#introduced = true;
  }

  /** The connection broke: what was on its way may be lost, and the next one may lead to a registry that is behind. */
  interrupted(error: unknown): void {
    this.#introduced = false;
    this.#reach.lose(error, 0);
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
        // Deletions are written back by themselves, and who waits for a connection has given up by then.
        if (command.kind !== 'delete' && command.kind !== 'reclaim') this.#unsent.push({ command, workerId });
      },
    );
  }

  leaveCluster(): Promise<void> {
    return this.#shared.leaveCluster();
  }

  async cleanup(idleTtlMs: number, dryRun = false): Promise<CleanupReport> {
    const own = await this.#held.records.cleanup(idleTtlMs, dryRun);
    return this.#reach.ask(
      () => this.#shared.cleanup(idleTtlMs, dryRun),
      async () => own,
    );
  }

  /** Somebody may watch it on another worker: then its first creator holds here too. */
  async #createAlone(spec: StreamSpec, maxStreams: number): Promise<CreateAnswer | 'full'> {
    const { viewers = 0 } = this.streamReport(spec.id);
    const watched = viewers > 0 ? undefined : await this.#peerReports.watched(spec.id);
    return watched === undefined
      ? this.#held.records.createStream(spec, maxStreams)
      : { stream: { ...watched, lastAccessMs: Date.now() }, existing: true };
  }

  /** One that this worker has not met. It is not idle for it, whoever watches it elsewhere. */
  async #streamElsewhere(id: string): Promise<StreamRecord | undefined> {
    const stream = await this.#peerReports.stream(id, () => this.streamReport(id));
    return stream && { ...stream, lastAccessMs: Date.now() };
  }

  /** Counted in here, as nobody else can do it. */
  async #joinAlone(request: JoinRequest): Promise<JoinAnswer> {
    // Another worker may have given the wanted id to somebody; nobody can say.
    const clientId = `${request.clientId}_${randomBytes(4).toString('hex')}`;
    return this.#held.records.join({ ...request, clientId });
  }

  /** A feed that is here already stays what it is, made here or relayed; one that nobody has begins here, unconfirmed. */
  async #placeAlone(answer: JoinAnswer, { localSlots, cap }: JoinRequest): Promise<JoinAnswer> {
    if (answer.kind !== 'joined' || answer.slot === undefined || answer.place === undefined) return answer;
    const { client, slot } = answer;
    const feed = processFeedKey(client.streamId, slot);
    if (localSlots.includes(slot)) return { ...answer, place: this.#held.unconfirmedPlace(feed) };
    // Of one client each there is nothing that another worker could have.
    const place = await (cap === 1 || answer.stream.unshareable ? this.assume(feed) : this.locate(feed));
    if (place.kind === 'own' || place.kind === 'relay') return { ...answer, place };
    // The registry is back meanwhile, and wants to be asked again.
    await this.leave({ ...client, clientId: client.id });
    return place;
  }

  async #locateAlone(feed: string): Promise<Place> {
    if (this.#held.isMadeHere(feed)) return this.#held.unconfirmedPlace(feed);
    return (await this.#peerReports.place(feed)) ?? this.assume(feed);
  }

  async #do(action: () => Promise<void>): Promise<void> {
    try {
      await this.#reach.change(action, async () => undefined);
    } catch (error) {
      // Nothing can be noted in a record that cannot be read, and nobody waits for that.
      if (!(error instanceof BadRecordError)) throw error;
      this.#onBadRecord(error);
    }
  }
}
