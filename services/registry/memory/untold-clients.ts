/** The clients that a worker has counted in while the registry could not be told. */

import type { ClientConnection, ClientRecord } from '../types.ts';

function nameOf({ streamId, clientId, connectedAtMs }: ClientConnection): string {
  return `${streamId} ${connectedAtMs} ${clientId}`;
}

function connectionOf({ streamId, id, connectedAtMs }: ClientRecord): ClientConnection {
  return { streamId, clientId: id, connectedAtMs };
}

export class UntoldClients {
  readonly #clients = new Map<string, ClientRecord>();

  add(client: ClientRecord): void {
    this.#clients.set(nameOf(connectionOf(client)), client);
  }

  has(client: ClientRecord): boolean {
    return this.#clients.has(nameOf(connectionOf(client)));
  }

  /** The client, if the registry does not know of it; from then on it is not here. */
  take(connection: ClientConnection): ClientRecord | undefined {
    const name = nameOf(connection);
    const client = this.#clients.get(name);
    this.#clients.delete(name);
    return client;
  }
}
