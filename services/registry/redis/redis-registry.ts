/** The registry of a cluster, in Redis: every change that must be atomic is one script. */

import type { Redis } from 'ioredis';
import { z } from 'zod';
import { BadRecordError } from '../bad-record.ts';
import { clientIds } from '../client-ids.ts';
import { streamOfFeed } from '../feed-keys.ts';
import { FIRST_VIEWER_MS } from '../idle.ts';
import type { Holdings } from '../memory/holdings.ts';
import { newStream } from '../new-stream.ts';
import type { SharedRegistry } from '../registry.ts';
import { commandShape, earlierShape, ownerShape, parsed, placeShape } from '../shapes.ts';
import type {
  Capacity,
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
  RenamedClient,
  Renewal,
  StreamRecord,
  StreamSpec,
  WorkerIdentity,
  WorkerLoad,
  WorkerNumbers,
  WorkerRecord,
} from '../types.ts';
import { inBatch } from './batch.ts';
import { cleanUp } from './cleanup.ts';
import { keys, type SharedSecret } from './keys.ts';
import { inParts } from './parts.ts';
import {
  counterKey,
  type OnProgress,
  readClientRecords,
  readKnownWorkers,
  readLivingWorkers,
  readStreamRecord,
  readStreamRecords,
} from './reads.ts';
import { fieldsOf, readFailover, readStream, type ShownStream, streamFields, workerText } from './records.ts';
import { defineScripts, type RunScript } from './scripts.ts';

export interface RedisRegistryOptions {
  /** How long an incarnation that does not renew keeps what it owns. */
  readonly leaseMs: number;
  /** A younger registry gives out no feed without an owner: the real owner may not have written back yet. */
  readonly youngMs: number;
  /** How long a stream stays in use after its last viewer has left. */
  readonly graceMs: number;
  /** What people may see of a stream. */
  readonly show: (spec: StreamSpec) => ShownStream;
}

/** The answer to a renewal, with the number of this worker's clients in Redis. */
export interface RedisRenewal extends Renewal {
  readonly clientCount: number;
}

/** What writing back found out. */
interface RestoredStreams {
  /** Streams that were deleted meanwhile. */
  readonly deleted: string[];
  /** Streams that have moved to another source meanwhile: a worker that was away was not told. */
  readonly switched: string[];
}

export interface Restored extends RestoredStreams {
  readonly places: MovedFeed[];
  /** Clients whose id another connection got meanwhile. */
  readonly renamed: RenamedClient[];
}

/** Messages for a worker. `lost`: another worker, which wrote back, has taken over one of its feeds. */
const waitingShape = z.union([
  commandShape,
  z.looseObject({ kind: z.literal('lost'), feed: z.string(), owner: ownerShape }),
]);

function placeOf(feed: string, answer: unknown): Place {
  const place = parsed(placeShape, String(answer));
  if (place === undefined) throw new BadRecordError(`feed ${feed}`);
  return place;
}

/**
 * Bytes of streams that are written back in one step. Larger steps would block Redis, which parses each as a whole, and all
 * streams together may exceed the longest possible string.
 */
const RESTORED_BYTES = 1024 * 1024;

/** A newer incarnation runs under this worker's name. */
class ReplacedError extends Error {
  constructor(workerId: string) {
    super(`Another process runs as ${workerId}. Give every worker its own WORKER_ID.`);
    this.name = 'ReplacedError';
  }
}

export class RedisRegistry implements SharedRegistry {
  readonly #redis: Redis;
  readonly #run: RunScript;
  readonly #me: WorkerIdentity;
  readonly #options: RedisRegistryOptions;
  #capacity: Capacity = 'free';
  #beat: Omit<WorkerRecord, keyof WorkerIdentity> | undefined;
  #numbers: WorkerNumbers | undefined;
  /** The numbers last written for others; empty when they must be written again. */
  #shown = '';
  #counters = new Map<string, ClientReport>();
  /** The other workers, and the value of the `members` counter when they were read. */
  #peers: readonly WorkerIdentity[] = [];
  #members = '';
  #countersChanged = false;
  /** The secrets that this worker shares with the others, by key. */
  readonly #secrets = new Map<string, string>();

