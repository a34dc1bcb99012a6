/** Objects by key, held weakly: they live as long as other code holds them. All holders of a key share one object. */

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

  /** The number of keys; it may include objects that nobody holds any more. */
  get size(): number {
    return this.#refs.size;
  }
}
