/** The pool: gives each viewer a seat at a shared feed, and ends feeds that nobody watches. */

import { processFeedKey } from '../../../registry/feed-keys.ts';
import type { Registry } from '../../../registry/registry.ts';
import type { Capacity, ClientRecord, JoinAnswer, JoinRequest, StreamRecord } from '../../../registry/types.ts';
import { deferred, pause } from '../async.ts';
import { SourceError, StreampoolError } from '../errors.ts';
import type { Feed } from '../feed/feed.ts';
import type { EntryPoint } from '../feed/ring.ts';
import type { ProviderConnections } from '../upstream/provider-connections.ts';
import { hintFromUrl } from '../upstream/source-kind.ts';
import { NotCopyableError } from './copy-run.ts';
import type { FeedPlace, KnownPlace } from './feed-place.ts';
import type { RunDeps } from './ffmpeg-run.ts';
import { FiniteProcess } from './finite-process.ts';
import { FiniteSourceError } from './finite-source.ts';
import { joinedOrThrow } from './joined.ts';
import { ProcessFeed, type ProcessFeedDeps } from './process-feed.ts';
import { productionOf } from './production.ts';
import type { RelayedFeed } from './relay-server.ts';
import { sourceFeedOf } from './source-feeds.ts';
import { StreamSource, type StreamSourceDeps } from './stream-source.ts';

/** Who wants to watch. */
export type Viewer = Omit<ClientRecord, 'id' | 'slot'>;

export interface SeatRequest {
  /** As far as this worker knows: joining tells what it is now. */
  readonly stream: StreamRecord;
  readonly viewer: Viewer;
  /** Wanted client id; a live client that has it already keeps it, and this one gets a suffix. */
  readonly clientId: string;
  /** The viewer has gone, even while it still waits. */
  readonly signal: AbortSignal;
}

interface SeatBase {
  readonly client: ClientRecord;
  readonly stream: StreamRecord;
  /** Gives the seat up. `bytesServed` goes into the stream's totals. */
  leave(bytesServed: number): Promise<void>;
}

/** A place at a feed, or a process of one's own for a source that has an end. */
export type Seat = SeatBase &
  ({ readonly kind: 'shared'; readonly feed: Feed; readonly entry: EntryPoint } | FinitePlace);

interface FinitePlace {
  readonly kind: 'finite';
  readonly process: FiniteProcess;
}

export interface PoolDeps extends Omit<ProcessFeedDeps, 'onRestart'>, RunDeps {
  readonly registry: Registry;
  readonly connections: ProviderConnections;
  readonly placeOf: (feed: string, first: KnownPlace) => FeedPlace;
  readonly source: Omit<StreamSourceDeps, 'registry' | 'log'>;
  readonly cap: number;
  readonly maxProcesses: number;
  readonly isDraining: () => boolean;
  /** The machine has little CPU left. */
  readonly isBusy: () => boolean;
  readonly sharedStreamGraceMs: number;
}

export interface ProcessStatus {
  readonly streamId: string;
  readonly slot: number;
  /** Made by an FFmpeg, not copied from its source. */
  readonly needsProcess: boolean;
  readonly pid: number | undefined;
  readonly readers: number;
  readonly restarts: number;
  readonly ringBytes: number;
  readonly place: KnownPlace;
}

interface Entry {
  readonly streamId: string;
  readonly slot: number;
  readonly process: ProcessFeed;
  readonly needsProcess: boolean;
  /** Viewers here, and relays to other workers. */
  users: number;
  grace: NodeJS.Timeout | undefined;
  /** Being ended unless somebody has joined; resolves when that is decided. */
  closing: Promise<void> | undefined;
}

/** After a failed start, viewers hear the reason at once for this long instead of each trying again. */
const COOL_DOWN_MS = 2_000;

export class Pool {
  readonly #deps: PoolDeps;
  readonly #entries = new Map<string, Entry>();
  readonly #sources = new Map<string, StreamSource>();
  readonly #finite = new Set<FiniteProcess>();
  readonly #coolDown = new Map<string, { error: StreampoolError; untilMs: number }>();
  #restarts = 0;

  constructor(deps: PoolDeps) {
    this.#deps = deps;
  }

  get processCount(): number {
    const own = [...this.#entries.values()].filter(
      ({ needsProcess, process }) => needsProcess && process.place.current.kind === 'own',
    );
    return own.length + this.#finite.size;
  }

