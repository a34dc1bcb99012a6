/**
 * Whether questions are put to the shared registry. Not while it does not answer, or answers slowly, and when it has just come
 * back not before it was told what is here. A question waits for ASK_MS once, when an outage begins, and from then on not at all.
 */

import { badRecord } from '../bad-record.ts';

/** A healthy Redis answers within some milliseconds; more than this no viewer should wait. */
const ASK_MS = 1_000;
/** About a feed that another worker is known to make the slow answer is better than a second process. */
const ASK_OWNERSHIP_MS = 3_000;
/** A renewal faster than this ends an outage; between this and ASK_MS all stays as it was, so that nothing flaps. */
const QUICK_MS = 500;
/** How long a question waits for the renewal that is under way when the registry may just have come back. */
const RENEWING_MS = 500;

export interface RenewalSteps {
  readonly prepare: () => Promise<void>;
  /** Keeps the lease; false when the registry says something else than what is here. */
  readonly renew: () => Promise<boolean>;
  /** Writes back what is here. Called when that may be news. */
  readonly tell: () => Promise<void>;
}

export class Reachability {
  readonly #onOutage: (error: unknown) => void;
  readonly #asked = new Set<Promise<unknown>>();
  /** Questions are put to it. */
  #open = false;
  /** It answers renewals, but no viewer should wait for that. */
  #slow = false;
  /** It does not even refuse. */
  #silent = false;
  #untold = true;
  /** It was lost, and is not back yet. */
  #lost = false;
  #reopenedMs = Number.NEGATIVE_INFINITY;
  #renewing: Promise<unknown> | undefined;

  /** @param onOutage told of the error with which an outage begins */
  constructor(onOutage: (error: unknown) => void) {
    this.#onOutage = onOutage;
  }

  /** Questions have been put to the shared registry for so long since an outage, or there was none. */
  isOpenFor(ms: number): boolean {
    return this.#open && performance.now() - this.#reopenedMs >= ms;
  }

  /** Nothing has been asked that is not answered yet. */
  get quiet(): boolean {
    return this.#asked.size === 0;
  }

  /**
   * The shared registry's answer, or this worker's own while there is none.
   *
   * @param shared may take long when it calls back with each part of the answer
   */
  async ask<T>(shared: (onProgress: () => void) => Promise<T>, own: () => Promise<T>): Promise<T> {
    // It may be back: a new process for what others have would be premature.
    if (!this.#open && !this.#slow && !this.#silent) await settledWithin(this.#renewing, RENEWING_MS);
    if (!this.#open) return own();
    const askedMs = performance.now();
    try {
      return await this.#put(shared, ASK_MS);
    } catch (error) {
      const bad = badRecord(error);
      if (bad !== undefined) throw bad;
      this.lose(error, performance.now() - askedMs);
      return own();
    }
  }

  /** The same for what changes something: what only this worker knows of has to be written back. */
  change<T>(shared: () => Promise<T>, own: () => Promise<T>): Promise<T> {
    return this.ask(shared, () => {
      this.#untold = true;
      return own();
    });
  }

  /** The same for a feed that another worker is known to make: a slow registry is asked too. */
  async askOwnership<T>(shared: () => Promise<T>, own: () => Promise<T>): Promise<T> {
    if (!this.#slow) return this.change(shared, own);
    try {
      return await this.#put(shared, ASK_OWNERSHIP_MS);
    } catch {
      this.#untold = true;
      return own();
    }
  }

  /** What may only be done by the shared registry; throws when that does not answer. */
  async insist<T>(shared: () => Promise<T>): Promise<T> {
    if (!this.#open) throw new Error('Redis does not answer');
    return this.#put(shared, ASK_MS);
  }

  /** The registry did not answer, after `tookMs`. */
  lose(error: unknown, tookMs: number): void {
    if (this.#open) this.#onOutage(error);
    this.#open = false;
    this.#lost = true;
    this.#slow = false;
    this.#silent = tookMs > QUICK_MS;
    this.#untold = true;
  }

  /**
   * One renewal. Meanwhile questions wait for a moment, and afterwards they are asked, unless the registry is slow.
   * @returns whether the lease was unbroken, and the registry said what is here
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
    const sentMs = performance.now();
    try {
      await prepare();
      // Sent together, which a slow registry answers in half the time.
      const told = this.#untold;
      const [unbroken] = await Promise.all([this.#timed(renew), told ? this.#tell(tell) : undefined]);
      if (!unbroken && !told) await this.#tell(tell);
      this.#open = !this.#slow && !this.#untold;
      if (this.#open && this.#lost) {
        this.#lost = false;
        this.#reopenedMs = performance.now();
      }
      return unbroken;
    } catch (error) {
      this.lose(error, performance.now() - sentMs);
      throw error;
    }
  }

  async #tell(tell: () => Promise<void>): Promise<void> {
    this.#open = false;
    await Promise.allSettled(this.#asked);
    // Whoever asked notes the answer first.
    await new Promise((resolve) => setImmediate(resolve));
    this.#untold = false;
    await tell();
  }

  async #timed<T>(renew: () => Promise<T>): Promise<T> {
    const wasOpen = this.#open;
    const sentMs = performance.now();
    const renewed = await renew();
    const tookMs = performance.now() - sentMs;
    this.#slow = tookMs > (wasOpen ? ASK_MS : QUICK_MS);
    this.#silent = false;
    if (this.#slow && wasOpen) {
      this.#onOutage(new Error(`Redis takes ${Math.round(tookMs)} ms for an answer`));
      this.#open = false;
    }
    return renewed;
  }

  async #put<T>(shared: (onProgress: () => void) => Promise<T>, ms: number): Promise<T> {
    const asked = within(shared, ms);
    this.#asked.add(asked);
    try {
      return await asked;
    } finally {
      this.#asked.delete(asked);
    }
  }
}

/**
 * What is started resolves to, in time: so long after its start, or after its last sign of progress. A process that stood still itself finds the answer in its socket, so that is read
 * before giving up.
 */
async function within<T>(start: (onProgress: () => void) => Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  let restart = (): void => undefined;
  const late = new Promise<never>((_, reject) => {
    const giveUp = () => reject(new Error(`Redis has not answered within ${ms} ms`));
    restart = () => {
      clearTimeout(timer);
      const mine = setTimeout(() => setImmediate(() => setImmediate(() => timer === mine && giveUp())), ms);
      timer = mine;
    };
  });
  restart();
  try {
    return await Promise.race([start(() => timer !== undefined && restart()), late]);
  } finally {
    clearTimeout(timer);
    timer = undefined;
  }
}

async function settledWithin(promise: Promise<unknown> | undefined, ms: number): Promise<void> {
  if (promise === undefined) return;
  await within(() => promise, ms).catch(() => undefined);
}
