/** Gives each viewer a place within this worker's limits: at a shared feed, or at a process of its own. */

import { isLooking } from '../../../registry/client-ids.ts';
import { clientReport } from '../../../registry/client-report.ts';
import { filmFeedKey, processFeedKey } from '../../../registry/feed-keys.ts';
import { sourceKey } from '../../../registry/groups.ts';
import type {
  Agreements,
  EventTeller,
  FeedOwners,
  FeedStarts,
  Members,
  StreamRecords,
  Viewers,
} from '../../../registry/registry.ts';
import type {
  Capacity,
  ClientRecord,
  EarlierConnection,
  JoinAnswer,
  Joined,
  JoinRequest,
  MadeStream,
  SessionRequest,
  StreamRecord,
  WorkerIdentity,
} from '../../../registry/types.ts';
import { systemClock } from '../../../shared/clock.ts';
import { pauseBy } from '../async.ts';
import { LimitError, SourceError, StreampoolError } from '../errors.ts';
import { type Feed, FeedOverError } from '../feed/feed.ts';
import { FiniteSourceError } from '../feed/finite-source.ts';
import type { EntryPoint } from '../feed/ring.ts';
import { FilmFeeds } from '../films/film-feeds.ts';
import { FilmLostError } from '../films/film-lost.ts';
import type { FiniteProcess } from '../films/finite-process.ts';
import { FiniteProcesses } from '../films/finite-processes.ts';
import { knownPlace } from '../ownership/known-place.ts';
import { NotCopyableError } from '../processes/copy-run.ts';
import { type FeedStart, type FeedUse, ProcessFeeds, type ProcessFeedsDeps } from '../processes/process-feeds.ts';
import type { WantedSegments } from '../segments/feed-hls.ts';
import { FailoverGroup, type FailoverGroupDeps } from '../streams/failover-group.ts';
import { isShared, NotSharedError } from '../streams/sharing.ts';
import { StreamSource } from '../streams/stream-source.ts';
import { FailoverCounts } from '../upstream/failover/failover-counts.ts';
import type { ProviderConnections } from '../upstream/provider/provider-connections.ts';
import { sourceFeedOf } from '../upstream/provider/source-key.ts';
import { hintFromUrl } from '../upstream/provider/source-kind.ts';
import { stopIfGone, unlessGone } from '../visit.ts';
import { CoolDown } from './cool-down.ts';
import { DirectMedia } from './direct-media.ts';
import { HeldElsewhere } from './held-elsewhere.ts';
import { joinedOrThrow } from './join-errors.ts';

/** Who wants to watch. */
export type Viewer = Omit<ClientRecord, 'id' | 'slot'>;

export interface SeatRequest {
  /** As this worker knows it; joining returns the current record. */
  readonly stream: StreamRecord;
  readonly viewer: Viewer;
  /** Requested client id. If a live client has it already, this one gets a suffix. */
  readonly clientId: string;
  /** Aborts when the viewer leaves, even while it still waits. */
  readonly signal: AbortSignal;
}

interface SeatBase {
  readonly client: ClientRecord;
  readonly stream: StreamRecord;
  /** Earlier connections of the same player. */
  readonly earlier: readonly EarlierConnection[];
  /** Frees the viewer's place and counts it out. `bytesServed` is added to the stream's total. */
  leave(bytesServed: number): Promise<void>;
}

/** A place at a feed, or a process of its own for a source with an end. */
export type Seat = SeatBase &
  (
    | { readonly kind: 'shared'; readonly feed: Feed; readonly entry: EntryPoint; readonly start: FeedStart }
    | FinitePlace
  );

/** A session, and when its player opened the entry, ms since 1970; undefined: nobody knows. */
export interface SessionSeatRequest extends SeatRequest {
  readonly openedAtMs?: number | undefined;
}

/** A session of several requests with its place at a feed. */
export interface SessionSeat extends Joined {
  readonly segments: WantedSegments;
  readonly start: FeedStart;
  /** This worker serves it no longer. Another one may: nobody is counted out. */
  readonly release: () => void;
}

interface FinitePlace {
  readonly kind: 'finite';
  readonly process: FiniteProcess;
}

