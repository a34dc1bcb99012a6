/**
 * Decides whether to ask the shared registry. Not while it does not answer or is slow; and after it comes back, not before this
 * worker has written back what it holds. Only the first question of an outage waits, for ASK_MS; later ones do not wait.
 */

import { type Clock, systemClock, type Timer } from '../../shared/clock.ts';
import { badRecord } from '../bad-record.ts';
import { isBug, isOutage, NoAnswerError } from '../outage.ts';
import { ASKED_MS } from '../redis/limits.ts';

/** A healthy Redis answers within some milliseconds. No viewer should wait longer than this. */
const ASK_MS = 1_000;
/** A renewal faster than this ends an outage. Between this and ASK_MS nothing changes, so that the state does not flap. */
const QUICK_MS = 500;
/** How long a question waits for the current renewal when the registry may just have come back. */
const RENEWING_MS = 500;

export interface RenewalSteps {
  readonly prepare: () => Promise<void>;
  /**
   * Renews the lease; false when the registry's state differs from this worker's.
   *
   * @param isAgreed false when it is known to differ
   */
  readonly renew: (isAgreed: boolean) => Promise<boolean>;
  /** Writes this worker's state back. Called when the registry may lack some of it. */
  readonly tell: () => Promise<void>;
}

export class Reachability {
  readonly #onOutage: (error: unknown) => void;
  readonly #onBug: (error: unknown) => void;
  readonly #clock: Clock;
  readonly #asked = new Set<Promise<unknown>>();
  /** Whether questions go to the registry. */
  #open = false;
  /** It answers renewals, but too slowly for viewers. */
  #slow = false;
  /** It gives no answer at all, not even a refusal. */
  #silent = false;
  #untold = true;
  /** It was lost and is not back yet. */
  #lost = false;
  #reopenedMs = Number.NEGATIVE_INFINITY;
  #renewing: Promise<unknown> | undefined;

  /**
   * @param onOutage called with the error that begins an outage
   * @param onBug called with an error that is a fault of this program
   */
  constructor(onOutage: (error: unknown) => void, onBug: (error: unknown) => void, clock: Clock = systemClock) {
    this.#clock = clock;
    this.#onOutage = onOutage;
    this.#onBug = onBug;
  }

  /** Whether questions have gone to the registry for this long since the last outage, if there was one. */
  isOpenFor(ms: number): boolean {
    return this.#open && this.#clock.monotonicMs() - this.#reopenedMs >= ms;
  }

  /** Whether no question is waiting for an answer. */
  get quiet(): boolean {
    return this.#asked.size === 0;
  }

