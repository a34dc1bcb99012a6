/** Keeps what happens again and again from filling the record: at most one event a minute of each kind. */

import type { Clock } from '../../shared/clock.ts';

const MINUTE_MS = 60_000;

export class EventLimit {
  readonly #clock: Clock;
  /** When each kind was told last, monotonic. */
  readonly #toldMs = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether one of this kind may be told; then it counts as told. */
  takes(kind: string): boolean {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - (this.#toldMs.get(kind) ?? Number.NEGATIVE_INFINITY) < MINUTE_MS) return false;
    for (const [each, toldMs] of this.#toldMs) if (nowMs - toldMs >= MINUTE_MS) this.#toldMs.delete(each);
    this.#toldMs.set(kind, nowMs);
    return true;
  }
}
