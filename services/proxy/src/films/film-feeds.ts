/** The films of this worker, one for each HLS viewer of a source with an end; and the way to those of other workers. */

import { filmFeedKey } from '../../../registry/feed-keys.ts';
import type { Agreements, FeedOwners, Viewers } from '../../../registry/registry.ts';
import type { ClientRecord, RegisteredPlace, StreamRecord, WorkerIdentity } from '../../../registry/types.ts';
import { type Clock, systemClock, type Timer } from '../../../shared/clock.ts';
import type { Logger } from '../../../shared/log.ts';
import type { RingLimits } from '../feed/ring.ts';
import type { CommandOptions } from '../ffmpeg/process/command.ts';
import { AS_IT_IS } from '../processes/copy-run.ts';
import type { PlaceAnswer } from '../relay/peers.ts';
import type { SegmentsAsked } from '../relay/relayed-feed.ts';
import { systemWire, type Wire } from '../relay/wire.ts';
import type { HlsStatus, WantedSegments } from '../segments/feed-hls.ts';
import type { SegmentSettings } from '../segments/feed-segments.ts';
import { accountOf } from '../upstream/provider/provider-connections.ts';
import type { SourceAddress } from '../upstream/provider/source-address.ts';
import { answerFilm } from './film-answer.ts';
import { FilmFeed } from './film-feed.ts';
import { FilmLostError } from './film-lost.ts';
import type { FiniteProcesses } from './finite-processes.ts';
import { RemoteFilm } from './remote-film.ts';

export interface FilmFeedsDeps {
  readonly registry: Agreements & Pick<FeedOwners, 'release'> & Pick<Viewers, 'clients'>;
  readonly processes: Pick<FiniteProcesses, 'start'>;
  readonly addressOf: (stream: StreamRecord) => SourceAddress;
  /** @throws {StreampoolError} 503 when this worker takes no more processes */
  readonly assertProcessFree: () => void;
  readonly me: WorkerIdentity;
  readonly secret: () => string;
  readonly ringLimits: () => RingLimits;
  readonly segments: SegmentSettings;
  /** Unset: HTTP of this machine. */
  readonly wire?: Wire | undefined;
  readonly clock?: Clock | undefined;
  readonly log: Logger;
}

/** A session of a source with an end, as it has been counted in. */
export interface FilmViewer {
  readonly stream: StreamRecord;
  readonly client: ClientRecord;
  readonly place: RegisteredPlace | undefined;
  /** It was counted in before. */
  readonly resumed: boolean;
}

export interface FilmUse {
  readonly segments: WantedSegments;
  readonly release: () => void;
}

export interface FilmStatus {
  readonly streamId: string;
  readonly slot: number;
  readonly epoch: number;
  /** The session here, and other workers that serve it. */
  readonly users: number;
  readonly pid: number | undefined;
  readonly ringBytes: number;
  readonly hls: HlsStatus | undefined;
}

interface Entry {
  readonly key: string;
  readonly epoch: number;
  readonly stream: StreamRecord;
  readonly client: ClientRecord;
  readonly account: string;
  readonly film: FilmFeed;
  /** The session here, and other workers that serve it. */
  users: number;
  /** Runs while there are none. */
  look: Timer | undefined;
}

/** How often it is looked whether the viewer of a film that nobody asks for is still there. */
const LOOK_MS = 1_000;

export class FilmFeeds {
  readonly #deps: FilmFeedsDeps;
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();
  /** Those that no viewer watches, with their streams. */
  readonly #others = new Map<FilmFeed, string>();
  #fetched = 0;

  constructor(deps: FilmFeedsDeps) {
    this.#deps = deps;
    this.#clock = deps.clock ?? systemClock;
  }

  get size(): number {
    return this.#entries.size;
  }

  get heldBytes(): number {
    return this.#films.reduce((sum, film) => sum + film.heldBytes, 0);
  }

