/**
 * The segments of one feed in one container on this worker: cut from its ring while somebody wants them, and kept as long as playlists
 * name them. All viewers of a feed get the same texts and the same bytes, on every worker: its owner says which segments there are.
 */

import type { WorkerIdentity } from '../../../registry/types.ts';
import type { Clock, Timer } from '../../../shared/clock.ts';
import type { Logger } from '../../../shared/log.ts';
import type { Feed } from '../feed/feed.ts';
import type { Container, Done, Part } from '../feed/hls/segment-events.ts';
import {
  type ListedSegment,
  type ListOptions,
  listedSegment,
  mediaFacts,
  SegmentList,
  type SegmentNews,
} from '../feed/hls/segment-list.ts';
import type { FeedMarks } from '../feed/marks/feed-marks.ts';
import type { Mark } from '../feed/marks/mark.ts';
import type { SegmentProgram } from '../mpegts/segmenting/segment-writer.ts';
import type { FeedPlace } from '../ownership/feed-place.ts';
import { CmafFit } from './cmaf-fit.ts';
import { type CutFacts, FeedCutter } from './feed-cutter.ts';
import { InitSegments } from './init-segments.ts';
import { PartMedia } from './part-media.ts';
import type { PlaylistWish } from './reload.ts';
import { SegmentChanges } from './segment-changes.ts';
import { SegmentMedia } from './segment-media.ts';
import type { AnsweringSegments } from './segments-answer.ts';
import { fetchInit, fetchPart, fetchSegment, type SegmentsPeer } from './segments-run.ts';
import { type PlaylistText, type ViewedSegments, ViewerAnswers } from './viewer-answers.ts';
import { followerPeer, peerOf, WantedSegments } from './wanted-segments.ts';

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
  readonly #media: SegmentMedia;
  readonly #parts: PartMedia;
  readonly #inits: InitSegments;
  /** Whether the container can carry the feed; undefined: it always can. */
  readonly #fit: CmafFit | undefined;
  #users = 0;
  #linger: Timer | undefined;
  #cutter: FeedCutter | undefined;
  #wanted: WantedSegments | undefined;
  #list: SegmentList;
  /** Cut here while another worker makes the feed, the oldest first: this one may have to go on from them. */
  #unsaid: { readonly done: Done; readonly facts: CutFacts }[] = [];
  /** The same of the segment that has not ended. */
  #unsaidParts: { readonly part: Omit<Part, 'bytes'>; readonly offset: number }[] = [];
  readonly #answers: ViewerAnswers;
  /** Monotonic: since when this worker makes the feed that another one made before. */
  #tookOverMs = Number.NEGATIVE_INFINITY;
  /** That has been logged. */
  #isShort = false;
  /** At each segment, and at the end of the feed. */
  readonly #changes: SegmentChanges;

  constructor(deps: FeedSegmentsDeps) {
    this.#deps = deps;
    this.#clock = deps.feed.clock;
    this.#list = new SegmentList(deps.list);
    this.#changes = new SegmentChanges(this.#clock, () => this.isOver);
    this.#media = new SegmentMedia(async (n) => {
      const peer = peerOf(deps.place);
      return peer && fetchSegment(peer, deps.container, n);
    });
    this.#parts = new PartMedia(async (n, p) => {
      const peer = peerOf(deps.place);
      return peer && fetchPart(peer, n, p);
    });
    this.#inits = new InitSegments(async (key) => {
      const peer = peerOf(deps.place);
      return peer && fetchInit(peer, key);
    });
    this.#fit = deps.container === 'fmp4' ? new CmafFit(deps.log) : undefined;
    this.#answers = new ViewerAnswers({
      ...{ feed: deps.feed, container: deps.container, maxBytes: deps.maxBytes, settings: deps.settings },
      ...{ media: this.#media, parts: this.#parts, inits: this.#inits, fit: this.#fit, changes: this.#changes },
      ...{ list: () => this.#list, isOwn: () => this.#isOwn, mayCome: (n) => this.#mayCome(n) },
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

  /** What the media of the segments takes, in bytes. */
  get heldBytes(): number {
    return this.#media.heldBytes;
  }

  /** How many segments have come from another worker. */
  get fetched(): number {
    return this.#media.fetched;
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
    return this.#media.of({ n });
  }

  partOf(n: number, p: number): Buffer | undefined {
    return this.#answers.partHere(n, p);
  }

  initOf(key: string): Buffer | undefined {
    return this.#inits.of(key);
  }

  offer(known: SegmentNews, by?: WorkerIdentity): void {
    this.#learn(known);
    if (this.#isOwn && by !== undefined) void this.#fetchFrom(followerPeer(this.#deps.place, by), known);
  }

  /** Players know what the worker before has listed, and another follower may have media of it that this worker came too late for. */
  async #fetchFrom(peer: SegmentsPeer, { segments }: SegmentNews): Promise<void> {
    const known = new Map(segments.map(({ n, crc }) => [n, crc]));
    const missing = this.#missing.filter(({ n, crc }) => known.get(n) === crc);
    if (missing.length === 0) return;
    const fetch = (n: number) => fetchSegment(peer, this.#deps.container, n);
    await Promise.all(missing.map((segment) => this.#media.fetch(segment, fetch)));
    this.#reach();
    this.#changed();
  }

  #learn(known: SegmentNews): void {
    const theirs = known.segments.at(-1);
    const { newest } = this.#list;
    if (!this.#isOwn || theirs === undefined) return;
    if (newest !== undefined && theirs.n <= newest.n) {
      if (theirs.n === newest.n && this.#list.takeParts(known.open)) this.#changed();
      return;
    }
    this.#take(known);
    if (this.#cutter !== undefined) this.#cutAnew();
  }

  hear(news: SegmentNews): void {
    if (!this.#isOwn) this.#take(news);
  }

  /**
   * This worker is about to make the feed: players of the worker that makes it now know its segments, and that one may end.
   * Resolves when their media is here, as far as that worker gives it.
   */
  async prepare(): Promise<void> {
    if (this.#isOwn || this.#list.newest === undefined) return;
    this.#goOn();
    const { kept, from } = this.#list;
    const inits = new Set(kept.flatMap(({ init = [] }) => init));
    await Promise.all([
      ...this.#missing.filter(({ n }) => n >= from).map((segment) => this.#fetchAhead(segment)),
      ...[...inits].map((key) => this.#inits.of(key) ?? this.#inits.fetch(key)),
    ]);
  }

  /** Listed, and without their media here. */
  get #missing(): ListedSegment[] {
    return this.#list.kept.filter(({ n, gap }) => !gap && this.#media.of({ n }) === undefined);
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
    const { feed, marks, container, settings } = this.#deps;
    this.#cutter?.close();
    this.#cutter = undefined;
    this.#unsaidParts = [];
    const [missing] = this.#missing;
    const { newest } = this.#list;
    this.#cutter = new FeedCutter({
      ...{ feed, marks, container, after: this.#isOwn ? newest : undefined },
      // The first one that is cut may lack sound from before it.
      from: this.#isOwn && newest !== undefined ? (missing?.n ?? newest.n + 1) - 1 : undefined,
      partSeconds: settings.partMs / 1000,
      decided: () => (this.#list.isBegun ? this.#list : undefined),
      onCut: ({ program }) => this.#begins(program),
      onPart: (part, offset) => this.#partCut(part, offset),
      onDone: (done, facts) => this.#cut(done, facts),
      onFault: (mark) => {
        if (this.#isOwn) this.#deps.onFault(mark);
      },
      endBefore: (n) => this.#list.of(n - 1),
    });
    this.#reach();
    this.#changed();
  }

  #stop(): void {
    this.#cutter?.close();
    this.#cutter = undefined;
    // Who follows goes on hearing which there are.
    if (this.#isOwn) this.#list = new SegmentList(this.#deps.list);
    this.#media.clear();
    this.#parts.clear();
    this.#inits.clear();
    this.#unsaid = [];
    this.#unsaidParts = [];
    this.#changed();
  }

  /** A segment begins in the feed here. */
  #begins(program: SegmentProgram): void {
    this.#fit?.see(program.map);
    if (this.#fit?.refusal !== undefined) this.#changed();
  }

  /** A part of a segment has ended in the feed here. */
  #partCut({ bytes, ...part }: Part, offset: number): void {
    const isFirst = part.p === 0;
    if (isFirst) this.#inits.add(part.init);
    this.#parts.cut({ ...part, bytes });
    if (this.#isOwn) this.#list.addPart(part, offset);
    else this.#unsaidParts = [...(isFirst ? [] : this.#unsaidParts), { part, offset }];
    this.#changed();
  }

  /** A segment has ended in the feed here. */
  #cut(done: Done, facts: CutFacts): void {
    const { container } = this.#deps;
    const { n } = done;
    const media = done[container];
    if (done.fmp4 !== undefined) this.#inits.add(done.fmp4.init);
    const listed = this.#list.of(n);
    if (!this.#isOwn) this.#unsaid.push({ done, facts });
    else if (listed === undefined) {
      const segment = listedSegment(done, container, this.#list.newest, facts.offset);
      const begin = { list: done.mark.list, longestStepSeconds: longestStepSeconds(this.#deps.feed) };
      this.#list.add(segment, { ...begin, partTarget: facts.partTarget });
      this.#shorten();
    }
    const said = this.#list.of(n);
    if (media !== undefined && this.#media.cut(n, media, said) === 'other' && said !== undefined) this.#isOther(said);
    if (this.#isOwn && listed !== undefined && !facts.isFirst && this.#media.of({ n }) === undefined) {
      this.#putInPlace(done);
    }
    this.#reach();
    this.#changed();
  }

  /** The worker before has listed it, and died with its media. */
  #putInPlace(done: Done): void {
    const { n } = done;
    const media = done[this.#deps.container];
    this.#list.replace(n, mediaFacts(done, this.#deps.container));
    if (media !== undefined) this.#media.cut(n, media, this.#list.of(n));
  }

  /** Playlists begin with the oldest segment whose media is here, and that of all after it. The newest may still be on the way. */
  #reach(): void {
    if (!this.#isOwn || this.#cutter === undefined) return;
    const { kept } = this.#list;
    const { newestDone: done = Number.NEGATIVE_INFINITY } = this.#cutter;
    const isThere = ({ n, gap }: ListedSegment) => gap || n > done || this.#media.of({ n }) !== undefined;
    const missing = kept.findLast((segment) => !isThere(segment));
    this.#list.startFrom(missing === undefined ? 0 : missing.n + 1);
  }

  #mayCome(n: number): boolean {
    if (n >= this.#list.from || this.#media.isFetching(n)) return true;
    return this.#isOwn && this.#clock.monotonicMs() < this.#tookOverMs + FOLLOWERS_MS;
  }

  /** The ring keeps what it needs, and the playlists get shorter. */
  #shorten(): void {
    const { feed, maxBytes, log } = this.#deps;
    const isShorter = this.#list.fit(maxBytes() - feed.ring.minimumBytes);
    if (!isShorter || this.#isShort) return;
    this.#isShort = true;
    const { length } = this.#list.window;
    log.warn(
      { segments: length },
      'the playlists of HLS are shorter than wanted: RING_MAX_BYTES is too small for them',
    );
  }

  /** The owner has said this. */
  #take(news: SegmentNews): void {
    this.#list.take(news);
    for (const segment of news.segments) {
      if (this.#media.said(segment) === 'other') this.#isOther(segment);
    }
    const newest = this.#list.newest?.n ?? 0;
    this.#unsaid = this.#unsaid.filter(({ done }) => done.n > newest);
    this.#changed();
    if (this.#cutter === undefined) return;
    // What was cut here is here by now. When the owner dies, nobody else may have it.
    const before = this.#list.of(newest - 1);
    if (before !== undefined && !before.gap && this.#media.of(before) === undefined) void this.#fetchAhead(before);
  }

  /** The owner has it otherwise than this worker has cut it. */
  #isOther(segment: ListedSegment): void {
    const { n, bytes } = segment;
    this.#deps.log.debug({ n, bytes }, 'this worker has cut a segment otherwise than its owner');
    if (this.#cutter !== undefined) void this.#fetchAhead(segment);
  }

  /** Before a player asks for it. */
  async #fetchAhead(segment: ListedSegment): Promise<void> {
    if (this.#isOwn || (await this.#media.fetch(segment)) === undefined) return;
    this.#reach();
    this.#changed();
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
    const unsaid = this.#unsaid.splice(0);
    const unsaidParts = this.#unsaidParts.splice(0);
    if (newest !== undefined && (this.#missing.length > 0 || newest.n - newest.mark !== this.#cutter.offset))
      this.#cutAnew();
    else {
      for (const { done, facts } of unsaid) this.#cut(done, facts);
      for (const { part, offset } of unsaidParts) this.#list.addPart(part, offset);
      this.#changed();
    }
  }

  /** Nobody may be here for it, and players of the worker before may come. */
  #goOn(): void {
    this.#begin();
    if (this.#users === 0) this.#stopLater();
  }

  #changed(): void {
    this.#answers.changed();
    const [oldest] = this.#list.kept;
    const { newest } = this.#list;
    if (newest !== undefined && this.#media.of(newest) !== undefined) this.#parts.forget(newest.n);
    if (oldest !== undefined) this.#media.forgetBefore(oldest.n);
    this.#changes.tell();
  }
}

/** Between two places of the ring where a viewer can begin. */
function longestStepSeconds({ ring }: Feed): number {
  const times = ring.entries.map(({ shownMs }) => shownMs);
  const steps = times.slice(1).map((ms, at) => ms - (times[at] as number));
  return Math.max(0, ...steps) / 1000;
}
