/** Seats viewers: gives each one a place, at a feed that is shared or at a process of its own, as far as this worker's limits go. */

import { processFeedKey } from '../../../registry/feed-keys.ts';
import type {
  Capacity,
  ClientRecord,
  EarlierConnection,
  JoinAnswer,
  JoinRequest,
  StreamRecord,
} from '../../../registry/types.ts';
import { pause } from '../async.ts';
import { SourceError, StreampoolError } from '../errors.ts';
import { type Feed, FeedOverError } from '../feed/feed.ts';
import { FiniteSourceError } from '../feed/finite-source.ts';
import type { EntryPoint } from '../feed/ring.ts';
import { knownPlace } from '../ownership/feed-place.ts';
import { NotCopyableError } from '../processes/copy-run.ts';
import { type FeedUse, ProcessFeeds, type ProcessFeedsDeps } from '../processes/process-feeds.ts';
import { sourceFeedOf } from '../sources/source-feeds.ts';
import { isShared, NotSharedError } from '../streams/sharing.ts';
import { StreamSource, type StreamSourceDeps } from '../streams/stream-source.ts';
import type { ProviderConnections } from '../upstream/provider/provider-connections.ts';
import { hintFromUrl } from '../upstream/provider/source-kind.ts';
import { CoolDown } from './cool-down.ts';
import type { FiniteProcess } from './finite-process.ts';
import { FiniteProcesses } from './finite-processes.ts';
import { HeldElsewhere } from './held-elsewhere.ts';
import { joinedOrThrow } from './join-errors.ts';
import { unlessGone } from './unless-gone.ts';

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
  /** What the same player has opened before. */
  readonly earlier: readonly EarlierConnection[];
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

export interface SeatingDeps extends Omit<ProcessFeedsDeps, 'sourceOf' | 'assertProcessFree' | 'isFull'> {
  readonly connections: ProviderConnections;
  readonly source: Omit<StreamSourceDeps, 'registry' | 'log'>;
  readonly cap: number;
  readonly shareDirectStreams: boolean;
  readonly maxProcesses: number;
  readonly isDraining: () => boolean;
  /** The machine has little CPU left. */
  readonly isBusy: () => boolean;
}

export class Seating {
  readonly #deps: SeatingDeps;
  /** What viewers share. */
  readonly feeds: ProcessFeeds;
  readonly #finite: FiniteProcesses;
  /** Held by those who read them: feeds and responses. What nobody reads is made again from its record. */
  readonly #sources = new HeldElsewhere<StreamSource>();
  readonly #coolDown = new CoolDown();

  constructor(deps: SeatingDeps) {
    this.#deps = deps;
    this.#finite = new FiniteProcesses(deps);
    this.feeds = new ProcessFeeds({
      ...deps,
      sourceOf: (stream) => this.sourceOf(stream),
      assertProcessFree: () => this.#assertProcessFree(),
      isFull: () => this.capacity === 'full',
    });
  }

