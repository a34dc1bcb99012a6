/** The output of a simulated FFmpeg, as much of a `Readable` as a feed uses. */

/** Media in the order in which it was made. */
export class UnitStream {
  readonly #chunks: Buffer[] = [];
  #isEnded = false;
  #wake: (() => void) | undefined;
  #onReadable: (() => void) | undefined;

  get readableLength(): number {
    return this.#chunks.length;
  }

  once(_event: 'readable', listener: () => void): void {
    this.#onReadable = listener;
    if (this.#chunks.length > 0 || this.#isEnded) queueMicrotask(() => this.#tell());
  }

  push(chunk: Buffer): void {
    if (this.#isEnded) return;
    this.#chunks.push(chunk);
    this.#tell();
  }

  end(): void {
    this.#isEnded = true;
    this.#tell();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) yield chunk;
      else if (this.#isEnded) return;
      else
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    }
  }

  #tell(): void {
    this.#wake?.();
    const tell = this.#onReadable;
    this.#onReadable = undefined;
    tell?.();
  }
}
