/** The media of the parts of a feed's newest segments on this worker, until the segments are there. */

import { crc32 } from 'node:zlib';
import type { Part } from '../../feed/hls/segment-events.ts';
import type { ListedPart } from '../../feed/hls/segment-list.ts';

interface HeldPart {
  readonly bytes: Buffer;
  readonly crc: number;
}

/** Segments of which parts are kept. The owner's word is not further behind. */
const MAX_SEGMENTS = 3;

export class PartMedia {
  /** By number of the segment. */
  readonly #held = new Map<number, Map<number, HeldPart>>();
  readonly #fetching = new Map<string, Promise<Buffer | undefined>>();
  readonly #fetch: (n: number, p: number) => Promise<Buffer | undefined>;

  /** @param fetch from the worker that makes the feed */
  constructor(fetch: (n: number, p: number) => Promise<Buffer | undefined>) {
    this.#fetch = fetch;
  }

  /** It was cut here. */
  cut({ n, p, facts: { crc }, bytes }: Pick<Part, 'n' | 'p' | 'facts' | 'bytes'>): void {
    this.#hold(n, p, { bytes, crc });
  }

  /** @param listed what the owner says of it */
  of(n: number, p: number, { crc }: Pick<ListedPart, 'crc'>): Buffer | undefined {
    const held = this.#held.get(n)?.get(p);
    return held?.crc === crc ? held.bytes : undefined;
  }

  /** One that is not here. All who ask meanwhile get the same answer. */
  fetch(n: number, p: number, { crc }: Pick<ListedPart, 'crc'>): Promise<Buffer | undefined> {
    const key = `${n}.${p}`;
    const under = this.#fetching.get(key);
    if (under !== undefined) return under;
    const fetching = this.#fetch(n, p)
      .then((bytes) => {
        if (bytes === undefined || crc32(bytes) !== crc) return undefined;
        this.#hold(n, p, { bytes, crc });
        return bytes;
      })
      .finally(() => this.#fetching.delete(key));
    this.#fetching.set(key, fetching);
    return fetching;
  }

  #hold(n: number, p: number, part: HeldPart): void {
    const parts = this.#held.get(n) ?? new Map<number, HeldPart>();
    parts.set(p, part);
    this.#held.set(n, parts);
    const [oldest] = this.#held.keys();
    if (this.#held.size > MAX_SEGMENTS && oldest !== undefined) this.#held.delete(oldest);
  }

  /** The media of this segment is here, which has that of its parts. */
  forget(n: number): void {
    this.#held.delete(n);
  }

  clear(): void {
    this.#held.clear();
  }
}

/** A part of a segment whose media is here. @param parts those of the segment */
export function partIn(media: Buffer, parts: readonly ListedPart[], p: number): Buffer | undefined {
  const part = parts[p];
  if (part === undefined || part.gap === true) return undefined;
  const from = parts.slice(0, p).reduce((sum, { bytes }) => sum + bytes, 0);
  return media.subarray(from, from + part.bytes);
}
