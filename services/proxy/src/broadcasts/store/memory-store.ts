/** What needs no disk: the window of a network channel, in the memory of the worker that makes it. */

import type { Part } from '../../upstream/messages/byte-range.ts';
import type { RecordingStore } from './recording-store.ts';

type Files = Map<string, Buffer>;

export class MemoryStore implements RecordingStore {
  readonly isShared = false;
  /** Recording → epoch → name → content. */
  readonly #recordings = new Map<string, Map<number, Files>>();

  #heldBytes = 0;

  /** What it takes, in bytes. */
  get heldBytes(): number {
    return this.#heldBytes;
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
    const bytes = typeof content === 'string' ? Buffer.from(content) : Buffer.from(content);
    this.#heldBytes += bytes.length - (files.get(name)?.length ?? 0);
    files.set(name, bytes);
  }

  async read(id: string, epoch: number, name: string, part?: Part): Promise<Buffer | undefined> {
    return this.#recordings.get(id)?.get(epoch)?.get(name)?.subarray(part?.start, part?.end);
  }

  async remove(id: string, epoch: number, names: readonly string[]): Promise<void> {
    const files = this.#recordings.get(id)?.get(epoch);
    for (const name of names) {
      this.#heldBytes -= files?.get(name)?.length ?? 0;
      files?.delete(name);
    }
  }

  async tidy(): Promise<void> {
    // Nothing is ever half written here.
  }

  async removeAll(id: string): Promise<void> {
    for (const files of this.#recordings.get(id)?.values() ?? []) {
      for (const { length } of files.values()) this.#heldBytes -= length;
    }
    this.#recordings.delete(id);
  }
}
