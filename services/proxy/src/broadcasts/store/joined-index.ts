/**
 * One index of the parts that several workers have written, each in a folder of its own. A worker that goes on with a recording there
 * has nothing of what was before it. Pure.
 */

import type { RecordingIndex } from './recording-index.ts';

/** An index, and where it was found. */
export interface PlacedIndex<Place> {
  readonly index: RecordingIndex;
  readonly place: Place;
}

export interface JoinedIndex<Place> {
  readonly index: RecordingIndex;
  /** Where a segment that is listed is. */
  readonly placeOf: (n: number) => Place | undefined;
}

/**
 * The newest index, with the segments before its first one that are known. No number is left out: what lies before a part that nobody
 * has is not listed.
 * @param found of two with the same epoch the first one counts
 */
export function joinedIndex<Place>(found: readonly PlacedIndex<Place>[]): JoinedIndex<Place> | undefined {
  const [newest, ...older] = found.toSorted((one, other) => other.index.epoch - one.index.epoch);
  if (newest === undefined) return undefined;
  const places = new Map(newest.index.segments.map(({ n }) => [n, newest.place]));
  const placeOf = (n: number) => places.get(n);
  if (!newest.index.order.kept) return { index: newest.index, placeOf };
  let { index } = newest;
  for (const { index: before, place } of older) {
    const first = index.segments[0]?.n ?? index.next;
    const missing = before.segments.filter(({ n }) => n < first);
    if (missing.at(-1)?.n !== first - 1) continue;
    for (const { n } of missing) places.set(n, place);
    index = {
      ...{ ...index, segments: [...missing, ...index.segments], droppedDiscontinuities: before.droppedDiscontinuities },
      targetDuration: Math.max(index.targetDuration, before.targetDuration),
    };
  }
  return { index, placeOf };
}
