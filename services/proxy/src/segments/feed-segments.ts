/**
 * The segments of one feed in one container on this worker: cut from its ring while somebody wants them, and kept as long as playlists
 * name them. All viewers of a feed get the same texts and the same bytes, on every worker: its owner says which segments there are.
 */

import type { WorkerIdentity } from '../../../registry/types.ts';
import type { Clock, Timer } from '../../../shared/clock.ts';
import type { Logger } from '../../../shared/log.ts';
import type { Feed } from '../feed/feed.ts';
import type { Container } from '../feed/hls/segment-events.ts';
import type { ListOptions, SegmentList, SegmentNews } from '../feed/hls/segment-list.ts';
import type { FeedMarks } from '../feed/marks/feed-marks.ts';
import type { Mark } from '../feed/marks/mark.ts';
import type { SegmentProgram } from '../mpegts/segmenting/segment-writer.ts';
import type { FeedPlace } from '../ownership/feed-place.ts';
import { CmafFit } from './cmaf-fit.ts';
import { FeedCutter } from './media/feed-cutter.ts';
import { HeldSegments } from './media/held-segments.ts';
import { followerPeer } from './media/segments-run.ts';
import type { PlaylistWish } from './reload.ts';
import { SegmentChanges } from './segment-changes.ts';
import type { AnsweringSegments } from './segments-answer.ts';
import { type PlaylistText, type ViewedSegments, ViewerAnswers } from './viewer-answers.ts';
import { WantedSegments } from './wanted-segments.ts';

export interface SegmentSettings {
  /** HLS_SEGMENT_TIME */
  readonly segmentMs: number;
  /** HLS_LIST_SIZE */
  readonly listSize: number;
  /** HLS_START_SEGMENTS */
  readonly startSegments: number;
  /** HLS_WAIT_TIME */
  readonly waitMs: number;
  /** HLS_PART_TIME; 0: none. */
  readonly partMs: number;
  /** MAX_CLIENTS; 0: no limit. */
  readonly maxClients: number;
}

export interface FeedSegmentsDeps {
  readonly feed: Feed;
  readonly place: FeedPlace;
  readonly marks: () => FeedMarks | undefined;
  readonly container: Container;
  /** Called when the feed that is made here has no keyframe at a mark. */
  readonly onFault: (mark: Mark) => void;
  readonly list: ListOptions;
  /** What the ring and these segments may take together. */
  readonly maxBytes: () => number;
  readonly log: Logger;
  readonly settings: Pick<SegmentSettings, 'startSegments' | 'waitMs' | 'partMs' | 'maxClients'>;
}

/** Segments are cut for so long after somebody wanted them: who comes back finds the same numbers. */
const LINGER_MS = 60_000;
/** The followers of a feed whose owner died know the next one within this time, and tell it what they have. */
const FOLLOWERS_MS = 2_000;

export class FeedSegments implements AnsweringSegments, ViewedSegments {
  readonly #deps: FeedSegmentsDeps;
  readonly #clock: Clock;
  readonly #held: HeldSegments;
  /** Whether the container can carry the feed; undefined: it always can. */
  readonly #fit: CmafFit | undefined;
  #users = 0;
  #linger: Timer | undefined;
  #cutter: FeedCutter | undefined;
  #wanted: WantedSegments | undefined;
  readonly #answers: ViewerAnswers;
  /** Monotonic: since when this worker makes the feed that another one made before. */
  #tookOverMs = Number.NEGATIVE_INFINITY;
  /** At each segment, and at the end of the feed. */
  readonly #changes: SegmentChanges;

  constructor(deps: FeedSegmentsDeps) {
    this.#deps = deps;
    this.#clock = deps.feed.clock;
    this.#changes = new SegmentChanges(this.#clock, () => this.isOver);
    this.#held = new HeldSegments({ ...deps, cutter: () => this.#cutter, onChange: () => this.#changed() });
    const { media, parts, inits } = this.#held;
    this.#fit = deps.container === 'fmp4' ? new CmafFit(deps.log) : undefined;
    this.#answers = new ViewerAnswers({
      ...{ feed: deps.feed, container: deps.container, maxBytes: deps.maxBytes, settings: deps.settings },
      ...{ media, parts, inits, fit: this.#fit, changes: this.#changes },
      ...{
        list: () => this.#list,
        isOwn: () => this.#isOwn,
        isOwnForSure: () => deps.place.mayPass(),
        mayCome: (n) => this.#mayCome(n),
      },
    });
    const unsubscribe = deps.place.onOwner(() => this.#ownerChanged());
    deps.feed.onEnd(() => {
      unsubscribe();
      this.#wanted?.close();
      this.#clock.clearTimeout(this.#linger);
      this.#changed();
    });
  }

