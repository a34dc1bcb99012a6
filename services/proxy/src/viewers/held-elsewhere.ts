/** Objects by key that live as long as somebody else holds them, so that all who hold one hold the same, and nobody has to end it. */

export class HeldElsewhere<T extends WeakKey> {
  readonly #refs = new Map<string, WeakRef<T>>();
  readonly #gone = new FinalizationRegistry<string>((key) => {
    if (this.#refs.get(key)?.deref() === undefined) this.#refs.delete(key);
  });

  get(key: string): T | undefined {
    return this.#refs.get(key)?.deref();
  }

  set(key: string, value: T): void {
    this.#refs.set(key, new WeakRef(value));
    this.#gone.register(value, key);
  }

  delete(key: string): void {
    this.#refs.delete(key);
  }

  /** Keys of what is still held, or was a moment ago. */
  get size(): number {
    return this.#refs.size;
  }
}
