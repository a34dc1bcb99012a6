/**
 * All process feeds of this worker: at most one per stream and slot. Each runs while it has users and for a grace time
 * after.
 */

import { processFeedKey } from '../../../registry/feed-keys.ts';
import type {
  Agreements,
  EventTeller,
  FeedOwners,
  FeedStarts,
  StreamRecords,
  Viewers,
} from '../../../registry/registry.ts';
import type { StreamRecord } from '../../../registry/types.ts';
import { type Clock, systemClock, type Timer } from '../../../shared/clock.ts';
import { FeedNews } from '../events/feed-news.ts';
import { type Made, Pace } from '../feed/pace.ts';
import type { FeedPlace, PlaceOf } from '../ownership/feed-place.ts';
import { type KnownPlace, knownPlace } from '../ownership/known-place.ts';
import { SlotReleases } from '../ownership/slot-releases.ts';
import type { RelayedFeed } from '../relay/relayed-feed.ts';
import type { FeedHls } from '../segments/feed-hls.ts';
import type { FailoverGroup } from '../streams/failover-group.ts';
import type { StreamSource } from '../streams/stream-source.ts';
import type { RunDeps } from './ffmpeg-run.ts';
import type { FailedRun } from './input-end.ts';
import { FeedFacts, type FeedFactsTold } from './output/feed-facts.ts';
import { ProcessFeed, type ProcessFeedDeps } from './process-feed.ts';
import { productionOf } from './production.ts';

export interface ProcessFeedsDeps extends Omit<ProcessFeedDeps, 'onRestart'>, RunDeps {
  readonly registry: StreamRecords & Viewers & FeedOwners & FeedStarts & Agreements & EventTeller;
  readonly placeOf: PlaceOf;
  readonly sourceOf: (stream: StreamRecord) => StreamSource;
  /** @throws {StreampoolError} 503 when this worker takes no more processes */
  readonly assertProcessFree: () => void;
  /** Whether this worker takes over no feed that needs a process. */
  readonly isFull: () => boolean;
  readonly sharedStreamGraceMs: number;
  /** Unset: as the stream's profile says. A simulation has a model of FFmpeg. */
  readonly productionOf?: typeof productionOf;
}

/** Where a user's media comes from: the feed was here, another worker makes it, or its source had to be opened. */
export type FeedStart = 'warm' | 'relay' | 'cold';

/** A feed with one more user counted in. */
export interface FeedUse {
  readonly process: ProcessFeed;
  readonly start: FeedStart;
  /** Call once, when the use is over. */
  readonly release: () => void;
}

export interface ProcessStatus extends Partial<FeedFactsTold> {
  readonly streamId: string;
  readonly slot: number;
  /** An FFmpeg makes it; it is no copy of its source. */
  readonly needsProcess: boolean;
  readonly pid: number | undefined;
  readonly readers: number;
  readonly restarts: number;
  readonly ringBytes: number;
  /** Of HLS; undefined while nobody wants it. */
  readonly hls?: FeedHls['status'];
  /** What an entry of HLS says of it. */
  readonly variant?: FeedHls['variant'];
  readonly place: KnownPlace;
  /** How fast it is made; undefined in its first second. */
  readonly made: Made | undefined;
}

interface Entry {
  readonly streamId: string;
  readonly slot: number;
  readonly process: ProcessFeed;
  readonly pace: Pace;
  readonly facts: FeedFacts;
  readonly needsProcess: boolean;
  /** Viewers here and relays to other workers. */
  users: number;
  grace: Timer | undefined;
  /** Set while it is being ended, unless somebody has joined. Resolves when that is decided. */
  closing: Promise<void> | undefined;
}

/** How soon the registry is asked again about a slot that still has a viewer. */
const ASK_AGAIN_MS = 250;

export class ProcessFeeds {
  readonly #deps: ProcessFeedsDeps;
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();
  readonly #releases: SlotReleases;
  #restarts = 0;
  /** Segments of feeds that are over. */
  #fetchedBefore = 0;

