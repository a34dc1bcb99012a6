/**
 * The way of one page resolver to the network: a proxy that opens what the egress guard allows. Each host is checked and pinned, for
 * CONNECT and for plain requests alike, and a redirect comes as another request. Of TLS it sees only bytes.
 */
import { randomBytes } from 'node:crypto';
import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { type Duplex, pipeline, type Readable } from 'node:stream';
import { maskUrl } from '../../../../shared/masking/mask.ts';
import { SourceError } from '../../errors.ts';
import { type EgressGuard, pinnedLookup } from '../egress/egress-guard.ts';

export interface PageSessionLimits {
  /** Connections open at a time. */
  readonly connections: number;
  /** From servers, in all. Pages and playlists are small; media goes another way. */
  readonly bytes: number;
}

export const PAGE_LIMITS: PageSessionLimits = { connections: 32, bytes: 64 * 1024 ** 2 };

export interface PageSessionOptions {
  readonly guard: EgressGuard;
  readonly connectTimeoutMs: number;
  /** How long a server may send nothing. */
  readonly stallTimeoutMs: number;
  readonly limits: PageSessionLimits;
  /** Port of the gateway on 127.0.0.1. */
  readonly port: number;
  readonly onClose: (token: string) => void;
}

const USER = 'page';
/** RFC 9112: they concern one connection, and what is for a proxy concerns this one. */
const HOP_BY_HOP = /^(?:connection|keep-alive|te|trailer|transfer-encoding|upgrade|proxy-.*)$/;
const METHODS: readonly string[] = ['GET', 'HEAD', 'POST'];
const TARGET = /^(?:[a-z0-9_.-]{1,253}|\[[0-9a-f:.]{2,45}\]):(\d{1,5})$/i;

/** The token in `Proxy-Authorization`; undefined: there is none. */
export function pageToken(request: IncomingMessage): string | undefined {
  const [, encoded] = /^Basic +([\w+/=]{1,200}) *$/i.exec(request.headers['proxy-authorization'] ?? '') ?? [];
  const [user, token] = Buffer.from(encoded ?? '', 'base64')
    .toString('latin1')
    .split(':', 2);
  return user === USER ? token : undefined;
}

/** What somebody gets who has no session. */
export const NEEDS_TOKEN =
  'HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic realm="gateway"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n';

export class PageSession {
  /** For the program's settings. It contains the token, so it belongs neither into an argument nor into a log. */
  readonly proxyUrl: string;
  readonly port: number;
  readonly #token = randomBytes(16).toString('base64url');
  readonly #options: PageSessionOptions;
  readonly #open = new Set<{ destroy(): unknown }>();
  #bytes = 0;
  #closed = false;
  #refusal: SourceError | undefined;

  constructor(options: PageSessionOptions) {
    this.#options = options;
    this.port = options.port;
    this.proxyUrl = `http://${USER}:${this.#token}@127.0.0.1:${options.port}`;
  }

  get token(): string {
    return this.#token;
  }

  /** The first address that was refused: it says more than what the program makes of it. */
  get refusal(): SourceError | undefined {
    return this.#refusal;
  }

