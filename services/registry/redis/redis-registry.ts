/** The registry of a cluster, in Redis: every change that must be atomic is one script. */

import type { Redis } from 'ioredis';
import { type Clock, systemClock } from '../../shared/clock.ts';
import { CONSOLE_CLIENT } from '../../shared/console/lists.ts';
import { BadRecordError } from '../bad-record.ts';
import type { BroadcastBook } from '../broadcasts/broadcast.ts';
import { clientIds } from '../client-ids.ts';
import { clientRecord } from '../client-report.ts';
import {
  type EventCounts,
  type EventFilter,
  type EventPosition,
  type FailoverNews,
  failoverData,
  halfOf,
  type NewEvents,
  type NumberedEvent,
  type RecordedEvent,
} from '../events/event.ts';
import { FIRST_VIEWER_MS } from '../idle.ts';
import { newStream } from '../new-stream.ts';
import type { Overview, SampleBook, SharedRegistry, SlotSummary, StreamSummary } from '../registry.ts';
import { SampleLog } from '../samples/sample-log.ts';
import { clientShape, deploymentShape, earlierShape, parsed, placeShape } from '../shapes.ts';
import { Turns } from '../turns.ts';
import type {
  Advanced,
  CleanupReport,
  ClientRecord,
  ClientReport,
  Command,
  CreateAnswer,
  DeletionReason,
  Deployment,
  DrainAnswer,
  DrainOrder,
  FailoverState,
  JoinAnswer,
  JoinRequest,
  NamedSession,
  Owner,
  Place,
  ProviderConnection,
  SeenDeployment,
  SessionEnd,
  StreamRecord,
  StreamSpec,
  UndrainAnswer,
  WorkerIdentity,
  WorkerLoad,
  WorkerRecord,
} from '../types.ts';
import { inBatch } from './batch.ts';
import { RedisBroadcasts } from './broadcasts/redis-broadcasts.ts';
import { cleanUp, type Walk } from './cleanup.ts';
import { type ClientPage, type ClientPageRequest, readClientPage, readClientRecords } from './client-reads.ts';
import { ClientCounters } from './counters/client-counters.ts';
import { SessionCounters } from './counters/session-counters.ts';
import { newestPosition, RedisWebhooks, readEventCounts, readEvents, readNewEvents } from './event-records.ts';
import { type ClientSearch, feedOwners, findClients, slotsOf } from './inspection.ts';
import { keys, type SharedSecret } from './keys.ts';
import { Lease, type RedisRenewal } from './lease.ts';
import { orderLimitMs, QuestionLimit } from './limits.ts';
import { OwnRecord } from './own-record.ts';
import {
  type OnProgress,
  readKnownWorkers,
  readLivingWorkers,
  readSamples,
  readStreamRecord,
  readStreamRecords,
  readStreamRecordsOf,
} from './reads.ts';
import { fieldsOf, readFailover, readStream, type ShownStream, streamFields } from './records.ts';
import { Restoring } from './restoring.ts';
import { defineScripts, type RunScript } from './scripts.ts';
import { readOverview, readSummaries } from './summary.ts';

export interface RedisRegistryOptions {
  /** How long an incarnation that does not renew keeps what it owns. */
  readonly leaseMs: number;
  /** A younger registry gives out no feed without an owner: the real owner may not have written back yet. */
  readonly youngMs: number;
  /** How long a stream stays in use after its last viewer has left. */
  readonly graceMs: number;
  /** What people may see of a stream. */
  readonly show: (spec: StreamSpec) => ShownStream;
  /** A cleanup forgets older events; unset: none. */
  readonly eventsKeepMs?: number | undefined;
  readonly clock?: Clock | undefined;
}

/** What ECS has said counts for this long. It is asked every minute, so two answers may be missed. */
const DEPLOYMENT_COUNTS_MS = 3 * 60_000;

/** Whoever goes by it offers it again much more often. */
const AGREED_MS = 24 * 3_600_000;

function placeOf(feed: string, answer: unknown): Place {
  const place = parsed(placeShape, String(answer));
  if (place === undefined) throw new BadRecordError(`feed ${feed}`);
  return place;
}

