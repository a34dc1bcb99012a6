/** Waits for something to become true; if it does not, the error names it. */
import { setTimeout as sleep } from 'node:timers/promises';

export interface UntilOptions {
  /** Default 5000. */
  timeoutMs?: number;
  /** Default: 20, and after a second 100, so that waiting takes no CPU from what is waited for. */
  everyMs?: number;
  /** What the test waits for. A function is called when time is up, to show the state then. */
  what: string | (() => string | Promise<string>);
}

type Falsy = false | 0 | '' | null | undefined;

/**
 * The first truthy value of `predicate`.
 *
 * @example
 * await until(async () => (await source.stats()).open === 0, { what: 'the source to be left alone', timeoutMs: 3000 });
 */
export async function until<T>(predicate: () => T | Promise<T>, options: UntilOptions): Promise<Exclude<T, Falsy>> {
  const { timeoutMs = 5000, everyMs, what } = options;
  const begun = performance.now();
  const deadline = begun + timeoutMs;
  while (true) {
    const value = await predicate();
    if (value) return value as Exclude<T, Falsy>;
    if (performance.now() >= deadline) {
      throw new Error(`waited ${timeoutMs} ms for ${typeof what === 'string' ? what : await what()}`);
    }
    await sleep(everyMs ?? (performance.now() < begun + 1000 ? 20 : 100));
  }
}
