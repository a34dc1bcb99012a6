/** A source with an end as the feed of a broadcast. It is read no faster than it plays, because a recording is what viewers would see. */

import type { StreamRecord } from '../../../registry/types.ts';
import type { Clock } from '../../../shared/clock.ts';
import { type Deferred, deferred, pauseBy } from '../async.ts';
import { StreampoolError } from '../errors.ts';
import type { ListedSegment, SegmentNews } from '../feed/hls/segment-list.ts';
import { fileSeconds } from '../ffmpeg/process/command.ts';
import type { FilmFeed } from '../films/film-feed.ts';
import type { FilmFeeds } from '../films/film-feeds.ts';
import { AS_IT_IS } from '../processes/copy-run.ts';
import type { BroadcastFeed } from './broadcast-feed.ts';
import type { RecordingIndex } from './store/recording-index.ts';

export interface FilmBroadcastDeps {
  readonly film: Pick<FilmFeed, 'feed' | 'pid' | 'segments' | 'stop'>;
  /** Number of its first segment. It must be larger than any that the broadcast has taken of the film before: those would be taken for it. */
  readonly firstNumber: number;
  /** When its first segment begins, ms since 1970, at the earliest. */
  readonly notBeforeMs: number;
  /** As that of `BroadcastFeed`. */
  readonly secondsOf?: BroadcastFeed['secondsOf'];
  readonly clock: Clock;
}

/** Further than this from the last number, nothing is taken for the segment that comes next. */
const FAR = 1_000;
/** So many segments wait at most until they are written. */
const MOST_WAITING = 10;

export class FilmBroadcast implements BroadcastFeed {
  readonly isLive = false;
  readonly #deps: FilmBroadcastDeps;
  readonly #over = new AbortController();
  readonly #listeners = new Set<() => void>();
  /** Of those that nobody has taken yet. */
  readonly #media = new Map<number, Buffer>();
  #listed: readonly ListedSegment[] = [];
  #hasBegun = false;
  #isOver = false;
  /** Resolves when one more may come. */
  #room: Deferred<void> = deferred();

  constructor(deps: FilmBroadcastDeps) {
    this.#deps = deps;
  }

  /** Its time begins when somebody reads it: it may be opened before. */
  #begin(): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    void this.#play().finally(() => {
      this.#isOver = true;
      this.#tell();
    });
  }

  get pid(): number | undefined {
    return this.#deps.film.pid;
  }

  get secondsOf(): BroadcastFeed['secondsOf'] {
    return this.#deps.secondsOf;
  }

  get failure(): Error | undefined {
    const { end } = this.#deps.film.feed;
    return end?.kind === 'failed' ? end.error : undefined;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get hasMedia(): boolean {
    return this.#listed.length > 0;
  }

  get isComplete(): boolean {
    return this.#isOver && this.#deps.film.feed.end?.kind === 'ended';
  }

  get news(): SegmentNews | undefined {
    this.#begin();
    const [first] = this.#listed;
    return first && { targetDuration: 0, from: first.n, segments: this.#listed };
  }

  onSegment(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Each is taken once. */
  async media(n: number): Promise<Buffer> {
    const media = this.#media.get(n);
    if (media === undefined) throw new StreampoolError(404, 'This segment is not there any more.');
    this.#media.delete(n);
    this.#room.resolve();
    return media;
  }

  release(): void {
    this.#over.abort();
    this.#room.resolve();
    void this.#deps.film.stop();
  }

  /** A segment is there when the one before it has been played: one who watches the recording is never behind it. */
  async #play(): Promise<void> {
    const { film, firstNumber, notBeforeMs, clock } = this.#deps;
    const { signal } = this.#over;
    const segments = film.segments('ts');
    let next = await segments.following(undefined, signal);
    const begun = { ms: clock.monotonicMs(), wallMs: Math.max(clock.wallMs(), notBeforeMs) };
    let playedMs = 0;
    for (let n = firstNumber; next !== undefined && !signal.aborted; n++) {
      const earlyMs = begun.ms + playedMs - clock.monotonicMs();
      if (earlyMs > 0) await pauseBy(clock, earlyMs, signal);
      while (this.#media.size >= MOST_WAITING && !signal.aborted) {
        this.#room = deferred();
        await this.#room.promise;
      }
      const { listed, media } = next;
      if (media !== undefined) this.#media.set(n, media);
      const shown = { ...listed, n, pdtMs: begun.wallMs + playedMs, gap: media === undefined };
      this.#listed = [...this.#listed.slice(1 - MOST_WAITING), shown];
      playedMs += listed.seconds * 1000;
      this.#tell();
      next = await segments.following(listed.n, signal);
    }
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}

/**
 * Opens a film where a broadcast is in it.
 * @throws {StreampoolError} 503 when this worker runs as many processes as it may
 */
export function openFilm(
  { films, clock }: { readonly films: Pick<FilmFeeds, 'open'>; readonly clock: Clock },
  stream: StreamRecord,
  { order, programmeSeconds, feed }: Pick<RecordingIndex, 'order' | 'programmeSeconds' | 'feed'>,
): BroadcastFeed {
  const seekSeconds = order.seekSeconds + programmeSeconds;
  // Pictures that are encoded begin where they are asked for.
  const keepTimes = order.subtitles !== undefined && (stream.profile ?? AS_IT_IS).video === 'copy';
  const film = films.open(stream, { ...(seekSeconds > 0 && { seekSeconds }), keepTimes });
  return new FilmBroadcast({
    ...{ film, firstNumber: (feed?.next ?? 0) + FAR, notBeforeMs: feed?.endMs ?? 0, clock },
    ...(keepTimes && { secondsOf: fileSeconds }),
  });
}
