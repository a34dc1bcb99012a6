/** Streams whose source has just failed: for a while, viewers get the reason at once, without another attempt. */

import type { SourceError } from '../errors.ts';

const COOL_DOWN_MS = 2_000;

export class CoolDown {
  readonly #failed = new Map<string, { error: SourceError; untilMs: number }>();

  /** A stream could not be played. */
  begin(streamId: string, error: SourceError): void {
    this.#failed.set(streamId, { error, untilMs: performance.now() + COOL_DOWN_MS });
  }

  /** @throws {SourceError} the reason why the stream failed a moment ago */
  throwIfCooling(streamId: string): void {
    const failed = this.#failed.get(streamId);
    if (failed === undefined) return;
    if (performance.now() < failed.untilMs) throw failed.error;
    this.#failed.delete(streamId);
  }

  /** The stream is deleted: one created anew under its id has not failed. */
  forget(streamId: string): void {
    this.#failed.delete(streamId);
  }
}
