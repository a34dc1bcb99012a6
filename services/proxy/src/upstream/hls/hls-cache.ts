/** Media of proxied HLS sources, asked of the provider once for all viewers of this worker, and kept for the next ones. */

import { type Media, SharedMedia } from './shared-media.ts';

interface Kept {
  readonly media: SharedMedia;
  /** Monotonic ms. */
  readonly sinceMs: number;
}

/** A live source may use a name again. None has a window so short that this happens sooner. */
const KEPT_MS = 60_000;
/** Whatever is larger goes to those alone who read it now. */
const MAX_SHARED_BYTES = 32 * 1024 * 1024;

export class HlsCache {
  readonly #maxBytes: number;
  readonly #now: () => number;
  /** The one used last comes last. */
  readonly #kept = new Map<string, Kept>();
  readonly #opening = new Map<string, Promise<SharedMedia>>();
  #hits = 0;

  /**
   * @param maxBytes HLS_CACHE_BYTES; 0: viewers share what arrives just now, and nothing is kept
   * @param now a monotonic clock in ms
   */
  constructor(maxBytes: number, now: () => number = () => performance.now()) {
    this.#maxBytes = maxBytes;
    this.#now = now;
  }

  get heldBytes(): number {
    let bytes = 0;
    for (const { media } of this.#kept.values()) bytes += media.heldBytes;
    return bytes;
  }

  /** How often a viewer needed no request to the provider. */
  get hits(): number {
    return this.#hits;
  }

  /**
   * What is known under a key, from its first byte on: kept, arriving just now, or what `fetch` gets. Close its body in any case.
   *
   * @param fetch called once for all who ask at the same time. Its failure is the answer to all of them, and is not kept
   */
  async open(key: string, fetch: () => Promise<Media>): Promise<Media> {
    const known = this.#kept.get(key);
    if (known !== undefined && this.#now() - known.sinceMs < KEPT_MS && known.media.isShareable) {
      this.#kept.delete(key);
      this.#kept.set(key, known);
      this.#hits += 1;
      return { head: known.media.head, body: known.media.reader() };
    }
    let opening = this.#opening.get(key);
    if (opening !== undefined) this.#hits += 1;
    else {
      opening = this.#fetched(key, fetch).finally(() => this.#opening.delete(key));
      this.#opening.set(key, opening);
    }
    const media = await opening;
    return { head: media.head, body: media.reader() };
  }

  async #fetched(key: string, fetch: () => Promise<Media>): Promise<SharedMedia> {
    const fetched = await fetch();
    const media: SharedMedia = new SharedMedia(fetched, this.#maxShared, () => {
      const isKept = media.isWhole && this.#maxBytes > 0;
      if (!isKept && this.#kept.get(key)?.media === media) this.#kept.delete(key);
      this.#evict();
    });
    this.#kept.delete(key);
    this.#kept.set(key, { media, sinceMs: this.#now() });
    return media;
  }

  get #maxShared(): number {
    return this.#maxBytes === 0 ? MAX_SHARED_BYTES : Math.min(MAX_SHARED_BYTES, this.#maxBytes / 2);
  }

  /** Removes what is too old, then what was used least recently, until the rest fits. */
  #evict(): void {
    const nowMs = this.#now();
    let bytes = this.heldBytes;
    for (const [key, { media, sinceMs }] of this.#kept) {
      const isOld = nowMs - sinceMs >= KEPT_MS;
      if (!media.isWhole || (bytes <= this.#maxBytes && !isOld)) continue;
      this.#kept.delete(key);
      bytes -= media.heldBytes;
    }
  }
}