export class RedisRegistry implements SharedRegistry {
  readonly #redis: Redis;
  readonly #run: RunScript;
  readonly #walk: Walk = { cursor: '0' };
  readonly #me: WorkerIdentity;
  readonly #options: RedisRegistryOptions;
  readonly #clock: Clock;
  readonly #record: OwnRecord;
  readonly #lease: Lease;
  readonly #counters = new ClientCounters();
  readonly #sessions = new SessionCounters();
  readonly #limit: QuestionLimit;
  /** The secrets that this worker shares with the others, by key. */
  readonly #secrets = new Map<string, string>();
  /** What to do when Redis may have lost something of this worker. */
  readonly restoring: Restoring;
  readonly webhooks: RedisWebhooks;
  readonly broadcasts: BroadcastBook;
  readonly samples: SampleBook;
  /** Of this worker. */
  readonly ownSamples = new SampleLog();

  constructor(redis: Redis, me: WorkerIdentity, options: RedisRegistryOptions) {
    this.#redis = redis;
    this.#run = defineScripts(redis);
    this.#me = me;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#record = new OwnRecord(me, this.#clock);
    this.#limit = new QuestionLimit(this.#clock);
    this.#lease = new Lease({
      ...{ redis, run: this.#run, me, clock: this.#clock, leaseMs: options.leaseMs, graceMs: options.graceMs },
      ...{ record: this.#record, counters: this.#counters, sessions: this.#sessions, samples: this.ownSamples },
      limit: this.#limit,
    });
    this.webhooks = new RedisWebhooks(redis, this.#run, me.incarnation);
    this.broadcasts = new RedisBroadcasts({
      ...{ run: this.#run, incarnation: me.incarnation, workerId: me.workerId },
      readAll: () => inBatch(redis, (batch) => batch.hgetall(keys.broadcasts).hgetall(keys.broadcastProgress)),
      readRecorded: () => redis.smembers(keys.recorded),
      read: (id) => inBatch(redis, (batch) => batch.hget(keys.broadcasts, id).hget(keys.broadcastProgress, id)),
    });
    this.samples = { keep: (sample) => this.ownSamples.add(sample), read: () => readSamples(redis) };
    this.restoring = new Restoring({
      run: this.#run,
      me,
      show: options.show,
      counters: this.#counters,
      sessions: this.#sessions,
      record: this.#record,
      secrets: this.#secrets,
    });
  }

  async createStream(spec: StreamSpec, maxStreams: number): Promise<CreateAnswer | 'full'> {
    const fields = JSON.stringify(streamFields(newStream(spec, this.#clock.wallMs()), this.#options.show(spec)));
    const { graceMs, youngMs } = this.#options;
    const answer = (await this.#run('create-stream', spec.id, fields, maxStreams, graceMs, FIRST_VIEWER_MS, youngMs)) as
      | 'full'
      | [number, ...string[]];
    if (answer === 'full') return answer;
    const [existing, ...flat] = answer;
    const stream = readStream(fieldsOf(flat), this.#clock.wallMs());
    if (stream !== undefined) return { stream, existing: existing === 1 };
    if (existing === 0) throw new BadRecordError(`stream ${spec.id}`);
    // The stored record cannot be played, so the stream is created anew.
    await this.deleteStream(spec.id);
    return this.createStream(spec, maxStreams);
  }

  stream(id: string): Promise<StreamRecord | undefined> {
    return readStreamRecord(this.#redis, id);
  }

  summaries(ids?: readonly string[]): Promise<Map<string, StreamSummary>> {
    return readSummaries(this.#redis, this.#run, ids);
  }

  overview(since?: EventPosition): Promise<Overview> {
    const usedMs = Math.max(this.#options.graceMs, FIRST_VIEWER_MS);
    return readOverview(this.#redis, this.#run, usedMs, since);
  }

  async slots(streamId: string): Promise<SlotSummary[]> {
    const counts = [...(await slotsOf(this.#redis, streamId))].sort(([a], [b]) => a - b);
    const owners = await this.owners(
      streamId,
      counts.map(([slot]) => slot),
    );
    return counts.map(([slot, viewers]) => {
      const owner = owners.get(slot);
      return { slot, viewers, owner: owner && { workerId: owner.workerId, epoch: owner.epoch } };
    });
  }

  /** The owners of these process feeds of a stream; slots without one are left out. */
  owners(streamId: string, slots: readonly number[]): Promise<Map<number, Owner>> {
    return feedOwners(this.#run, streamId, slots);
  }

  streamsOf(ids: readonly string[]): Promise<StreamRecord[]> {
    return readStreamRecordsOf(this.#redis, this.#run, ids);
  }

  /** @param onProgress as `clients` */
  streams(onProgress: OnProgress = () => undefined): Promise<StreamRecord[]> {
    return readStreamRecords(this.#redis, this.#run, onProgress, new Turns(this.#clock));
  }

  async deleteStream(id: string, reason: DeletionReason = 'manual_deletion'): Promise<boolean> {
    return (await this.#run('delete-stream', id, '', reason)) === 1;
  }

  async advanceFailover(
    id: string,
    fromIndex: number,
    next: FailoverState,
    why?: FailoverNews,
  ): Promise<Advanced | undefined> {
    const news = JSON.stringify(failoverData(next, why));
    const answer = (await this.#run('advance-failover', id, fromIndex, JSON.stringify(next), news)) as string[] | null;
    if (answer === null) return undefined;
    const [text = '', ...streams] = answer;
    return { state: readFailover(text) ?? next, streams };
  }

  async isOnlyLookedAt(id: string): Promise<boolean> {
    return (await this.#run('only-looked-at', id, CONSOLE_CLIENT)) === 1;
  }

  async markUnshareable(id: string): Promise<void> {
    if ((await this.#redis.exists(keys.spec(id))) === 1) await this.#redis.hset(keys.spec(id), 'unshareable', '1');
  }

  async noteDash(id: string, url: string | undefined): Promise<void> {
    if ((await this.#redis.exists(keys.spec(id))) === 1) await this.#redis.hset(keys.spec(id), 'dashUrl', url ?? '');
  }

  async countError(id: string): Promise<void> {
    if ((await this.#redis.exists(keys.spec(id))) === 1) await this.#redis.hincrby(keys.spec(id), 'errorCount', 1);
  }

  /** @param heldSince since when this worker has a client with this id, in ms, although Redis may have lost it */
  async join(
    request: JoinRequest,
    heldSince: (clientId: string) => number | undefined = () => undefined,
  ): Promise<JoinAnswer> {
    const { client, clientId, cap, localSlots, capacity, sourceFeed, alone, session } = request;
    const ids = clientIds(clientId, (bytes) => this.#clock.randomHex(bytes));
    const text = (await this.#run(
      'join',
      client.streamId,
      JSON.stringify(ids),
      JSON.stringify(session === undefined ? client : { ...client, session: true }),
      cap ?? '',
      JSON.stringify(localSlots),
      this.#asking(capacity, sourceFeed),
      alone === true ? '1' : '',
      this.#options.graceMs,
      FIRST_VIEWER_MS,
      JSON.stringify(ids.map((id) => ({ id, sinceMs: heldSince(id) })).filter(({ sinceMs }) => sinceMs !== undefined)),
      session === undefined ? '' : JSON.stringify(session),
    )) as string;
    if (text === 'gone') return { kind: 'no_stream' };
    if (text === 'no session') return { kind: 'no_session' };
    type Answer = {
      clientId: string;
      slot?: number;
      place?: Place;
      stream: string[];
      nowMs: number;
      earlier?: unknown;
      connectedAtMs?: number;
    };
    const answer = JSON.parse(text) as Answer;
    const place = placeShape.optional().safeParse(answer.place).data;
    if (place?.kind === 'wait' || place?.kind === 'full') return place;
    const stream = readStream(fieldsOf(answer.stream), answer.nowMs);
    if (stream === undefined || (place === undefined && answer.place !== undefined)) {
      if (session === undefined) await this.leave({ ...client, clientId: answer.clientId });
      throw new BadRecordError(`stream ${client.streamId}`);
    }
    return {
      kind: 'joined',
      stream,
      client: clientRecord(request, { id: answer.clientId, slot: answer.slot, connectedAtMs: answer.connectedAtMs }),
      slot: answer.slot,
      place,
      earlier: earlierShape.parse(answer.earlier),
      resumed: answer.connectedAtMs !== undefined,
    };
  }

  /** The client has left; its counters are no longer reported. */
  forgetCounters(report: ClientReport): void {
    this.#counters.forget(report);
  }

  async leave(report: ClientReport): Promise<number> {
    this.forgetCounters(report);
    const { streamId, clientId, connectedAtMs, bytesServed, segmentsServed } = report;
    const bytes = Math.round(bytesServed);
    return Number(await this.#run('leave', streamId, clientId, bytes, segmentsServed, connectedAtMs));
  }

  async expire({ streamId, clientId }: NamedSession): Promise<SessionEnd> {
    return (await this.#run('expire', streamId, clientId)) as SessionEnd;
  }

  async releaseSlot(streamId: string, slot: number): Promise<boolean> {
    return (await this.#run('release-slot', streamId, slot, this.#me.incarnation)) === 1;
  }

  async report(clients: readonly ClientReport[]): Promise<void> {
    for (const report of clients) if (report.seen !== undefined) this.#sessions.report(report);
    this.#counters.report(clients.filter(({ seen }) => seen === undefined));
  }

  /** @param onProgress called when Redis has answered a part of the question */
  clients(streamId?: string, onProgress: OnProgress = () => undefined): Promise<ClientRecord[]> {
    const turns = new Turns(this.#clock);
    return readClientRecords(this.#redis, this.#run, streamId, this.#counters.byKey, onProgress, turns);
  }

  sessionCount(): Promise<number> {
    return this.#redis.zcard(keys.sessions);
  }

  /** Some of a stream's clients whose workers are alive. */
  clientPage(streamId: string, page: ClientPageRequest): Promise<ClientPage> {
    return readClientPage(this.#redis, streamId, page);
  }

  /** One client of a stream, whether or not its worker is alive. */
  async client(streamId: string, clientId: string): Promise<(ClientRecord & { incarnation: string }) | undefined> {
    return parsed(clientShape, (await this.#redis.hget(keys.clients(streamId), clientId)) ?? '');
  }

  /** Some of the clients of all streams that have this address or name, and whose workers are alive. */
  findClients(search: ClientSearch): Promise<ClientPage> {
    return findClients(this.#redis, this.#run, search);
  }

  async acquire(feed: string): Promise<Place> {
    return placeOf(feed, await this.#run('acquire', feed, this.#asking(), ''));
  }

  async seize(feed: string, deadIncarnation: string): Promise<Place> {
    return placeOf(feed, await this.#run('acquire', feed, this.#asking(), deadIncarnation));
  }

  async transfer(feed: string, epoch: number, to: WorkerIdentity): Promise<number | undefined> {
    const { workerId, incarnation, address } = to;
    const target = JSON.stringify({ workerId, incarnation, address });
    const answer = Number(await this.#run('transfer', feed, this.#me.incarnation, epoch, target));
    return answer === 0 ? undefined : answer;
  }

  async release(feed: string): Promise<void> {
    await this.#run('release', feed, this.#me.incarnation);
  }

  async agree(streamId: string, name: string, offered: string | undefined): Promise<string | undefined> {
    const answer = (await this.#run('agree', streamId, name, offered ?? '', AGREED_MS)) as string | null;
    return answer ?? undefined;
  }

  /**
   * Adds what this worker alone knows. What it has told before is not added again.
   *
   * @returns how many viewers have stayed, by the number of each event of a change of owner
   */
  async tellEvents(events: readonly NumberedEvent[]): Promise<ReadonlyMap<number, number>> {
    const told = events.map(({ n, type, streamId, atMs, late, data }) => ({
      n,
      type,
      isClient: halfOf(type) === 'clients',
      stream: streamId,
      // The clocks of workers differ; what is told at once has the time of Redis.
      atMs: late ? Math.round(atMs) : undefined,
      late: late || undefined,
      data,
    }));
    const kept = (await this.#run('tell-events', this.#me.incarnation, JSON.stringify(told))) as string[];
    return new Map(kept.map((text) => text.split(' ').map(Number) as [number, number]));
  }

  events(filter: EventFilter, limit: number, before?: string): Promise<RecordedEvent[]> {
    return readEvents(this.#redis, filter, limit, before);
  }

  newestEvent(): Promise<EventPosition> {
    return newestPosition(this.#redis);
  }

  newEvents(since: EventPosition): Promise<NewEvents> {
    return readNewEvents(this.#redis, since);
  }

  eventCounts(): Promise<EventCounts> {
    return readEventCounts(this.#redis);
  }

  async takeConnection({ account, id }: ProviderConnection, max: number): Promise<boolean> {
    return (await this.#run('take-connection', account, id, this.#me.incarnation, max)) === 1;
  }

  async returnConnection({ account, id }: ProviderConnection): Promise<void> {
    await this.#run('return-connection', account, id, this.#me.incarnation);
  }

  /** As `Lease.renew`. */
  renew(load: WorkerLoad, isAgreed = true): Promise<RedisRenewal> {
    return this.#lease.renew(load, isAgreed);
  }

  /** The secret that all workers share: the one in Redis, or this worker's if there is none, or a later one. */
  async agreeOnSecret(name: SharedSecret, own: string): Promise<string> {
    const key = keys.secret(name);
    const agreed = String(await this.#run('agree-on-secret', key, own, this.#secrets.has(key) ? '1' : ''));
    this.#secrets.set(key, agreed);
    return agreed;
  }

  /**
   * Secrets for playback that the cluster has replaced, the newest first.
   *
   * @param replaced one more of them, which counts for `lastsMs` from now
   */
  async formerSecrets(replaced: string | undefined, lastsMs: number): Promise<string[]> {
    const answer = await this.#run('former-secrets', replaced ?? '', lastsMs);
    return Array.isArray(answer) ? answer.map(String) : [];
  }

  async heartbeat(record: Omit<WorkerRecord, keyof WorkerIdentity>): Promise<void> {
    this.#record.beat(record);
  }

  workers(): Promise<WorkerRecord[]> {
    return readLivingWorkers(this.#redis);
  }

  /** Also the workers whose lease has run out, until they are cleaned up. */
  knownWorkers(): Promise<WorkerRecord[]> {
    return readKnownWorkers(this.#redis);
  }

  peers(): readonly WorkerIdentity[] {
    return this.#lease.peers;
  }

  async send(command: Command, workerId?: string): Promise<void> {
    const targets = (await this.knownWorkers()).filter(
      (worker) => workerId === undefined || worker.workerId === workerId,
    );
    await inBatch(this.#redis, (batch) => {
      for (const { incarnation } of targets) {
        batch.rpush(keys.commandsPrefix + incarnation, JSON.stringify(command));
      }
      return batch;
    });
  }

  async drain({ workerId, force }: DrainOrder): Promise<DrainAnswer> {
    return (await this.#run(
      'drain',
      workerId,
      '',
      'told',
      force ? '1' : '',
      await orderLimitMs(this.#redis, this.#clock),
    )) as DrainAnswer;
  }

  async undrain(workerId: string): Promise<UndrainAnswer> {
    return (await this.#run('undrain', workerId, await orderLimitMs(this.#redis, this.#clock))) as UndrainAnswer;
  }

  async mayLeave(): Promise<boolean> {
    const { workerId, incarnation } = this.#me;
    return (await this.#run('drain', workerId, incarnation, 'deployment', '', '')) === 'begun';
  }

  async deployment(): Promise<SeenDeployment | undefined> {
    return parsed(deploymentShape, (await this.#redis.get(keys.deployment)) ?? '');
  }

  /**
   * Keeps what ECS has said, for all workers.
   *
   * @param agoMs how long ago it was asked
   */
  async noteDeployment(deployment: Deployment, agoMs: number): Promise<void> {
    await this.#run('note-deployment', JSON.stringify(deployment), Math.round(agoMs), DEPLOYMENT_COUNTS_MS);
  }

  /** Ends this worker's lease and everything it holds. */
  async leaveCluster(): Promise<void> {
    await this.#run('end-incarnation', this.#me.incarnation, '0', 'stopped');
  }

  /** Ends another incarnation that is known to be dead. */
  async endIncarnation(incarnation: string): Promise<void> {
    await this.#run('end-incarnation', incarnation, '0', '');
  }

  cleanup(idleTtlMs: number, dryRun = false): Promise<CleanupReport> {
    const idleSinceMs = this.#clock.wallMs() - idleTtlMs;
    const random = () => this.#clock.random();
    return cleanUp(this.#redis, this.#run, this.#walk, idleSinceMs, dryRun, random, this.#options.eventsKeepMs);
  }

  /** The calling worker, as the scripts expect it. */
  #asking(capacity = this.#lease.capacity, source?: string): string {
    const { workerId, incarnation, address } = this.#me;
    const { youngMs: waitMs } = this.#options;
    const { lateAtMs } = this.#limit;
    return JSON.stringify({ workerId, incarnation, address, capacity, source, waitMs, lateAtMs });
  }
}
