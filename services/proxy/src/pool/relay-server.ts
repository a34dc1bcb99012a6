/** The worker-to-worker side of a worker: serves its feeds to others, on a port of its own, to those who know the secret. */

import { createHash, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SourceError, StreampoolError } from '../errors.ts';
import { Cursor, type CursorSink } from '../feed/cursor.ts';
import type { Feed, FeedEnd } from '../feed/feed.ts';
import type { Logger } from '../log.ts';
import { FiniteSourceError } from './finite-source.ts';
import { dataHeader, encodeFrame, type RelayEnd } from './relay-frames.ts';

/** A feed as others may have it. */
export interface RelayedFeed {
  readonly feed: Feed;
  readonly epoch: number;
  /** The feed goes on elsewhere. */
  readonly moved: () => boolean;
  /** Called once, when the relay is over. */
  readonly release: () => void;
}

export interface RelayServerDeps {
  readonly incarnation: string;
  readonly secret: () => string;
  /**
   * The feed by its registry key, started if this worker owns it and has not begun; undefined when it is not this worker's.
   * @throws {StreampoolError} when it cannot be started
   */
  readonly find: (key: string) => Promise<RelayedFeed | undefined>;
  readonly log: Logger;
}

/** A relay that sends nothing says so, so that silence means trouble. */
const PING_MS = 500;
/** A worker that takes nothing for this long is cut off; it dials again. */
const STALL_MS = 10_000;

export class RelayServer {
  readonly #deps: RelayServerDeps;
  readonly #server: Server;
  #connections = 0;

  constructor(deps: RelayServerDeps) {
    this.#deps = deps;
    this.#server = createServer((request, response) => void this.#answer(request, response));
    this.#server.requestTimeout = 0;
  }

  /** @returns the port it listens on */
  async listen(host: string, port: number): Promise<number> {
    this.#server.listen(port, host);
    await once(this.#server, 'listening');
    return (this.#server.address() as AddressInfo).port;
  }

  /** Relays that are open now. */
  get connections(): number {
    return this.#connections;
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => undefined);
    if (!this.#isKnown(request)) {
      response.writeHead(403).end();
      return;
    }
    const url = new URL(request.url ?? '/', 'http://relay');
    const { incarnation } = this.#deps;
    response.setHeader('X-Incarnation', incarnation);
    if (url.pathname === '/ping') {
      response.end(incarnation);
      return;
    }
    const [, key] = /^\/feeds\/([\w:-]+)$/.exec(url.pathname) ?? [];
    try {
      const found = key === undefined ? undefined : await this.#deps.find(key);
      if (found === undefined) {
        response.writeHead(404).end();
        return;
      }
      const afterMs = url.searchParams.get('after');
      await this.#serve(found, afterMs === null ? undefined : Number(afterMs), response);
    } catch (error) {
      this.#fail(response, error);
    }
  }

  async #serve(relayed: RelayedFeed, afterMs: number | undefined, response: ServerResponse): Promise<void> {
    const { feed, epoch, release } = relayed;
    const { incarnation } = this.#deps;
    response.writeHead(200, { 'Content-Type': 'application/octet-stream' });
    response.write(encodeFrame({ type: 'hello', hello: { incarnation, epoch } }));
    const ping = setInterval(() => {
      if (!response.writableNeedDrain) response.write(encodeFrame({ type: 'ping' }));
    }, PING_MS);
    this.#connections++;
    let cursor: Cursor | undefined;
    response.once('close', () => {
      clearInterval(ping);
      cursor?.close();
      this.#connections--;
      release();
    });
    // A feed that is still starting is waited for; the pings say that somebody is there.
    const joined = await feed.entry();
    if (response.destroyed) return;
    const { entries } = feed.ring;
    const entry = afterMs === undefined ? joined : (entries.findLast((each) => each.mediaMs <= afterMs) ?? joined);
    const sink: CursorSink = {
      write: (bytes, done) => {
        response.cork();
        response.write(dataHeader(bytes.length));
        response.write(bytes, done);
        response.uncork();
      },
      finished: (end) => response.end(encodeFrame({ type: 'end', end: endRecord(relayed, end) })),
      dropped: () => response.destroy(),
    };
    cursor = new Cursor(feed, entry, sink, STALL_MS);
  }

  /** No media has been sent yet: the reason goes where it would. */
  #fail(response: ServerResponse, error: unknown): void {
    this.#deps.log.warn({ err: error }, 'a relay could not be served');
    response.end(encodeFrame({ type: 'end', end: failureRecord(error) }));
  }

  #isKnown(request: IncomingMessage): boolean {
    const given = (request.headers.authorization ?? '').replace(/^Bearer /, '');
    const hash = (text: string) => createHash('sha256').update(text).digest();
    return timingSafeEqual(hash(given), hash(this.#deps.secret()));
  }
}

function endRecord(relayed: RelayedFeed, end: FeedEnd): RelayEnd {
  if (relayed.moved()) return { kind: 'moved' };
  return end.kind === 'failed' ? failureRecord(end.error) : { kind: 'ended' };
}

function failureRecord(error: unknown): RelayEnd {
  return {
    kind: 'failed',
    status: error instanceof StreampoolError ? error.status : 502,
    reason: error instanceof SourceError ? error.reason : error instanceof FiniteSourceError ? 'finite' : 'ffmpeg',
    message: error instanceof StreampoolError ? error.message : 'The feed could not be started.',
  };
}
