/** The initialisations of a feed's fragmented mp4 on this worker, by the first digits of their hashes. */

import { type Init, initKey } from '../../feed/hls/cmaf-segment.ts';

/** Of a source that changes its parameter sets in each segment. A playlist names no more. */
const MAX_KEPT = 256;

export class InitSegments {
  /** The one that was needed last is the last one. */
  readonly #kept = new Map<string, Buffer>();
  readonly #fetch: (key: string) => Promise<Buffer | undefined>;

  /** @param fetch from the worker that makes the feed */
  constructor(fetch: (key: string) => Promise<Buffer | undefined>) {
    this.#fetch = fetch;
  }

  add({ key, bytes }: Pick<Init, 'key' | 'bytes'>): void {
    this.#kept.delete(key);
    this.#kept.set(key, bytes);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > MAX_KEPT && oldest !== undefined) this.#kept.delete(oldest);
  }

  of(key: string): Buffer | undefined {
    return this.#kept.get(key);
  }

  /** One that is not here. */
  async fetch(key: string): Promise<Buffer | undefined> {
    const bytes = await this.#fetch(key);
    if (bytes === undefined || initKey(bytes) !== key) return undefined;
    this.add({ key, bytes });
    return bytes;
  }

  clear(): void {
    this.#kept.clear();
  }
}
