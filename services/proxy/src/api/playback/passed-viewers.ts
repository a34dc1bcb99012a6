/** Viewers of many requests, of HLS and of DASH: an entry counts nobody, and what it names counts one session. */

import { randomBytes } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { StreamRecord } from '../../../../registry/types.ts';
import { SourceError, StreampoolError } from '../../errors.ts';
import { tellFailure } from '../../events/stream-failure.ts';
import { NotHlsError } from '../../upstream/hls/hls-requests.ts';
import type { PassedSource, PassedSources } from '../../upstream/hls/passed-sources.ts';
import { CoolDown } from '../../viewers/cool-down.ts';
import { FILM_ENDURES_MS, type HlsSession } from '../../viewers/sessions/hls-session.ts';
import type { Services } from '../../worker/services.ts';
import { refuseLoop } from '../access/loop-gate.ts';
import { findStream } from '../streams/stream-routes.ts';
import { folderOf, type HlsAddress } from './hls-address.ts';
import { type ViewerQuery, viewerOf } from './viewer.ts';

const CLIENT_ID_BYTES = 8;
/** A player keeps so many segments of a live stream ahead, at the most, before it asks for the next one. */
const ENDURED_TARGETS = 3;

export interface Newcomer {
  readonly clientId: string;
  /** The folder of its own addresses, seen from the entry. */
  readonly folder: () => string;
}

export class PassedViewers<S extends PassedSource> {
  readonly #services: Services;
  readonly #sources: PassedSources<S>;
  readonly #coolDown = new CoolDown();

  constructor(services: Services, sources: PassedSources<S>) {
    this.#services = services;
    this.#sources = sources;
  }

  /** @throws {StreampoolError} 404 without such a stream, 508 for one that leads back to itself */
  async stream(streamId: string, request: FastifyRequest, reply: FastifyReply): Promise<StreamRecord> {
    const { registry, guard } = this.#services;
    const stream = registry.remembered(streamId) ?? (await findStream(registry, streamId));
    refuseLoop(guard.marker, stream, request, reply);
    return stream;
  }

  /** What the source has for an entry. When it has nothing, all get the reason for a while, and the failure counts once. */
  async entry<T>(stream: StreamRecord, ask: (source: S) => Promise<T>): Promise<T> {
    this.#coolDown.throwIfCooling(stream.id);
    try {
      return await ask(this.sourceOf(stream));
    } catch (error) {
      const isDash = error instanceof NotHlsError && error.isDash;
      if (error instanceof SourceError && error.reason !== 'stopped' && !isDash) {
        this.#coolDown.begin(stream.id, error);
        const { registry, config } = this.#services;
        tellFailure(registry, stream.id, error, { worker_id: config.workerId });
        await registry.countError(stream.id);
      }
      throw error;
    }
  }

  /** The session behind an address, and the source of what it names. */
  async viewing(
    stream: StreamRecord,
    { ticket }: HlsAddress,
    query: ViewerQuery,
    request: FastifyRequest,
  ): Promise<{ readonly session: HlsSession; readonly source: S }> {
    const { config, registry, sessions } = this.#services;
    // The record's id: that of the address would keep all of the address in memory, for as long as the session lasts.
    const asking = () => viewerOf(request, query, stream.id, config.workerId);
    const proof = ticket === undefined ? { clientId: asking().clientId() } : { ticket };
    const session = await sessions.enter(stream.id, proof, () => asking().viewer);
    // Joining may have brought a newer record.
    return { session, source: this.sourceOf(registry.remembered(stream.id) ?? stream) };
  }

  sourceOf(stream: StreamRecord): S {
    const source = this.#services.seating.sourceOf(stream);
    source.follow(stream);
    return this.#sources.of(stream.id, source, stream.stickySession !== false);
  }
}

/** Who asks for an entry. @throws {StreampoolError} 503 while the only worker drains */
export function newcomer(
  { config, sessions, isDraining }: Services,
  streamId: string,
  query: ViewerQuery,
  request: FastifyRequest,
): Newcomer {
  if (isDraining() && !config.redisEnabled) {
    throw new StreampoolError(503, 'This worker is draining and takes no new viewers.', { retryAfterSeconds: 1 });
  }
  const clientId = query.client_id ?? `client_${randomBytes(CLIENT_ID_BYTES).toString('hex')}`;
  const { viewer } = viewerOf(request, query, streamId, config.workerId);
  return { clientId, folder: () => folderOf(streamId, sessions.entry(viewer, clientId)) };
}

/** The viewer may ask for nothing for so long. @param isFilm what there is has come to its end */
export function endure(session: HlsSession, isFilm: boolean, targetDurationMs: number): void {
  session.endures(isFilm ? FILM_ENDURES_MS : ENDURED_TARGETS * targetDurationMs);
}

/** Gives the answer to a request for something that is passed on or cut into segments. */
export async function answered(
  { isDraining, playback }: Services,
  reply: FastifyReply,
  answer: () => Promise<FastifyReply>,
): Promise<FastifyReply> {
  // The next request then comes to a worker that stays.
  if (isDraining()) reply.header('Connection', 'close');
  try {
    return await answer();
  } catch (error) {
    if (reply.raw.destroyed) return reply.hijack();
    if (error instanceof StreampoolError && error.status >= 500) playback.countFailure();
    throw error;
  }
}
