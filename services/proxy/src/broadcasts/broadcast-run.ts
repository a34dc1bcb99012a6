/**
 * One broadcast on the worker that makes it: reads the segments of a feed and writes them, programme after programme. A feed that ends
 * is opened again. What there is stays, whatever comes.
 */

import { type BroadcastOrder, type BroadcastSubtitles, hasEnded } from '../../../registry/broadcasts/broadcast.ts';
import type { Clock } from '../../../shared/clock.ts';
import type { Logger } from '../../../shared/log.ts';
import { pauseBy } from '../async.ts';
import { StreampoolError } from '../errors.ts';
import { FiniteSourceError } from '../feed/finite-source.ts';
import type { BroadcastFeed } from './broadcast-feed.ts';
import type { BroadcastNews } from './broadcast-news.ts';
import { BroadcastLostError, type BroadcastWriter } from './broadcast-writer.ts';
import { FeedAhead } from './feed-ahead.ts';
import { feedEntry } from './feed-entry.ts';
import { type SegmentGroup, SegmentGroups } from './segment-groups.ts';
import type { RecordingIndex } from './store/recording-index.ts';
import { StoreError } from './store/recording-store.ts';
import type { SubtitleTrack } from './subtitles/subtitle-track.ts';

export interface BroadcastRunDeps {
  readonly writer: BroadcastWriter;
  /**
   * Opens the feed of a programme.
   * @param index how far the broadcast is
   * @throws {Error} why it cannot be opened
   */
  readonly open: (index: RecordingIndex, signal: AbortSignal) => Promise<BroadcastFeed>;
  /** The subtitles of a programme that has some. */
  readonly subtitles: (subtitles: BroadcastSubtitles) => Pick<SubtitleTrack, 'of' | 'close'>;
  /** The source of a stream has turned out to have an end. */
  readonly hasEnd: (streamId: string) => Promise<void>;
  /** The programme that follows one that has ended by itself; undefined: none does. */
  readonly following: (index: RecordingIndex) => Promise<BroadcastOrder | undefined>;
  /** Such a programme has media. @param before how the one before it has ended */
  readonly hasFollowed: (before: RecordingIndex, index: RecordingIndex) => void;
  readonly news: Pick<BroadcastNews, 'began' | 'over'>;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * How it has ended on this worker. `ended`: the time of its programme is over. `stopped`: it was asked to. `lost`: another worker makes
 * it, or it was removed. `left`: another worker is to make it.
 */
export type BroadcastEnd = { readonly kind: 'ended' | 'stopped' | 'lost' | 'left' } | Failed;

interface Failed {
  readonly kind: 'failed';
  readonly error: Error;
}

/** What it is to do next, instead of what it does. */
type Asked = { readonly kind: 'stop' | 'leave' } | { readonly kind: 'next'; readonly order: BroadcastOrder };

/** How often a feed that has ended is opened again, and for how long. */
const AGAIN_MS = 2_000;
const AGAIN_FOR_MS = 60_000;

export class BroadcastRun {
  readonly #deps: BroadcastRunDeps;
  #asked: Asked | undefined;
  /** Aborts when something is asked. */
  #turn = new AbortController();

  readonly #ahead: FeedAhead;
  /** Its caller has been told that it begins. */
  isAnswered = false;
  #hasBegun: boolean;
  /** The one of now. */
  #feed: BroadcastFeed | undefined;
  /** Of the programme of now. */
  #subtitles: Pick<SubtitleTrack, 'of' | 'close'> | undefined;
  /** The programme that the one of now has followed by itself, until this one has media. */
  #before: RecordingIndex | undefined;

  constructor(deps: BroadcastRunDeps) {
    this.#deps = deps;
    this.#ahead = new FeedAhead(deps);
    this.#hasBegun = deps.writer.index.state === 'running';
  }

  /** The programme of now has had media, here or on the worker before. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /** Its source has sent media, if not a whole segment yet. */
  get hasMedia(): boolean {
    return this.#hasBegun || this.#feed?.hasMedia === true;
  }

  /** What there is of it. */
  get index(): RecordingIndex {
    return this.#deps.writer.index;
  }

  /** Ends it, with what there is. */
  stop(): void {
    this.#ask({ kind: 'stop' });
  }

  /** Ends it on this worker: another one goes on. */
  leave(): void {
    this.#ask({ kind: 'leave' });
  }

  /** Goes on with another programme. */
  next(order: BroadcastOrder): void {
    this.#ask({ kind: 'next', order });
  }

  #ask(asked: Asked): void {
    this.#asked = asked;
    this.#turn.abort();
  }

