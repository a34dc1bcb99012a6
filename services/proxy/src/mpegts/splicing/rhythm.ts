/** How often a track's units come, as the source itself has it. Pure. */

/** A burst after a pause must not hide the pause, so the longest interval of this time counts. */
const REMEMBERED_MS = 60_000;

export class Rhythm {
  #lastMs: number | undefined;
  #longestMs: number | undefined;
  /** Longest of the half of the time that is being filled, and of the one before. */
  #halves: [number, number] = [0, 0];
  #halfSinceMs = 0;
  #interrupted = false;

  /** A unit came at `nowMs`, monotonic. */
  beat(nowMs: number): void {
    const lastMs = this.#lastMs;
    this.#lastMs = nowMs;
    if (lastMs === undefined || this.#interrupted) {
      this.#interrupted = false;
      if (lastMs === undefined) this.#halfSinceMs = nowMs;
      return;
    }
    if (nowMs - this.#halfSinceMs > REMEMBERED_MS / 2) {
      this.#halves = [0, this.#halves[0]];
      this.#halfSinceMs = nowMs;
    }
    this.#halves[0] = Math.max(this.#halves[0], nowMs - lastMs);
    this.#longestMs = Math.max(...this.#halves);
  }

  /** The source was away for a while: the time until its next unit is no interval of its own. */
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
