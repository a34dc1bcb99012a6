/** All source feeds of this worker: at most one per source URL and credentials, open while somebody reads it. */

import { createHash } from 'node:crypto';
import { StreampoolError } from '../errors.ts';
import type { Feed } from '../feed/feed.ts';
import { maskUrl } from '../upstream/mask.ts';
import type { SourceKind } from '../upstream/source-kind.ts';
import { hintFromUrl } from '../upstream/source-kind.ts';
import { type SourceAddress, SourceFeed, type SourceFeedDeps } from './source-feed.ts';

/** A source that is open for one reader, until it is released. */
export interface SourceLease {
  readonly kind: SourceKind['kind'];
  /** The live MPEG-TS, where that is what the source sends. Of any other kind, FFmpeg opens it itself. */
  readonly feed: SourceFeed | undefined;
  release(): void;
}

interface Entry {
  readonly source: SourceFeed;
  readonly account: string;
  leases: number;
}

export class SourceFeeds {
  readonly #deps: SourceFeedDeps;
  readonly #maxConnections: number;
  readonly #entries = new Map<string, Entry>();
  /** Connections that are being closed: a provider counts them until they are. */
  readonly #closing = new Map<string, Set<Promise<void>>>();

  /** @param maxConnections per provider host and credentials; 0: unlimited */
  constructor(deps: SourceFeedDeps, maxConnections: number) {
    this.#deps = deps;
    this.#maxConnections = maxConnections;
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

  feeds(): Feed[] {
    return [...this.#entries.values()].map((entry) => entry.source.feed);
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
    if (hint === 'hls' || hint === 'finite') return { kind: hint, feed: undefined, release: () => undefined };
    const key = keyOf(address);
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      const account = accountOf(address);
      await this.#closed(account);
      entry = this.#entries.get(key) ?? this.#open(key, account, address);
    }
    const held = entry;
    held.leases++;
    const lease = this.#lease(key, held);
    signal.addEventListener('abort', lease.release, { once: true });
    try {
      const { kind } = await held.source.opened;
      if (kind === 'mpegts') return lease;
      lease.release();
      return { kind, feed: undefined, release: () => undefined };
    } catch (error) {
      lease.release();
      throw error;
    } finally {
      signal.removeEventListener('abort', lease.release);
    }
  }

  /** Closes everything; resolves when no connection is left. */
  async close(): Promise<void> {
    await Promise.all([...this.#entries.values()].map((entry) => entry.source.close()));
    this.#entries.clear();
  }

  #lease(key: string, entry: Entry): SourceLease {
    let released = false;
    return {
      kind: 'mpegts',
      feed: entry.source,
      release: () => {
        if (released) return;
        released = true;
        this.#drop(key, entry);
      },
    };
  }

  #open(key: string, account: string, address: SourceAddress): Entry {
    if (this.#maxConnections > 0) {
      const used = [...this.#entries.values()].filter((entry) => entry.account === account).length;
      if (used >= this.#maxConnections) {
        const message = `The provider of ${maskUrl(address.url)} allows ${this.#maxConnections} connections (SOURCE_MAX_CONNECTIONS), and all are in use.`;
        throw new StreampoolError(503, message, { retryAfterSeconds: 5 });
      }
    }
    const entry: Entry = { source: new SourceFeed(address, this.#deps), account, leases: 0 };
    this.#entries.set(key, entry);
    // Who comes after its end opens the source anew.
    entry.source.feed.onEnd(() => this.#forget(key, entry));
    return entry;
  }

  #forget(key: string, entry: Entry): void {
    if (this.#entries.get(key) === entry) this.#entries.delete(key);
  }

  #drop(key: string, entry: Entry): void {
    entry.leases--;
    if (entry.leases > 0) return;
    this.#forget(key, entry);
    const closing = this.#closing.get(entry.account) ?? new Set();
    this.#closing.set(entry.account, closing);
    const closed = entry.source.close().finally(() => {
      closing.delete(closed);
      if (closing.size === 0) this.#closing.delete(entry.account);
    });
    closing.add(closed);
  }

  async #closed(account: string): Promise<void> {
    await Promise.all(this.#closing.get(account) ?? []);
  }
}

function keyOf({ url, headers, userAgent }: SourceAddress): string {
  const sorted = Object.entries(headers).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256')
    .update(JSON.stringify([url, sorted, userAgent]))
    .digest('hex');
}

/** Provider host and credentials: what a connection limit applies to. */
function accountOf({ url, headers }: SourceAddress): string {
  const { host, username, password, pathname, searchParams } = new URL(url);
  // Xtream URLs carry the account as the path segments in front of the channel.
  const folder = pathname.split('/').slice(0, -1).join('/');
  const query = ['username', 'password', 'token'].map((name) => searchParams.get(name));
  const authorization = Object.entries(headers).find(([name]) => name.toLowerCase() === 'authorization')?.[1];
  return JSON.stringify([host, username, password, folder, query, authorization]);
}