  /** Ends all connections. The token is worth nothing from now on. */
  close(): void {
    this.#closed = true;
    for (const each of this.#open) each.destroy();
    this.#options.onClose(this.#token);
  }

  /** Answers CONNECT. Never throws. */
  async tunnel(request: IncomingMessage, client: Duplex, head: Buffer): Promise<void> {
    client.on('error', () => undefined);
    const target = request.url ?? '';
    const port = Number(TARGET.exec(target)?.[1] ?? 0);
    if (port < 1 || port > 65_535 || !URL.canParse(`https://${target}`)) {
      client.end(answer(400, 'This is no host with a port.'));
      return;
    }
    const url = new URL(`https://${target}`);
    try {
      const server = await this.#connected(url, port);
      if (client.destroyed) {
        server.destroy();
        return;
      }
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      if (head.length > 0) server.write(head);
      this.#count(server, server);
      client.once('close', () => server.destroy());
      server.once('close', () => client.destroy());
      client.pipe(server);
      server.pipe(client);
    } catch (error) {
      const { status, message } = this.#failure(error, url);
      client.end(answer(status, message));
    }
  }

  /** Answers a request for a whole URL. Never throws. */
  async forward(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const text = request.url ?? '';
    if (!METHODS.includes(request.method ?? '') || !URL.canParse(text) || !/^http:\/\//i.test(text)) {
      response.writeHead(400).end('This is no request for the URL of a page.');
      return;
    }
    const url = new URL(text);
    try {
      const socket = await this.#connected(url, Number(url.port || 80));
      const { headers } = request;
      const kept = Object.entries(headers).filter(([name]) => !HOP_BY_HOP.test(name) && name !== 'host');
      const own = { host: url.host, via: this.#options.guard.marker.via(url, headers.via), connection: 'close' };
      const asked = httpRequest({
        createConnection: () => socket,
        method: request.method ?? 'GET',
        path: `${url.pathname}${url.search}`,
        headers: { ...Object.fromEntries(kept), ...own },
      });
      response.once('close', () => asked.destroy());
      pipeline(request, asked, () => undefined);
      const answered = await new Promise<IncomingMessage>((resolve, reject) => {
        asked.once('response', resolve);
        asked.once('error', reject);
      });
      this.#count(answered, socket);
      const passed = Object.entries(answered.headersDistinct).filter(([name]) => !HOP_BY_HOP.test(name));
      response.writeHead(answered.statusCode ?? 502, Object.fromEntries(passed));
      pipeline(answered, response, () => undefined);
    } catch (error) {
      const { status, message } = this.#failure(error, url);
      if (response.headersSent) response.destroy();
      else response.writeHead(status, { 'content-type': 'text/plain' }).end(message);
    }
  }

  /** A connection to one of the addresses that the guard has found: the name is not resolved again. */
  async #connected(url: URL, port: number): Promise<Socket> {
    if (this.#closed || this.#open.size >= this.#options.limits.connections) {
      throw new SourceError('refused', 'A page resolver has too many connections open.');
    }
    // Counted before the guard has looked, so that many at once do not pass.
    const place = { destroy: () => undefined };
    this.#open.add(place);
    try {
      const pinned = await this.#options.guard.check(url);
      const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
      const socket = connect({ host, port, lookup: pinnedLookup(pinned), autoSelectFamily: true });
      this.#open.add(socket);
      socket.once('close', () => this.#open.delete(socket));
      socket.on('error', () => undefined);
      await this.#opened(socket, url);
      return socket;
    } finally {
      this.#open.delete(place);
    }
  }

  #opened(socket: Socket, url: URL): Promise<void> {
    const { connectTimeoutMs, stallTimeoutMs } = this.#options;
    const where = maskUrl(url.origin);
    return new Promise((resolve, reject) => {
      const fail = (error: SourceError) => {
        socket.destroy();
        reject(error);
      };
      socket.setTimeout(connectTimeoutMs, () =>
        fail(new SourceError('timeout', `${where} did not accept a connection.`)),
      );
      socket.once('error', (cause) => fail(new SourceError('refused', `${where} could not be reached.`, { cause })));
      socket.once('close', () => fail(new SourceError('stopped', 'The page resolver is no longer wanted.')));
      socket.once('connect', () => {
        socket.removeAllListeners('timeout');
        socket.setTimeout(stallTimeoutMs, () => socket.destroy());
        if (this.#closed) fail(new SourceError('stopped', 'The page resolver is no longer wanted.'));
        else resolve();
      });
    });
  }

  /** Ends a session that has got too much, such as media or a page without an end. */
  #count(from: Readable, connection: Socket): void {
    from.on('data', (chunk: Buffer) => {
      this.#bytes += chunk.length;
      if (this.#bytes > this.#options.limits.bytes) connection.destroy();
    });
  }

  #failure(error: unknown, url: URL): { status: number; message: string } {
    const failure =
      error instanceof SourceError
        ? error
        : new SourceError('refused', `${maskUrl(url.origin)} did not answer.`, { cause: error });
    if (failure.reason === 'egress_refused') this.#refusal ??= failure;
    return { status: failure.reason === 'egress_refused' ? 403 : failure.status, message: failure.message };
  }
}

function answer(status: number, message: string): string {
  const body = `${message}\n`;
  return `HTTP/1.1 ${status} Refused\r\ncontent-type: text/plain\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`;
}
