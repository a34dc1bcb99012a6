/** Repeatable random choices of a test: `TEST_SEED=… npm test -- …` repeats a run that printed its seed. */

/** mulberry32: numbers from 0 to 1, the same for the same seed. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The seed of this run: `TEST_SEED`, or a new one each time. On a machine of CI always the same: a push fails for what is in it only. */
export const TEST_SEED = Number(process.env.TEST_SEED) || (process.env.CI === undefined ? Date.now() % 1_000_000 : 1);

/** One item of a list. */
export function pick<T>(random: () => number, from: readonly T[]): T {
  const picked = from[Math.floor(random() * from.length)];
  if (picked === undefined) throw new Error('nothing to pick from');
  return picked;
}
