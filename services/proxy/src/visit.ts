/**
 * What a worker holds for one caller, from its request until it has left: a viewer, or another worker. This is the rule that keeps
 * anything from being left behind: whatever is taken for a caller goes into its visit before the next `await`. The visit gives it
 * back when the caller has left, and at once if it has left already.
 */

import type { Logger } from '../../shared/log.ts';
import { deferred } from './async.ts';
import { SourceError } from './errors.ts';

interface Closing {
  readonly destroyed: boolean;
  once(event: 'close', listener: () => void): unknown;
  off(event: 'close', listener: () => void): unknown;
}

/** The response to a caller, with the connection that it goes over. */
interface Caller extends Closing {
  readonly req: { readonly socket: Closing };
}

/** Made once: an abort without a reason makes one, with a stack, for each request. */
const LEFT = new DOMException('The caller has left.', 'AbortError');

type GiveBack = () => void | Promise<void>;

export class Visit {
  readonly #over = new AbortController();
  readonly #held: GiveBack[] = [];
  readonly #log: Pick<Logger, 'warn'>;

  /** Begin it before the first `await`: a response that has closed tells nobody who listens later. */
  constructor(response: Caller, log: Pick<Logger, 'warn'>) {
    this.#log = log;
    const { socket } = response.req;
    if (response.destroyed || socket.destroyed) {
      this.#over.abort(LEFT);
      return;
    }
    const over = () => {
      socket.off('close', over);
      void this.end();
    };
    response.once('close', over);
    // A response that waits behind another one on its connection has no socket yet, and says nothing when that closes.
    socket.once('close', over);
  }

  /** Aborts when the caller has left. */
  get signal(): AbortSignal {
    return this.#over.signal;
  }

  /** The caller has left. */
  get isOver(): boolean {
    return this.signal.aborted;
  }

  /** Calls `giveBack` once, when the caller has left. */
  holds(giveBack: GiveBack): void {
    if (this.isOver) void this.#call(giveBack);
    else this.#held.push(giveBack);
  }

  /**
   * Waits for what is being taken for the caller, and holds it. What comes after the caller has left goes back as it comes. Call
   * `stopIfGone` before anything else is taken on top of it.
   *
   * @throws {SourceError} `stopped`, as soon as the caller has left
   */
  take<T>(taking: Promise<T>, giveBack: (taken: T) => void | Promise<void>): Promise<T> {
    const held = taking.then((taken) => {
      this.holds(() => giveBack(taken));
      return taken;
    });
    return unlessGone(held, this.signal);
  }

  /** Gives everything back, what was taken last first. Resolves when that is done. */
  async end(): Promise<void> {
    this.#over.abort(LEFT);
    await Promise.all(
      this.#held
        .splice(0)
        .reverse()
        .map((giveBack) => this.#call(giveBack)),
    );
  }

  /** One failure keeps nothing else from being given back. */
  async #call(giveBack: GiveBack): Promise<void> {
    try {
      await giveBack();
    } catch (error) {
      this.#log.warn({ err: error }, 'could not give back everything that was held for a viewer or a relay');
    }
  }
}

/**
 * Waits for something that nobody has to give back.
 *
 * @param signal aborts when the caller has left
 * @throws {SourceError} `stopped`, by the signal
 */
export async function unlessGone<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const gone = deferred<never>();
  const onAbort = () => gone.reject(hasLeft());
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([promise, gone.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** @throws {SourceError} `stopped`, when the caller has left: nothing is begun for nobody */
export function stopIfGone(signal: AbortSignal): void {
  if (signal.aborted) throw hasLeft();
}

function hasLeft(): SourceError {
  return new SourceError('stopped', 'The viewer has left.');
}
