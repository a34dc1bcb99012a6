/** A small server that speaks as much of S3 as recordings need, and keeps what it was asked. Nothing here checks a signature's value. */

import type { IncomingHttpHeaders, IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface S3Request {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** How it refuses, in place of doing what it is asked. */
export interface S3Refusal {
  readonly status: number;
  readonly code: string;
}

/** An answer lists no more than this: recordings have more objects than one answer holds. */
const PAGE = 3;

export class S3Server {
  /** Key → content, of all buckets: `bucket/key`. */
  readonly objects = new Map<string, Buffer>();
  readonly requests: S3Request[] = [];
  /** What the next requests get, one each. */
  readonly refusals: S3Refusal[] = [];
  /** What all requests get from now on; undefined: they are answered. */
  refusal: S3Refusal | undefined;
  /** It answers a part with all of it, as a server may. */
  ignoresRanges = false;
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  static async start(): Promise<S3Server> {
    const server = new S3Server();
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece);
    const { method = '', url = '', headers } = request;
    const body = Buffer.concat(pieces);
    this.requests.push({ method, url, headers, body });
    const refusal = this.refusals.shift() ?? this.refusal;
    if (refusal !== undefined) {
      refuse(response, refusal);
      return;
    }
    const { pathname, searchParams } = new URL(url, 'http://s3');
    const key = decodeURIComponent(pathname.slice(1));
    if (searchParams.has('list-type')) this.#list(key, searchParams, response);
    else if (method === 'PUT') {
      this.objects.set(key, body);
      response.end();
    } else if (method === 'DELETE') {
      this.objects.delete(key);
      response.writeHead(204).end();
    } else {
      const content = this.objects.get(key);
      if (content === undefined) refuse(response, { status: 404, code: 'NoSuchKey' });
      else this.#send(content, headers.range, response);
    }
  }

  #send(content: Buffer, range: string | undefined, response: ServerResponse): void {
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(range ?? '') ?? [];
    if (from === undefined || this.ignoresRanges) {
      response.end(content);
    } else if (Number(from) >= content.length) {
      refuse(response, { status: 416, code: 'InvalidRange' });
    } else {
      const part = content.subarray(Number(from), Number(to) + 1);
      response.setHeader('content-range', `bytes ${from}-${Number(from) + part.length - 1}/${content.length}`);
      response.writeHead(206).end(part);
    }
  }

  #list(bucket: string, query: URLSearchParams, response: ServerResponse): void {
    const base = `${bucket.replace(/\/$/, '')}/`;
    const prefix = query.get('prefix') ?? '';
    const delimiter = query.get('delimiter');
    const after = query.get('continuation-token') ?? '';
    const keys = [...this.objects.keys()]
      .filter((key) => key.startsWith(base + prefix))
      .map((key) => key.slice(base.length));
    const folderOf = (key: string) => {
      const end = delimiter === null ? -1 : key.indexOf(delimiter, prefix.length);
      return end < 0 ? undefined : key.slice(0, end + 1);
    };
    const names = [...new Set(keys.map((key) => folderOf(key) ?? key))].sort().filter((name) => name > after);
    const page = names.slice(0, PAGE);
    const isMore = names.length > PAGE;
    const rows = page.map((name) =>
      delimiter !== null && name.endsWith(delimiter)
        ? `<CommonPrefixes><Prefix>${name}</Prefix></CommonPrefixes>`
        : `<Contents><Key>${name}</Key></Contents>`,
    );
    const next = isMore ? `<NextContinuationToken>${page.at(-1)}</NextContinuationToken>` : '';
    response.setHeader('content-type', 'application/xml');
    response.end(`<ListBucketResult><IsTruncated>${isMore}</IsTruncated>${rows.join('')}${next}</ListBucketResult>`);
  }
}

function refuse(response: ServerResponse, { status, code }: S3Refusal): void {
  response.writeHead(status, { 'content-type': 'application/xml' });
  response.end(`<Error><Code>${code}</Code><Message>${code}</Message></Error>`);
}
