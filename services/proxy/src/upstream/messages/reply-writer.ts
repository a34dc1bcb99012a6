/** Writes to a viewer or to FFmpeg only as fast as it reads, with one write in progress. */
import type { Writable } from 'node:stream';
import type { StallLimit } from './stall-limit.ts';

export class ReplyWriter {
  readonly #reply: Writable;
  readonly #stall: StallLimit;
  #gone = false;
  #wake: (() => void) | undefined;

  /** @param stall how long the other side may take nothing */
  constructor(reply: Writable, stall: StallLimit) {
    this.#reply = reply;
    this.#stall = stall;
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
   * Resolves when the next bytes may be written: true, or false when the other side has left.
   *
   * @param onStall called once when the other side has taken nothing for the stall time. Returns true if it may
   * continue later. Without it, or on false, the other side counts as gone.
   */
  async write(chunk: Buffer, onStall: () => boolean = () => false): Promise<boolean> {
    if (this.#gone) return false;
    if (this.#reply.write(chunk)) return true;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        unwatch();
        this.#reply.off('drain', done);
        this.#wake = undefined;
        resolve();
      };
      const unwatch = this.#watch(() => onStall() || this.#drop(done));
      this.#wake = done;
      this.#reply.once('drain', done);
    });
    return !this.#gone;
  }

  /** The same for several chunks that are there at once. They go to the connection together. */
  async writeAll(chunks: readonly Buffer[]): Promise<boolean> {
    const last = chunks.at(-1);
    if (this.#gone || last === undefined) return !this.#gone;
    this.#reply.cork();
    for (const chunk of chunks.slice(0, -1)) this.#reply.write(chunk);
    const written = this.write(last);
    this.#reply.uncork();
    return written;
  }

  /** Calls back when the stall time from now is over, also if the stall time gets shorter meanwhile. */
  #watch(onStall: () => void): () => void {
    const sinceMs = performance.now();
    let timer: NodeJS.Timeout | undefined;
    const unlisten = this.#stall.onLowered(() => arm());
    const unwatch = (): void => {
      clearTimeout(timer);
      unlisten();
    };
    const arm = (): void => {
      clearTimeout(timer);
      const { ms } = this.#stall;
      if (ms === 0) return;
      timer = setTimeout(
        () => {
          unwatch();
          onStall();
        },
        Math.max(0, sinceMs + ms - performance.now()),
      );
    };
    arm();
    return unwatch;
  }

  #drop(done: () => void): void {
    this.#gone = true;
    this.#reply.destroy();
    done();
  }
}
