/** Writes to a viewer (or to FFmpeg) no faster than it reads, with one write in flight. */
import type { Writable } from 'node:stream';

export class ReplyWriter {
  readonly #reply: Writable;
  readonly #stallMs: number;
  #gone = false;
  #wake: (() => void) | undefined;

  /** @param stallMs how long the other side may take nothing; 0: for ever */
  constructor(reply: Writable, stallMs: number) {
    this.#reply = reply;
    this.#stallMs = stallMs;
    const gone = (): void => {
      this.#gone = true;
      this.#wake?.();
    };
    reply.once('close', gone);
    reply.on('error', gone);
    if (reply.destroyed) this.#gone = true;
  }

  get gone(): boolean {
    return this.#gone;
  }

  /**
   * Resolves when the next bytes are welcome: true, or false when the other side has gone.
   *
   * @param onStall called once when the other side has taken nothing for the stall time; true: it may go on later. Without,
   *   or with false, it counts as gone
   */
  async write(chunk: Buffer, onStall: () => boolean = () => false): Promise<boolean> {
    if (this.#gone) return false;
    if (this.#reply.write(chunk)) return true;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#reply.off('drain', done);
        this.#wake = undefined;
        resolve();
      };
      const timer = this.#stallMs === 0 ? undefined : setTimeout(() => onStall() || this.#drop(done), this.#stallMs);
      this.#wake = done;
      this.#reply.once('drain', done);
    });
    return !this.#gone;
  }

  #drop(done: () => void): void {
    this.#gone = true;
    this.#reply.destroy();
    done();
  }
}
