/**
 * Until when an order of a person may be carried out. A command that reaches a Redis that hangs waits there, and is carried out
 * when Redis goes on. By then the person has been told that there was no answer, and a drain would come as a surprise.
 */
import type { Redis } from 'ioredis';
import type { Clock } from '../../shared/clock.ts';
import { NoAnswerError } from '../outage.ts';

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
