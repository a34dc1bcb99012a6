/** Several Redis commands in one round trip; the first error fails them all. */

import type { Redis } from 'ioredis';

/** @param fill adds the commands; their answers come in that order */
export async function inBatch<T extends unknown[]>(
  redis: Redis,
  fill: (batch: ReturnType<Redis['pipeline']>) => unknown,
): Promise<T> {
  const batch = redis.pipeline();
  fill(batch);
  const answers = (await batch.exec()) ?? [];
  return answers.map(([error, answer]) => {
    if (error !== null) throw error;
    return answer;
  }) as T;
}