  constructor(deps: ProcessFeedsDeps) {
    this.#deps = deps;
    this.#clock = deps.clock ?? systemClock;
    this.#releases = new SlotReleases(deps.registry);
    deps.sources.learnFrom(() => [...this.#entries.values()].map(({ process }) => process.sourceKnown));
  }

  get size(): number {
    return this.#entries.size;
  }

  /** How many of them use a process of this worker. */
  get processCount(): number {
    const own = [...this.#entries.values()].filter(
      ({ needsProcess, process }) => needsProcess && process.place.current.kind === 'own',
    );
    return own.length;
  }

  /** Runs that replaced an ended one, since the start. */
  get restartCount(): number {
    return this.#restarts;
  }

  /** Of HLS: segments fetched from other workers since the start, and requests that wait for one now. */
  get hlsCounts(): { readonly fetched: number; readonly waiting: number } {
    const counts = { fetched: this.#fetchedBefore, waiting: 0 };
    for (const { process } of this.#entries.values()) {
      counts.fetched += process.segments.fetched;
      counts.waiting += process.segments.waiting;
    }
    return counts;
  }

  get heldBytes(): number {
    let bytes = 0;
    for (const { process } of this.#entries.values()) bytes += process.feed.ring.heldBytes + process.segments.heldBytes;
    return bytes;
  }

  status(): ProcessStatus[] {
    const nowMs = this.#clock.monotonicMs();
    return [...this.#entries.values()].map(({ streamId, slot, process, pace, facts, needsProcess }) => ({
      streamId,
      slot,
      needsProcess,
      pid: process.pid,
      readers: process.feed.readerCount,
      restarts: process.restarts,
      ringBytes: process.feed.ring.heldBytes + process.segments.heldBytes,
      hls: process.segments.status,
      variant: process.segments.variant,
      place: process.place.current,
      made: pace.measure(nowMs, process.feed.ring.head, process.feed.ring.headMs),
      ...facts.of(process, process.playing),
    }));
  }

  /** The last lines of the FFmpeg that makes the first feed of a stream here, masked; undefined: there is none. */
  linesOf(streamId: string): readonly string[] | undefined {
    return this.#entries.get(`${streamId}/0`)?.process.playing?.said?.shown;
  }

  /** The streams whose first feed somebody uses that is made here, or relayed. */
  streams(kind: KnownPlace['kind']): string[] {
    const used = [...this.#entries.values()].filter(({ slot, users, process }) => {
      return slot === 0 && users > 0 && process.place.current.kind === kind;
    });
    return used.map(({ streamId }) => streamId);
  }

  /** The keys of the sources that feeds made here read, by stream. */
  sourcesRead(): Record<string, string[]> {
    const read: Record<string, string[]> = {};
    for (const { streamId, process } of this.#entries.values()) {
      if (process.place.current.kind !== 'own') continue;
      read[streamId] = [...new Set([...(read[streamId] ?? []), ...process.sourcesRead])];
    }
    return read;
  }

  /** The segments of a stream's feed, if it has one here. */
  segmentsOf(streamId: string): FeedHls | undefined {
    return this.#of(streamId)[0]?.process.segments;
  }

  /** The slots of a stream that have a feed here. */
  slotsOf(streamId: string): number[] {
    return this.#of(streamId).map(({ slot }) => slot);
  }

  /**
   * Counts one more user, viewer or relay, into the feed of a slot. Starts the feed if there is none.
   *
   * @param options `converts`: MPEG-TS is made of a source that is not, if the feed is not there yet
   * @throws {StreampoolError} 503 when it would need one more process
   */
  async acquire(
    stream: StreamRecord,
    slot: number,
    place: KnownPlace,
    options: { readonly converts?: boolean } = {},
  ): Promise<FeedUse> {
    const key = `${stream.id}/${slot}`;
    let known = place;
    // Check and count in one turn of the event loop. A feed that begins to close in between would be cut under its new
    // user.
    for (let end = this.#endOf(stream.id, slot); end !== undefined; end = this.#endOf(stream.id, slot)) {
      await end;
      if (this.#entries.has(key)) continue;
      // What was known of its owner was given up with the feed.
      known = await knownPlace(this.#deps.registry, processFeedKey(stream.id, slot), undefined, this.#clock);
    }
    try {
      return this.#use(this.#entries.get(key) ?? this.#open(key, stream, slot, known, options));
    } catch (error) {
      // This worker would own a feed that it does not make.
      if (known.kind === 'own') await this.#releases.ofUnmade(stream.id, slot);
      throw error;
    }
  }

  /** Resolves when it is decided whether a slot ends here; undefined when it does not. */
  #endOf(streamId: string, slot: number): Promise<unknown> | undefined {
    return this.#entries.get(`${streamId}/${slot}`)?.closing ?? this.#releases.decision(streamId, slot);
  }

  /**
   * Gives up what a viewer has claimed that left before it asked for the feed. A feed that is here needs its owner, and gives the
   * slot up itself.
   */
  async giveUpUnlessHere(streamId: string, slot: number): Promise<void> {
    for (let end = this.#endOf(streamId, slot); end !== undefined; end = this.#endOf(streamId, slot)) await end;
    await this.#giveUp(streamId, slot);
  }

  #use(entry: Entry): FeedUse {
    this.#clock.clearTimeout(entry.grace);
    entry.grace = undefined;
    entry.users++;
    return { process: entry.process, start: startOf(entry.process), release: () => this.#release(entry) };
  }

  #open(
    key: string,
    stream: StreamRecord,
    slot: number,
    first: KnownPlace,
    options: { readonly converts?: boolean },
  ): Entry {
    const production = (this.#deps.productionOf ?? productionOf)(stream, this.#deps);
    const usesProcess = production.needsProcess && first.kind === 'own';
    if (usesProcess) this.#deps.assertProcessFree();
    const place = this.#deps.placeOf(processFeedKey(stream.id, slot), first, this.#deps.isFull);
    let news: FeedNews | undefined;
    const onRestart = ({ exit }: FailedRun) => {
      this.#restarts++;
      if (exit !== undefined) news?.restarted(exit.reason, exit.detail);
    };
    const source = this.#deps.sourceOf(stream);
    const agree = (name: string, offered: string) => this.#deps.registry.agree(stream.id, name, offered);
    let users = () => 0;
    const isWatched = () => users() > 0;
    const parts = { stream, slot, source, production, place, isWatched, agree, onRestart };
    const process = new ProcessFeed({ ...this.#deps, ...parts, ...options });
    const { registry, log } = this.#deps;
    const { feed, name } = process;
    news = new FeedNews({ feed, place, registry, streamId: stream.id, name, slot, log });
    const entry: Entry = {
      streamId: stream.id,
      slot,
      process,
      pace: new Pace(),
      facts: new FeedFacts(),
      needsProcess: production.needsProcess,
      users: 0,
      grace: undefined,
      closing: undefined,
    };
    users = () => entry.users;
    this.#entries.set(key, entry);
    process.feed.onEnd(() => {
      const forget = () => this.#forget(entry);
      // Nobody is left who would give up the slot. Who comes meanwhile waits until that is done.
      if (entry.grace !== undefined) void this.#close(entry).finally(forget);
      else forget();
    });
    return entry;
  }

  #release(entry: Entry): void {
    entry.users--;
    if (entry.users === 0) this.#startGrace(entry);
  }

  /** The place of a feed of this worker, by the feed's key in the registry. */
  placeOf(feed: string): FeedPlace | undefined {
    return [...this.#entries.values()].map(({ process }) => process.place).find((place) => place.feed === feed);
  }

  /**
   * The feed of a slot, for another worker. Starts it if this worker owns it and it has not begun. Undefined when this
   * worker is not the owner. Call `release` when the relay is over.
   *
   * @param via also accept a feed that is relayed here
   */
  async relay(streamId: string, slot: number, via: boolean): Promise<RelayedFeed | undefined> {
    const { registry } = this.#deps;
    const key = `${streamId}/${slot}`;
    const before = this.#entries.get(key);
    if (via) return before && this.#passOn(before);
    if (before?.process.place.isOriginal === false) return undefined;
    const stream = await registry.stream(streamId);
    const feed = processFeedKey(streamId, slot);
    // Only now: a feed that has ended meanwhile has given up its place.
    const known = this.#entries.get(key);
    if (stream === undefined) {
      // It was deleted meanwhile. A feed that is here ends by itself.
      if (known === undefined) await this.#releases.ofUnmade(streamId, slot);
      return undefined;
    }
    const place = known?.process.place.current ?? (await registry.acquire(feed));
    if (place.kind !== 'own') return undefined;
    this.follow(stream);
    return relayedFeed(await this.acquire(stream, slot, place));
  }

  /** For a worker that cannot reach the owner. */
  #passOn(entry: Entry): RelayedFeed | undefined {
    const { process, closing } = entry;
    const { placeAnswer } = process.place;
    if (placeAnswer === undefined || closing !== undefined) return undefined;
    const passedOn = { owner: placeAnswer.owner, isStopped: () => process.isStopped };
    return { ...relayedFeed(this.#use(entry)), passedOn };
  }

  /**
   * Gets ready to own the feed of a slot that is relayed here. Returns false when it is not relayed here, or this
   * worker cannot.
   */
  async prepare(streamId: string, slot: number): Promise<boolean> {
    const entry = this.#entries.get(`${streamId}/${slot}`);
    if (entry === undefined || (entry.needsProcess && this.#deps.isFull())) return false;
    return entry.process.prepare();
  }

  /** The feeds that this worker makes. */
  get owned(): ProcessFeed[] {
    return [...this.#entries.values()].map(({ process }) => process).filter(({ place }) => place.isOriginal);
  }

  /** Takes over what the cluster knows of a stream. Its feeds move if it was created anew with other sources. */
  follow(stream: StreamRecord): void {
    const source = this.#deps.sourceOf(stream);
    const before = source.group;
    source.follow(stream);
    if (source.group === before) return;
    for (const { process } of this.#of(stream.id)) void process.switchSource();
  }

  /** Moves the feeds of a group to its current source. */
  switchSource(group: FailoverGroup): void {
    for (const { process } of this.#entries.values()) if (process.group === group) void process.switchSource();
  }

  /** Ends every feed of a deleted stream, and with them its viewers' responses. */
  async drop(streamId: string): Promise<void> {
    await Promise.all(
      this.#of(streamId).map(async (entry) => {
        await this.#end(entry);
        // The deletion has released the slots with viewers, but not one in its grace time, and not one that this worker
        // has got since.
        if (entry.process.place.isOriginal) await this.#giveUp(streamId, entry.slot);
      }),
    );
  }

  /** Ends the feeds in their grace time that hold a connection to a provider account without a viewer. */
  async endIdle(account: string): Promise<void> {
    const idle = [...this.#entries.values()].filter(
      (entry) => entry.grace !== undefined && entry.process.account === account,
    );
    await Promise.all(idle.map((entry) => this.#close(entry)));
  }

  /** Ends all feeds. Followers of a feed of this worker may then make it themselves. */
  async close(): Promise<void> {
    await Promise.allSettled(this.owned.map(({ place }) => place.giveUp()));
    await Promise.all([...this.#entries.values()].map((entry) => this.#end(entry)));
  }

  #of(streamId: string): Entry[] {
    return [...this.#entries.values()].filter((entry) => entry.streamId === streamId);
  }

  #startGrace(entry: Entry, atLeastMs = 0): void {
    this.#clock.clearTimeout(entry.grace);
    if (entry.process.isStopped) return;
    const ms = Math.max(atLeastMs, this.#deps.sharedStreamGraceMs);
    entry.grace = this.#clock.setTimeout(() => void this.#close(entry), ms);
  }

  /** Ends it unless somebody has joined. A user that comes meanwhile waits for that decision. */
  #close(entry: Entry): Promise<void> {
    this.#clock.clearTimeout(entry.grace);
    entry.grace = undefined;
    entry.closing ??= this.#endIfUnused(entry)
      .catch((error: unknown) => {
        this.#deps.log.warn(
          { stream: entry.streamId, slot: entry.slot, err: error },
          'the slot could not be released; the worker tries again after the grace time',
        );
        // Without another try a feed that nobody uses would run for ever.
        if (entry.users === 0) this.#startGrace(entry);
      })
      .finally(() => {
        entry.closing = undefined;
      });
    return entry.closing;
  }

  async #endIfUnused(entry: Entry): Promise<void> {
    if (entry.users > 0) return;
    const current = this.#entries.get(keyOf(entry));
    // This one has failed, and the slot belongs to the feed that was opened after it.
    if (current !== undefined && current !== entry) return;
    const { isOriginal } = entry.process.place;
    const unused = !isOriginal || (await this.#releases.ofEmpty(entry.streamId, entry.slot));
    if (!unused) {
      // The registry has just counted in a viewer on another worker; its relay is on the way.
      if (entry.users === 0) this.#startGrace(entry, ASK_AGAIN_MS);
      return;
    }
    await this.#end(entry);
    // A question that was under way may have made this worker the owner meanwhile, or a viewer that has left before it came here.
    if (!isOriginal) await this.#giveUp(entry.streamId, entry.slot);
  }

  /** Gives a slot up that has no feed here. One that has begun since gives it up itself. */
  async #giveUp(streamId: string, slot: number): Promise<void> {
    if (!this.#entries.has(`${streamId}/${slot}`)) await this.#releases.ofEmpty(streamId, slot);
  }

  async #end(entry: Entry): Promise<void> {
    this.#clock.clearTimeout(entry.grace);
    entry.grace = undefined;
    this.#forget(entry);
    await entry.process.stop();
  }

  #forget(entry: Entry): void {
    const key = keyOf(entry);
    if (this.#entries.get(key) !== entry) return;
    this.#entries.delete(key);
    this.#fetchedBefore += entry.process.segments.fetched;
  }
}

function keyOf({ streamId, slot }: Pick<Entry, 'streamId' | 'slot'>): string {
  return `${streamId}/${slot}`;
}

function relayedFeed({ process, release }: FeedUse): RelayedFeed {
  const { feed, place, history, segments } = process;
  const marks = () => process.relayedMarks;
  return { feed, place, history, segments, sourceClock: () => process.sourceClock, marks, release };
}

/** For somebody who begins now. */
function startOf({ feed, place }: ProcessFeed): FeedStart {
  if (feed.ring.head > 0) return 'warm';
  return place.current.kind === 'own' ? 'cold' : 'relay';
}
