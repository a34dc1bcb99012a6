/**
 * A shared registry that may vanish. What this worker has seen and done is kept beside it, so that running streams go on,
 * their viewers are counted and new ones start locally; when it is back, even empty, it is told first.
 */

import { randomBytes } from 'node:crypto';
import { MemoryRegistry } from './memory/memory-registry.ts';
import type { RedisRegistry } from './redis/redis-registry.ts';
import type { Registry } from './registry.ts';
import type {
  CleanupReport,
  ClientRecord,
  ClientReport,
  Command,
  CreateAnswer,
  FailoverState,
  JoinAnswer,
  JoinRequest,
  Place,
  Renewal,
  StreamRecord,
  StreamSpec,
  WorkerIdentity,
  WorkerLoad,
  WorkerRecord,
} from './types.ts';

export class ResilientRegistry implements Registry {
  readonly #shared: RedisRegistry;
  /** What this worker knows: streams it has met, its own clients. */
  readonly #own: MemoryRegistry;
  /** Feeds this worker makes, with their epochs. */
  readonly #feeds = new Map<string, number>();
  /** Feeds that another worker makes, as far as is known. */
  readonly #others = new Set<string>();
  readonly #onOutage: (error: unknown) => void;
  #reachable = true;

  /** @param onOutage told of the error with which an outage begins */
  constructor(shared: RedisRegistry, me: WorkerIdentity, onOutage: (error: unknown) => void) {
    this.#shared = shared;
    this.#own = new MemoryRegistry(me);
    this.#onOutage = onOutage;
  }