  constructor(redis: Redis, me: WorkerIdentity, options: RedisRegistryOptions) {
    this.#redis = redis;
    this.#run = defineScripts(redis);
    this.#me = me;
    this.#options = options;
  }

  async createStream(spec: StreamSpec, maxStreams: number): Promise<CreateAnswer | 'full'> {
    const fields = JSON.stringify(streamFields(newStream(spec, Date.now()), this.#options.show(spec)));
    const { graceMs, youngMs } = this.#options;
    const answer = (await this.#run('create-stream', spec.id, fields, maxStreams, graceMs, FIRST_VIEWER_MS, youngMs)) as
      | 'full'
      | [number, ...string[]];
    if (answer === 'full') return answer;
    const [existing, ...flat] = answer;
    const stream = readStream(fieldsOf(flat), Date.now());
    if (stream !== undefined) return { stream, existing: existing === 1 };
    if (existing === 0) throw new BadRecordError(`stream ${spec.id}`);
    // The stored record cannot be played, so the stream is created anew.
    await this.deleteStream(spec.id);
    return this.createStream(spec, maxStreams);
  }

  stream(id: string): Promise<StreamRecord | undefined> {
    return readStreamRecord(this.#redis, id);
  }

  /** @param onProgress as `clients` */
  streams(onProgress: OnProgress = () => undefined): Promise<StreamRecord[]> {
    return readStreamRecords(this.#redis, onProgress);
  }

  async deleteStream(id: string): Promise<boolean> {
    return (await this.#run('delete-stream', id, '')) === 1;
  }

  async advanceFailover(id: string, fromIndex: number, next: FailoverState): Promise<FailoverState | undefined> {
    const text = (await this.#run('advance-failover', id, fromIndex, JSON.stringify(next))) as string | null;
    return text === null ? undefined : (readFailover(text) ?? next);
  }

  async markUnshareable(id: string): Promise<void> {
    if ((await this.#redis.exists(keys.spec(id))) === 1) await this.#redis.hset(keys.spec(id), 'unshareable', '1');
  }

  async countError(id: string): Promise<void> {
    if ((await this.#redis.exists(keys.spec(id))) === 1) await this.#redis.hincrby(keys.spec(id), 'errorCount', 1);
  }

  /** @param holds whether this worker has a client with this id, although Redis may have lost it */
  async join(request: JoinRequest, holds: (clientId: string) => boolean = () => false): Promise<JoinAnswer> {
    const { client, clientId, cap, localSlots, capacity, sourceFeed, alone } = request;
    const ids = clientIds(clientId);
    const text = (await this.#run(
      'join',
      client.streamId,
      JSON.stringify(ids),
      JSON.stringify(client),
      cap ?? '',
      JSON.stringify(localSlots),
      this.#asking(capacity, sourceFeed),
      alone === true ? '1' : '',
      this.#options.graceMs,
      FIRST_VIEWER_MS,
      JSON.stringify(ids.filter(holds)),
    )) as string;
    if (text === 'gone') return { kind: 'no_stream' };
    type Answer = {
      clientId: string;
      slot?: number;
      place?: Place;
      stream: string[];
      nowMs: number;
      earlier?: unknown;
    };
    const answer = JSON.parse(text) as Answer;
    const place = placeShape.optional().safeParse(answer.place).data;
    if (place?.kind === 'wait' || place?.kind === 'full') return place;
    const stream = readStream(fieldsOf(answer.stream), answer.nowMs);
    if (stream === undefined || (place === undefined && answer.place !== undefined)) {
      await this.leave({ ...client, clientId: answer.clientId });
      throw new BadRecordError(`stream ${client.streamId}`);
    }
    return {
      kind: 'joined',
      stream,
      client: { ...client, id: answer.clientId, slot: answer.slot },
      slot: answer.slot,
      place,
      earlier: earlierShape.parse(answer.earlier),
    };
  }

  /** The client has left; its counters are no longer reported. */
  forgetCounters({ streamId, clientId, connectedAtMs }: ClientReport): void {
    const key = counterKey(streamId, clientId);
    if (this.#counters.get(key)?.connectedAtMs !== connectedAtMs) return;
    this.#counters.delete(key);
    this.#countersChanged = true;
  }

  #renameCounters({ streamId, clientId, connectedAtMs, newId }: RenamedClient): void {
    const report = this.#counters.get(counterKey(streamId, clientId));
    if (report?.connectedAtMs !== connectedAtMs) return;
    this.#counters.delete(counterKey(streamId, clientId));
    this.#counters.set(counterKey(streamId, newId), { ...report, clientId: newId });
  }

  async leave(report: ClientReport): Promise<number> {
    this.forgetCounters(report);
    const { streamId, clientId, connectedAtMs, bytesServed, segmentsServed } = report;
    const bytes = Math.round(bytesServed);
    return Number(await this.#run('leave', streamId, clientId, bytes, segmentsServed, connectedAtMs));
  }

  async releaseSlot(streamId: string, slot: number): Promise<boolean> {
    return (await this.#run('release-slot', streamId, slot, this.#me.incarnation)) === 1;
  }

  async report(clients: readonly ClientReport[]): Promise<void> {
    for (const report of clients) this.#counters.set(counterKey(report.streamId, report.clientId), report);
    this.#countersChanged = true;
  }

  /** @param onProgress called when Redis has answered a part of the question */
  clients(streamId?: string, onProgress: OnProgress = () => undefined): Promise<ClientRecord[]> {
    return readClientRecords(this.#redis, streamId, this.#counters, onProgress);
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

  async takeConnection({ account, id }: ProviderConnection, max: number): Promise<boolean> {
    return (await this.#run('take-connection', account, id, this.#me.incarnation, max)) === 1;
  }

  async returnConnection({ account, id }: ProviderConnection): Promise<void> {
    await this.#run('return-connection', account, id, this.#me.incarnation);
  }

  async renew(load: WorkerLoad): Promise<RedisRenewal> {
    const { capacity, ...numbers } = load;
    this.#capacity = capacity;
    this.#numbers = numbers;
    const shown = JSON.stringify(numbers);
    const record = shown === this.#shown ? '' : this.#recordOf(numbers);
    // Until the answer confirms that the registry still has the numbers.
    this.#shown = '';
    const counters = this.#countersChanged ? JSON.stringify([...this.#counters.values()]) : '';
    const { incarnation, workerId } = this.#me;
    const { leaseMs } = this.#options;
    const answer = await this.#run('renew', incarnation, workerId, leaseMs, load.processes, capacity, record, counters);
    if (answer === 'replaced') throw new ReplacedError(workerId);
    this.#countersChanged = false;
    const [unbroken, clientCount, members, ...texts] = answer as [number, number, string, ...string[]];
    if (unbroken === 1) this.#shown = shown;
    // Not awaited: a lease is short, and the peers are not urgent.
    void this.#learnPeers(members).catch(() => undefined);
    const renewal: RedisRenewal = { unbroken: unbroken === 1, clientCount, moved: [], commands: [] };
    for (const text of texts) {
      const command = parsed(waitingShape, text);
      // Unreadable, or from another version.
      if (command === undefined) continue;
      if (command.kind !== 'lost') renewal.commands.push(command);
      else renewal.moved.push({ feed: command.feed, place: { kind: 'relay', owner: command.owner } });
    }
    return renewal;
  }

  /** Makes Redis hold exactly what this worker holds. */
  async restore(held: Holdings): Promise<Restored> {
    const { incarnation, workerId, address } = this.#me;
    const worker = { incarnation, workerId, address };
    const parts = inParts(
      held.streams.map((stream) => this.#written(stream)),
      RESTORED_BYTES,
    );
    const rest = parts.pop() ?? [];
    const gone = new Set<string>();
    const moved: string[] = [];
    for (const streams of parts) {
      const ids = new Set(streams.map(({ id }) => id));
      const clients = held.clients.filter(({ streamId }) => ids.has(streamId));
      const told = { worker, record: '', deleted: held.deleted, streams, clients, only: 'streams' };
      const { deleted, switched } = (await this.#restored(told)) as RestoredStreams;
      for (const id of deleted) gone.add(id);
      moved.push(...switched);
    }
    const told = {
      ...held,
      clients: held.clients.filter(({ streamId }) => !gone.has(streamId)),
      feeds: held.feeds.filter(({ feed }) => !gone.has(streamOfFeed(feed) ?? '')),
      streams: rest,
      worker,
      record: this.#recordOf(this.#numbers),
    };
    this.#countersChanged = true;
    const { places, deleted, switched, renamed } = (await this.#restored(told)) as Restored;
    for (const client of renamed) this.#renameCounters(client);
    return { places, deleted: [...gone, ...deleted], switched: [...moved, ...switched], renamed };
  }

  async #restored(told: object): Promise<unknown> {
    const text = (await this.#run('restore', JSON.stringify(told))) as string;
    if (text === 'replaced') throw new ReplacedError(this.#me.workerId);
    return JSON.parse(text);
  }

  /**
   * Writes back a stream that Redis has lost.
   * @returns false when it was deleted meanwhile
   */
  async restoreStream(stream: StreamRecord): Promise<boolean> {
    const { incarnation, workerId, address } = this.#me;
    const told = {
      worker: { incarnation, workerId, address },
      record: '',
      deleted: [],
      streams: [this.#written(stream)],
      only: 'streams',
    };
    return !((await this.#restored(told)) as RestoredStreams).deleted.includes(stream.id);
  }

  /** What this worker holds and Redis has lost, as texts that are the same each time. */
  async missing({ streams, clients, feeds, connections }: Holdings): Promise<string[]> {
    const { incarnation, workerId } = this.#me;
    const held = {
      incarnation,
      workerId,
      streams: streams.map(({ id }) => id),
      clients: clients.map(({ streamId, id, slot }) => ({ streamId, id, slot })),
      feeds: feeds.map(({ feed }) => feed),
      connections,
      secrets: [...this.#secrets].map(([key, value]) => ({ key, value })),
    };
    return (await this.#run('missing', JSON.stringify(held))) as string[];
  }

  #written(stream: StreamRecord) {
    const fields = streamFields(stream, this.#options.show(stream));
    const { id, createdAtMs, lastAccessMs } = stream;
    return { id, createdAtMs, lastAccessMs: Math.round(lastAccessMs), fields };
  }

  /** The secret that all workers share: the one in Redis, or this worker's if there is none, or a later one. */
  async agreeOnSecret(name: SharedSecret, own: string): Promise<string> {
    const agreed = String(await this.#run('agree-on-secret', keys.secret(name), own));
    this.#secrets.set(keys.secret(name), agreed);
    return agreed;
  }

  async heartbeat(record: Omit<WorkerRecord, keyof WorkerIdentity>): Promise<void> {
    this.#beat = record;
    this.#shown = '';
  }

  workers(): Promise<WorkerRecord[]> {
    return readLivingWorkers(this.#redis);
  }

  /** Also the workers whose lease has run out, until they are cleaned up. */
  knownWorkers(): Promise<WorkerRecord[]> {
    return readKnownWorkers(this.#redis);
  }

  peers(): readonly WorkerIdentity[] {
    return this.#peers;
  }

  async #learnPeers(members: string): Promise<void> {
    if (members === this.#members) return;
    const records = await this.knownWorkers();
    this.#peers = records
      .filter(({ incarnation }) => incarnation !== this.#me.incarnation)
      .map(({ workerId, incarnation, address, zone }) => ({ workerId, incarnation, address, zone }));
    this.#members = members;
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

  /** Ends this worker's lease and everything it holds. */
  async leaveCluster(): Promise<void> {
    await this.#run('end-incarnation', this.#me.incarnation, '0');
  }

  /** Ends another incarnation that is known to be dead. */
  async endIncarnation(incarnation: string): Promise<void> {
    await this.#run('end-incarnation', incarnation, '0');
  }

  cleanup(idleTtlMs: number, dryRun = false): Promise<CleanupReport> {
    return cleanUp(this.#redis, this.#run, Date.now() - idleTtlMs, dryRun);
  }

  #recordOf(numbers: WorkerNumbers | undefined): string {
    if (this.#beat === undefined || numbers === undefined) return '';
    return workerText({ ...this.#me, ...this.#beat, ...numbers, lastSeenMs: Date.now() });
  }

  /** The calling worker, as the scripts expect it. */
  #asking(capacity = this.#capacity, source?: string): string {
    const { workerId, incarnation, address } = this.#me;
    return JSON.stringify({ workerId, incarnation, address, capacity, source, waitMs: this.#options.youngMs });
  }
}
