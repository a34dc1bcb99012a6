/**
 * The segments of one feed on this worker: cut from its ring while somebody wants them, and kept as long as playlists name them. All
 * viewers of a feed get the same texts and the same bytes, on every worker: its owner says which segments there are.
 */

import type { Clock, Timer } from '../../../shared/clock.ts';
import type { Logger } from '../../../shared/log.ts';
import { StreampoolError } from '../errors.ts';
import type { Feed } from '../feed/feed.ts';
import { mediaPlaylist } from '../feed/hls/playlist.ts';
import type { Done } from '../feed/hls/segment-events.ts';
import {
  type ListedSegment,
  type ListOptions,
  listedSegment,
  SegmentList,
  type SegmentNews,
} from '../feed/hls/segment-list.ts';
import type { Variant } from '../feed/hls/variant.ts';
import type { FeedMarks } from '../feed/marks/feed-marks.ts';
import type { FeedPlace } from '../ownership/feed-place.ts';
import type { RelayedSegments, SegmentsAsked } from '../relay/relayed-feed.ts';
import { FeedCutter } from './feed-cutter.ts';
import { FeedVariant } from './feed-variant.ts';
import { HeardSegments, peerOf } from './heard-segments.ts';
import { SegmentMedia } from './segment-media.ts';
import { type AnsweringSegments, answerSegment, answerSegments } from './segments-answer.ts';
import { fetchSegment } from './segments-run.ts';

export interface SegmentSettings {
  /** HLS_SEGMENT_TIME */
  readonly segmentMs: number;
  /** HLS_LIST_SIZE */
  readonly listSize: number;
  /** HLS_START_SEGMENTS */
  readonly startSegments: number;
  /** HLS_WAIT_TIME */
  readonly waitMs: number;
}

export interface FeedSegmentsDeps {
  readonly feed: Feed;
  readonly place: FeedPlace;
  readonly marks: () => FeedMarks | undefined;
  /** Called when the feed that is made here has no keyframe at a mark. */
  readonly onFault: () => void;
  readonly list: ListOptions;
  /** RING_MAX_BYTES: what the ring and the segments may take together. */
  readonly maxBytes: () => number;
  readonly log: Logger;
  readonly settings: Pick<SegmentSettings, 'startSegments' | 'waitMs'>;
}

/** The text of a playlist: one object for all who get the same. */
export interface PlaylistText {
  readonly text: string;
}

/** Segments are cut for so long after somebody wanted them: who comes back finds the same numbers. */
const LINGER_MS = 60_000;
/** Further beyond the newest segment nobody waits for one. */
const MAX_AHEAD = 2;
/** What comes next is waited for this long, in target durations. */
const WAIT_TARGETS = 2;
/** Three target durations of segments may take more than RING_MAX_BYTES, up to so many times. */
const MOST_RINGS = 2;
/** The media of a feed comes about as early as the word of its owner: before that has passed, nothing is fetched. */
const FOLLOW_MS = 500;

export class FeedSegments implements RelayedSegments, AnsweringSegments {
  readonly #deps: FeedSegmentsDeps;
  readonly #clock: Clock;
  readonly #media: SegmentMedia;
  readonly #variant: FeedVariant;
  #users = 0;
  #linger: Timer | undefined;
  #cutter: FeedCutter | undefined;
  #heard: HeardSegments | undefined;
  #unsubscribe: (() => void) | undefined;
  #list: SegmentList;
  /** Cut here while another worker makes the feed, the oldest first: this one may have to go on from them. */
  #unsaid: Done[] = [];
  #playlist: PlaylistText | undefined;
  #waiting = 0;
  /** That has been logged. */
  #isShort = false;
  /** Called at each segment, and at the end of the feed. */
  readonly #listeners = new Set<() => void>();

