/** Pages of the console that look at this worker. */
export class OpenPages {
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** A page looks. Call the returned function once, when it has gone. */
  opened(): () => void {
    this.#count++;
    return () => {
      this.#count--;
    };
  }
}
