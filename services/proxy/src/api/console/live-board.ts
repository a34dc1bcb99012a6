/** One view of the console: composed once a second for all pages that look at it, and not at all while nobody looks. */

import { type Clock, systemClock, type Timer } from '../../../../shared/clock.ts';
import { patchBetween, type State } from '../../../../shared/console/merge-patch.ts';
import { message } from '../http/event-stream.ts';

/** Of the clock of this worker: boards compose when one begins, so what one of them reads is for all. */
const SECOND_MS = 1_000;
/** Nor does a board compose twice within this, as when a timer comes a moment early. */
const SHORTEST_MS = 500;

/** A page, as far as a board knows it. */
export interface Page {
  /** @param text whole messages */
  write(text: string): void;
}

export interface BoardOptions<S extends object> {
  compose(): Promise<S>;
  /** The last page has gone. */
  rest?(): void;
  /** A state could not be composed; the pages keep the one before. */
  onError(error: unknown): void;
  readonly clock?: Clock | undefined;
}

export class LiveBoard<S extends object> {
  readonly #options: BoardOptions<S>;
  readonly #clock: Clock;
  /** Page → whether it has got a snapshot. */
  readonly #pages = new Map<Page, boolean>();
  #state: S | undefined;
  #timer: Timer | undefined;
  #composing = false;

  constructor(options: BoardOptions<S>) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /**
   * Shows the view to a page: a `snapshot` as soon as there is one, then a `delta` once a second, also when nothing has changed.
   *
   * @returns ends it
   */
  show(page: Page): () => void {
    this.#pages.set(page, this.#state !== undefined);
    if (this.#state !== undefined) page.write(message({ state: this.#state }, { event: 'snapshot' }));
    if (this.#timer === undefined) void this.#compose();
    return () => {
      this.#pages.delete(page);
      if (this.#pages.size === 0) this.#rest();
    };
  }

  #rest(): void {
    this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#state = undefined;
    this.#options.rest?.();
  }

  async #compose(): Promise<void> {
    if (this.#composing) return;
    this.#composing = true;
    const beganMs = this.#clock.monotonicMs();
    try {
      this.#tell(await this.#options.compose());
    } catch (error) {
      this.#options.onError(error);
    } finally {
      this.#composing = false;
    }
    // The last page may have gone meanwhile.
    if (this.#pages.size === 0) return this.#rest();
    const nextMs = Math.ceil((beganMs + SHORTEST_MS) / SECOND_MS) * SECOND_MS;
    const waitMs = Math.max(0, nextMs - this.#clock.monotonicMs());
    this.#timer = this.#clock.setTimeout(() => void this.#compose(), waitMs);
  }

  #tell(state: S): void {
    const before = this.#state;
    this.#state = state;
    // Each text is made once, however many pages there are.
    const patch =
      before === undefined ? undefined : patchBetween(before as unknown as State, state as unknown as State);
    const delta = message(patch === undefined ? {} : { patch }, { event: 'delta' });
    let snapshot: string | undefined;
    for (const [page, isUpToDate] of this.#pages) {
      snapshot ??= isUpToDate ? undefined : message({ state }, { event: 'snapshot' });
      page.write(isUpToDate ? delta : (snapshot ?? ''));
      this.#pages.set(page, true);
    }
  }
}
