/** A program that takes webhooks: a real HTTP server that keeps what it got, and answers as it is told. */

import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Delivery {
  readonly body: {
    readonly event_id: string;
    readonly event_type: string;
    readonly stream_id: string | null;
    readonly timestamp: string;
    readonly data: Readonly<Record<string, unknown>>;
  };
  readonly text: string;
  readonly headers: IncomingHttpHeaders;
  /** Monotonic. */
  readonly atMs: number;
}

export class WebhookReceiver {
  readonly deliveries: Delivery[] = [];
  readonly url: string;
  readonly #server: ReturnType<typeof createServer>;

  private constructor(server: ReturnType<typeof createServer>, port: number) {
    this.#server = server;
    this.url = `http://127.0.0.1:${port}/api/m3u-proxy/webhooks`;
  }

  /** @param answer unset: 204 to each; may hold the answer back */
  static async start(
    answer: (delivery: Delivery, response: ServerResponse) => void = (_, response) => response.writeHead(204).end(),
  ): Promise<WebhookReceiver> {
    const server = createServer(async (request, response) => {
      let text = '';
      for await (const chunk of request.setEncoding('utf8')) text += chunk;
      const delivery = { body: JSON.parse(text), text, headers: request.headers, atMs: performance.now() };
      receiver.deliveries.push(delivery);
      answer(delivery, response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const receiver = new WebhookReceiver(server, (server.address() as AddressInfo).port);
    return receiver;
  }

  get types(): string[] {
    return this.deliveries.map(({ body }) => body.event_type);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
