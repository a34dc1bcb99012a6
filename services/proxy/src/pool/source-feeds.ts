/** All source feeds of this worker: at most one per source URL and credentials, open while somebody reads it. */

import { createHash } from 'node:crypto';
import type { ProviderConnections } from '../upstream/provider-connections.ts';
import type { SourceAddress } from '../upstream/source-address.ts';
import { hintFromUrl, type SourceKind } from '../upstream/source-kind.ts';
import { SourceFeed, type SourceFeedDeps } from './source-feed.ts';

/** A source that is open for one reader, until it is released. */
export interface SourceLease {
  readonly kind: SourceKind['kind'];
  /** The live MPEG-TS, where that is what the source sends. Of any other kind, FFmpeg opens it itself. */
  readonly feed: SourceFeed | undefined;
  release(): void;
}

interface Entry {
  readonly source: SourceFeed;
  leases: number;
}

export class SourceFeeds {
  readonly #deps: SourceFeedDeps;
  readonly #connections: ProviderConnections;
  readonly #entries = new Map<string, Entry>();
  readonly #opening = new Map<string, Promise<Entry>>();
  /** Connections that are being closed: a provider counts them until they are. */
  readonly #closing = new Set<Promise<void>>();

  constructor(deps: SourceFeedDeps, connections: ProviderConnections) {
    this.#deps = deps;
    this.#connections = connections;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Memory that the rings of all source feeds hold, in bytes. */
  get heldBytes(): number {
    let bytes = 0;
    for (const { source } of this.#entries.values()) bytes += source.feed.ring.heldBytes;
    return bytes;
  }

  /**
   * Opens a source, or joins those who read it already.
   *
   * @param signal gives the source up while it is still being opened
   * @throws {SourceError} when it cannot be opened
   * @throws {StreampoolError} 503 at the provider's connection limit
   */
  async acquire(address: SourceAddress, signal: AbortSignal): Promise<SourceLease> {
    const hint = hintFromUrl(address.url);
    if (hint === 'hls' || hint === 'finite') return this.#openedByFfmpeg(hint, address);
    const key = keyOf(address);
    const entry = await this.#entry(key, address);
    entry.leases++;
    const lease = this.#lease(key, entry);
    signal.addEventListener('abort', lease.release, { once: true });
    if (signal.aborted) lease.release();
    try {
      const { kind } = await entry.source.opened;
      if (kind === 'mpegts') return lease;
      lease.release();
      await this.settle();
      return await this.#openedByFfmpeg(kind, address);
    } catch (error) {
      lease.release();
      throw error;
    } finally {
      signal.removeEventListener('abort', lease.release);
    }
  }

  /** Resolves when every connection that was given up is closed. */
  async settle(): Promise<void> {
    await Promise.all(this.#closing);
  }

  /** Closes everything; resolves when no connection is left. */
  async close(): Promise<void> {
    await Promise.all([...this.#entries.values()].map((entry) => entry.source.close()));
    this.#entries.clear();
    await this.settle();
  }

  async #openedByFfmpeg(kind: SourceLease['kind'], address: SourceAddress): Promise<SourceLease> {
    return { kind, feed: undefined, release: await this.#connections.acquire(address) };
  }

  #lease(key: string, entry: Entry): SourceLease {
    let released = false;
    const release = () => {
      if (released) return;
      released = true;
      entry.leases--;
      if (entry.leases === 0) this.#close(key, entry);
    };
    return { kind: 'mpegts', feed: entry.source, release };
  }

  async #entry(key: string, address: SourceAddress): Promise<Entry> {
    for (;;) {
      const known = this.#entries.get(key);
      if (known !== undefined) return known;
      const opening = this.#opening.get(key) ?? this.#open(key, address);
      const entry = await opening;
      // It may be over already when several waited for it and the first one left at once.
      if (this.#entries.get(key) === entry) return entry;
    }
  }

  #open(key: string, address: SourceAddress): Promise<Entry> {
    const opening = this.settle()
      .then(() => this.#connections.acquire(address))
      .then((release) => {
        const entry: Entry = { source: new SourceFeed(address, this.#deps), leases: 0 };
        this.#entries.set(key, entry);
        // Who comes after its end opens the source anew.
        entry.source.feed.onEnd(() => {
          release();
          if (this.#entries.get(key) === entry) this.#entries.delete(key);
        });
        return entry;
      })
      .finally(() => this.#opening.delete(key));
    this.#opening.set(key, opening);
    return opening;
  }

  #close(key: string, entry: Entry): void {
    if (this.#entries.get(key) === entry) this.#entries.delete(key);
    const closed = entry.source.close().finally(() => this.#closing.delete(closed));
    this.#closing.add(closed);
  }
}

function keyOf({ url, headers, userAgent }: SourceAddress): string {
  const sorted = Object.entries(headers).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256')
    .update(JSON.stringify([url, sorted, userAgent]))
    .digest('hex');
}
