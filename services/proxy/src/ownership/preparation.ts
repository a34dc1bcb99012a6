/**
 * What a handover to this worker will need, from when the owner asks for it until it is taken or given up. Both may happen
 * while it is still being made: owners die in the middle of a handover.
 */

export class Preparation<T> {
  readonly #make: () => Promise<T>;
  readonly #close: (made: T) => void;
  #made: Promise<T> | undefined;
  #expiry: NodeJS.Timeout | undefined;

  /** @param close lets go of what was made and is not needed */
  constructor(make: () => Promise<T>, close: (made: T) => void) {
    this.#make = make;
    this.#close = close;
  }

  /**
   * What is there, or being made, or is made now.
   * @throws what making it throws; the next call tries again
   */
  async ready(): Promise<T> {
    const making = this.#made ?? this.#make();
    this.#made = making;
    try {
      return await making;
    } catch (error) {
      if (this.#made === making) this.#forget();
      throw error;
    }
  }

  /** Gives it up unless it is taken within this time, in ms. */
  keepFor(ms: number): void {
    if (this.#made === undefined) return;
    clearTimeout(this.#expiry);
    this.#expiry = setTimeout(() => this.drop(), ms).unref();
  }

  /** What is there or being made, the caller's from now on; undefined when there is nothing, or it could not be made. */
  async take(): Promise<T | undefined> {
    return this.#forget()?.catch(() => undefined);
  }

  /** Gives it up. */
  drop(): void {
    void this.#forget()?.then(this.#close, () => undefined);
  }

  #forget(): Promise<T> | undefined {
    const made = this.#made;
    this.#made = undefined;
    clearTimeout(this.#expiry);
    return made;
  }
}
