/** The body of an answer to a simulated worker. */

import { EventEmitter } from 'node:events';

/** As much of a `Readable` as its reader uses. */
export class Body extends EventEmitter {
  readonly #chunks: Buffer[] = [];
  readonly #onClose: () => void;
  #hasEnded = false;
  #isClosed = false;
  destroyed = false;
  readableEnded = false;

  constructor(onClose: () => void) {
    super();
    this.#onClose = onClose;
  }

  read(): Buffer | null {
    const chunk = this.#chunks.shift();
    if (chunk !== undefined) return chunk;
    if (this.#hasEnded && !this.readableEnded) {
      this.readableEnded = true;
      queueMicrotask(() => {
        this.emit('end');
        this.#close();
      });
    }
    return null;
  }

  push(chunk: Buffer): void {
    if (this.destroyed) return;
    this.#chunks.push(chunk);
    this.emit('readable');
  }

  /** The server has sent all. */
  end(): void {
    this.#hasEnded = true;
    this.emit('readable');
  }

  destroy(): this {
    this.destroyed = true;
    this.#chunks.length = 0;
    queueMicrotask(() => this.#close());
    return this;
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.destroyed = true;
    this.#onClose();
    this.emit('close');
  }
}