  /** Whether it takes a further process. */
  get capacity(): Capacity {
    const { isDraining, isBusy } = this.#deps;
    if (this.#isFull || isDraining()) return 'full';
    return isBusy() ? 'busy' : 'free';
  }

  get #isFull(): boolean {
    const { maxProcesses } = this.#deps;
    return maxProcesses > 0 && this.processCount >= maxProcesses;
  }

  /** Runs that began in place of one that had ended, since the start. */
  get restartCount(): number {
    return this.#restarts;
  }

  get heldBytes(): number {
    let bytes = 0;
    for (const { process } of this.#entries.values()) bytes += process.feed.ring.heldBytes;
    return bytes;
  }

  get feedCount(): number {
    return this.#entries.size;
  }

  status(): ProcessStatus[] {
    return [...this.#entries.values()].map(({ streamId, slot, process, needsProcess }) => ({
      streamId,
      slot,
      needsProcess,
      pid: process.pid,
      readers: process.feed.readerCount,
      restarts: process.restarts,
      ringBytes: process.feed.ring.heldBytes,
      place: process.place.current,
    }));
  }

  /**
   * Seats a viewer: counts it in, starts the process if there is none, waits for its first random access point.
   *
   * @throws {SourceError} 502 or 504, when the source does not play
   * @throws {StreampoolError} 404 unknown stream, 503 no process free
   */
  async join(request: SeatRequest): Promise<Seat> {
    const { stream: remembered, viewer, clientId, signal } = request;
    this.#throwIfCooling(remembered.id);
    const alone = this.#isFinite(remembered);
    const localSlots = alone ? [] : this.#slotsOf(remembered.id);
    const cap = alone ? 1 : remembered.profile === undefined ? 0 : this.#deps.cap;
    const { address } = this.sourceOf(remembered);
    const sourceFeed = sourceFeedOf(address);
    const { capacity } = this;
    const answer = await this.#countIn({ client: viewer, clientId, cap, localSlots, capacity, sourceFeed }, signal);
    const { client, slot, place, stream } = joinedOrThrow(answer);
    this.followRecord(stream);
    const finite = this.#isFinite(stream);
    let entry: Entry | undefined;
    const leave = async (bytesServed: number) => {
      await this.#deps.registry.leave({
        streamId: stream.id,
        clientId: client.id,
        connectedAtMs: client.connectedAtMs,
        bytesServed,
        segmentsServed: 0,
        lastAccessMs: Date.now(),
      });
      if (entry !== undefined) this.#release(entry);
    };
    try {
      if (finite) {
        const process = await this.#startFinite(stream, signal);
        const leaveAndEnd = (bytesServed: number) => {
          process.kill();
          return leave(bytesServed);
        };
        return { kind: 'finite', client, stream, process, leave: leaveAndEnd };
      }
      entry = await this.#hold(stream, slot ?? 0, place ?? { kind: 'own', epoch: 1 });
      const at = await unlessAborted(entry.process.feed.entry(), signal);
      return { kind: 'shared', client, stream, feed: entry.process.feed, entry: at, leave };
    } catch (error) {
      await leave(0);
      if (!(error instanceof FiniteSourceError)) throw this.#remember(stream.id, error);
      // Learnt only by opening it: everybody who waited joins again, each with a process of its own.
      await this.#deps.registry.markUnshareable(stream.id);
      return this.join({ ...request, stream: { ...stream, unshareable: true } });
    }
  }

  /** Joins; waits while the registry has just come back and does not know yet who owns what. */
  async #countIn(request: JoinRequest, signal: AbortSignal): Promise<JoinAnswer> {
    for (;;) {
      const answer = await this.#deps.registry.join(request);
      if (answer.kind !== 'wait' || signal.aborted) return answer;
      await pause(answer.ms, signal);
    }
  }

  /**
   * Moves a stream to its next source, by exactly one.
   * @returns false when there is none left
   */
  async failover(stream: StreamRecord): Promise<boolean> {
    const source = this.sourceOf(stream);
    source.follow(stream.failover);
    if (!(await source.advance(source.index, { reason: 'manual' }))) return false;
    this.#switchSource(stream.id);
    await this.#deps.registry.send({ kind: 'failover', streamId: stream.id });
    return true;
  }

  /** Another worker has moved a stream to its next source. */
  async followFailover(streamId: string): Promise<void> {
    const stream = await this.#deps.registry.stream(streamId);
    const source = this.#sources.get(streamId);
    if (stream === undefined || source === undefined || source.index === stream.failover.index) return;
    source.follow(stream.failover);
    this.#switchSource(streamId);
  }

  #switchSource(streamId: string): void {
    for (const entry of this.#entries.values()) if (entry.streamId === streamId) void entry.process.switchSource();
  }

  /** Ends every process of a stream; its clients' responses end. */
  async drop(streamId: string): Promise<void> {
    this.#sources.delete(streamId);
    this.#coolDown.delete(streamId);
    const entries = [...this.#entries.values()].filter((entry) => entry.streamId === streamId);
    await Promise.all(entries.map((entry) => this.#end(entry)));
  }

  /** Ends what still holds a connection to a provider account in its grace, without a viewer. */
  async endIdle(account: string): Promise<void> {
    const idle = [...this.#entries.values()].filter(
      (entry) => entry.grace !== undefined && entry.process.account === account,
    );
    await Promise.all(idle.map((entry) => this.#endIfUnused(entry)));
  }

  /** Ends everything. Those who follow a feed of this worker may make it themselves. */
  async close(): Promise<void> {
    for (const process of this.#finite) process.kill();
    await Promise.allSettled(this.owned.map(({ place }) => place.giveUp()));
    await Promise.all([...this.#entries.values()].map((entry) => this.#end(entry)));
  }

  /** The feed of a slot for one more user of it, viewer or relay; started if there is none. */
  async #hold(stream: StreamRecord, slot: number, place: KnownPlace): Promise<Entry> {
    const key = `${stream.id}/${slot}`;
    await this.#entries.get(key)?.closing;
    const entry = this.#entries.get(key) ?? this.#open(key, stream, slot, place);
    clearTimeout(entry.grace);
    entry.grace = undefined;
    entry.users++;
    return entry;
  }

  #open(key: string, stream: StreamRecord, slot: number, first: KnownPlace): Entry {
    const production = productionOf(stream, this.#deps);
    const usesProcess = production.needsProcess && first.kind === 'own';
    if (usesProcess) this.#assertProcessFree();
    const place = this.#deps.placeOf(processFeedKey(stream.id, slot), first);
    const onRestart = () => {
      this.#restarts++;
    };
    const deps = { ...this.#deps, onRestart };
    const process = new ProcessFeed(stream, slot, this.sourceOf(stream), production, place, deps);
    const entry: Entry = {
      streamId: stream.id,
      slot,
      process,
      needsProcess: production.needsProcess,
      users: 0,
      grace: undefined,
      closing: undefined,
    };
    this.#entries.set(key, entry);
    process.feed.onEnd(() => {
      clearTimeout(entry.grace);
      if (this.#entries.get(key) === entry) this.#entries.delete(key);
    });
    return entry;
  }

  #release(entry: Entry): void {
    entry.users--;
    if (entry.users === 0) this.#startGrace(entry);
  }

  /** Where a feed of this worker comes from, by its key in the registry. */
  placeOf(feed: string): FeedPlace | undefined {
    return [...this.#entries.values()].map(({ process }) => process.place).find((place) => place.feed === feed);
  }

  /**
   * The feed of a slot for another worker; started if this one owns it and has not begun. Undefined when it is not its own.
   * Call `release` when the relay is over.
   *
   * @param via one that is relayed here will do
   */
  async relay(streamId: string, slot: number, via: boolean): Promise<RelayedFeed | undefined> {
    const { registry } = this.#deps;
    const known = this.#entries.get(`${streamId}/${slot}`);
    if (via) return known && this.#passOn(known);
    if (known?.process.place.isOriginal === false) return undefined;
    const place = known?.process.place.current ?? (await registry.acquire(processFeedKey(streamId, slot)));
    const stream = await registry.stream(streamId);
    if (place.kind !== 'own' || stream === undefined) return undefined;
    const entry = await this.#hold(stream, slot, place);
    const { process } = entry;
    return {
      feed: process.feed,
      place: process.place,
      lineage: process.lineage,
      sourceClock: () => process.sourceClock,
      release: () => this.#release(entry),
    };
  }

  /** For a worker that cannot reach the owner. */
  #passOn(entry: Entry): RelayedFeed | undefined {
    const { process, closing } = entry;
    const { feed, place, lineage } = process;
    if (place.offer === undefined || closing !== undefined) return undefined;
    clearTimeout(entry.grace);
    entry.grace = undefined;
    entry.users++;
    return {
      feed,
      place,
      lineage,
      sourceClock: () => process.sourceClock,
      passedOn: { owner: place.offer.owner, isStopped: () => process.isStopped },
      release: () => this.#release(entry),
    };
  }

  /** Gets ready to own the feed of a slot that is relayed here; false when it is not, or this worker cannot. */
  async prepare(streamId: string, slot: number): Promise<boolean> {
    const entry = this.#entries.get(`${streamId}/${slot}`);
    if (entry === undefined || (entry.needsProcess && this.capacity === 'full')) return false;
    return entry.process.prepare();
  }

  /** The feeds that this worker makes. */
  get owned(): ProcessFeed[] {
    return [...this.#entries.values()].map(({ process }) => process).filter(({ place }) => place.isOriginal);
  }

  async #startFinite(stream: StreamRecord, signal: AbortSignal): Promise<FiniteProcess> {
    this.#assertProcessFree();
    if (stream.profile === undefined) throw new NotCopyableError('a file');
    const { address } = this.sourceOf(stream);
    const disconnect = await this.#deps.connections.acquire(address);
    const process = new FiniteProcess(stream.profile, address, this.#deps);
    this.#finite.add(process);
    void process.ended.then(() => {
      disconnect();
      this.#finite.delete(process);
    });
    try {
      await unlessAborted(process.firstByte, signal);
    } catch (error) {
      process.kill();
      throw error;
    }
    return process;
  }

  #assertProcessFree(): void {
    if (!this.#isFull) return;
    const message = `This worker runs ${this.#deps.maxProcesses} FFmpeg processes (MAX_PROCESSES) and takes no further one. Try again later.`;
    throw new StreampoolError(503, message, { retryAfterSeconds: 10 });
  }

  /** Where a stream's media comes from; shared by all its viewers here, whether they share a feed or not. */
  sourceOf(stream: StreamRecord): StreamSource {
    let source = this.#sources.get(stream.id);
    if (source === undefined) {
      const { registry, log } = this.#deps;
      source = new StreamSource(stream, { ...this.#deps.source, registry, log });
      this.#sources.set(stream.id, source);
    }
    return source;
  }

  /** Takes over where the cluster has moved a stream's source to, if no feed here reads it; feeds follow commands. */
  followRecord(stream: StreamRecord): void {
    if (this.#slotsOf(stream.id).length === 0) this.sourceOf(stream).follow(stream.failover);
  }

  /** Each of its viewers gets a process of its own. */
  #isFinite({ id, unshareable, failover }: StreamRecord): boolean {
    return unshareable || hintFromUrl(this.#sources.get(id)?.address.url ?? failover.currentUrl) === 'finite';
  }

  #slotsOf(streamId: string): number[] {
    return [...this.#entries.values()].filter((entry) => entry.streamId === streamId).map((entry) => entry.slot);
  }

  #startGrace(entry: Entry): void {
    clearTimeout(entry.grace);
    entry.grace = setTimeout(() => {
      entry.closing = this.#endIfUnused(entry).finally(() => {
        entry.closing = undefined;
      });
    }, this.#deps.sharedStreamGraceMs);
  }

  async #endIfUnused(entry: Entry): Promise<void> {
    if (entry.users > 0) return;
    const { isOriginal } = entry.process.place;
    const unused = !isOriginal || (await this.#deps.registry.releaseSlot(entry.streamId, entry.slot));
    if (unused) await this.#end(entry);
    // Somebody on another worker has just been counted in; its relay is on the way.
    else if (entry.users === 0) this.#startGrace(entry);
  }

  async #end(entry: Entry): Promise<void> {
    clearTimeout(entry.grace);
    const key = `${entry.streamId}/${entry.slot}`;
    if (this.#entries.get(key) === entry) this.#entries.delete(key);
    await entry.process.stop();
  }

  #remember(streamId: string, error: unknown): unknown {
    void this.#deps.registry.countError(streamId);
    if (error instanceof SourceError && error.reason !== 'stopped')
      this.#coolDown.set(streamId, { error, untilMs: performance.now() + COOL_DOWN_MS });
    return error;
  }

  #throwIfCooling(streamId: string): void {
    const cooling = this.#coolDown.get(streamId);
    if (cooling === undefined) return;
    if (performance.now() < cooling.untilMs) throw cooling.error;
    this.#coolDown.delete(streamId);
  }
}

async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = deferred<never>();
  const onAbort = () => aborted.reject(new SourceError('stopped', 'The viewer has gone.'));
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