  get #films(): FilmFeed[] {
    return [...[...this.#entries.values()].map(({ film }) => film), ...this.#others.keys()];
  }

  /** How many requests wait for a segment. */
  get waiting(): number {
    return [...this.#entries.values()].reduce((sum, { film }) => sum + film.waiting, 0);
  }

  /** Segments fetched from other workers since the start. */
  get fetched(): number {
    return this.#fetched;
  }

  status(): FilmStatus[] {
    return [...this.#entries.values()].map(({ stream, client, film, epoch, users }) => ({
      ...{ streamId: stream.id, slot: client.slot ?? 0, epoch, users, pid: film.pid },
      ...{ ringBytes: film.heldBytes, hls: film.status },
    }));
  }

  /**
   * The film of a viewer, here or on the worker that makes it. It begins if the viewer does.
   *
   * @throws {FilmLostError} 410 when the worker that made it has ended
   * @throws {StreampoolError} 503 when this worker takes no more processes
   */
  enter(viewer: FilmViewer): FilmUse {
    const { stream, client, place, resumed } = viewer;
    const key = filmFeedKey(stream.id, client.id);
    const known = this.#entries.get(key);
    const isIts = known?.client.connectedAtMs === client.connectedAtMs;
    if (known !== undefined && isIts && !known.film.isLost) return this.#use(known);
    if (place?.kind === 'relay') {
      if (known !== undefined) void this.#end(known);
      return this.#elsewhere(key, place);
    }
    if (place === undefined || resumed) {
      if (known === undefined && place !== undefined) void this.#giveUp(key);
      throw new FilmLostError();
    }
    try {
      return this.#use(this.#open(key, viewer, place.epoch));
    } catch (error) {
      void this.#giveUp(key);
      throw error;
    }
  }

