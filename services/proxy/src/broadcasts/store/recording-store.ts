/** Where recordings are kept: their segments, and the index that says which of them there are. */

import type { Part } from '../../upstream/messages/byte-range.ts';

/**
 * What is kept of all recordings. Names are those of `names.ts`. A reader gets a whole file or none. A bucket throws a `StoreError` from
 * everything that is asked of it.
 */
export interface RecordingStore {
  /** Every worker reaches the same one. */
  readonly isShared: boolean;
  /** Recordings that have something here. */
  ids(): Promise<string[]>;
  /** Under which epochs there is something of a recording, the smallest first. */
  epochs(id: string): Promise<number[]>;
  /** Makes room for what a worker writes under its epoch. Nothing is written without it. @throws {StoreError} */
  begin(id: string, epoch: number): Promise<void>;
  /**
   * Writes a file, whole or not at all.
   * @throws {StoreError} when there is no space, or it may not; {Error} when the recording was removed meanwhile
   */
  write(id: string, epoch: number, name: string, content: Uint8Array | string): Promise<void>;
  /**
   * Undefined: it is not here.
   * @param part reads only these bytes of it; fewer when it ends before
   */
  read(id: string, epoch: number, name: string, part?: Part): Promise<Buffer | undefined>;
  /** Removes files. Those that are not here are no error. */
  remove(id: string, epoch: number, names: readonly string[]): Promise<void>;
  /** Removes what was left half written, by a worker that ended meanwhile. */
  tidy(id: string): Promise<void>;
  /** Removes a recording with everything of it. */
  removeAll(id: string): Promise<void>;
}

/** What is asked of it cannot be done there. People get to read why. */
export class StoreError extends Error {
  constructor(message: string, cause: unknown) {
    super(message, { cause });
    this.name = 'StoreError';
  }
}
