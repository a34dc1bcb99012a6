/** Small things about promises that the platform lacks (`Promise.withResolvers` comes with Node 22). */

import { type Clock, systemClock, type Timer } from '../../shared/clock.ts';

export interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}

/** A promise and its two ends. A rejection that nobody waits for is no error. */
export function deferred<T>(): Deferred<T> {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}

/** Waits by the system's clock; returns at once when the signal is given. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return pauseBy(systemClock, ms, signal);
}

/** The same by another clock. */
export function pauseBy(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) {
      resolve();
      return;
    }
    const done = () => {
      clock.clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = clock.setTimeout(done, ms);
    signal?.addEventListener('abort', done);
  });
}

/**
 * What the promise resolves to; undefined when that takes longer than `ms`, or when the signal is given. Unlike a race with a pause it
 * leaves no timer and no listener behind.
 */
export async function within<T>(
  clock: Clock,
  promise: Promise<T>,
  ms: number,
  signal: AbortSignal,
): Promise<T | undefined> {
  const late = deferred<undefined>();
  const end = () => late.resolve(undefined);
  const timer = clock.setTimeout(end, ms);
  signal.addEventListener('abort', end);
  if (signal.aborted) end();
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clock.clearTimeout(timer);
    signal.removeEventListener('abort', end);
  }
}

/**
 * What these promises resolve to, in the order they do: of all of them, but of those that take more than `graceMs` longer than
 * the first answer that is good enough.
 */
export function gather<T>(
  promises: readonly Promise<T>[],
  isEnough: (value: T) => boolean,
  graceMs: number,
  clock: Clock = systemClock,
): Promise<T[]> {
  return new Promise((resolve, reject) => {
    const values: T[] = [];
    let timer: Timer | undefined;
    const finish = () => {
      clock.clearTimeout(timer);
      resolve([...values]);
    };
    if (promises.length === 0) finish();
    for (const promise of promises) {
      promise.then((value) => {
        values.push(value);
        if (values.length === promises.length) finish();
        else if (isEnough(value)) timer ??= clock.setTimeout(finish, graceMs);
      }, reject);
    }
  });
}
