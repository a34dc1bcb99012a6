/** What viewers get of the segments of a feed: playlists, segments, their parts, and initialisations, as soon as they are there. */

import type { Clock } from '../../../shared/clock.ts';
import { StreampoolError } from '../errors.ts';
import type { Feed } from '../feed/feed.ts';
import { mediaPlaylist } from '../feed/hls/playlist.ts';
import type { Container } from '../feed/hls/segment-events.ts';
import type { SegmentList } from '../feed/hls/segment-list.ts';
import type { CmafFit } from './cmaf-fit.ts';
import type { InitSegments } from './media/init-segments.ts';
import { type PartMedia, partIn } from './media/part-media.ts';
import type { SegmentMedia } from './media/segment-media.ts';
import { hasReached, type PlaylistWish, type Reload } from './reload.ts';
import type { SegmentChanges } from './segment-changes.ts';

/** The text of a playlist: one object for all who get the same. */
export interface PlaylistText {
  readonly text: string;
  /** Its viewer may ask for nothing for minutes: it pauses, or has all there is. */
  readonly mayPause?: boolean;
}

/** The segments of a feed in one container, as a viewer gets them. `ViewerAnswers` says what its calls do and throw. */
export interface ViewedSegments {
  /** EXT-X-TARGETDURATION, in ms. */
  readonly targetDurationMs: number;
  playlist(signal: AbortSignal, wish?: PlaylistWish): Promise<PlaylistText>;
  segment(n: number, signal: AbortSignal): Promise<Buffer>;
  part(n: number, p: number, signal: AbortSignal): Promise<Buffer>;
  init(key: string): Promise<Buffer>;
  /** The playlist, for whom need not wait for it. Undefined: `playlist` answers. */
  playlistHere?(wish: PlaylistWish): PlaylistText | undefined;
  /** A segment, or a part of one, that is listed and here. Undefined: `segment` or `part` answers. */
  mediaHere?(n: number, p: number | undefined): Buffer | undefined;
}

export interface ViewerAnswersDeps {
  readonly feed: Feed;
  readonly container: Container;
  /** Of now. */
  readonly list: () => SegmentList;
  readonly media: SegmentMedia;
  readonly parts: PartMedia;
  readonly inits: InitSegments;
  /** Whether the container can carry the feed; undefined: it always can. */
  readonly fit: Pick<CmafFit, 'refusal'> | undefined;
  readonly changes: SegmentChanges;
  /** This worker makes the feed. */
  readonly isOwn: () => boolean;
  /** The same, when it knows: after a standstill, another worker may have gone on. */
  readonly isOwnForSure: () => Promise<boolean>;
  /** Whether the media of a segment that is not here may still come. */
  readonly mayCome: (n: number) => boolean;
  /** What the ring and the segments may take together. */
  readonly maxBytes: () => number;
  readonly settings: {
    /** HLS_START_SEGMENTS */
    readonly startSegments: number;
    /** HLS_WAIT_TIME */
    readonly waitMs: number;
    /** MAX_CLIENTS; 0: no limit. */
    readonly maxClients: number;
  };
}

/** Shaka looks into two whole segments beside the one that it begins with, and fails for good when one is the open one. */
const LOW_LATENCY_SEGMENTS = 3;
/** Further beyond the newest segment nobody waits for one. */
const MAX_AHEAD = 2;
/** What comes next is waited for this long, in target durations. */
const WAIT_TARGETS = 2;
/** The same for a playlist. */
const RELOAD_TARGETS = 3;
/** A player of low latency waits for a playlist and for a part at the same time. */
const WAITS_PER_CLIENT = 2;
/** Three target durations of segments may take more than RING_MAX_BYTES, up to so many times. */
const MOST_RINGS = 2;
/** What a worker could not give that was lost meanwhile, another one may have soon. */
const ASK_AGAIN_MS = 250;
const LOST_MEANWHILE = 'The worker that made this is gone, and the one that goes on does not have it yet. Try again.';
/** The media of a feed comes about as early as the word of its owner: before that has passed, nothing is fetched. */
const FOLLOW_MS = 500;

interface Wanted {
  /** What is here. */
  readonly here: () => Buffer | undefined;
  /** From the worker that makes the feed. */
  readonly fetch: () => Promise<Buffer | undefined>;
  /** Somebody has it. */
  readonly isThere: () => boolean;
  /** Its media may still be on the way. */
  readonly isNew: boolean;
}

export class ViewerAnswers {
  readonly #deps: ViewerAnswersDeps;
  readonly #clock: Clock;
  #playlist: PlaylistText | undefined;
  /** The same without old segments. */
  #newer: PlaylistText | undefined;

  constructor(deps: ViewerAnswersDeps) {
    this.#deps = deps;
    this.#clock = deps.feed.clock;
  }