export interface SeatingDeps extends Omit<ProcessFeedsDeps, 'sourceOf' | 'assertProcessFree' | 'isFull'> {
  readonly registry: StreamRecords & Viewers & FeedOwners & FeedStarts & Members & Agreements & EventTeller;
  readonly connections: ProviderConnections;
  readonly failover: Pick<FailoverGroupDeps, 'askResolver' | 'askPage' | 'maxFailoverAttempts'>;
  readonly cap: number;
  readonly shareDirectStreams: boolean;
  readonly maxProcesses: number;
  readonly isDraining: () => boolean;
  /** The machine has little CPU left. */
  readonly isBusy: () => boolean;
  readonly me: WorkerIdentity;
  /** The secret that workers authenticate with. */
  readonly secret: () => string;
}

export class Seating {
  readonly #deps: SeatingDeps;
  /** The process feeds that viewers share. */
  readonly feeds: ProcessFeeds;
  /** What HLS viewers get of sources with an end. */
  readonly films: FilmFeeds;
  readonly #finite: FiniteProcesses;
  /** What direct streams consist of whose viewers have a connection each. */
  readonly directMedia: DirectMedia;
  /** Feeds and responses hold the sources they read. An unused one is made again from its record. */
  readonly #sources = new HeldElsewhere<StreamSource>();
  /** The groups that these streams fail over with. */
  readonly #groups = new HeldElsewhere<FailoverGroup>();
  readonly #coolDown: CoolDown;
  readonly #failovers = new FailoverCounts();

  constructor(deps: SeatingDeps) {
    this.#deps = deps;
    this.#finite = new FiniteProcesses(deps);
    this.directMedia = new DirectMedia(deps.clock);
    this.#coolDown = new CoolDown(deps.clock);
    this.films = new FilmFeeds({
      ...deps,
      processes: this.#finite,
      addressOf: (stream) => this.sourceOf(stream).address,
      assertProcessFree: () => this.#assertFilmFree(),
    });
    this.feeds = new ProcessFeeds({
      ...deps,
      sourceOf: (stream) => this.sourceOf(stream),
      assertProcessFree: () => this.#assertProcessFree(),
      isFull: () => this.capacity === 'full',
    });
  }

  /** @throws {SourceError} when its source did not play a moment ago */
  assertPlays(streamId: string): void {
    this.#coolDown.throwIfCooling(streamId);
  }

  /** How often this worker has moved a group of streams to another source, since the start, by why. */
  get failovers(): ReadonlyMap<string, number> {
    return this.#failovers.counts;
  }

  get processCount(): number {
    return this.feeds.processCount + this.#finite.size;
  }

