/** The pictures of a loop as a viewer got them, by content: none missing, none twice, in order. */
import { readFile } from 'node:fs/promises';
import { fixture, type LoopName } from '../fixtures.ts';
import { judgeTs } from './judge.ts';
import type { TimedBytes } from './verdict.ts';

export interface ContentFaults {
  /** Pictures that did not come, and those that came again, in runs. */
  readonly missing: readonly number[];
  readonly again: readonly number[];
  /** How many pictures there were. */
  readonly pictures: number;
}

/** Pictures that the loop shows twice tell nothing, so a loop has none. */
const numbersOf = new Map<LoopName, Promise<Map<string, number>>>();

function numbers(name: LoopName): Promise<Map<string, number>> {
  const known = numbersOf.get(name);
  if (known !== undefined) return known;
  const made = fixture(name).then(async ({ path }) => {
    const { video } = judgeTs(await readFile(path), { hashPes: true });
    return new Map((video?.pes ?? []).map(({ hash = '' }, n) => [hash, n] as const));
  });
  numbersOf.set(name, made);
  return made;
}

/** Compares what a viewer got of a copied loop with the loop. @throws Error when it got pictures of something else */
export async function contentFaults(recording: TimedBytes, name: LoopName): Promise<ContentFaults> {
  const byHash = await numbers(name);
  const pes = judgeTs(recording, { hashPes: true }).video?.pes ?? [];
  const missing: number[] = [];
  const again: number[] = [];
  let last: number | undefined;
  // The newest picture may be cut off.
  for (const { hash = '', pts } of pes.slice(0, -1)) {
    const number = byHash.get(hash);
    if (number === undefined) throw new Error(`the picture at PTS ${pts} is none of the loop ${name}`);
    const step = last === undefined ? 1 : (number - last + byHash.size) % byHash.size;
    last = number;
    // The shorter way round: a step forward, or back.
    if (step === 0 || step > byHash.size / 2) again.push(step === 0 ? 1 : byHash.size - step + 1);
    else if (step > 1) missing.push(step - 1);
  }
  return { missing, again, pictures: pes.length };
}
