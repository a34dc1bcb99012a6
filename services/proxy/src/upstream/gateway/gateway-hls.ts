/**
 * The HLS source of an FFmpeg. It is asked in the same way as for viewers: once in the cluster, so that all FFmpegs of a channel
 * fetch each segment once.
 */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { HlsLease, PlaylistText } from '../hls/hls-upstream.ts';
import { ReplyWriter } from '../messages/reply-writer.ts';
import { StallLimit } from '../messages/stall-limit.ts';

/** FFmpeg asks for whole files like this. */
const ALL = 'bytes=0-';

export class GatewayHls {
  readonly #upstream: HlsLease;
  /** Where a playlist was found after redirects. A load balancer is asked once, not at each reload. */
  readonly #foundAt = new Map<string, string>();

  constructor(upstream: HlsLease) {
    this.#upstream = upstream;
  }

  close(): void {
    this.#upstream.release(false);
  }

  async playlist(url: string): Promise<PlaylistText> {
    const at = this.#foundAt.get(url);
    const ask = (where: string) => this.#upstream.playlist({ url: where });
    const again = () => {
      // The server behind the redirect is gone. The load balancer knows another one.
      this.#foundAt.delete(url);
      return ask(url);
    };
    const found = at === undefined ? await ask(url) : await ask(at).catch(again);
    if (found.url !== url) this.#foundAt.set(url, found.url);
    return found;
  }

  /**
   * Sends a segment, a map or a key.
   *
   * @param headersOf the headers of the answer that FFmpeg needs
   * @returns the status of the source
   */
  async send(
    url: string,
    request: IncomingMessage,
    response: ServerResponse,
    headersOf: (headers: Readonly<Record<string, string>>) => Record<string, string>,
  ): Promise<number> {
    const { range } = request.headers;
    const { head, body } = await this.#upstream.media({ url, range: range === ALL ? undefined : range });
    try {
      response.writeHead(head.status, headersOf(head.headers));
      if (request.method !== 'HEAD') {
        const writer = new ReplyWriter(response, new StallLimit(0));
        for (let chunk = await body.read(); chunk !== undefined; chunk = await body.read()) {
          if (!(await writer.write(chunk))) return head.status;
        }
      }
      response.end();
      return head.status;
    } finally {
      body.close();
    }
  }
}