  /** How the streams are made here whose viewers have a process or a connection each, by stream: one of each. */
  madeAlone(): Record<string, MadeStream> {
    return { ...this.directMedia.made(), ...this.#finite.made() };
  }

  /** The last lines of the FFmpeg of a stream that is made here, masked; undefined: it has none, or is not made here. */
  linesOf(streamId: string): readonly string[] | undefined {
    return this.feeds.linesOf(streamId) ?? this.#finite.linesOf(streamId);
  }

  /** Whether this worker can take another process. */
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
   * Seats a viewer: counts it in, starts the process if there is none, and waits for the first random access point.
   *
   * @throws {SourceError} 502 or 504, when the source does not play
   * @throws {NotSharedError} when each viewer of the stream has a connection of its own
   * @throws {StreampoolError} 404 unknown stream, 503 no process free
   */
  async join(request: SeatRequest): Promise<Seat> {
    const { signal } = request;
    this.#coolDown.throwIfCooling(request.stream.id);
    const answer = await this.#countIn(this.#wanted(request), signal);
    const { client, slot, stream, earlier, ...joined } = joinedOrThrow(answer);
    let { place } = joined;
    let use: FeedUse | undefined;
    let isFeedAsked = false;
    const leave = async (bytesServed: number) => {
      try {
        await this.#deps.registry.leave(clientReport(client, bytesServed));
      } finally {
        use?.release();
      }
      // Nothing else would release the claimed slot.
      if (!isFeedAsked && place?.kind === 'own') await this.feeds.giveUpUnlessHere(stream.id, slot ?? 0);
    };
    try {
      stopIfGone(signal);
      this.feeds.follow(stream);
      await this.sourceOf(stream).findMedia();
      stopIfGone(signal);
      const finite = this.#isFinite(stream);
      // The stream was created anew since this worker learned of it.
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
      place ??= await knownPlace(this.#deps.registry, processFeedKey(stream.id, slot ?? 0), signal, this.#deps.clock);
      stopIfGone(signal);
      isFeedAsked = true;
      use = await this.feeds.acquire(stream, slot ?? 0, place);
      const { start } = use;
      const { feed } = use.process;
      const entry = await unlessGone(feed.entry(), signal);
      return { kind: 'shared', client, stream, earlier, feed, entry, start, leave };
    } catch (error) {
      await leave(0);
      if (error instanceof FeedOverError && (await this.#deps.registry.stream(stream.id)) === undefined) {
        throw new StreampoolError(404, 'Stream not found');
      }
      if (!(error instanceof FiniteSourceError)) {
        // The stream is not at fault if the viewer left or must now be served in another way.
        // Where only the console looks, no other source was tried: a viewer may have one.
        const isAtFault = !(signal.aborted || error instanceof NotSharedError || isLooking(client.id));
        if (isAtFault) await this.noteFailure(stream.id, error);
        throw error;
      }
      // Only opening it shows that the source has an end. Everybody who waited joins again, each with its own process.
      await this.#deps.registry.markUnshareable(stream.id);
      return this.join({ ...request, stream: { ...stream, unshareable: true } });
    }
  }

  /**
   * Seats a session that is cut from the stream's feed. As `join`, but it waits for no media: a request for a playlist does that. Its
   * feed is shared even if each viewer of the stream at /stream/ has a connection of its own, since a session cannot hold one.
   *
   * @throws {FilmLostError} 410 when the worker has ended that played the film
   */
  async joinSession(request: SessionSeatRequest, session: SessionRequest): Promise<SessionSeat> {
    const { signal } = request;
    const { registry } = this.#deps;
    this.#coolDown.throwIfCooling(request.stream.id);
    const wanted = this.#wanted(request);
    const joined = joinedOrThrow(await this.#countIn({ ...wanted, session }, signal));
    const { client, stream, slot = 0 } = joined;
    // As the registry has decided it: this worker may know better where the stream plays.
    const isFilm = wanted.alone === true || stream.unshareable;
    if (isFilm && joined.resumed === true && isOpenedAnew(client, request.openedAtMs)) {
      await registry.leave(clientReport(client, 0));
      return this.joinSession(request, session);
    }
    let isFeedAsked = isFilm;
    try {
      stopIfGone(signal);
      this.feeds.follow(stream);
      await this.sourceOf(stream).findMedia();
      stopIfGone(signal);
      if (this.#isFinite(stream)) {
        const key = filmFeedKey(stream.id, client.id);
        const film = isFilm ? joined.place : await knownPlace(registry, key, signal, this.#deps.clock);
        const entered = this.films.enter({ ...joined, place: film, resumed: joined.resumed === true });
        return { ...joined, ...entered, start: 'cold' };
      }
      const feed = processFeedKey(stream.id, slot);
      const known = isFilm ? undefined : joined.place;
      const place = known ?? (await knownPlace(registry, feed, signal, this.#deps.clock));
      stopIfGone(signal);
      isFeedAsked = true;
      const { process, start, release } = await this.feeds.acquire(stream, slot, place);
      const segments = process.segments.want();
      const leave = () => {
        segments.release();
        release();
      };
      return { ...joined, segments, start, release: leave };
    } catch (error) {
      // Another worker may serve it, unless there is nothing left to serve.
      if (joined.resumed !== true || error instanceof FilmLostError) await registry.leave(clientReport(client, 0));
      if (!isFeedAsked && joined.place?.kind === 'own') await this.feeds.giveUpUnlessHere(stream.id, slot);
      throw error;
    }
  }

  #wanted({ stream, viewer, clientId }: SeatRequest): JoinRequest {
    const alone = this.#isFinite(stream);
    const localSlots = alone ? [] : this.feeds.slotsOf(stream.id);
    const cap = alone ? 1 : stream.profile === undefined ? 0 : this.#deps.cap;
    const sourceFeed = sourceFeedOf(this.sourceOf(stream).address);
    return { client: viewer, clientId, cap, localSlots, capacity: this.capacity, sourceFeed, alone };
  }

  /** Joins. Waits while the registry has just come back and does not know the owners yet. */
  async #countIn(request: JoinRequest, signal: AbortSignal): Promise<JoinAnswer> {
    for (;;) {
      const answer = await this.#deps.registry.join(request);
      if (answer.kind !== 'wait' || signal.aborted) return answer;
      await pauseBy(this.#deps.clock ?? systemClock, answer.ms, signal);
    }
  }

  /**
   * Moves a stream and its group to the next source, by exactly one, or to a source that somebody has chosen.
   * @param chosen -1: the primary URL; undefined: the next source
   * @returns the streams that have moved; undefined when there is no such source
   */
  failover(stream: StreamRecord, chosen?: number): Promise<readonly string[] | undefined> {
    const source = this.sourceOf(stream);
    source.follow(stream);
    return chosen === undefined ? source.moveOn() : source.moveTo(chosen);
  }

  /** Follows another worker that has moved a stream and its group to their next source. */
  async followFailover(streamId: string): Promise<void> {
    const stream = await this.#deps.registry.stream(streamId);
    if (stream !== undefined) this.#groups.get(sourceKey(stream))?.follow(stream.failover);
  }

  /** Ends every process of a stream; its clients' responses end. */
  async drop(streamId: string): Promise<void> {
    this.#sources.get(streamId)?.group.leave(streamId);
    this.#sources.delete(streamId);
    this.#coolDown.forget(streamId);
    await Promise.all([this.films.drop(streamId), this.feeds.drop(streamId)]);
  }

  /** Ends everything. Followers of this worker's feeds may then make them themselves. */
  async close(): Promise<void> {
    this.#finite.close();
    await Promise.all([this.films.close(), this.feeds.close()]);
  }

  async #startFinite(stream: StreamRecord, signal: AbortSignal): Promise<FiniteProcess> {
    this.#assertProcessFree();
    if (stream.profile === undefined) throw new NotCopyableError('a file');
    return this.#finite.start(stream.id, stream.profile, this.sourceOf(stream).address, signal);
  }

  /** A film stays with its worker until the end, so one that is about to leave takes none. */
  #assertFilmFree(): void {
    this.#assertProcessFree();
    if (!this.#deps.isDraining()) return;
    throw new StreampoolError(503, 'This worker is draining and begins no film. Try again.', { retryAfterSeconds: 1 });
  }

  #assertProcessFree(): void {
    if (!this.#isFull) return;
    const message = `This worker runs ${this.#deps.maxProcesses} FFmpeg processes (MAX_PROCESSES) and takes no more. Try again later.`;
    throw new LimitError('processes', message, { retryAfterSeconds: 10 });
  }

  /** The current source of a stream. All its viewers here share it, whether or not they share a feed. */
  sourceOf(stream: StreamRecord): StreamSource {
    let source = this.#sources.get(stream.id);
    if (source === undefined) {
      source = new StreamSource(stream, (record) => this.#groupOf(record));
      this.#sources.set(stream.id, source);
    }
    return source;
  }

  /** Those that a stream moves with. */
  #groupOf(stream: StreamRecord): FailoverGroup {
    const name = sourceKey(stream);
    let group = this.#groups.get(name);
    if (group === undefined) {
      const { registry, log, failover, clock = systemClock } = this.#deps;
      group = new FailoverGroup(stream.failover, {
        ...failover,
        registry,
        clock,
        log,
        onAdvanced: (reason) => this.#failovers.count(reason),
        onMoved: (moved) => {
          this.#deps.sources.switchSource(moved);
          this.feeds.switchSource(moved);
        },
        // Earlier versions move each stream by itself.
        tell: async (streams) => {
          await Promise.all(streams.map((streamId) => registry.send({ kind: 'failover', streamId })));
        },
      });
      this.#groups.set(name, group);
    }
    return group;
  }

  /** Whether each of the stream's viewers gets a process of its own. */
  #isFinite({ id, unshareable, failover }: StreamRecord): boolean {
    return unshareable || hintFromUrl(this.#sources.get(id)?.address.url ?? failover.currentUrl) === 'finite';
  }

  /** The source of a stream has not played. For a while nobody tries again. */
  async noteFailure(streamId: string, error: unknown): Promise<void> {
    if (error instanceof SourceError && error.reason !== 'stopped') this.#coolDown.begin(streamId, error);
    await this.#deps.registry.countError(streamId);
  }
}

/** The clocks of two workers differ by less. A player that opens an entry twice does that within this. */
const ANEW_MS = 5_000;

/**
 * Whether the player of a film has opened its entry since its session began: it wants to see the beginning.
 * @param openedAtMs ms since 1970
 */
export function isOpenedAnew({ connectedAtMs }: Pick<ClientRecord, 'connectedAtMs'>, openedAtMs = 0): boolean {
  return openedAtMs > connectedAtMs + ANEW_MS;
}
