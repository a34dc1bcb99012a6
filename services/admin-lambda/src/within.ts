/** Waits for some work, but not for ever. */

/**
 * The result of `work`, or the error of `late` when it takes longer than `ms`.
 *
 * @example await within(400, redis.ping(), () => new Error('no PONG'))
 */
export async function within<T>(ms: number, work: Promise<T>, late: () => Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const lateness = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), ms);
  });
  try {
    return await Promise.race([work, lateness]);
  } finally {
    clearTimeout(timer);
    // The work that lost the race may still fail; nobody waits for it.
    work.catch(() => undefined);
  }
}
