/** A TCP connection's middle: counts the connections that pass, cuts them, and shows a test what is said. */

import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type Server, type Socket } from 'node:net';

export interface TcpProxyOptions {
  /** Default 127.0.0.1 and a free port. */
  host?: string;
  port?: number;
  target: { host: string; port: number };
  /** Called with each piece before it is passed on; 'drop': it is not. */
  onRequest?: (bytes: Buffer) => 'drop' | undefined;
  onAnswer?: (bytes: Buffer) => 'drop' | undefined;
}

export interface ProxiedConnection {
  /** Milliseconds since the Unix epoch. */
  readonly openedAt: number;
  /** The first piece that its opener sent. */
  opening: string;
}

export class TcpProxy {
  /** Every connection ever. */
  readonly connections: ProxiedConnection[] = [];
  readonly #options: TcpProxyOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(options: TcpProxyOptions) {
    this.#options = options;
    this.#server = createServer((socket) => this.#pass(socket));
  }

  async listen(): Promise<this> {
    this.#server.listen(this.#options.port ?? 0, this.#options.host ?? '127.0.0.1');
    await once(this.#server, 'listening');
    return this;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Breaks every connection off, on both sides; new ones pass. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.cut();
    await closed;
  }

  #pass(opener: Socket): void {
    const { target, onRequest, onAnswer } = this.#options;
    const record: ProxiedConnection = { openedAt: Date.now(), opening: '' };
    this.connections.push(record);
    const other = connect(target.port, target.host);
    for (const [from, to, look] of [
      [opener, other, onRequest],
      [other, opener, onAnswer],
    ] as const) {
      this.#sockets.add(from);
      from.setNoDelay(true);
      from.on('data', (bytes: Buffer) => {
        if (from === opener && record.opening === '') record.opening = bytes.toString('latin1');
        if (look?.(bytes) !== 'drop') to.write(bytes);
      });
      from.once('end', () => to.end());
      from.on('error', () => undefined);
      from.once('close', () => {
        this.#sockets.delete(from);
        to.destroy();
      });
    }
  }
}

/** Starts one. */
export function startTcpProxy(options: TcpProxyOptions): Promise<TcpProxy> {
  return new TcpProxy(options).listen();
}
