/** Recordings in a folder, which is one worker's or shared by all. A file is written under another name and renamed when it is whole. */

import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Part } from '../../upstream/messages/byte-range.ts';
import { BROADCAST_ID, epochOf } from './names.ts';
import { type RecordingStore, StoreError } from './recording-store.ts';

/** An index holds URLs with credentials. */
const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;
/** Names of what is being written end so. No segment and no index does. */
const PARTIAL = '.part';
/** No space, and no space for this user. */
const FULL = new Set(['ENOSPC', 'EDQUOT']);
/** There is no such file or folder. */
const ABSENT = new Set(['ENOENT', 'ENOTDIR']);
const FORBIDDEN = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOTDIR']);

export class DirectoryStore implements RecordingStore {
  readonly isShared: boolean;
  readonly #folder: string;

  constructor(folder: string, isShared: boolean) {
    this.#folder = folder;
    this.isShared = isShared;
  }

  async ids(): Promise<string[]> {
    return (await this.#namesIn(this.#folder)).filter((name) => BROADCAST_ID.test(name));
  }

  async epochs(id: string): Promise<number[]> {
    const epochs = (await this.#namesIn(this.#of(id))).flatMap((name) => epochOf(name) ?? []);
    return epochs.sort((one, other) => one - other);
  }

  async begin(id: string, epoch: number): Promise<void> {
    await this.#filling(() => mkdir(this.#of(id, epoch), { recursive: true, mode: FOLDER_MODE }));
  }

  async write(id: string, epoch: number, name: string, content: Uint8Array | string): Promise<void> {
    const path = join(this.#of(id, epoch), name);
    const partial = `${path}.${randomUUID()}${PARTIAL}`;
    try {
      await this.#filling(() => writeFile(partial, content, { mode: FILE_MODE }));
      await this.#filling(() => rename(partial, path));
    } catch (error) {
      await rm(partial, { force: true });
      throw error;
    }
  }

  async read(id: string, epoch: number, name: string, part?: Part): Promise<Buffer | undefined> {
    const path = join(this.#of(id, epoch), name);
    try {
      return part === undefined ? await readFile(path) : await readPart(path, part);
    } catch (error) {
      if (ABSENT.has(codeOf(error) ?? '')) return undefined;
      throw error;
    }
  }

  async remove(id: string, epoch: number, names: readonly string[]): Promise<void> {
    await Promise.all(names.map((name) => rm(join(this.#of(id, epoch), name), { force: true })));
  }

  async tidy(id: string): Promise<void> {
    for (const epoch of await this.epochs(id)) {
      const partial = (await this.#namesIn(this.#of(id, epoch))).filter((name) => name.endsWith(PARTIAL));
      await this.remove(id, epoch, partial);
    }
  }

  async removeAll(id: string): Promise<void> {
    await rm(this.#of(id), { recursive: true, force: true });
  }

  #of(id: string, epoch?: number): string {
    return join(this.#folder, id, ...(epoch === undefined ? [] : [String(epoch)]));
  }

  /** None where there is no such folder. */
  async #namesIn(folder: string): Promise<string[]> {
    try {
      return await readdir(folder);
    } catch (error) {
      const code = codeOf(error) ?? '';
      if (ABSENT.has(code)) return [];
      if (FORBIDDEN.has(code)) throw new StoreError(`${this.#folder} (RECORDINGS) cannot be read: ${code}.`, error);
      throw error;
    }
  }

  async #filling(write: () => Promise<unknown>): Promise<void> {
    try {
      await write();
    } catch (error) {
      const code = codeOf(error) ?? '';
      if (FULL.has(code)) throw new StoreError(`There is no space left in ${this.#folder} (RECORDINGS).`, error);
      if (FORBIDDEN.has(code)) throw new StoreError(`${this.#folder} (RECORDINGS) cannot be written: ${code}.`, error);
      throw error;
    }
  }
}

/** Fewer bytes when the file ends before. */
async function readPart(path: string, { start, end }: Part): Promise<Buffer> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(end - start), 0, end - start, start);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}