  /**
   * The shared registry's answer, or this worker's own during an outage.
   *
   * @param shared may take long if it reports each part of the answer
   */
  async ask<T, U>(shared: (onProgress: () => void) => Promise<T>, own: () => Promise<U>): Promise<T | U> {
    // It may be back: it would be too early to start a process for a feed that others have.
    if (!this.#open && !this.#slow && !this.#silent) await settledWithin(this.#clock, this.#renewing, RENEWING_MS);
    if (!this.#open) return own();
    const askedMs = this.#clock.monotonicMs();
    try {
      return await this.#put(shared, ASK_MS);
    } catch (error) {
      this.#throwUnlessOutage(error);
      this.lose(error, this.#clock.monotonicMs() - askedMs);
      return own();
    }
  }

  /** The same for a change: one that only this worker knows must be written back later. */
  change<T, U>(shared: () => Promise<T>, own: () => Promise<U>): Promise<T | U> {
    return this.ask(shared, () => {
      this.#untold = true;
      return own();
    });
  }

  /** The same for a feed that another worker is known to make: this also asks a slow registry. */
  async askOwnership<T>(shared: () => Promise<T>, own: () => Promise<T>): Promise<T> {
    if (!this.#slow) return this.change(shared, own);
    try {
      // A slow answer is better than a second process.
      return await this.#put(shared, ASKED_MS);
    } catch (error) {
      this.#throwUnlessOutage(error);
      this.#untold = true;
      return own();
    }
  }

  /** For what only the shared registry may do; throws when it does not answer. */
  async insist<T>(shared: () => Promise<T>): Promise<T> {
    if (!this.#open) throw new NoAnswerError('Redis does not answer');
    return this.#put(shared, ASK_MS);
  }

  /** The registry did not answer, after `tookMs`. */
  lose(error: unknown, tookMs: number): void {
    const wasOpen = this.#open;
    this.#open = false;
    this.#lost = true;
    this.#slow = false;
    this.#silent = tookMs > QUICK_MS;
    this.#untold = true;
    // Last: whoever hears of it may ask something.
    if (isBug(error)) this.#onBug(error);
    else if (wasOpen) this.#onOutage(error);
  }

  /**
   * One renewal. Questions wait for it a moment; afterwards they are asked, unless the registry is slow.
   * @returns whether the lease was unbroken, and the registry's state was the same as this worker's
   */
  async renewal(steps: RenewalSteps): Promise<boolean> {
    const renewing = this.#renew(steps);
    this.#renewing = renewing;
    try {
      return await renewing;
    } finally {
      if (this.#renewing === renewing) this.#renewing = undefined;
    }
  }

  async #renew({ prepare, renew, tell }: RenewalSteps): Promise<boolean> {
    const sentMs = this.#clock.monotonicMs();
    try {
      await prepare();
      // Sent together: a slow registry answers both in half the time.
      const told = this.#untold;
      const [unbroken] = await Promise.all([this.#timed(() => renew(!told)), told ? this.#tell(tell) : undefined]);
      if (!unbroken && !told) await this.#tell(tell);
      this.#open = !this.#slow && !this.#untold;
      if (this.#open && this.#lost) {
        this.#lost = false;
        this.#reopenedMs = this.#clock.monotonicMs();
      }
      return unbroken;
    } catch (error) {
      // Without a lease no answer would hold, whatever the reason.
      this.lose(error, this.#clock.monotonicMs() - sentMs);
      throw error;
    }
  }

  async #tell(tell: () => Promise<void>): Promise<void> {
    this.#open = false;
    await Promise.allSettled(this.#asked);
    // First lets the callers process their answers.
    await new Promise<void>((resolve) => this.#clock.setImmediate(resolve));
    this.#untold = false;
    await tell();
  }

  async #timed<T>(renew: () => Promise<T>): Promise<T> {
    const wasOpen = this.#open;
    const sentMs = this.#clock.monotonicMs();
    const renewed = await renew();
    const tookMs = this.#clock.monotonicMs() - sentMs;
    this.#slow = tookMs > (wasOpen ? ASK_MS : QUICK_MS);
    this.#silent = false;
    // Not again when a question has lost it meanwhile.
    if (this.#slow && this.#open) {
      this.#open = false;
      this.#onOutage(new Error(`Redis takes ${Math.round(tookMs)} ms for an answer`));
    }
    return renewed;
  }

  /** An error of one record, or a fault of this program, says nothing about Redis: whoever asked gets it. */
  #throwUnlessOutage(error: unknown): void {
    const bad = badRecord(error);
    if (bad !== undefined) throw bad;
    if (isOutage(error)) return;
    this.#onBug(error);
    throw error;
  }

  async #put<T>(shared: (onProgress: () => void) => Promise<T>, ms: number): Promise<T> {
    const asked = within(this.#clock, shared, ms);
    this.#asked.add(asked);
    try {
      return await asked;
    } finally {
      this.#asked.delete(asked);
    }
  }
}

/**
 * The result, within this time since the start or since the last progress. A process that stood still finds the answer in its
 * socket, so it reads that before it gives up.
 */
async function within<T>(clock: Clock, start: (onProgress: () => void) => Promise<T>, ms: number): Promise<T> {
  let timer: Timer | undefined;
  let restart = (): void => undefined;
  const late = new Promise<never>((_, reject) => {
    const giveUp = () => reject(new NoAnswerError(`Redis has not answered within ${ms} ms`));
    restart = () => {
      clock.clearTimeout(timer);
      const readFirst = (next: () => void) => clock.setImmediate(() => clock.setImmediate(next));
      const mine = clock.setTimeout(() => readFirst(() => timer === mine && giveUp()), ms);
      timer = mine;
    };
  });
  restart();
  try {
    return await Promise.race([start(() => timer !== undefined && restart()), late]);
  } finally {
    clock.clearTimeout(timer);
    timer = undefined;
  }
}

async function settledWithin(clock: Clock, promise: Promise<unknown> | undefined, ms: number): Promise<void> {
  if (promise === undefined) return;
  await within(clock, () => promise, ms).catch(() => undefined);
}