  async createStream(spec: StreamSpec, maxStreams: number): Promise<CreateAnswer | 'full'> {
    const answer = await this.#ask(
      () => this.#shared.createStream(spec, maxStreams),
      () => this.#own.createStream(spec, maxStreams),
    );
    if (answer !== 'full') this.#own.adoptStream(answer.stream);
    return answer;
  }

  async stream(id: string): Promise<StreamRecord | undefined> {
    const record = await this.#ask(
      () => this.#shared.stream(id),
      () => this.#own.stream(id),
    );
    if (record !== undefined) this.#own.adoptStream(record);
    return record;
  }

  remembered(id: string): StreamRecord | undefined {
    return this.#own.remembered(id);
  }

  streams(): Promise<StreamRecord[]> {
    return this.#ask(
      () => this.#shared.streams(),
      () => this.#own.streams(),
    );
  }

  async deleteStream(id: string): Promise<boolean> {
    const known = await this.#own.deleteStream(id);
    return this.#ask(
      () => this.#shared.deleteStream(id),
      async () => known,
    );
  }

  async advanceFailover(id: string, fromIndex: number, next: FailoverState): Promise<FailoverState | undefined> {
    return this.#ask(
      () => this.#shared.advanceFailover(id, fromIndex, next),
      () => this.#own.advanceFailover(id, fromIndex, next),
    );
  }

  async markUnshareable(id: string): Promise<void> {
    await this.#own.markUnshareable(id);
    await this.#try(() => this.#shared.markUnshareable(id));
  }

  async countError(id: string): Promise<void> {
    await this.#own.countError(id);
    await this.#try(() => this.#shared.countError(id));
  }

  async join(request: JoinRequest): Promise<JoinAnswer> {
    const answer = await this.#ask(
      async () => this.#note(await this.#shared.join(request)),
      () => this.#joinAlone(request),
    );
    if (answer.kind === 'joined') {
      this.#own.adoptStream(answer.stream);
      this.#own.adoptClient(answer.client);
    }
    return answer;
  }

  async leave(report: ClientReport): Promise<number> {
    const left = await this.#own.leave(report);
    return this.#ask(
      () => this.#shared.leave(report),
      async () => left,
    );
  }

  async releaseSlot(streamId: string, slot: number): Promise<boolean> {
    const released = await this.#ask(
      () => this.#shared.releaseSlot(streamId, slot),
      () => this.#own.releaseSlot(streamId, slot),
    );
    if (released) this.#forget(`p:${streamId}:${slot}`);
    return released;
  }

  async report(clients: readonly ClientReport[]): Promise<void> {
    await this.#own.report(clients);
    await this.#shared.report(clients);
  }

  clients(streamId?: string): Promise<ClientRecord[]> {
    return this.#ask(
      () => this.#shared.clients(streamId),
      () => this.#own.clients(streamId),
    );
  }

  /** During an outage a feed that another worker is known to make is not taken: only its death makes it free. */
  async acquire(feed: string): Promise<Place> {
    const place = await this.#ask(
      () => this.#shared.acquire(feed),
      async () => {
        if (this.#others.has(feed)) throw new Error(`Redis does not answer, and another worker makes ${feed}.`);
        return this.#ownPlace(feed);
      },
    );
    this.#notePlace(feed, place);
    return place;
  }

  async seize(feed: string, deadIncarnation: string): Promise<Place> {
    const place = await this.#ask(
      () => this.#shared.seize(feed, deadIncarnation),
      async () => this.#ownPlace(feed),
    );
    this.#notePlace(feed, place);
    return place;
  }

  async transfer(feed: string, epoch: number, to: WorkerIdentity): Promise<number | undefined> {
    const next = await this.#shared.transfer(feed, epoch, to);
    if (next !== undefined) this.#feeds.delete(feed);
    return next;
  }

  async release(feed: string): Promise<void> {
    this.#forget(feed);
    await this.#try(() => this.#shared.release(feed));
  }

  async renew(load: WorkerLoad): Promise<Renewal> {
    await this.#own.renew(load);
    try {
      const renewal = await this.#shared.renew(load);
      for (const command of renewal.commands) {
        if (command.kind === 'delete') await this.#own.deleteStream(command.streamId);
      }
      if (!renewal.unbroken || !this.#reachable) renewal.lost.push(...(await this.#restore()));
      this.#reachable = true;
      return renewal;
    } catch (error) {
      this.#reachable = false;
      throw error;
    }
  }

  async heartbeat(record: Omit<WorkerRecord, keyof WorkerIdentity>): Promise<void> {
    await this.#own.heartbeat(record);
    await this.#shared.heartbeat(record);
  }

  workers(): Promise<WorkerRecord[]> {
    return this.#ask(
      () => this.#shared.workers(),
      () => this.#own.workers(),
    );
  }

  async send(command: Command, workerId?: string): Promise<void> {
    await this.#try(() => this.#shared.send(command, workerId));
  }

  leaveCluster(): Promise<void> {
    return this.#shared.leaveCluster();
  }

  async cleanup(idleTtlMs: number, dryRun = false): Promise<CleanupReport> {
    const own = await this.#own.cleanup(idleTtlMs, dryRun);
    return this.#ask(
      () => this.#shared.cleanup(idleTtlMs, dryRun),
      async () => own,
    );
  }

  /** Nobody else can be asked: what is not here yet is made here, unconfirmed. */
  async #joinAlone(request: JoinRequest): Promise<JoinAnswer> {
    // Another worker may have given the wanted id to somebody; nobody can say.
    const clientId = `${request.clientId}_${randomBytes(4).toString('hex')}`;
    const answer = await this.#own.join({ ...request, clientId });
    if (answer.kind !== 'joined' || answer.slot === undefined) return answer;
    const feed = feedOf(answer.client);
    const epoch = this.#feeds.get(feed) ?? Date.now();
    // A feed that is here already stays what it is, made here or relayed; a new one begins here.
    if (!request.localSlots.includes(answer.slot)) this.#notePlace(feed, { kind: 'own', epoch });
    return { ...answer, place: { kind: 'own', epoch } };
  }

  #forget(feed: string): void {
    this.#feeds.delete(feed);
    this.#others.delete(feed);
  }

  #ownPlace(feed: string): Place {
    return { kind: 'own', epoch: this.#feeds.get(feed) ?? Date.now() };
  }

  #note(answer: JoinAnswer): JoinAnswer {
    if (answer.kind === 'joined' && answer.place !== undefined) this.#notePlace(feedOf(answer.client), answer.place);
    return answer;
  }

  #notePlace(feed: string, place: Place): void {
    if (place.kind === 'own') {
      this.#feeds.set(feed, place.epoch);
      this.#others.delete(feed);
    } else if (place.kind === 'relay') {
      this.#feeds.delete(feed);
      this.#others.add(feed);
    }
  }

  async #restore() {
    const lost = await this.#shared.restore(await this.#own.streams(), await this.#own.clients(), this.#feeds);
    for (const { feed } of lost) this.#feeds.delete(feed);
    return lost;
  }

  /** The shared registry's answer, or this worker's own while there is none. */
  async #ask<T>(shared: () => Promise<T>, own: () => Promise<T>): Promise<T> {
    if (!this.#reachable) return own();
    try {
      return await shared();
    } catch (error) {
      if (this.#reachable) this.#onOutage(error);
      this.#reachable = false;
      return own();
    }
  }

  async #try(action: () => Promise<void>): Promise<void> {
    await this.#ask(action, async () => undefined);
  }
}

function feedOf({ streamId, slot }: ClientRecord): string {
  return `p:${streamId}:${slot ?? 0}`;
}