  constructor(deps: FeedSegmentsDeps) {
    this.#deps = deps;
    this.#clock = deps.feed.clock;
    this.#list = new SegmentList(deps.list);
    this.#variant = new FeedVariant(deps.feed, deps.list.segmentSeconds * 1000);
    this.#media = new SegmentMedia(async (n) => {
      const peer = peerOf(deps.place);
      return peer && fetchSegment(peer, n);
    });
    deps.feed.onEnd(() => {
      this.#heard?.close();
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
    return this.#waiting;
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

  /** What an entry says of the feed; undefined while it has too little media. */
  get variant(): Variant | undefined {
    return this.#variant.of(this.#list.peakBitsPerSecond);
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
      this.#heard?.close();
      this.#heard = undefined;
      if (!this.isOver) this.#linger = this.#clock.setTimeout(() => this.#stop(), LINGER_MS).unref();
    };
  }

  get news(): SegmentNews | undefined {
    return this.#list.newest && this.#list.news;
  }

  onSegment(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  mediaOf(n: number): Buffer | undefined {
    return this.#media.of({ n });
  }

  async answer(asked: SegmentsAsked): Promise<number> {
    if (asked.n !== undefined) return answerSegment(this, asked.n, asked.response);
    await answerSegments(this, asked);
    return 0;
  }

  offer(known: SegmentNews): void {
    const theirs = known.segments.at(-1);
    const { newest } = this.#list;
    if (!this.#isOwn || theirs === undefined || (newest !== undefined && theirs.n <= newest.n)) return;
    this.#hear(known);
    if (this.#cutter === undefined) return;
    this.#cutter.close();
    this.#cutter = this.#newCutter();
  }

  /**
   * The media playlist of now. The first one waits until a player can begin with it.
   *
   * @throws {Error} what the feed failed with; {StreampoolError} 503 when there is no segment in time
   */
  async playlist(signal: AbortSignal): Promise<PlaylistText> {
    const { startSegments, waitMs } = this.#deps.settings;
    const count = () => this.#list.window.filter(({ gap }) => !gap).length;
    await this.#until(() => count() >= startSegments, waitMs, signal);
    if (count() === 0) {
      const { end } = this.#deps.feed;
      if (end?.kind === 'failed') throw end.error;
      const seconds = Math.round(waitMs / 1000);
      throw new StreampoolError(503, `The stream has no segment after ${seconds} s (HLS_WAIT_TIME). Try again.`, {
        retryAfterSeconds: 1,
      });
    }
    if (this.#list.bytes > MOST_RINGS * this.#deps.maxBytes()) {
      throw new StreampoolError(
        503,
        'Three segments of this stream do not fit into the memory of a feed (RING_MAX_BYTES).',
        {
          retryAfterSeconds: 10,
        },
      );
    }
    this.#playlist ??= { text: textOf(this.#list) };
    return this.#playlist;
  }

  /**
   * The media of a segment. Waits for the next ones.
   * @throws {StreampoolError} 404 when it has left the window, or does not come
   */
  async segment(n: number, signal: AbortSignal): Promise<Buffer> {
    const { newest } = this.#list;
    if (newest !== undefined && n > newest.n && n <= newest.n + MAX_AHEAD) {
      await this.#until(() => (this.#list.newest?.n ?? 0) >= n, WAIT_TARGETS * this.targetDurationMs, signal);
    }
    const segment = this.#list.of(n);
    const media = segment && !segment.gap ? await this.#mediaOf(segment, signal) : undefined;
    if (media === undefined) throw new StreampoolError(404, 'This segment is not in the playlist.');
    return media;
  }

  async #mediaOf(segment: ListedSegment, signal: AbortSignal): Promise<Buffer | undefined> {
    const here = () => this.#media.of(segment);
    if (here() === undefined && !this.#isOwn) {
      const isNewest = segment.n === this.#list.newest?.n;
      if (isNewest) await this.#until(() => here() !== undefined, FOLLOW_MS, signal);
    }
    return here() ?? (this.#isOwn ? undefined : this.#media.fetch(segment));
  }

  #begin(): void {
    if (this.isOver) return;
    const { place } = this.#deps;
    this.#heard ??= new HeardSegments({ place, known: () => this.news, onNews: (news) => this.#hear(news) });
    if (this.#cutter !== undefined) return;
    this.#cutter = this.#newCutter();
    this.#unsubscribe = place.onOwner(() => this.#ownerChanged());
  }

  #newCutter(): FeedCutter {
    const { feed, marks } = this.#deps;
    return new FeedCutter({
      ...{ feed, marks, after: this.#isOwn ? this.#list.newest : undefined },
      sink: {
        cut: () => undefined,
        done: (done) => this.#cut(done),
        fault: () => {
          if (this.#isOwn) this.#deps.onFault();
        },
      },
      countersBefore: (n) => this.#list.of(n - 1)?.counters,
    });
  }

  #stop(): void {
    this.#cutter?.close();
    this.#cutter = undefined;
    this.#unsubscribe?.();
    this.#list = new SegmentList(this.#deps.list);
    this.#media.clear();
    this.#unsaid = [];
    this.#changed();
  }

  /** A segment has ended in the feed here. */
  #cut(done: Done): void {
    const { n, ts } = done;
    if (this.#isOwn) {
      const { offset = 0 } = this.#cutter ?? {};
      const segment = listedSegment(done, this.#list.newest, offset);
      this.#list.add(segment, { list: done.mark.list, longestStepSeconds: longestStepSeconds(this.#deps.feed) });
      this.#fit();
    } else this.#unsaid.push(done);
    if (ts !== undefined && this.#media.cut(n, ts.bytes, this.#list.of(n)) === 'other') {
      this.#deps.log.debug({ n, bytes: ts.bytes.length }, 'this worker has cut a segment otherwise than its owner');
    }
    this.#changed();
  }

  /** The ring keeps what it needs, and the playlists get shorter. */
  #fit(): void {
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
  #hear(news: SegmentNews): void {
    this.#list.take(news);
    for (const segment of news.segments) {
      if (this.#media.said(segment) !== 'other') continue;
      const { n, bytes } = segment;
      this.#deps.log.debug({ n, bytes }, 'this worker has cut a segment otherwise than its owner');
    }
    const newest = this.#list.newest?.n ?? 0;
    this.#unsaid = this.#unsaid.filter(({ n }) => n > newest);
    this.#changed();
    // What was cut here is here by now. When the owner dies, nobody else may have it.
    const before = this.#list.of(newest - 1);
    if (before !== undefined && !before.gap && this.#media.of(before) === undefined && !this.#isOwn) {
      void this.#media.fetch(before);
    }
  }

  /** Another worker makes the feed from here on, or this one. */
  #ownerChanged(): void {
    if (!this.#isOwn) return;
    const unsaid = this.#unsaid.splice(0);
    const { newest } = this.#list;
    if (newest !== undefined && newest.n - newest.mark !== this.#cutter?.offset) {
      this.#cutter?.close();
      this.#cutter = this.#newCutter();
      return;
    }
    for (const done of unsaid) this.#cut(done);
  }

  #changed(): void {
    this.#playlist = undefined;
    const [oldest] = this.#list.kept;
    if (oldest !== undefined) this.#media.forgetBefore(oldest.n);
    for (const listener of [...this.#listeners]) listener();
  }

  /** Waits until something is there, the feed is over, the time is over, or nobody wants it. */
  #until(isThere: () => boolean, ms: number, signal: AbortSignal): Promise<void> {
    if (isThere() || this.isOver || signal.aborted) return Promise.resolve();
    this.#waiting++;
    return new Promise((resolve) => {
      const end = () => {
        this.#waiting--;
        this.#clock.clearTimeout(timer);
        unsubscribe();
        signal.removeEventListener('abort', end);
        resolve();
      };
      const unsubscribe = this.onSegment(() => {
        if (isThere() || this.isOver) end();
      });
      const timer = this.#clock.setTimeout(end, ms);
      signal.addEventListener('abort', end);
    });
  }
}

function textOf(list: SegmentList): string {
  const segments = list.window;
  return mediaPlaylist({
    container: 'ts',
    targetDuration: list.targetDuration,
    independent: segments.every(({ independent }) => independent),
    segments,
  });
}

/** Between two places of the ring where a viewer can begin. */
function longestStepSeconds({ ring }: Feed): number {
  const times = ring.entries.map(({ shownMs }) => shownMs);
  const steps = times.slice(1).map((ms, at) => ms - (times[at] as number));
  return Math.max(0, ...steps) / 1000;
}
