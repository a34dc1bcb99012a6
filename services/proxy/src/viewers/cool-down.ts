/** Streams whose source has just failed: viewers hear the reason at once for a while, instead of each trying again. */

import type { SourceError } from '../errors.ts';

const COOL_DOWN_MS = 2_000;

export class CoolDown {
  readonly #failed = new Map<string, { error: SourceError; untilMs: number }>();

  /** The stream could not be played. */
  begin(streamId: string, error: SourceError): void {
    this.#failed.set(streamId, { error, untilMs: performance.now() + COOL_DOWN_MS });
  }

  /** @throws {SourceError} what was wrong with the stream a moment ago */
  throwIfCooling(streamId: string): void {
    const failed = this.#failed.get(streamId);
    if (failed === undefined) return;
    if (performance.now() < failed.untilMs) throw failed.error;
    this.#failed.delete(streamId);
  }

  /** The stream is gone: one that is made anew under its id has not failed. */
  forget(streamId: string): void {
    this.#failed.delete(streamId);
  }
}