  get #list(): SegmentList {
    return this.#deps.list();
  }

  get #targetDurationMs(): number {
    return this.#list.targetDuration * 1000;
  }

  /** Playlists have changed. */
  changed(): void {
    this.#playlist = undefined;
    this.#newer = undefined;
  }

  /**
   * The media playlist of now. The first one waits until a player can begin with it.
   *
   * @throws {Error} what the feed failed with; {StreampoolError} 400 for a wish that nobody can fulfil; 422 when the container cannot
   * carry the feed; 503 when there is no segment in time, or not what is waited for
   */
  async playlist(signal: AbortSignal, { reload, skips = false, least = 0 }: PlaylistWish = {}): Promise<PlaylistText> {
    const { changes, fit, settings } = this.#deps;
    await changes.until(() => this.#has(least) || fit?.refusal !== undefined, settings.waitMs, signal);
    if (fit?.refusal !== undefined) throw fit.refusal;
    if (this.#count === 0) throw this.#nothing();
    if (this.#isTooMuch) {
      const message = 'Three segments of this stream do not fit into the memory of a feed (RING_MAX_BYTES).';
      throw new StreampoolError(503, message, { retryAfterSeconds: 10 });
    }
    if (reload !== undefined) await this.#reload(reload, signal);
    return this.#now(skips);
  }

  playlistHere({ reload, skips = false, least = 0 }: PlaylistWish): PlaylistText | undefined {
    const mustWait = !this.#has(least) || (reload !== undefined && !hasReached(this.#list, reload));
    return mustWait || this.#isTooMuch || this.#deps.fit?.refusal !== undefined ? undefined : this.#now(skips);
  }

  /** How many segments a playlist names that are there. */
  get #count(): number {
    return this.#list.window.reduce((count, { gap }) => (gap ? count : count + 1), 0);
  }

  /** Whether a player can begin. @param least of segments that it needs */
  #has(least: number): boolean {
    const needed = this.#list.partTarget === undefined ? 0 : LOW_LATENCY_SEGMENTS;
    return this.#count >= Math.max(this.#deps.settings.startSegments, least, needed);
  }

  get #isTooMuch(): boolean {
    return this.#list.bytes > MOST_RINGS * this.#deps.maxBytes();
  }

  #now(skips: boolean): PlaylistText {
    if (skips) {
      this.#newer ??= { text: this.#text(true) };
      return this.#newer;
    }
    this.#playlist ??= { text: this.#text(false) };
    return this.#playlist;
  }

  async #reload(reload: Reload, signal: AbortSignal): Promise<void> {
    if (await this.#isTooFar(reload.msn)) {
      throw new StreampoolError(400, `_HLS_msn is more than ${MAX_AHEAD} segments ahead of the playlist.`);
    }
    const isReached = () => hasReached(this.#list, reload);
    await this.#hold(isReached, RELOAD_TARGETS, signal);
    if (isReached() || signal.aborted || this.#deps.feed.end !== undefined) return;
    const message = `The stream has brought nothing for ${RELOAD_TARGETS} target durations. Try again.`;
    throw new StreampoolError(503, message, { retryAfterSeconds: 1 });
  }

  #text(skips: boolean): string {
    const list = this.#list;
    const { window: segments, newest, partTarget } = list;
    return mediaPlaylist({
      ...{ container: this.#deps.container, targetDuration: list.targetDuration, segments, partTarget, skips },
      independent: segments.every(({ independent }) => independent),
      open: list.open ?? (newest && { ...newest, n: newest.n + 1, discontinuity: false, gap: false, parts: [] }),
    });
  }

  /**
   * The media of a segment. Waits for the next ones.
   * @throws {Error} as `playlist`; {StreampoolError} 404 when it has left the window, or the next one does not come; 503 when it is
   * listed and does not come
   */
  async segment(n: number, signal: AbortSignal): Promise<Buffer> {
    const newest = await this.#begun(signal);
    if (n > newest && !(await this.#isTooFar(n))) {
      await this.#hold(() => (this.#list.newest?.n ?? 0) >= n, WAIT_TARGETS, signal);
    }
    const { media } = this.#deps;
    const listed = () => {
      const segment = this.#list.of(n);
      return segment?.gap === true ? undefined : segment;
    };
    const wanted: Wanted = {
      here: () => media.of({ n }),
      fetch: async () => {
        const segment = listed();
        return segment && media.fetch(segment);
      },
      isThere: () => listed() !== undefined,
      isNew: n === this.#list.newest?.n,
    };
    const bytes = await this.#obtain(wanted, () => this.#deps.mayCome(n), signal);
    if (bytes === undefined) throw new StreampoolError(404, 'This segment is not in the playlist.');
    return bytes;
  }

  /**
   * The media of a part. Waits for the next one.
   * @throws {Error} as `segment`
   */
  async part(n: number, p: number, signal: AbortSignal): Promise<Buffer> {
    const newest = await this.#begun(signal);
    const listed = () => {
      const part = this.#list.partOf(n, p);
      return part?.gap === true ? undefined : part;
    };
    const isDecided = () => listed() !== undefined || (this.#list.newest?.n ?? 0) >= n;
    if (n > newest && !(await this.#isTooFar(n))) await this.#hold(isDecided, WAIT_TARGETS, signal);
    const wanted: Wanted = {
      here: () => this.partHere(n, p),
      fetch: async () => {
        const part = listed();
        return part && this.#deps.parts.fetch(n, p, part);
      },
      isThere: () => listed() !== undefined,
      isNew: n >= (this.#list.newest?.n ?? 0),
    };
    const bytes = await this.#obtain(wanted, () => this.#deps.mayCome(n), signal);
    if (bytes === undefined) throw new StreampoolError(404, 'This part is not in the playlist.');
    return bytes;
  }

  mediaHere(n: number, p: number | undefined): Buffer | undefined {
    if (p !== undefined) return this.partHere(n, p);
    const listed = this.#list.of(n);
    return listed === undefined || listed.gap ? undefined : this.#deps.media.of({ n });
  }

  /** A part whose media is here. */
  partHere(n: number, p: number): Buffer | undefined {
    const part = this.#list.partOf(n, p);
    if (part === undefined || part.gap === true) return undefined;
    const { media, parts } = this.#deps;
    const segment = media.of({ n });
    const listed = this.#list.of(n)?.parts;
    return segment !== undefined && listed !== undefined ? partIn(segment, listed, p) : parts.of(n, p, part);
  }

  /**
   * An initialisation.
   * @param key from a playlist
   * @throws {StreampoolError} 404 when no segment needs it
   */
  async init(key: string): Promise<Buffer> {
    const { inits, isOwn } = this.#deps;
    const bytes = inits.of(key) ?? (isOwn() ? undefined : await inits.fetch(key));
    if (bytes === undefined) throw new StreampoolError(404, 'This initialisation is not in the playlist.');
    return bytes;
  }

  /** Another worker has listed something, and this one has just begun with the feed. @returns number of the newest segment */
  async #begun(signal: AbortSignal): Promise<number> {
    await this.#deps.changes.until(() => this.#list.newest !== undefined, this.#deps.settings.waitMs, signal);
    const { newest } = this.#list;
    if (newest === undefined) throw this.#nothing();
    return newest.n;
  }

  /** Whether nobody has segment `n` soon. A worker that follows may be behind: a player that another worker served may know it. */
  async #isTooFar(n: number): Promise<boolean> {
    const isFar = () => n > (this.#list.newest?.n ?? n) + MAX_AHEAD;
    return isFar() && (await this.#deps.isOwnForSure()) && isFar();
  }

  /** @throws {StreampoolError} 503 when too many wait */
  async #hold(isThere: () => boolean, targets: number, signal: AbortSignal): Promise<void> {
    if (isThere()) return;
    const { changes, settings } = this.#deps;
    if (settings.maxClients > 0 && changes.waiting >= WAITS_PER_CLIENT * settings.maxClients) {
      throw new StreampoolError(503, 'Too many requests wait for this stream (MAX_CLIENTS).', { retryAfterSeconds: 1 });
    }
    await changes.until(isThere, targets * this.#targetDurationMs, signal);
  }

  /** Why there is no segment at all. */
  #nothing(): Error {
    const { end } = this.#deps.feed;
    if (end?.kind === 'failed') return end.error;
    const seconds = Math.round(this.#deps.settings.waitMs / 1000);
    return new StreampoolError(503, `The stream has no segment after ${seconds} s (HLS_WAIT_TIME). Try again.`, {
      retryAfterSeconds: 1,
    });
  }

  /**
   * @param mayCome whoever goes on with the feed may still have it
   * @throws {StreampoolError} 503 when a playlist names it and it does not come in time: players ask again, which they do not after 404
   */
  async #obtain(
    { here, fetch, isThere, isNew }: Wanted,
    mayCome: () => boolean,
    signal: AbortSignal,
  ): Promise<Buffer | undefined> {
    const { changes, isOwn, feed, settings } = this.#deps;
    if (!isOwn() && isNew) await changes.until(() => here() !== undefined, FOLLOW_MS, signal);
    const untilMs = this.#clock.monotonicMs() + Math.max(settings.waitMs, WAIT_TARGETS * this.#targetDurationMs);
    for (;;) {
      if (!isThere()) return undefined;
      const media = here() ?? (isOwn() ? undefined : await fetch());
      if (media !== undefined || feed.end !== undefined || signal.aborted || !mayCome()) return media;
      // Whoever made the feed has listed it and died, and what is missing of it comes from the worker that goes on.
      const leftMs = untilMs - this.#clock.monotonicMs();
      if (leftMs <= 0) throw new StreampoolError(503, LOST_MEANWHILE, { retryAfterSeconds: 1 });
      await changes.until(() => here() !== undefined, Math.min(ASK_AGAIN_MS, leftMs), signal);
    }
  }
}
