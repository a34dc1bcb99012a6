/** The feed of the programme that follows by itself, opened before the one of now is over: so nobody waits for its source. */

import type { Clock } from '../../../shared/clock.ts';
import type { BroadcastFeed } from './broadcast-feed.ts';
import { nextProgramme, type RecordingIndex } from './store/recording-index.ts';

export interface FeedAheadDeps {
  /** As that of `BroadcastRun`. */
  readonly open: (index: RecordingIndex, signal: AbortSignal) => Promise<BroadcastFeed>;
  readonly clock: Pick<Clock, 'wallMs'>;
}

/** A source opens, and has its first segment, within this time. */
const AHEAD_SECONDS = 10;

export class FeedAhead {
  readonly #deps: FeedAheadDeps;
  #opened: { readonly programme: number; readonly feed: Promise<BroadcastFeed | undefined> } | undefined;
  #over = new AbortController();

  constructor(deps: FeedAheadDeps) {
    this.#deps = deps;
  }

  /**
   * Opens it, once, if the programme is about to end.
   * @param index how far the broadcast is
   * @param leftSeconds of its programme
   */
  look(index: RecordingIndex, leftSeconds: number): void {
    const { open, clock } = this.#deps;
    const { following, programme } = index.order;
    if (following === undefined || leftSeconds > AHEAD_SECONDS || this.#opened !== undefined) return;
    const next = nextProgramme(index, { ...following, programme: programme + 1 }, clock.wallMs());
    this.#over = new AbortController();
    // Why it cannot be opened, the programme tells when it begins.
    const feed = open(next, this.#over.signal).catch(() => undefined);
    this.#opened = { programme: programme + 1, feed };
  }

  /** Hands it over, if it is that of the programme. Any other one is in use no more. */
  async take(programme: number, signal: AbortSignal): Promise<BroadcastFeed | undefined> {
    const opened = this.#opened;
    if (opened?.programme !== programme) {
      this.drop();
      return undefined;
    }
    const stop = () => this.#over.abort();
    signal.addEventListener('abort', stop, { once: true });
    const feed = await opened.feed;
    signal.removeEventListener('abort', stop);
    this.#opened = undefined;
    return feed;
  }

  /** It is in use no more. */
  drop(): void {
    const opened = this.#opened;
    this.#opened = undefined;
    this.#over.abort();
    void opened?.feed.then((feed) => feed?.release());
  }
}