  /** Resolves when this worker no longer makes it. Call once. */
  async run(): Promise<BroadcastEnd> {
    const { writer } = this.#deps;
    try {
      for (;;) {
        const end = hasEnded(writer.index.state) && this.#asked === undefined ? undefined : await this.#programme();
        if (end === undefined) return { kind: 'stopped' };
        if (end.kind === 'next') {
          // What was opened ahead is that of another programme.
          this.#ahead.drop();
          if (this.#hasBegun) this.#deps.news.over(writer.index, 'next_programme');
          await writer.next(end.order);
          this.#hasBegun = false;
          this.#before = undefined;
          continue;
        }
        const order = end.kind === 'ended' ? await this.#deps.following(writer.index) : undefined;
        if (order !== undefined) {
          this.#deps.news.over(writer.index, 'ended');
          this.#before = writer.index;
          await writer.next(order);
          this.#hasBegun = false;
          continue;
        }
        if (end.kind === 'failed') await writer.end('failed', end.error.message);
        else if (end.kind !== 'left') await writer.end('stopped');
        this.#tellEnd(end);
        return end;
      }
    } catch (error) {
      return await this.#broken(error);
    } finally {
      this.#ahead.drop();
    }
  }

  #tellEnd({ kind }: BroadcastEnd): void {
    const { news, writer } = this.#deps;
    if (kind === 'failed') news.over(writer.index, 'failed', writer.index.error);
    else if ((kind === 'ended' || kind === 'stopped') && this.#hasBegun) news.over(writer.index, kind);
  }

  /** @param error of the store, or of the registry */
  async #broken(error: unknown): Promise<BroadcastEnd> {
    if (error instanceof BroadcastLostError) return { kind: 'lost' };
    const why = error instanceof Error ? error : new Error(String(error));
    const { writer, log } = this.#deps;
    log.error({ err: why, broadcast: writer.index.id }, 'a broadcast has failed');
    try {
      await writer.end('failed', shownOf(why));
    } catch (again) {
      if (again instanceof BroadcastLostError) return { kind: 'lost' };
      log.error({ err: again, broadcast: writer.index.id }, 'the end of a broadcast could not be written');
    }
    this.#deps.news.over(writer.index, 'failed', shownOf(why));
    return { kind: 'failed', error: why };
  }