  /** The feed is over: a viewer has to join another one. */
  get isOver(): boolean {
    return this.#deps.feed.end !== undefined;
  }

  get #isOwn(): boolean {
    return this.#deps.place.current.kind === 'own';
  }

  get #list(): SegmentList {
    return this.#held.list;
  }

  /** What the media of the segments takes, in bytes. */
  get heldBytes(): number {
    return this.#held.media.heldBytes;
  }

  /** How many segments have come from another worker. */
  get fetched(): number {
    return this.#held.media.fetched;
  }

  /** How many requests wait for what comes next. */
  get waiting(): number {
    return this.#changes.waiting;
  }

  get container(): Container {
    return this.#deps.container;
  }

  /** What three target durations of them take. */
  get leastBytes(): number {
    return this.#list.leastBytes;
  }

  /** They are cut here now. */
  get isMade(): boolean {
    return this.#cutter !== undefined;
  }

  /** For `/stats`; undefined while nobody wants them. */
  get status(): { readonly head: number | undefined; readonly segments: number } | undefined {
    if (this.#cutter === undefined) return undefined;
    return { head: this.#list.newest?.n, segments: this.#list.window.length };
  }

  /** EXT-X-TARGETDURATION, in ms. */
  get targetDurationMs(): number {
    return this.#list.targetDuration * 1000;
  }

  /** Highest bit rate among the segments of the window; undefined while there are none. */
  get peakBitsPerSecond(): number | undefined {
    return this.#list.peakBitsPerSecond;
  }

  /** Cuts them again after `drop`, if somebody wants them. */
  resume(): void {
    if (this.#users > 0) this.#begin();
  }

  /** Nobody gets them for now: other segments of the feed need the memory. */
  drop(): void {
    if (this.#cutter === undefined) return;
    this.#wanted?.close();
    this.#wanted = undefined;
    this.#clock.clearTimeout(this.#linger);
    this.#stop();
  }

  want(): () => void {
    this.#users++;
    this.#clock.clearTimeout(this.#linger);
    this.#begin();
    let isGivenBack = false;
    return () => {
      if (isGivenBack) return;
      isGivenBack = true;
      this.#users--;
      if (this.#users > 0) return;
      // Whoever makes the feed would keep it for this worker.
      this.#wanted?.close();
      this.#wanted = undefined;
      this.#stopLater();
    };
  }

  #stopLater(): void {
    this.#clock.clearTimeout(this.#linger);
    if (!this.isOver) this.#linger = this.#clock.setTimeout(() => this.#stop(), LINGER_MS).unref();
  }

  get news(): SegmentNews | undefined {
    return this.#list.newest && this.#list.news;
  }

  onSegment(listener: () => void): () => void {
    return this.#changes.on(listener);
  }

  mediaOf(n: number): Buffer | undefined {
    return this.#held.media.of({ n });
  }

  partOf(n: number, p: number): Buffer | undefined {
    return this.#answers.partHere(n, p);
  }

  initOf(key: string): Buffer | undefined {
    return this.#held.inits.of(key);
  }

  offer(known: SegmentNews, by?: WorkerIdentity): void {
    this.#learn(known);
    if (this.#isOwn && by !== undefined) void this.#held.fetchFrom(followerPeer(this.#deps.place, by), known);
  }

  #learn(known: SegmentNews): void {
    const theirs = known.segments.at(-1);
    const { newest } = this.#list;
    if (!this.#isOwn || theirs === undefined) return;
    if (newest !== undefined && theirs.n <= newest.n) {
      if (theirs.n === newest.n && this.#list.takeParts(known.open)) this.#changed();
      return;
    }
    this.#held.take(known);
    if (this.#cutter !== undefined) this.#cutAnew();
  }

  hear(news: SegmentNews): void {
    if (!this.#isOwn) this.#held.take(news);
  }

  /**
   * This worker is about to make the feed: players of the worker that makes it now know its segments, and that one may end.
   * Resolves when their media is here, as far as that worker gives it.
   */
  async prepare(): Promise<void> {
    if (this.#isOwn || this.#list.newest === undefined) return;
    this.#goOn();
    await this.#held.fetchMissing();
  }

  /** As `ViewerAnswers` says. */
  playlist(signal: AbortSignal, wish?: PlaylistWish): Promise<PlaylistText> {
    return this.#answers.playlist(signal, wish);
  }

  /** As `ViewerAnswers` says. */
  segment(n: number, signal: AbortSignal): Promise<Buffer> {
    return this.#answers.segment(n, signal);
  }

  /** As `ViewerAnswers` says. */
  part(n: number, p: number, signal: AbortSignal): Promise<Buffer> {
    return this.#answers.part(n, p, signal);
  }

  playlistHere(wish: PlaylistWish): PlaylistText | undefined {
    return this.#answers.playlistHere(wish);
  }

  mediaHere(n: number, p: number | undefined): Buffer | undefined {
    return this.#answers.mediaHere(n, p);
  }

  /** As `ViewerAnswers` says. */
  init(key: string): Promise<Buffer> {
    return this.#answers.init(key);
  }

  #begin(): void {
    if (this.isOver) return;
    if (this.#users > 0) {
      const { place, container } = this.#deps;
      this.#wanted ??= new WantedSegments({ place, container, known: () => this.news });
    }
    if (this.#cutter === undefined) this.#cutAnew();
  }

  /** Cuts what the ring has and is not here, and goes on from there. */
  #cutAnew(): void {
    const { feed, marks, container, settings, log } = this.#deps;
    this.#cutter?.close();
    this.#cutter = undefined;
    this.#held.forgetUnsaid();
    const [missing] = this.#held.missing;
    const { newest } = this.#list;
    const { entries, headMs } = feed.ring;
    const known = { own: this.#isOwn, newest: newest?.n, missing: missing?.n };
    log.debug({ container, ...known, oldestMs: entries[0]?.mediaMs, headMs }, 'segments are cut anew');
    this.#cutter = new FeedCutter({
      ...{ feed, marks, container, after: this.#isOwn ? newest : undefined },
      // The first one that is cut may lack sound from before it.
      from: this.#isOwn && newest !== undefined ? (missing?.n ?? newest.n + 1) - 1 : undefined,
      partSeconds: settings.partMs / 1000,
      decided: () => (this.#list.isBegun ? this.#list : undefined),
      onCut: ({ program }) => this.#begins(program),
      onPart: (part, offset) => this.#held.partCut(part, offset),
      onDone: (done, facts) => this.#held.cut(done, facts),
      onFault: (mark) => {
        if (this.#isOwn) this.#deps.onFault(mark);
      },
      endBefore: (n) => this.#list.of(n - 1),
    });
    this.#held.reach();
    this.#changed();
  }

  #stop(): void {
    this.#cutter?.close();
    this.#cutter = undefined;
    this.#held.clear();
    this.#changed();
  }

  /** A segment begins in the feed here. */
  #begins(program: SegmentProgram): void {
    this.#fit?.see(program.map);
    if (this.#fit?.refusal !== undefined) this.#changed();
  }

  #mayCome(n: number): boolean {
    if (n >= this.#list.from || this.#held.media.isFetching(n)) return true;
    return this.#isOwn && this.#clock.monotonicMs() < this.#tookOverMs + FOLLOWERS_MS;
  }

  /** Another worker makes the feed from here on, or this one. */
  #ownerChanged(): void {
    const { newest } = this.#list;
    if (!this.#isOwn || this.isOver) return;
    this.#tookOverMs = this.#clock.monotonicMs();
    if (this.#cutter === undefined) {
      if (newest !== undefined) this.#goOn();
      return;
    }
    const isOther = newest !== undefined && newest.n - newest.mark !== this.#cutter.offset;
    if (newest !== undefined && (isOther || this.#held.missing.length > 0)) this.#cutAnew();
    else this.#held.sayUnsaid();
  }

  /** Nobody may be here for it, and players of the worker before may come. */
  #goOn(): void {
    this.#begin();
    if (this.#users === 0) this.#stopLater();
  }

  #changed(): void {
    this.#answers.changed();
    this.#held.forgetOld();
    this.#changes.tell();
  }
}
