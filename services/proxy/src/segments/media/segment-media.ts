/**
 * The media of a feed's segments on this worker. A worker that follows cuts the same feed and makes the same bytes. Where they are not
 * those that the owner has, as it joined later or lacks a piece of the feed, it fetches the owner's.
 */

import { crc32 } from 'node:zlib';
import type { ListedSegment } from '../../feed/hls/segment-list.ts';

/** Its own segments that wait for the owner's word. The owner is not so far behind. */
const MAX_WAITING = 16;

/** Media of one segment. */
export interface CheckedMedia {
  readonly bytes: Buffer;
  readonly crc: number;
}

/** Whether what was cut here is what the owner has; `unknown`: one of them is not known yet. */
export type Comparison = 'same' | 'other' | 'unknown';

export class SegmentMedia {
  /** What the owner has. */
  readonly #media = new Map<number, CheckedMedia>();
  /** What was cut here, until the owner has said the same or something else. */
  readonly #cut = new Map<number, CheckedMedia>();
  readonly #fetching = new Map<number, Promise<Buffer | undefined>>();
  readonly #fetch: (n: number) => Promise<Buffer | undefined>;
  #fetched = 0;

  /** @param fetch from the worker that makes the feed */
  constructor(fetch: (n: number) => Promise<Buffer | undefined>) {
    this.#fetch = fetch;
  }

  get heldBytes(): number {
    let bytes = 0;
    for (const media of [this.#media, this.#cut]) for (const each of media.values()) bytes += each.bytes.length;
    return bytes;
  }

  /** How many have come from another worker. */
  get fetched(): number {
    return this.#fetched;
  }

  of(segment: Pick<ListedSegment, 'n'>): Buffer | undefined {
    return this.#media.get(segment.n)?.bytes;
  }

  /** It was cut here. @param segment what the owner says of it; undefined: nothing yet */
  cut(n: number, media: CheckedMedia, segment: Pick<ListedSegment, 'crc'> | undefined): Comparison {
    if (segment === undefined) {
      this.#cut.set(n, media);
      const [oldest] = this.#cut.keys();
      if (this.#cut.size > MAX_WAITING && oldest !== undefined) this.#cut.delete(oldest);
      return 'unknown';
    }
    if (media.crc !== segment.crc) return 'other';
    this.#media.set(n, media);
    return 'same';
  }

  /** The owner has said this of it. */
  said({ n, crc }: ListedSegment): Comparison {
    const mine = this.#cut.get(n);
    const known = this.#media.get(n);
    if (known !== undefined && known.crc !== crc) this.#media.delete(n);
    if (mine === undefined) return 'unknown';
    this.#cut.delete(n);
    if (mine.crc !== crc) return 'other';
    this.#media.set(n, mine);
    return 'same';
  }

  /**
   * The media of a segment that is not here. All who ask meanwhile get the same answer.
   * @param from another worker than the one that makes the feed
   */
  fetch({ n, crc }: ListedSegment, from = this.#fetch): Promise<Buffer | undefined> {
    const under = this.#fetching.get(n);
    if (under !== undefined) return under;
    const fetching = from(n)
      .then((bytes) => {
        // Its own media may have taken the place of it meanwhile.
        if (bytes === undefined || crc32(bytes) !== crc || this.#media.has(n)) return this.#media.get(n)?.bytes;
        this.#fetched++;
        this.#media.set(n, { bytes, crc });
        return bytes;
      })
      .finally(() => this.#fetching.delete(n));
    this.#fetching.set(n, fetching);
    return fetching;
  }

  /** It is on its way from another worker. */
  isFetching(n: number): boolean {
    return this.#fetching.has(n);
  }

  /** Nobody asks for those before `n` any more. */
  forgetBefore(n: number): void {
    for (const media of [this.#media, this.#cut]) for (const each of media.keys()) if (each < n) media.delete(each);
  }

  clear(): void {
    this.#media.clear();
    this.#cut.clear();
  }
}
