/** What needs no disk: the window of a network channel, in the memory of the worker that makes it. */

import type { RecordingStore } from './recording-store.ts';

type Files = Map<string, Buffer>;

export class MemoryStore implements RecordingStore {
  readonly isShared = false;
  /** Recording → epoch → name → content. */
  readonly #recordings = new Map<string, Map<number, Files>>();

  /** What it takes, in bytes. */
  get heldBytes(): number {
    const files = [...this.#recordings.values()].flatMap((epochs) => [...epochs.values()]);
    return files.flatMap((each) => [...each.values()]).reduce((sum, { length }) => sum + length, 0);
  }

  async ids(): Promise<string[]> {
    return [...this.#recordings.keys()];
  }

  async epochs(id: string): Promise<number[]> {
    return [...(this.#recordings.get(id)?.keys() ?? [])].sort((one, other) => one - other);
  }

  async begin(id: string, epoch: number): Promise<void> {
    const epochs = this.#recordings.get(id) ?? new Map<number, Files>();
    this.#recordings.set(id, epochs);
    if (!epochs.has(epoch)) epochs.set(epoch, new Map());
  }

  async write(id: string, epoch: number, name: string, content: Uint8Array | string): Promise<void> {
    const files = this.#recordings.get(id)?.get(epoch);
    if (files === undefined) throw new Error(`the recording ${id} was removed`);
    files.set(name, typeof content === 'string' ? Buffer.from(content) : Buffer.from(content));
  }

  async read(id: string, epoch: number, name: string): Promise<Buffer | undefined> {
    return this.#recordings.get(id)?.get(epoch)?.get(name);
  }

  async remove(id: string, epoch: number, names: readonly string[]): Promise<void> {
    const files = this.#recordings.get(id)?.get(epoch);
    for (const name of names) files?.delete(name);
  }

  async tidy(): Promise<void> {
    // Nothing is ever half written here.
  }

  async removeAll(id: string): Promise<void> {
    this.#recordings.delete(id);
  }
}
