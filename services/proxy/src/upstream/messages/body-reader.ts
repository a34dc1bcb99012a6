/**
 * Reads a body piece by piece on request, and notices a silent source. Time spent waiting for our own viewer does not
 * count.
 */
import type { Readable } from 'node:stream';
import { type Clock, systemClock, type Timer } from '../../../../shared/clock.ts';
import { maskUrl } from '../../../../shared/masking/mask.ts';
import { SourceError } from '../../errors.ts';
import { bodyFailure } from './upstream-error.ts';

export class BodyReader {
  readonly #body: Readable;
  readonly #url: string;
  readonly #clock: Clock;
  readonly #received: ((bytes: number) => void) | undefined;
  #returned: Buffer | undefined;
  #error: unknown;
  #ended = false;
  /** Called when there may be something to read. */
  #wake: (() => void) | undefined;
  #timeIsOver: (() => void) | undefined;
  /** One timer for all waits. It is set again only when it fires, not for each piece. */
  #timer: Timer | undefined;
  #timerAtMs = 0;
  #waitUntilMs = 0;

  /**
   * From here on only this reader uses the body.
   * @param url for messages, which mask it
   * @param received called with the number of bytes of each piece
   */
  constructor(body: Readable, url: string, clock: Clock = systemClock, received?: (bytes: number) => void) {
    this.#body = body;
    this.#received = received;
    this.#url = url;
    this.#clock = clock;
    body.on('error', (error) => {
      this.#error ??= error;
    });
    body.once('end', () => {
      this.#ended = true;
    });
    for (const event of ['readable', 'end', 'error', 'close'] as const) body.on(event, () => this.#wake?.());
    body.once('close', () => clock.clearTimeout(this.#timer));
  }

  /**
   * The next bytes as they came; undefined when the source has ended properly. Call it again only after it has
   * resolved.
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
      if (chunk !== null) {
        this.#received?.(chunk.length);
        return chunk;
      }
      if (this.#error !== undefined) throw bodyFailure(this.#error, this.#url);
      if (this.#ended || this.#body.readableEnded) return undefined;
      if (this.#body.destroyed) throw new SourceError('stopped', 'The source was closed.');
      deadlineMs ??= this.#clock.monotonicMs() + idleMs;
      const leftMs = Math.max(0, deadlineMs - this.#clock.monotonicMs());
      if (!(await this.#nextEvent(leftMs))) throw this.#stalled(idleMs);
    }
  }

  /**
   * The first bytes: at least `wanted`, or fewer if the body ends or the time is over. `read` returns them again.
   *
   * @param timeoutMs for all of them together
   * @throws {SourceError} as `read`; `stalled` only if no byte came
   */
  async peek(wanted: number, timeoutMs: number): Promise<Buffer> {
    const deadlineMs = this.#clock.monotonicMs() + timeoutMs;
    const chunks: Buffer[] = [];
    let length = 0;
    while (length < wanted) {
      const chunk = await this.read(Math.max(0, deadlineMs - this.#clock.monotonicMs())).catch((error: unknown) => {
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
    return new SourceError(
      'stalled',
      `The source ${maskUrl(this.#url)} sent nothing for ${Math.round(idleMs / 100) / 10} s.`,
    );
  }

  /** Waits until there may be something to read. Returns false when the time is over. */
  async #nextEvent(timeoutMs: number): Promise<boolean> {
    this.#waitUntilMs = this.#clock.monotonicMs() + timeoutMs;
    if (this.#timer === undefined || this.#waitUntilMs < this.#timerAtMs) this.#setTimer(timeoutMs);
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = undefined;
        resolve(true);
      };
      this.#timeIsOver = () => {
        this.#wake = undefined;
        resolve(false);
      };
    });
  }

  #setTimer(ms: number): void {
    this.#clock.clearTimeout(this.#timer);
    this.#timerAtMs = this.#clock.monotonicMs() + ms;
    this.#timer = this.#clock.setTimeout(() => {
      this.#timer = undefined;
      if (this.#wake === undefined) return;
      const leftMs = this.#waitUntilMs - this.#clock.monotonicMs();
      if (leftMs > 0) {
        this.#setTimer(leftMs);
        return;
      }
      // If this process stood still, bytes are waiting now. They are read before an immediate runs.
      this.#clock.setImmediate(() => {
        if (this.#wake !== undefined && this.#waitUntilMs <= this.#clock.monotonicMs()) this.#timeIsOver?.();
      });
    }, ms);
  }
}
