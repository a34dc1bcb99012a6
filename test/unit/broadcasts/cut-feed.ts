/** A feed of a broadcast whose segments a test cuts. */

import type { BroadcastFeed } from '../../../services/proxy/src/broadcasts/broadcast-feed.ts';
import { StreampoolError } from '../../../services/proxy/src/errors.ts';
import type { ListedSegment } from '../../../services/proxy/src/feed/hls/segment-list.ts';
import { BEGIN_MS } from './support.ts';

/** Its segments have 2 s each. The media of a segment is its number in brackets. */
export class CutFeed implements BroadcastFeed {
  readonly pid = undefined;
  failure: Error | undefined;
  isOver = false;
  isLive = true;
  /** More than what has been cut. */
  isArriving = false;
  isComplete = false;
  isReleased = false;
  readonly lost = new Set<number>();
  #listed: readonly ListedSegment[] = [];
  readonly #listeners = new Set<() => void>();

  get news() {
    const segments = this.#listed;
    return segments.length === 0 ? undefined : { targetDuration: 2, from: segments[0]?.n, segments };
  }

  get hasMedia() {
    return this.isArriving || this.#listed.length > 0;
  }

  cut(n: number, more: Partial<ListedSegment> = {}): this {
    const facts = { independent: true, bytes: 3, crc: 0, counters: new Map(), chunk: 0 };
    const place = {
      n,
      mark: n,
      seconds: 2,
      pdtMs: BEGIN_MS + n * 2_000,
      discontinuity: false,
      discontinuities: 0,
      gap: false,
    };
    this.#listed = [...this.#listed.slice(-9), { ...facts, ...place, ...more } as unknown as ListedSegment];
    this.#tell();
    return this;
  }

  end(failure?: Error): void {
    this.failure = failure;
    this.isOver = true;
    this.#tell();
  }

  onSegment(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async media(n: number): Promise<Buffer> {
    if (this.lost.has(n)) throw new StreampoolError(404, 'This segment is not in the playlist.');
    return Buffer.from(`[${n}]`);
  }

  release(): void {
    this.isReleased = true;
  }

  #tell(): void {
    for (const each of [...this.#listeners]) each();
  }
}