  async #programme(): Promise<BroadcastEnd | Extract<Asked, { kind: 'next' }>> {
    const { subtitles } = this.#deps.writer.index.order;
    this.#subtitles = subtitles && this.#deps.subtitles(subtitles);
    try {
      return await this.#play();
    } finally {
      this.#subtitles?.close();
    }
  }

  async #play(): Promise<BroadcastEnd | Extract<Asked, { kind: 'next' }>> {
    const { clock, writer, open } = this.#deps;
    let sinceMs = clock.monotonicMs();
    let isFilm = false;
    for (;;) {
      const asked = this.#taken();
      if (asked !== undefined) return asked;
      const { signal } = this.#turn;
      let why: Error | undefined;
      try {
        const { programme } = writer.index.order;
        const feed = (await this.#ahead.take(programme, signal)) ?? (await open(writer.index, signal));
        const before = writer.index.next;
        this.#feed = feed;
        try {
          if (await this.#follow(feed)) return { kind: 'ended' };
          why = feed.failure;
        } finally {
          this.#feed = undefined;
          feed.release();
        }
        if (writer.index.next > before) sinceMs = clock.monotonicMs();
      } catch (error) {
        if (!(error instanceof StreampoolError) && !signal.aborted) throw error;
        why = error instanceof Error ? error : undefined;
      }
      if (signal.aborted) continue;
      if (why instanceof FiniteSourceError && !isFilm) {
        isFilm = true;
        await this.#deps.hasEnd(writer.index.order.streamId);
        continue;
      }
      // A programme that has not begun tells its caller at once. One that follows by itself has no caller.
      const isFirst = writer.index.state === 'starting' && writer.index.order.isAutomatic !== true;
      const isOver = isFirst || isGone(why) || clock.monotonicMs() - sinceMs >= AGAIN_FOR_MS;
      if (isOver) return { kind: 'failed', error: why ?? new StreampoolError(502, 'The stream has ended.') };
      await pauseBy(clock, AGAIN_MS, signal);
    }
  }

  /** What was asked meanwhile, once. */
  #taken(): BroadcastEnd | Extract<Asked, { kind: 'next' }> | undefined {
    const asked = this.#asked;
    if (asked === undefined) return undefined;
    this.#asked = undefined;
    this.#turn = new AbortController();
    if (asked.kind === 'next') return asked;
    return { kind: asked.kind === 'stop' ? 'stopped' : 'left' };
  }

  /** Writes what a feed has until it ends, something is asked, or the programme's time is over. @returns whether the programme is */
  async #follow(feed: BroadcastFeed): Promise<boolean> {
    const { writer } = this.#deps;
    const { order } = writer.index;
    const { signal } = this.#turn;
    let groups: SegmentGroups | undefined;
    let from = 0;
    const media = new Map<number, Buffer>();
    const leftSeconds = () => {
      const { durationSeconds } = order;
      if (durationSeconds === 0) return Number.POSITIVE_INFINITY;
      const { programmeSeconds, startedAtMs } = writer.index;
      const leftOfMedia = durationSeconds - programmeSeconds - (groups?.openSeconds ?? 0);
      // What a live source has sent while nobody recorded it is not made up for afterwards.
      const overMs = startedAtMs + durationSeconds * 1000 + AGAIN_FOR_MS;
      return feed.isLive ? Math.min(leftOfMedia, (overMs - this.#deps.clock.wallMs()) / 1000) : leftOfMedia;
    };
    const isTimeOver = () => leftSeconds() <= 0;
    while (!signal.aborted && !isTimeOver()) {
      this.#ahead.look(writer.index, leftSeconds());
      const listed = feed.news?.segments ?? [];
      if (groups === undefined && listed.length > 0) {
        const entry = feedEntry(listed, writer.index.feed);
        from = entry.from;
        groups = new SegmentGroups(order.segmentSeconds, this.#isBroken(entry.isBroken));
        await this.#begins(feed);
      }
      const next = listed.find(({ n }) => n >= from);
      if (next === undefined || groups === undefined) {
        if (feed.isOver) break;
        await changeOf(feed, () => feed.news?.segments.some(({ n }) => n >= from) === true, signal);
        continue;
      }
      const bytes = next.gap ? undefined : await mediaOf(feed, next.n, signal);
      if (bytes === undefined && signal.aborted) break;
      from = next.n + 1;
      if (bytes !== undefined) media.set(next.n, bytes);
      await this.#write(groups.add({ ...next, gap: bytes === undefined }), media, feed);
    }
    const isOver = isTimeOver() || feed.isComplete;
    await this.#write(groups?.end() ?? [], media, feed);
    return isOver;
  }

  /** @param isMissing media is missing since the last segment of the same programme */
  #isBroken(isMissing: boolean): boolean {
    const { feed, segments, order } = this.#deps.writer.index;
    if (feed !== undefined) return isMissing;
    return segments.length > 0 || order.discontinuity || order.programme > 1;
  }

  /** Where the next segment is in the programme, in s. */
  #positionOf({ secondsOf }: BroadcastFeed): (shownAt: number) => number {
    const { order, programmeSeconds } = this.#deps.writer.index;
    if (secondsOf === undefined) return () => programmeSeconds;
    return (shownAt) => secondsOf(shownAt) - order.seekSeconds;
  }

  async #begins({ pid }: BroadcastFeed): Promise<void> {
    const { writer } = this.#deps;
    this.#hasBegun = true;
    const isNew = writer.index.state === 'starting';
    if (writer.index.state !== 'running' || (pid !== undefined && pid !== writer.index.pid)) {
      await writer.change({ state: 'running', ...(pid !== undefined && { pid }) });
    }
    if (isNew) this.#deps.news.began(writer.index);
    if (this.#before !== undefined) this.#deps.hasFollowed(this.#before, writer.index);
    this.#before = undefined;
  }

  async #write(groups: readonly SegmentGroup[], media: Map<number, Buffer>, of: BroadcastFeed): Promise<void> {
    const { writer } = this.#deps;
    for (const group of groups) {
      const pieces = group.members.flatMap((n) => media.get(n) ?? []);
      const feed = { next: (group.members.at(-1) ?? 0) + 1, endMs: group.pdtMs + group.seconds * 1000 };
      const whole = Buffer.concat(pieces);
      const text = await this.#subtitles?.of(whole, this.#positionOf(of), group.seconds);
      await writer.add(group, whole, feed, text);
      for (const n of group.members) media.delete(n);
    }
  }
}

/** What people are told of an error that is not meant for them. */
function shownOf(error: Error): string {
  return error instanceof StreampoolError || error instanceof StoreError
    ? error.message
    : 'The recording could not be written.';
}

/** The stream was deleted: opening it again makes no sense. */
function isGone(why: Error | undefined): boolean {
  return why instanceof StreampoolError && why.status === 404;
}

/** Undefined: it is not there any more. */
async function mediaOf(feed: BroadcastFeed, n: number, signal: AbortSignal): Promise<Buffer | undefined> {
  try {
    return await feed.media(n, signal);
  } catch (error) {
    if (error instanceof StreampoolError || signal.aborted) return undefined;
    throw error;
  }
}

/** Resolves when the feed has something new, it has ended, or something is asked. */
function changeOf(feed: BroadcastFeed, isNew: () => boolean, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (!isNew() && !feed.isOver && !signal.aborted) return;
      unsubscribe();
      signal.removeEventListener('abort', look);
      resolve();
    };
    const unsubscribe = feed.onSegment(look);
    signal.addEventListener('abort', look);
    look();
  });
}
