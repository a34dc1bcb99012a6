/**
 * Connections to providers that stay open for the next request. The addresses of a server are checked for a connection, and hold for
 * every request on it. Each connection belongs to one source, which gives it up when it leaves the provider.
 */

import type { PinnedAddress } from '../egress/egress-guard.ts';
import type { HopRequest, HopResponse } from './hop.ts';
import { isMalformed, StrictConnection } from './strict-connection.ts';

/** Of one source: its requests use them again. */
export interface SourceConnections {
  /**
   * Sends a request on a connection that is open, or on a new one.
   *
   * @param check the addresses that a new one may go to
   */
  ask(request: Omit<HopRequest, 'pinned'>, check: () => Promise<PinnedAddress>): Promise<HopResponse>;
  /** Closes what keeps a request to that server from having a connection of its own. */
  makeRoom(origin: string): Promise<void>;
  /** Closes those that no request uses. */
  rest(): Promise<void>;
}

export interface SourceConnectionsOptions {
  /** The provider allows one connection. */
  readonly isSingle: boolean;
  /** How long a connection stays open without a request, in ms. Asked whenever one ends. */
  readonly keptMs: () => number;
  /** Closes them all. Without one, nothing is kept. */
  readonly signal: AbortSignal;
}

interface Kept {
  readonly source: AbortSignal;
  readonly origin: string;
  readonly connection: StrictConnection;
  /** Closes it when it has been idle for too long; undefined: a request uses it. */
  idle: NodeJS.Timeout | undefined;
}

export class KeptConnections {
  readonly #perOrigin: number;
  /** The one used last comes last. */
  readonly #all = new Set<Kept>();

  /** @param perOrigin how many may be open to a server, of all sources */
  constructor(perOrigin: number) {
    this.#perOrigin = perOrigin;
  }

  of(options: SourceConnectionsOptions): SourceConnections {
    const { signal } = options;
    const rest = () => this.#close((each) => each.source === signal);
    signal.addEventListener('abort', () => void rest(), { once: true });
    return {
      ask: (request, check) => this.#ask(request, check, options),
      makeRoom: (origin) => this.#makeRoom(origin, options),
      rest,
    };
  }

  async #ask(
    request: Omit<HopRequest, 'pinned'>,
    check: () => Promise<PinnedAddress>,
    options: SourceConnectionsOptions,
  ): Promise<HopResponse> {
    const { origin } = request.url;
    for (const known of this.#all) {
      if (known.source !== options.signal || known.origin !== origin || known.idle === undefined) continue;
      this.#take(known);
      if (!known.connection.isOpen) continue;
      request.connected();
      try {
        return await this.#on(known, request, options);
      } catch (error) {
        if (request.opening.aborted || isMalformed(error)) throw error;
        // The server has closed it just now, as servers do with connections that are idle.
      }
    }
    await this.#makeRoom(origin, options);
    const connection = new StrictConnection({ ...request, pinned: await check() }, true);
    const kept: Kept = { source: options.signal, origin, connection, idle: undefined };
    void connection.closed.then(() => this.#take(kept));
    return this.#on(kept, request, options);
  }

  async #on(kept: Kept, request: Omit<HopRequest, 'pinned'>, options: SourceConnectionsOptions): Promise<HopResponse> {
    this.#all.add(kept);
    try {
      return await kept.connection.ask(request, () => this.#rest(kept, options));
    } catch (error) {
      this.#take(kept);
      throw error;
    }
  }

  /** No request uses it any more. */
  #rest(kept: Kept, { keptMs, signal }: SourceConnectionsOptions): void {
    const close = () => void this.#close((each) => each === kept);
    kept.idle = setTimeout(close, keptMs()).unref();
    if (signal.aborted) close();
  }

  #take(kept: Kept): void {
    clearTimeout(kept.idle);
    kept.idle = undefined;
    this.#all.delete(kept);
  }

  async #makeRoom(origin: string, { isSingle, signal }: SourceConnectionsOptions): Promise<void> {
    if (isSingle) return this.#close((each) => each.source === signal);
    const there = [...this.#all].filter((each) => each.origin === origin);
    const [oldest] = there.filter(({ idle }) => idle !== undefined);
    if (there.length >= this.#perOrigin && oldest !== undefined) await this.#close((each) => each === oldest);
  }

  /** Closes those of them that no request uses. */
  async #close(which: (kept: Kept) => boolean): Promise<void> {
    const idle = [...this.#all].filter((each) => each.idle !== undefined && which(each));
    for (const each of idle) this.#take(each);
    await Promise.all(idle.map(({ connection }) => connection.close()));
  }
}
