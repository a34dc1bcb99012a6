/** The segments of a film in one container: cut while they come, and kept around what the viewer asks for. */

import type { Logger } from '../../../shared/log.ts';
import { StreampoolError } from '../errors.ts';
import type { Feed } from '../feed/feed.ts';
import { mediaPlaylist } from '../feed/hls/playlist.ts';
import type { Container, Done } from '../feed/hls/segment-events.ts';
import { type ListedSegment, listedSegment } from '../feed/hls/segment-list.ts';
import { firstTargetDuration, grownTargetDuration, type WindowSize } from '../feed/hls/window.ts';
import type { FeedMarks } from '../feed/marks/feed-marks.ts';
import { CmafFit } from '../segments/cmaf-fit.ts';
import type { SegmentSettings } from '../segments/feed-segments.ts';
import { FeedCutter } from '../segments/media/feed-cutter.ts';
import { SegmentChanges } from '../segments/segment-changes.ts';
import type { PlaylistText, ViewedSegments } from '../segments/viewer-answers.ts';
import { AHEAD_SEGMENTS, type FilmReading, forgotten, listed, readsOn } from './film-window.ts';

export interface FilmSegmentsDeps {
  readonly feed: Feed;
  readonly container: Container;
  readonly marks: () => FeedMarks;
  readonly size: WindowSize;
  readonly settings: Pick<SegmentSettings, 'segmentMs' | 'startSegments' | 'waitMs'>;
  /** What the media of the segments may take. */
  readonly maxBytes: () => number;
  /** Number of the newest segment that the viewer has asked for, in whatever container. */
  readonly fetched: () => number | undefined;
  /** The viewer asks for this one. */
  readonly onAsked: (n: number) => void;
  readonly log: Logger;
}

/** Further beyond the newest segment nobody waits for one. */
const MAX_AHEAD = 2;
/** What comes next is waited for this long, in target durations. */
const WAIT_TARGETS = 2;

export class FilmSegments implements ViewedSegments {
  readonly container: Container;
  readonly #deps: FilmSegmentsDeps;
  readonly #cutter: FeedCutter;
  readonly #fit: CmafFit | undefined;
  readonly #changes: SegmentChanges;
  readonly #media = new Map<number, Buffer>();
  readonly #inits = new Map<string, Buffer>();
  /** The oldest first. */
  #list: ListedSegment[] = [];
  #hasForgotten = false;
  #targetDuration: number;
  #playlist: PlaylistText | undefined;

