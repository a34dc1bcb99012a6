/** How long Redis takes to answer, and how often it does not. */

import { Redis } from 'ioredis';

/** Redis does not know a script yet; it is sent in full then, which is no error. */
const UNKNOWN_SCRIPT = /^NOSCRIPT/;

export class RedisTally {
  #errors = 0;
  #listener: (seconds: number) => void = () => undefined;

  /** Commands without an answer, or refused, since the start. */
  get errors(): number {
    return this.#errors;
  }

  /** Calls back with the seconds that each answer took. There is one listener. */
  onAnswer(listener: (seconds: number) => void): void {
    this.#listener = listener;
  }

  /** A command is sent. */
  sent(answer: Promise<unknown>): void {
    const sentMs = performance.now();
    answer.then(
      () => this.#listener((performance.now() - sentMs) / 1000),
      (error: unknown) => {
        if (!(error instanceof Error && UNKNOWN_SCRIPT.test(error.message))) this.#errors++;
      },
    );
  }
}

/** A connection that counts what is sent over it. */
export class MeasuredRedis extends Redis {
  tally: RedisTally | undefined;

  override sendCommand(...sent: Parameters<Redis['sendCommand']>): unknown {
    const [{ promise }] = sent;
    this.tally?.sent(promise);
    return super.sendCommand(...sent);
  }
}
