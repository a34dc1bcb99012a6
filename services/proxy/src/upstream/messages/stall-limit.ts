/** How long a viewer may take nothing. The limit can be lowered. */
export class StallLimit {
  #ms: number;
  readonly #listeners = new Set<() => void>();

  /** @param ms 0: for ever */
  constructor(ms: number) {
    this.#ms = ms;
  }

  get ms(): number {
    return this.#ms;
  }

  /** Never makes it longer. */
  lowerTo(ms: number): void {
    if (this.#ms !== 0 && this.#ms <= ms) return;
    this.#ms = ms;
    for (const listener of [...this.#listeners]) listener();
  }

  /** @returns a function that removes the listener */
  onLowered(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
