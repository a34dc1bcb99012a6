/**
 * What this worker has given up while the registry could not be told. The registry's own lists of what a worker holds would tell it
 * the rest, but a Redis that drops keys may have dropped those lists.
 */

import type { ClientConnection, ProviderConnection } from '../types.ts';

export interface GivenUp {
  readonly feeds: readonly string[];
  readonly clients: readonly ClientConnection[];
  readonly connections: readonly ProviderConnection[];
}

/** More of each kind are forgotten, the oldest first: an outage may last for hours. */
const MAX_REMEMBERED = 5_000;

export class GivenUpList {
  readonly #feeds = new Map<string, string>();
  readonly #clients = new Map<string, ClientConnection>();
  readonly #connections = new Map<string, ProviderConnection>();

  feed(feed: string): void {
    remember(this.#feeds, feed, feed);
  }

  client({ streamId, clientId, connectedAtMs }: ClientConnection): void {
    remember(this.#clients, `${streamId} ${clientId} ${connectedAtMs}`, { streamId, clientId, connectedAtMs });
  }

  connection(connection: ProviderConnection): void {
    remember(this.#connections, connection.id, connection);
  }

  get snapshot(): GivenUp {
    return {
      feeds: [...this.#feeds.values()],
      clients: [...this.#clients.values()],
      connections: [...this.#connections.values()],
    };
  }

  /** The registry knows these now. */
  told({ feeds, clients, connections }: GivenUp): void {
    for (const feed of feeds) this.#feeds.delete(feed);
    for (const { streamId, clientId, connectedAtMs } of clients) {
      this.#clients.delete(`${streamId} ${clientId} ${connectedAtMs}`);
    }
    for (const { id } of connections) this.#connections.delete(id);
  }
}

function remember<T>(known: Map<string, T>, key: string, value: T): void {
  known.set(key, value);
  const [oldest] = known.keys();
  if (known.size > MAX_REMEMBERED && oldest !== undefined) known.delete(oldest);
}
