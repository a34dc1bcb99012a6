/**
 * Until when a request may take effect. What reaches a Redis that hangs waits there, and is done when Redis goes on. By then whoever
 * asked has been told that there was no answer: a drain would come as a surprise, and a worker that has begun a feed without an answer
 * may not get another one. The leases of living workers have run out meanwhile.
 */

import type { Redis } from 'ioredis';
import type { Clock } from '../../shared/clock.ts';
import { NoAnswerError } from '../outage.ts';

/** For an order of a person. */
const ORDER_MS = 500;

/**
 * The end of an order that is given now, in ms since the Unix epoch on the clock of Redis. The workers' clocks may differ from it.
 *
 * @throws {NoAnswerError} when Redis is slower than an order may be
 */
export async function orderLimitMs(redis: Redis, clock: Pick<Clock, 'monotonicMs'>): Promise<number> {
  const askedMs = clock.monotonicMs();
  const [seconds, microseconds] = await redis.time();
  const tookMs = clock.monotonicMs() - askedMs;
  if (tookMs > ORDER_MS) throw new NoAnswerError(`Redis took ${Math.round(tookMs)} ms to tell the time`);
  return Math.floor(Number(seconds) * 1000 + Number(microseconds) / 1000 + ORDER_MS - tookMs);
}

/** For a question about a feed. No worker waits longer for one about the owner of a feed. */
export const ASKED_MS = 3_000;
/** A slower answer says too little about the time in Redis. */
export const QUICK_MS = 1_000;

/** For the questions of one worker: it learns the time in Redis from the answers to its renewals. */
export class QuestionLimit {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  /** By how much the clock of Redis is ahead of this worker's monotonic one. */
  #aheadMs: number | undefined;

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
  }

  /**
   * Redis has just answered.
   *
   * @param redisMs its clock
   * @param askedMs when it was asked, monotonic
   */
  answered(redisMs: number, askedMs: number): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - askedMs < QUICK_MS && Number.isFinite(redisMs)) this.#aheadMs = redisMs - nowMs;
  }

  /** The limit of a question that is asked now, in ms of the clock of Redis; undefined before Redis has told the time. */
  get lateAtMs(): number | undefined {
    return this.#aheadMs === undefined ? undefined : Math.round(this.#clock.monotonicMs() + this.#aheadMs + ASKED_MS);
  }
}
