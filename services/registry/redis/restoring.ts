/** Finds out where Redis differs from what this worker holds, and writes that back. */

import { streamOfFeed } from '../feed-keys.ts';
import type { HeldClient, Holdings } from '../memory/holdings.ts';
import type { MovedFeed, RenamedClient, StreamRecord, StreamSpec, WorkerIdentity } from '../types.ts';
import { inParts } from './batch.ts';
import type { ClientCounters } from './counters/client-counters.ts';
import type { SessionCounters } from './counters/session-counters.ts';
import type { OwnRecord } from './own-record.ts';
import { type ShownStream, streamFields } from './records.ts';
import type { RunScript } from './scripts.ts';

/** A newer incarnation runs under this worker's name, so this one must not write anything. */
export class ReplacedError extends Error {
  constructor(workerId: string) {
    super(`Another process runs as ${workerId}. Give every worker its own WORKER_ID.`);
    this.name = 'ReplacedError';
  }
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

/**
 * Bytes of streams that are written back in one step. Larger steps would block Redis, which parses each as a whole, and all
 * streams together may exceed the longest possible string.
 */
const RESTORED_BYTES = 1024 * 1024;

const NOTHING_NEW: Restored = { places: [], deleted: [], switched: [], renamed: [] };

export interface RestoringDeps {
  readonly run: RunScript;
  readonly me: WorkerIdentity;
  /** What people may see of a stream. */
  readonly show: (spec: StreamSpec) => ShownStream;
  readonly counters: ClientCounters;
  readonly sessions: SessionCounters;
  readonly record: OwnRecord;
  /** The secrets that this worker shares with the others, by key. */
  readonly secrets: ReadonlyMap<string, string>;
}

export class Restoring {
  readonly #run: RunScript;
  readonly #me: WorkerIdentity;
  readonly #show: (spec: StreamSpec) => ShownStream;
  readonly #counters: ClientCounters;
  readonly #sessions: SessionCounters;
  readonly #record: OwnRecord;
  readonly #secrets: ReadonlyMap<string, string>;
  /** How many times this worker has written back what it holds. */
  #restores = 0;

  constructor({ run, me, show, counters, sessions, record, secrets }: RestoringDeps) {
    this.#run = run;
    this.#me = me;
    this.#show = show;
    this.#counters = counters;
    this.#sessions = sessions;
    this.#record = record;
    this.#secrets = secrets;
  }

  /** Makes Redis hold exactly what this worker holds. */
  async restore(held: Holdings): Promise<Restored> {
    const number = ++this.#restores;
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
      const told = { worker, number, record: '', deleted: held.deleted, streams, clients, only: 'streams' };
      const { deleted, switched } = (await this.#restored(told)) as RestoredStreams;
      for (const id of deleted) gone.add(id);
      moved.push(...switched);
    }
    const told = {
      ...held,
      clients: held.clients.filter(({ streamId }) => !gone.has(streamId)).map((client) => this.#asTold(client)),
      feeds: held.feeds.filter(({ feed }) => !gone.has(streamOfFeed(feed) ?? '')),
      streams: rest,
      worker,
      number,
      record: this.#record.text,
    };
    this.#counters.writeAgain();
    const { places, deleted, switched, renamed } = (await this.#restored(told)) as Restored;
    for (const client of renamed) {
      this.#counters.rename(client);
      this.#sessions.rename(client);
    }
    return { places, deleted: [...gone, ...deleted], switched: [...moved, ...switched], renamed };
  }

  async #restored(told: object): Promise<unknown> {
    const text = (await this.#run('restore', JSON.stringify(told))) as string;
    if (text === 'replaced') throw new ReplacedError(this.#me.workerId);
    // What a later one has found out counts.
    if (text === 'late') return NOTHING_NEW;
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

  /** A session as Redis has it: the next renewal tells the rest. */
  #asTold(client: HeldClient): HeldClient {
    if (client.session === undefined) return client;
    const { bytes, segments } = this.#sessions.untold(client.streamId, client.id);
    const { bytesServed, segmentsServed } = client;
    return { ...client, bytesServed: bytesServed - bytes, segmentsServed: segmentsServed - segments };
  }

  /**
   * Where Redis differs from what this worker holds, as texts that are the same each time. Not sessions: a lost one is noticed when
   * it is next reported.
   */
  async missing({ streams, clients, feeds, connections }: Holdings): Promise<string[]> {
    const { incarnation, workerId } = this.#me;
    const held = {
      incarnation,
      workerId,
      number: this.#restores,
      streams: streams.map(({ id }) => id),
      clients: clients
        .filter(({ session }) => session === undefined)
        .map(({ streamId, id, slot }) => ({ streamId, id, slot })),
      feeds: feeds.map(({ feed }) => feed),
      connections,
      secrets: [...this.#secrets].map(([key, value]) => ({ key, value })),
    };
    return (await this.#run('missing', JSON.stringify(held))) as string[];
  }

  #written(stream: StreamRecord) {
    const fields = streamFields(stream, this.#show(stream));
    const { id, createdAtMs, lastAccessMs } = stream;
    return { id, createdAtMs, lastAccessMs: Math.round(lastAccessMs), fields };
  }
}
