/**
 * Errors that nobody awaits, as failures of the test that they come from. A test may begin a promise, a loop or a timer and fail
 * somewhere else before it awaits that. Vitest fails the whole run for what fails there then, also where the next try of the test
 * passes. Here it belongs to the try that began it.
 */
import { AsyncLocalStorage } from 'node:async_hooks';

/** The real one: a test may have put false timers in its place. */
const nextTurn = setImmediate;

/** One run of one test. A second try is another one. */
interface Try {
  readonly test: string;
  /** What nobody has awaited so far, by its promise. */
  readonly errors: Map<unknown, unknown>;
  end?: 'passed' | 'failed';
}

export interface Stray {
  /**
   * `kept`: fails the try that it comes from, unless it is awaited before the end of that.
   * `left`: comes from a try that is over and has failed. `late`: comes from nothing that has failed.
   */
  readonly kind: 'kept' | 'left' | 'late';
  /** Where it comes from. */
  readonly test: string;
}

export class StrayErrors {
  readonly #of = new AsyncLocalStorage<Try>();
  readonly #running = new Set<Try>();
  #hasFailed = false;

  /**
   * Runs one try with all that ends with it. Answers what nobody has awaited by then.
   *
   * @param hasPassed asked when `run` is over
   */
  async during(test: string, run: () => Promise<void>, hasPassed: () => boolean): Promise<unknown[]> {
    const one: Try = { test, errors: new Map() };
    this.#running.add(one);
    try {
      await this.#of.run(one, run);
      // Node tells of a promise that is awaited after all one turn later.
      if (one.errors.size > 0) await new Promise((resolve) => nextTurn(resolve));
    } finally {
      this.#running.delete(one);
      one.end = hasPassed() && one.errors.size === 0 ? 'passed' : 'failed';
      if (one.end === 'failed') this.#hasFailed = true;
    }
    return [...one.errors.values()];
  }

  /**
   * An error that nobody awaits.
   *
   * @param promise what has failed with it; an exception has none
   */
  caught(error: unknown, promise: unknown = Symbol('exception')): Stray {
    const from = this.#of.getStore();
    if (from?.end !== undefined) return { kind: from.end === 'failed' ? 'left' : 'late', test: from.test };
    // Without a try of its own it comes from what the tests of a file share.
    const tries = from === undefined ? [...this.#running] : [from];
    for (const one of tries) one.errors.set(promise, error);
    if (tries.length > 0) return { kind: 'kept', test: tries.map(({ test }) => test).join(', ') };
    return { kind: this.#hasFailed ? 'left' : 'late', test: 'no test' };
  }

  /** A promise that somebody has awaited after all. */
  handled(promise: unknown): void {
    for (const one of this.#running) one.errors.delete(promise);
  }
}
