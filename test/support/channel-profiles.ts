/** Profiles that pass on the pictures of a channel as they are, and how far what viewers got of them is apart. */

import { expect } from 'vitest';
import { judgeTs, type Verdict } from './judge/index.ts';
import type { RecordingHandle } from './recorder.ts';
import { COPY } from './stage.ts';
import { until } from './until.ts';

export const PROFILES = [
  COPY,
  COPY.replace('-c copy', '-c:v copy -c:a copy'),
  COPY.replace('-c copy', '-c:v copy -c:a aac'),
];

/** The hashes of pictures → their PTS, in the order of their coming: the source repeats itself. */
function times({ video }: Verdict): Map<string, number[]> {
  const found = new Map<string, number[]>();
  for (const { hash = '', pts } of video?.pes ?? []) found.set(hash, [...(found.get(hash) ?? []), pts]);
  return found;
}

/** How far the pictures that both have are apart, in ticks: each difference once. */
function apart(a: Verdict, b: Verdict): number[] {
  const [mine, theirs] = [times(a), times(b)];
  const both = [...mine].flatMap(([hash, all]) => {
    const others = theirs.get(hash);
    return others === undefined ? [] : [nearest(all, others)];
  });
  expect(both.length).toBeGreaterThan(50);
  return [...new Set(both)];
}

/** The one may have got a picture once more than the other. */
function nearest(mine: readonly number[], theirs: readonly number[]): number {
  return Math.min(...mine.flatMap((pts) => theirs.map((other) => Math.abs(other - pts))));
}

/** Waits until each viewer has got so much more. */
export async function getsMore(viewers: readonly RecordingHandle[], bytes: number, what: string): Promise<void> {
  const before = viewers.map((viewer) => viewer.byteCount);
  await until(() => viewers.every(({ byteCount }, n) => byteCount > (before[n] ?? 0) + bytes), {
    timeoutMs: 15_000,
    what,
  });
}

/** Ends the viewers. All pictures that two of them have got have the same time. */
export async function expectOneClock(viewers: readonly RecordingHandle[]): Promise<Verdict[]> {
  const recordings = await Promise.all(viewers.map((viewer) => viewer.stop()));
  const [first, ...others] = recordings.map((recording) => judgeTs(recording, { hashPes: true }));
  if (first === undefined) throw new Error('no viewer');
  expect(others.map((other) => apart(first, other))).toEqual(others.map(() => [0]));
  return [first, ...others];
}
