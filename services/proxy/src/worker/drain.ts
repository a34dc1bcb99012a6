/** Draining: the worker takes nothing new, hands its feeds over and waits for its viewers to leave. */

import type { DrainReason } from '../../../registry/types.ts';
import type { Clock } from '../../../shared/clock.ts';
import type { Logger } from '../../../shared/log.ts';
import { pauseBy } from '../async.ts';

const POLL_MS = 200;

/** How a worker that stops ends. */
interface Ending {
  /** What asked for it. */
  readonly signal?: string | undefined;
  /** How long it waits for its viewers. */
  readonly drainMs?: number;
  /** The viewers that it has. */
  readonly clients?: number;
}

export class Drain {
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #listeners: ((isBegun: boolean) => void)[] = [];
  #reason: DrainReason | undefined;
  #isClosing = false;

  constructor(log: Logger, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  /** Whether the worker takes nothing new. */
  get isBegun(): boolean {
    return this.#reason !== undefined;
  }

  /** Undefined: the worker takes viewers. */
  get reason(): DrainReason | undefined {
    return this.#isClosing ? 'stopping' : this.#reason;
  }

  /** Calls back whenever draining begins, ends or has another reason. */
  onChange(listener: (isBegun: boolean) => void): void {
    this.#listeners.push(listener);
  }

  /**
   * A worker that drains already keeps its reason, unless it stops.
   * @param ending how a worker that stops ends, for the log
   */
  begin(reason: DrainReason, ending?: Ending): void {
    if (this.#reason === reason || (this.isBegun && reason !== 'stopping')) return;
    const what = this.isBegun
      ? 'this worker drains already, and ends now'
      : 'draining: this worker takes nothing new, and hands over the feeds that other workers read';
    const { drainMs = 0, clients = 0 } = ending ?? {};
    const then = drainMs > 0 && clients > 0 ? `; it ends without viewers, or after ${drainMs / 1_000} s` : '';
    this.#log.info({ reason, ...ending }, `${what}${then}`);
    this.#change(reason);
  }

  /** Takes viewers again, if the worker drains for this reason. */
  takeBack(reason: Exclude<DrainReason, 'stopping'>): void {
    if (this.#reason !== reason) return;
    this.#log.info({ reason }, 'the worker takes viewers again');
    this.#change(undefined);
  }

  /**
   * Makes a drain final, unless it is taken back before that is known.
   *
   * @param announce tells the others, and returns once a command that they sent before has arrived; false: they could not be told
   */
  async close(announce: () => Promise<boolean>): Promise<boolean> {
    if (this.#reason !== 'told') return false;
    this.#isClosing = true;
    const isAnnounced = await announce();
    this.#isClosing = false;
    if (!isAnnounced || this.#reason !== 'told') return false;
    this.#reason = 'stopping';
    return true;
  }

  /** Stops the worker: resolves when nobody needs it any more, or after `drainMs`. */
  async until(isUnused: () => boolean, drainMs: number, ending: Omit<Ending, 'drainMs'> = {}): Promise<void> {
    this.begin('stopping', { ...ending, drainMs });
    const untilMs = this.#clock.monotonicMs() + drainMs;
    while (!isUnused() && this.#clock.monotonicMs() < untilMs) await pauseBy(this.#clock, POLL_MS);
  }

  #change(reason: DrainReason | undefined): void {
    this.#reason = reason;
    for (const listener of this.#listeners) listener(reason !== undefined);
  }
}