  constructor(deps: FilmSegmentsDeps) {
    const { feed, container, marks, settings } = deps;
    this.#deps = deps;
    this.container = container;
    this.#targetDuration = firstTargetDuration('source', settings.segmentMs / 1000);
    this.#fit = container === 'fmp4' ? new CmafFit(deps.log) : undefined;
    this.#changes = new SegmentChanges(feed.clock, () => feed.end !== undefined);
    this.#cutter = new FeedCutter({
      ...{ feed, marks, container, after: undefined, from: undefined },
      onCut: ({ program }) => {
        this.#fit?.see(program.map);
        this.#changed();
      },
      onDone: (done, { offset }) => this.#add(done, offset),
      // Its viewer is not behind anything that is live.
      ...{ partSeconds: 0, onPart: () => undefined, decided: () => undefined },
      onFault: () => undefined,
      endBefore: () => undefined,
    });
    // After the cutter has ended the last segment.
    feed.onEnd(() => this.#changed());
  }

  get targetDurationMs(): number {
    return this.#targetDuration * 1000;
  }

  get heldBytes(): number {
    return this.#list.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** For `/stats`. */
  get status(): { readonly head: number | undefined; readonly segments: number } {
    return { head: this.#list.at(-1)?.n, segments: this.#listed.length };
  }

  /** Whether the viewer needs more of the film soon. */
  get readsOn(): boolean {
    return readsOn(this.#list, this.#reading);
  }

  /** How many requests wait for what comes next. */
  get waiting(): number {
    return this.#changes.waiting;
  }

  /** The viewer has asked for another segment. */
  asked(): void {
    this.#forget();
    this.#changed();
  }

  close(): void {
    this.#cutter.close();
    this.#media.clear();
    this.#changes.tell();
  }

  async playlist(signal: AbortSignal): Promise<PlaylistText> {
    const { feed, settings } = this.#deps;
    const isEnough = () => {
      const { fetched, least } = this.#reading;
      return this.#listed.length >= (fetched === undefined ? least : 1) || this.#fit?.refusal !== undefined;
    };
    await this.#changes.until(isEnough, settings.waitMs, signal);
    if (this.#fit?.refusal !== undefined) throw this.#fit.refusal;
    const { newest } = this;
    if (newest === undefined) throw this.#nothing();
    // A player that has asked for all of it waits for more.
    if (feed.end?.kind === 'failed' && newest <= (this.#deps.fetched() ?? 0)) throw feed.end.error;
    this.#playlist ??= this.#text();
    return this.#playlist;
  }

  async segment(n: number, signal: AbortSignal): Promise<Buffer> {
    const { newest } = this;
    if (newest === undefined || n <= newest + MAX_AHEAD) this.#deps.onAsked(n);
    const isThere = () => n <= (this.newest ?? Number.NEGATIVE_INFINITY);
    if (newest === undefined || n <= newest + MAX_AHEAD)
      await this.#changes.until(isThere, WAIT_TARGETS * this.targetDurationMs, signal);
    const media = this.#media.get(n);
    if (media !== undefined) return media;
    const { end } = this.#deps.feed;
    if (end?.kind === 'failed' && !isThere()) throw end.error;
    throw new StreampoolError(404, 'This segment is not in the playlist.');
  }

  /**
   * The segment after this one, or the first; without its media, if there is no memory for it. Undefined: nothing more comes. For one who
   * takes each of them, as it comes.
   */
  async following(
    n: number | undefined,
    signal: AbortSignal,
  ): Promise<{ readonly listed: ListedSegment; readonly media: Buffer | undefined } | undefined> {
    if (n !== undefined) this.#deps.onAsked(n);
    const next = () => this.#list.find((each) => n === undefined || each.n > n);
    while (next() === undefined && this.#deps.feed.end === undefined && !signal.aborted) {
      await this.#changes.until(() => next() !== undefined, this.#deps.settings.waitMs, signal);
    }
    const listed = next();
    return listed && { listed, media: this.#media.get(listed.n) };
  }

  async part(): Promise<Buffer> {
    throw new StreampoolError(404, 'A film has no parts.');
  }

  async init(key: string): Promise<Buffer> {
    const bytes = this.#inits.get(key);
    if (bytes === undefined) throw new StreampoolError(404, 'This initialisation is not in the playlist.');
    return bytes;
  }

  get newest(): number | undefined {
    return this.#list.at(-1)?.n;
  }

  get #reading(): FilmReading {
    const { size, settings, maxBytes, fetched } = this.#deps;
    const limits = { size, targetDuration: this.#targetDuration, maxBytes: maxBytes() };
    return { ...limits, fetched: fetched(), least: Math.max(AHEAD_SEGMENTS, settings.startSegments) };
  }

  get #listed(): readonly ListedSegment[] {
    const isOver = this.#deps.feed.end !== undefined;
    return listed(this.#list, this.#reading, { hasForgotten: this.#hasForgotten, isOver });
  }

  #add(done: Done, offset: number): void {
    const { container } = this.#deps;
    const segment = listedSegment(done, container, this.#list.at(-1), offset);
    this.#targetDuration = grownTargetDuration(this.#targetDuration, segment.seconds);
    this.#list.push(segment);
    const media = done[container];
    if (media !== undefined) this.#media.set(segment.n, media.bytes);
    if (done.fmp4 !== undefined) this.#inits.set(done.fmp4.init.key, done.fmp4.init.bytes);
    this.#forget();
    this.#changed();
  }

  #forget(): void {
    const gone = this.#list.splice(0, forgotten(this.#list, this.#reading));
    if (gone.length === 0) return;
    this.#hasForgotten = true;
    for (const { n } of gone) this.#media.delete(n);
    const needed = new Set(this.#list.map(({ init }) => init));
    for (const key of this.#inits.keys()) if (!needed.has(key)) this.#inits.delete(key);
  }

  #text(): PlaylistText {
    const { container, feed } = this.#deps;
    const segments = this.#listed;
    const isOver = feed.end?.kind === 'ended' && segments.at(-1) === this.#list.at(-1);
    const text = mediaPlaylist({
      ...{ container, targetDuration: this.#targetDuration, segments },
      independent: segments.every(({ independent }) => independent),
      ...(isOver ? { ended: true } : { fromStart: true }),
    });
    return { text, mayPause: true };
  }

  /** Why there is no segment at all. */
  #nothing(): Error {
    const { end } = this.#deps.feed;
    if (end?.kind === 'failed') return end.error;
    if (end !== undefined) return new StreampoolError(502, 'The film has no picture and no sound that can be played.');
    const seconds = Math.round(this.#deps.settings.waitMs / 1000);
    return new StreampoolError(503, `The film has no segment after ${seconds} s (HLS_WAIT_TIME). Try again.`, {
      retryAfterSeconds: 1,
    });
  }

  #changed(): void {
    this.#playlist = undefined;
    this.#changes.tell();
  }
}