  #elsewhere(key: string, { owner }: RegisteredPlace & { kind: 'relay' }): FilmUse {
    const { secret, segments, wire = systemWire } = this.#deps;
    const onFetched = () => {
      this.#fetched++;
    };
    const film = new RemoteFilm({ key, owner, secret, wire, onFetched, waitMs: segments.waitMs });
    return { segments: film, release: () => film.release() };
  }

  #open(key: string, { stream, client }: FilmViewer, epoch: number): Entry {
    this.#deps.assertProcessFree();
    const address = this.#deps.addressOf(stream);
    const film = this.#make(stream, address, {}, client);
    const account = accountOf(address);
    const entry: Entry = { key, epoch, stream, client, account, film, users: 0, look: undefined };
    const before = this.#entries.get(key);
    this.#entries.set(key, entry);
    if (before !== undefined) void this.#end(before);
    return entry;
  }

  /**
   * A film that no viewer watches. It is read as its segments are taken, and whoever has opened it stops it.
   * @param options see `buildArguments`
   * @throws {StreampoolError} 503 when this worker takes no more processes
   */
  open(stream: StreamRecord, options: Pick<CommandOptions, 'seekSeconds' | 'keepTimes'>): FilmFeed {
    this.#deps.assertProcessFree();
    const film = this.#make(stream, this.#deps.addressOf(stream), options);
    this.#others.set(film, stream.id);
    film.feed.onEnd(() => this.#others.delete(film));
    return film;
  }

  #make(
    stream: StreamRecord,
    address: SourceAddress,
    given: Pick<CommandOptions, 'seekSeconds' | 'keepTimes'>,
    client?: ClientRecord,
  ): FilmFeed {
    const { registry, processes, segments, ringLimits, log } = this.#deps;
    const { profile = AS_IT_IS } = stream;
    const options = { keyframeIntervalSeconds: segments.segmentMs / 1000, ...given };
    return new FilmFeed({
      ...{ stream, segments, ringLimits, clock: this.#clock },
      start: (signal) => processes.start(stream.id, profile, address, signal, options),
      agree: (name, offered) => registry.agree(stream.id, name, offered),
      log: log.child({ stream: stream.id, ...(client !== undefined && { client: client.id }) }),
    });
  }

  #use(entry: Entry): FilmUse {
    const { film } = entry;
    const release = this.#count(entry);
    return {
      segments: {
        isFilm: true,
        get isOver() {
          return film.isLost;
        },
        get targetDurationMs() {
          return Math.max(0, ...(film.status?.containers ?? []).map((each) => film.segments(each).targetDurationMs));
        },
        of: (container) => film.segments(container),
        chosen: (signal) => film.chosen(signal),
        release,
      },
      release,
    };
  }

  /** @returns a function that ends the use */
  #count(entry: Entry): () => void {
    this.#clock.clearTimeout(entry.look);
    entry.look = undefined;
    entry.users++;
    let isReleased = false;
    return () => {
      if (isReleased) return;
      isReleased = true;
      entry.users--;
      if (entry.users === 0) this.#lookSoon(entry);
    };
  }

  /** The viewer may be on its way to another worker, or have left. */
  #lookSoon(entry: Entry): void {
    if (this.#entries.get(entry.key) !== entry) return;
    entry.look = this.#clock.setTimeout(() => void this.#look(entry), LOOK_MS);
  }

  async #look(entry: Entry): Promise<void> {
    const { registry, log } = this.#deps;
    const { stream, client } = entry;
    try {
      const clients = await registry.clients(stream.id);
      if (entry.users > 0) return;
      const isThere = clients.some(
        ({ id, connectedAtMs }) => id === client.id && connectedAtMs === client.connectedAtMs,
      );
      if (!isThere || entry.film.isLost) return await this.#end(entry);
    } catch (error) {
      log.warn(
        { stream: stream.id, client: client.id, err: error },
        'could not ask whether the viewer of a film is there',
      );
    }
    this.#lookSoon(entry);
  }

  /** Answers another worker; false when the film is not here. */
  async answer(key: string, asked: Omit<SegmentsAsked, 'place'>): Promise<number | undefined> {
    const entry = this.#entries.get(key);
    if (entry === undefined || entry.film.isLost) return undefined;
    if (asked.name === '') asked.visit.holds(this.#count(entry));
    return answerFilm(entry.film, asked);
  }

  /** Nobody takes a film over, so what the registry says of its place changes nothing. */
  placeOf(): undefined {
    return undefined;
  }

  /** What a worker is told that cannot ask the registry who makes a film. */
  placeAnswer(key: string): PlaceAnswer | undefined {
    const entry = this.#entries.get(key);
    const { workerId, incarnation, address } = this.#deps.me;
    return entry && { owner: { workerId, incarnation, address, epoch: entry.epoch }, relayed: false };
  }

  /** Ends every film of a deleted stream. */
  async drop(streamId: string): Promise<void> {
    const others = [...this.#others].filter(([, id]) => id === streamId);
    await Promise.all([this.#endThose(({ stream }) => stream.id === streamId), ...others.map(([film]) => film.stop())]);
  }

  /** Ends the films that hold a connection to a provider account although nobody asks for them now. */
  async endIdle(account: string): Promise<void> {
    await this.#endThose((entry) => entry.account === account && entry.users === 0);
  }

  async close(): Promise<void> {
    await Promise.all([this.#endThose(() => true), ...[...this.#others.keys()].map((film) => film.stop())]);
  }

  async #endThose(are: (entry: Entry) => boolean): Promise<void> {
    await Promise.all([...this.#entries.values()].filter(are).map((entry) => this.#end(entry)));
  }

  async #end(entry: Entry): Promise<void> {
    this.#clock.clearTimeout(entry.look);
    entry.look = undefined;
    if (this.#entries.get(entry.key) === entry) this.#entries.delete(entry.key);
    // The viewer may have begun anew meanwhile.
    const isOther = this.#entries.has(entry.key);
    await Promise.all([entry.film.stop(), isOther ? undefined : this.#giveUp(entry.key)]);
  }

  async #giveUp(key: string): Promise<void> {
    try {
      await this.#deps.registry.release(key);
    } catch (error) {
      this.#deps.log.warn({ feed: key, err: error }, 'could not give up a film in the registry');
    }
  }
}
