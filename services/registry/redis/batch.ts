/** How much goes to Redis at once: several commands in one round trip, and parts of what is too large for one. */

import type { Redis } from 'ioredis';

/**
 * Several commands in one round trip; the first error fails them all.
 *
 * @param fill adds the commands; their answers come in that order
 */
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

/** Lists of items whose JSON takes at most `bytes` each, in order; a larger item is alone in its list. */
export function inParts<T>(items: readonly T[], bytes: number): T[][] {
  const parts: T[][] = [];
  let left = 0;
  for (const item of items) {
    const size = JSON.stringify(item).length;
    if (size > left) {
      parts.push([]);
      left = bytes;
    }
    parts.at(-1)?.push(item);
    left -= size;
  }
  return parts;
}
