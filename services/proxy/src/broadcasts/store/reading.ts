/** What is read of a recording in a store, by whichever worker. */

import { INDEX_NAME } from './names.ts';
import { type RecordingIndex, readIndex } from './recording-index.ts';
import type { RecordingStore } from './recording-store.ts';

/** Of the workers that have written a recording the last one counts, unless it has ended before it had an index. */
export async function newestIndex(
  store: RecordingStore,
  id: string,
  epochs?: readonly number[],
): Promise<RecordingIndex | undefined> {
  for (const epoch of [...(epochs ?? (await store.epochs(id)))].reverse()) {
    const index = await indexOf(store, id, epoch);
    if (index !== undefined) return index;
  }
  return undefined;
}

/** All indexes of a recording in a store: what other workers have written in between, in folders of their own, none of them has. */
export async function indexesIn(store: RecordingStore, id: string): Promise<RecordingIndex[]> {
  const indexes = await Promise.all((await store.epochs(id)).map((epoch) => indexOf(store, id, epoch)));
  return indexes.filter((index) => index !== undefined);
}

async function indexOf(store: RecordingStore, id: string, epoch: number): Promise<RecordingIndex | undefined> {
  const text = await store.read(id, epoch, INDEX_NAME);
  const index = text && readIndex(text.toString());
  return index?.id === id ? index : undefined;
}
