/** Streams whose source has just failed: for a while, viewers get the reason at once, without another attempt. */

import { type Clock, systemClock } from '../../../shared/clock.ts';
import type { SourceError } from '../errors.ts';

const COOL_DOWN_MS = 2_000;

export class CoolDown {
  readonly #clock: Clock;
  readonly #failed = new Map<string, { error: SourceError; untilMs: number }>();

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  /** A stream could not be played. */
  begin(streamId: string, error: SourceError): void {
    this.#failed.set(streamId, { error, untilMs: this.#clock.monotonicMs() + COOL_DOWN_MS });
  }

  /** @throws {SourceError} the reason why the stream failed a moment ago */
  throwIfCooling(streamId: string): void {
    const failed = this.#failed.get(streamId);
    if (failed === undefined) return;
    if (this.#clock.monotonicMs() < failed.untilMs) throw failed.error;
    this.#failed.delete(streamId);
  }

  /** The stream is deleted: one created anew under its id has not failed. */
  forget(streamId: string): void {
    this.#failed.delete(streamId);
  }
}
