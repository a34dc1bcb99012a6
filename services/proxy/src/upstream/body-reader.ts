/** Reads a body piece by piece when asked, and notices a source that falls silent; waiting for our own viewer never counts. */
import type { Readable } from 'node:stream';
import { SourceError } from '../errors.ts';
import { maskUrl } from './mask.ts';
import { bodyFailure } from './upstream-error.ts';

export class BodyReader {
  readonly #body: Readable;
  readonly #url: string;
  #returned: Buffer | undefined;
  #error: unknown;
  #ended = false;

  /** From here on the body is this reader's alone. `url` is for messages, where it is masked. */
  constructor(body: Readable, url: string) {
    this.#body = body;
    this.#url = url;
    body.on('error', (error) => {
      this.#error ??= error;
    });
    body.once('end', () => {
      this.#ended = true;
    });
  }

  /**
   * The next bytes, as they came; undefined when the source has ended properly. One call at a time.
   *
   * @param idleMs how long the source may take for its next byte
   * @throws {SourceError} `stalled` after that time, `ended` when the source broke off
   */
  async read(idleMs: number): Promise<Buffer | undefined> {
    if (this.#returned !== undefined) {
      const chunk = this.#returned;
      this.#returned = undefined;
      return chunk;
    }
    let deadlineMs: number | undefined;
    for (;;) {
      const chunk: Buffer | null = this.#body.read();
      if (chunk !== null) return chunk;
      if (this.#error !== undefined) throw bodyFailure(this.#error, this.#url);
      if (this.#ended || this.#body.readableEnded) return undefined;
      if (this.#body.destroyed) throw new SourceError('stopped', 'The source was closed.');
      deadlineMs ??= performance.now() + idleMs;
      const leftMs = deadlineMs - performance.now();
      if (leftMs <= 0 || !(await this.#nextEvent(leftMs))) throw this.#stalled(idleMs);
    }
  }

  /**
   * The first bytes: at least `wanted` of them, fewer if the body ends before or the time is over. `read` returns them again.
   *
   * @param timeoutMs for all of them together
   * @throws {SourceError} as `read`, `stalled` only if there was no byte at all
   */
  async peek(wanted: number, timeoutMs: number): Promise<Buffer> {
    const deadlineMs = performance.now() + timeoutMs;
    const chunks: Buffer[] = [];
    let length = 0;
    while (length < wanted) {
      const chunk = await this.read(Math.max(0, deadlineMs - performance.now())).catch((error: unknown) => {
        if (length > 0 && error instanceof SourceError && error.reason === 'stalled') return undefined;
        throw error;
      });
      if (chunk === undefined) break;
      chunks.push(chunk);
      length += chunk.length;
    }
    const first = Buffer.concat(chunks, length);
    if (length > 0) this.#returned = first;
    return first;
  }

  /** Closes the connection at once. */
  close(): void {
    this.#body.destroy();
  }

  #stalled(idleMs: number): SourceError {
    return new SourceError('stalled', `The source ${maskUrl(this.#url)} sent nothing for ${idleMs / 1000} s.`);
  }

  /** Waits until there may be something to read; false when the time is over. */
  #nextEvent(timeoutMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const body = this.#body;
      const events = ['readable', 'end', 'error', 'close'] as const;
      const done = (happened: boolean): void => {
        clearTimeout(timer);
        for (const event of events) body.off(event, onEvent);
        resolve(happened);
      };
      const onEvent = (): void => done(true);
      const timer = setTimeout(() => done(false), timeoutMs);
      for (const event of events) body.on(event, onEvent);
    });
  }
}

/**
 * A stall alarm for whoever reads in flowing mode: call `touch` at each chunk, `pause` when *we* stop reading, `resume`
 * when we go on. It goes off once.
 */
export class IdleWatchdog {
  readonly #idleMs: number;
  readonly #onIdle: () => void;
  #timer: NodeJS.Timeout | undefined;
  #over = false;

  constructor(idleMs: number, onIdle: () => void) {
    this.#idleMs = idleMs;
    this.#onIdle = onIdle;
    this.resume();
  }

  touch(): void {
    if (!this.#over) this.#timer?.refresh();
  }

  pause(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  resume(): void {
    if (this.#over) return;
    this.#timer ??= setTimeout(() => {
      this.stop();
      this.#onIdle();
    }, this.#idleMs);
  }

  /** For good. */
  stop(): void {
    this.#over = true;
    this.pause();
  }
}
