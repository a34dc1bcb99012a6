/**
 * When a drained worker on ECS ends: nobody would stop it, and it would be paid for and counted as one that is wanted. ECS starts
 * another one if it wants one.
 */

import type { DrainReason } from '../../../registry/types.ts';
import { pause } from '../async.ts';

/** A player that changes channels, or reconnects, is back by then. */
export const EMPTY_MS = 10_000;
/** A load balancer has noticed by then that this worker takes no viewers: two health checks of 10 s, and a timeout of 5 s. */
export const NOTICED_MS = 25_000;
const ROUND_MS = 1_000;

export interface DrainEndDeps {
  readonly reason: () => DrainReason | undefined;
  /** Nobody watches here, and no other worker reads a feed of this one. */
  readonly isUnused: () => boolean;
  /** Makes the drain final; false when it has been taken back, or the registry does not answer. */
  readonly close: () => Promise<boolean>;
  readonly onOver: () => void;
}

/** Watches one worker. `look` is its decision; `start` asks it once a second. */
export class DrainEnd {
  readonly #deps: DrainEndDeps;
  readonly #abort = new AbortController();
  #drainingSinceMs: number | undefined;
  #emptySinceMs: number | undefined;

  constructor(deps: DrainEndDeps) {
    this.#deps = deps;
  }

  start(): void {
    void this.#run();
  }

  stop(): void {
    this.#abort.abort();
  }

  /**
   * Whether the worker ends now. A worker that leaves for another deployment does not: ECS would start another one of its
   * revision, so ECS has to stop it.
   */
  look(nowMs: number): boolean {
    const { reason, isUnused } = this.#deps;
    const isTold = reason() === 'told';
    this.#drainingSinceMs = isTold ? (this.#drainingSinceMs ?? nowMs) : undefined;
    this.#emptySinceMs = isTold && isUnused() ? (this.#emptySinceMs ?? nowMs) : undefined;
    if (this.#drainingSinceMs === undefined || this.#emptySinceMs === undefined) return false;
    return nowMs - this.#drainingSinceMs >= NOTICED_MS && nowMs - this.#emptySinceMs >= EMPTY_MS;
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort;
    const { close, onOver } = this.#deps;
    while (!signal.aborted) {
      if (this.look(performance.now()) && (await close())) return onOver();
      await pause(ROUND_MS, signal);
    }
  }
}
