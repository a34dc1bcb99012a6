/** Measures how often the units of a track come from its source. Pure. */

/** The longest interval within this time counts, because a burst after a pause must not hide the pause. */
const REMEMBERED_MS = 60_000;

export class Rhythm {
  readonly #rememberedMs: number;
  #lastMs: number | undefined;
  #longestMs: number | undefined;
  /** The longest intervals: of the half that is being filled, and of the half before. */
  #halves: [number, number] = [0, 0];
  #halfSinceMs = 0;
  #interrupted = false;

  /** @param rememberedMs an interval counts for at least half of this, and at most for all of it */
  constructor(rememberedMs = REMEMBERED_MS) {
    this.#rememberedMs = rememberedMs;
  }

  /** A unit came at `nowMs`, monotonic ms. */
  beat(nowMs: number): void {
    const lastMs = this.#lastMs;
    this.#lastMs = nowMs;
    if (lastMs === undefined || this.#interrupted) {
      this.#interrupted = false;
      if (lastMs === undefined) this.#halfSinceMs = nowMs;
      return;
    }
    if (nowMs - this.#halfSinceMs > this.#rememberedMs / 2) {
      this.#halves = [0, this.#halves[0]];
      this.#halfSinceMs = nowMs;
    }
    this.#halves[0] = Math.max(this.#halves[0], nowMs - lastMs);
    this.#longestMs = Math.max(this.#halves[0], this.#halves[1]);
  }

  /** The source was away for a while. The time until its next unit is not an interval. */
  interrupt(): void {
    this.#interrupted = true;
  }

  /** The longest of its latest intervals, in ms; undefined before the second unit. */
  get intervalMs(): number | undefined {
    return this.#longestMs;
  }

  /** Arrival of the newest unit; undefined before the first. */
  get lastMs(): number | undefined {
    return this.#lastMs;
  }
}
