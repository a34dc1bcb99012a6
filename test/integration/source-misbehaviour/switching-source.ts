/** A provider that changes programme in the middle of a connection: passes one channel on, then another, cut at a packet. */
import { once } from 'node:events';
import { createServer, get, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

const PACKET = 188;

export class SwitchingSource {
  readonly url: string;
  readonly #server: Server;
  readonly #viewers = new Set<ServerResponse>();
  #upstream: IncomingMessage | undefined;
  connections = 0;

  private constructor(server: Server) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/live.ts`;
    server.on('request', (_request, response: ServerResponse) => {
      this.connections++;
      response.writeHead(200, { 'content-type': 'video/mp2t' });
      this.#viewers.add(response);
      response.once('close', () => this.#viewers.delete(response));
    });
  }

  static async start(channelUrl: string): Promise<SwitchingSource> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const source = new SwitchingSource(server);
    await source.switchTo(channelUrl);
    return source;
  }

  /** From the next packet on it is the other channel. */
  async switchTo(channelUrl: string): Promise<void> {
    const upstream = await new Promise<IncomingMessage>((resolve, reject) => {
      get(channelUrl, { agent: false }, resolve).once('error', reject);
    });
    upstream.on('error', () => undefined);
    let rest: Buffer = Buffer.alloc(0);
    upstream.on('data', (chunk: Buffer) => {
      if (this.#upstream !== upstream) {
        this.#upstream?.destroy();
        this.#upstream = upstream;
      }
      const bytes = Buffer.concat([rest, chunk]);
      const whole = bytes.length - (bytes.length % PACKET);
      rest = bytes.subarray(whole);
      for (const viewer of this.#viewers) viewer.write(bytes.subarray(0, whole));
    });
  }

  async close(): Promise<void> {
    this.#upstream?.destroy();
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }
}