  get processCount(): number {
    return this.feeds.processCount + this.#finite.size;
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

  /**
   * Seats a viewer: counts it in, starts the process if there is none, waits for its first random access point.
   *
   * @throws {SourceError} 502 or 504, when the source does not play
   * @throws {NotSharedError} when each viewer of the stream has a connection of its own
   * @throws {StreampoolError} 404 unknown stream, 503 no process free
   */
  async join(request: SeatRequest): Promise<Seat> {
    const { stream: remembered, viewer, clientId, signal } = request;
    this.#coolDown.throwIfCooling(remembered.id);
    const alone = this.#isFinite(remembered);
    const localSlots = alone ? [] : this.feeds.slotsOf(remembered.id);
    const cap = alone ? 1 : remembered.profile === undefined ? 0 : this.#deps.cap;
    const { address } = this.sourceOf(remembered);
    const sourceFeed = sourceFeedOf(address);
    const { capacity } = this;
    const wanted: JoinRequest = { client: viewer, clientId, cap, localSlots, capacity, sourceFeed, alone };
    const answer = await this.#countIn(wanted, signal);
    const { client, slot, place, stream, earlier } = joinedOrThrow(answer);
    this.followRecord(stream);
    const finite = this.#isFinite(stream);
    let use: FeedUse | undefined;
    const leave = async (bytesServed: number) => {
      await this.#deps.registry.leave({
        streamId: stream.id,
        clientId: client.id,
        connectedAtMs: client.connectedAtMs,
        bytesServed,
        segmentsServed: 0,
        lastAccessMs: Date.now(),
      });
      if (use !== undefined) use.release();
      // Nobody else gives up what was claimed for a feed that has not come to be here.
      else if (slot !== undefined && place?.kind === 'own') await this.#deps.registry.releaseSlot(stream.id, slot);
    };
    try {
      // Made anew since this worker met it.
      if (!finite && !isShared(stream, this.#deps.shareDirectStreams)) {
        throw new NotSharedError('The stream was created with `share` off');
      }
      if (finite) {
        const process = await this.#startFinite(stream, signal);
        const leaveAndEnd = (bytesServed: number) => {
          process.kill();
          return leave(bytesServed);
        };
        return { kind: 'finite', client, stream, earlier, process, leave: leaveAndEnd };
      }
      const first = place ?? (await knownPlace(this.#deps.registry, processFeedKey(stream.id, slot ?? 0)));
      use = await this.feeds.acquire(stream, slot ?? 0, first);
      const { feed } = use.process;
      const entry = await unlessGone(feed.entry(), signal);
      return { kind: 'shared', client, stream, earlier, feed, entry, leave };
    } catch (error) {
      await leave(0);
      if (error instanceof FeedOverError && (await this.#deps.registry.stream(stream.id)) === undefined) {
        throw new StreampoolError(404, 'Stream not found');
      }
      if (!(error instanceof FiniteSourceError)) {
        // A viewer that has gone, and one that is served in another way now, have met no fault of the stream.
        if (!signal.aborted && !(error instanceof NotSharedError)) await this.#noteFailure(stream.id, error);
        throw error;
      }
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
    source.follow(stream);
    if (!(await source.advance(source.index, { reason: 'manual' }))) return false;
    this.feeds.switchSource(stream.id);
    await this.#deps.registry.send({ kind: 'failover', streamId: stream.id });
    return true;
  }

  /** Another worker has moved a stream to its next source. */
  async followFailover(streamId: string): Promise<void> {
    const stream = await this.#deps.registry.stream(streamId);
    const source = this.#sources.get(streamId);
    if (stream === undefined || source === undefined || source.index === stream.failover.index) return;
    source.follow(stream);
    this.feeds.switchSource(streamId);
  }

  /** Ends every process of a stream; its clients' responses end. */
  async drop(streamId: string): Promise<void> {
    this.#sources.delete(streamId);
    this.#coolDown.forget(streamId);
    await this.feeds.drop(streamId);
  }

  /** Ends everything. Those who follow a feed of this worker may make it themselves. */
  async close(): Promise<void> {
    this.#finite.close();
    await this.feeds.close();
  }

  async #startFinite(stream: StreamRecord, signal: AbortSignal): Promise<FiniteProcess> {
    this.#assertProcessFree();
    if (stream.profile === undefined) throw new NotCopyableError('a file');
    return this.#finite.start(stream.id, stream.profile, this.sourceOf(stream).address, signal);
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

  /**
   * Takes over what the cluster knows of a stream: where its source has moved to, if no feed here reads it (feeds follow commands),
   * and what whoever made it anew has said.
   */
  followRecord(stream: StreamRecord): void {
    const source = this.sourceOf(stream);
    if (this.feeds.slotsOf(stream.id).length === 0) source.follow(stream);
    else if (source.differsFrom(stream)) {
      source.follow(stream);
      this.feeds.switchSource(stream.id);
    }
  }

  /** Each of its viewers gets a process of its own. */
  #isFinite({ id, unshareable, failover }: StreamRecord): boolean {
    return unshareable || hintFromUrl(this.#sources.get(id)?.address.url ?? failover.currentUrl) === 'finite';
  }

  async #noteFailure(streamId: string, error: unknown): Promise<void> {
    if (error instanceof SourceError && error.reason !== 'stopped') this.#coolDown.begin(streamId, error);
    await this.#deps.registry.countError(streamId);
  }
}
