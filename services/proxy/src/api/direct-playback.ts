/** Plays direct streams: counts their viewers, and passes the source on to them. */

import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ClientRecord, StreamRecord } from '../../../registry/types.ts';
import { SourceError, StreampoolError } from '../errors.ts';
import type { Viewer } from '../pool/pool.ts';
import { type DirectRequest, serveDirect } from '../upstream/direct-stream.ts';
import { hintFromUrl } from '../upstream/source-kind.ts';
import type { Services } from '../worker.ts';
import { headersOf } from './app.ts';

/** A viewer of a direct stream: one response, or the range requests of a player that seeks in a file. */
interface Session {
  readonly client: ClientRecord;
  readonly responses: Set<AbortController>;
  bytes: number;
  idle: NodeJS.Timeout | undefined;
  untrack: () => void;
}

export class DirectPlayback {
  readonly #services: Services;
  /** Sessions of files, which the next request of the same client joins. */
  readonly #sessions = new Map<string, Promise<Session>>();

  constructor(services: Services) {
    this.#services = services;
  }

  /**
   * Streams into the reply until one side ends.
   * @throws {StreampoolError} before the first byte: why the stream does not play
   */
  async play(
    stream: StreamRecord,
    viewer: Viewer,
    clientId: string,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<void> {
    const { registry } = this.#services;
    const isFile = hintFromUrl(stream.failover.currentUrl) === 'finite';
    const session = await this.#session(viewer, clientId, isFile);
    const abort = new AbortController();
    session.responses.add(abort);
    clearTimeout(session.idle);
    try {
      const result = await serveDirect({
        ...this.#request(stream, request, reply),
        method: 'GET',
        signal: abort.signal,
        log: this.#services.log.child({ stream: stream.id, client: session.client.id }),
        onBytes: (bytes) => {
          session.bytes += bytes;
        },
      });
      if (result.outcome === 'failed') await registry.countError(stream.id);
    } catch (error) {
      if (error instanceof SourceError) await registry.countError(stream.id);
      throw error;
    } finally {
      session.responses.delete(abort);
      if (session.responses.size === 0) await this.#release(session, clientId, isFile);
    }
  }

  /** Answers what a GET would begin with. Counts nobody in. */
  async head(stream: StreamRecord, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    await serveDirect({ ...this.#request(stream, request, reply), method: 'HEAD' });
  }

  #request(stream: StreamRecord, request: FastifyRequest, reply: FastifyReply): Omit<DirectRequest, 'method'> {
    const { config, guard, pool } = this.#services;
    return {
      source: pool.sourceOf(stream),
      range: request.headers.range,
      ifRange: typeof request.headers['if-range'] === 'string' ? request.headers['if-range'] : undefined,
      reply: reply.raw,
      settings: config,
      guard,
      headers: headersOf(reply),
    };
  }

  #session(viewer: Viewer, clientId: string, isFile: boolean): Promise<Session> {
    const key = keyOf(viewer.streamId, clientId);
    const known = isFile ? this.#sessions.get(key) : undefined;
    if (known !== undefined) return known;
    const session = this.#open(viewer, clientId, key);
    if (isFile) {
      this.#sessions.set(key, session);
      session.catch(() => this.#sessions.delete(key));
    }
    return session;
  }

  async #open(viewer: Viewer, clientId: string, key: string): Promise<Session> {
    const { registry, playback } = this.#services;
    playback.assertRoom();
    const answer = await registry.join({ client: viewer, clientId, cap: undefined, localSlots: [] });
    if (answer === undefined) throw new StreampoolError(404, 'Stream not found');
    const session: Session = {
      client: answer.client,
      responses: new Set(),
      bytes: 0,
      idle: undefined,
      untrack: () => undefined,
    };
    session.untrack = playback.track({
      streamId: viewer.streamId,
      clientId: session.client.id,
      bytesServed: () => session.bytes,
      close: () => {
        for (const response of session.responses) response.abort();
        if (session.responses.size === 0) void this.#end(session, key);
      },
    });
    return session;
  }

  /** A player of a file comes back for its next part; one of a live stream has gone. */
  async #release(session: Session, clientId: string, isFile: boolean): Promise<void> {
    const key = keyOf(session.client.streamId, clientId);
    if (!isFile) return this.#end(session, undefined);
    session.idle = setTimeout(() => void this.#end(session, key), this.#services.config.clientTimeoutMs);
  }

  async #end(session: Session, key: string | undefined): Promise<void> {
    clearTimeout(session.idle);
    if (key !== undefined) this.#sessions.delete(key);
    session.untrack();
    const { client, bytes } = session;
    await this.#services.registry.leave({
      streamId: client.streamId,
      clientId: client.id,
      bytesServed: bytes,
      segmentsServed: 0,
      lastAccessMs: Date.now(),
    });
  }
}

function keyOf(streamId: string, clientId: string): string {
  return `${streamId} ${clientId}`;
}
