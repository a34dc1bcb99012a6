/** How many FFmpegs this worker has started, and why they have ended. */

import { FFMPEG_EXIT_REASONS, type FfmpegExitReason } from './exit.ts';

export class FfmpegTally {
  #starts = 0;
  readonly #exits = new Map<FfmpegExitReason, number>(FFMPEG_EXIT_REASONS.map((reason) => [reason, 0]));

  get starts(): number {
    return this.#starts;
  }

  /** By reason; each reason is there. */
  get exits(): ReadonlyMap<FfmpegExitReason, number> {
    return this.#exits;
  }

  started(): void {
    this.#starts++;
  }

  ended(reason: FfmpegExitReason): void {
    this.#exits.set(reason, (this.#exits.get(reason) ?? 0) + 1);
  }
}
