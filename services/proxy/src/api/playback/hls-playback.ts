/** Plays direct streams whose source is HLS: the provider's playlists and media, for viewers that make many requests. */

import { randomBytes } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { StreamRecord } from '../../../../registry/types.ts';
import { SourceError, StreampoolError } from '../../errors.ts';
import { tellFailure } from '../../events/stream-failure.ts';
import { NotHlsError } from '../../upstream/hls/hls-requests.ts';
import type { HlsSource } from '../../upstream/hls/hls-source.ts';
import { type HlsReference, openReference } from '../../upstream/playlists/hls-reference.ts';
import { mayBeHlsByName } from '../../upstream/provider/source-kind.ts';
import { CoolDown } from '../../viewers/cool-down.ts';
import { FILM_ENDURES_MS } from '../../viewers/sessions/hls-session.ts';
import type { Services } from '../../worker/services.ts';
import { refuseLoop } from '../access/loop-gate.ts';
import { findStream } from '../streams/stream-routes.ts';
import { directivesOf, folderOf, type HlsAddress, hlsAddress } from './hls-address.ts';
import { sendPlaylist, viewerHeaders } from './hls-reply.ts';
import { passedOn, refuseUnopenable, sendPassed } from './passed-media.ts';
import type { PooledHls } from './pooled-hls.ts';
import { type ViewerQuery, viewerOf } from './viewer.ts';

const NO_PLAYLIST =
  'This stream is not HLS at its source, so no such address is part of its playlist. Open the playlist anew.';
const ENDURED_TARGETS = 3;
const CLIENT_ID_BYTES = 8;

export interface HlsQuery extends ViewerQuery {
  readonly url?: string | undefined;
  readonly r?: string | undefined;
}

export class HlsPlayback {
  readonly #services: Services;
  readonly #coolDown = new CoolDown();

  readonly #pooled: PooledHls;
  /** What was found to be openable. All viewers come with the same references, and each is opened into one object. */
  readonly #openable = new WeakSet<HlsReference>();

  /** @param pooled goes on with a stream whose failover is no HLS */
  constructor(services: Services, pooled: PooledHls) {
    this.#services = services;
    this.#pooled = pooled;
  }

  /** Answers a request for `playlist.m3u8`. */
  async playlist(
    component: string,
    query: HlsQuery,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<FastifyReply> {
    const address = hlsAddress(component);
    if (address.ticket === undefined) return this.#entry(address.streamId, query, request, reply);
    const { r: reference = '' } = query;
    const { session: first, source, opened } = await this.#viewing(address, query, reference, request, reply);
    let session = first;
    const directives = directivesOf(request.query as Record<string, unknown>);
    const own = async () => {
      const made = await this.#pooled.playlistText(address, query, request, reply);
      // It may have begun anew, with a feed. What is sent from here on counts for that one.
      session = made.session;
      return made.text;
    };
    const playlist = await source.playlist(opened, directives, own);
    const { isOver, targetDurationMs } = playlist.facts;
    session.endures(isOver ? FILM_ENDURES_MS : ENDURED_TARGETS * targetDurationMs);
    if (request.method !== 'HEAD') session.count(Buffer.byteLength(playlist.text));
    reply.headers(viewerHeaders(session.client.id, address.streamId));
    return sendPlaylist(playlist, playlist.text, request, reply);
  }

  /** Answers a request for a segment, a part, a map or a key. @param extension of its name */
  async media(
    component: string,
    extension: string | undefined,
    query: HlsQuery,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<FastifyReply> {
    const address = hlsAddress(component);
    const reference = (address.ticket === undefined ? query.url : query.r) ?? '';
    const { session, source, opened } = await this.#viewing(address, query, reference, request, reply);
    const passed = {
      session,
      extension,
      windowMs: () => source.windowMs,
      isSegment: opened.role === 'segment',
      fetch: (range: string | undefined) =>
        source.media(opened, range).catch((error: unknown) => {
          throw opened.role === 'playlist' ? error : passedOn(error);
        }),
    };
    return sendPassed(passed, this.#services, request, reply);
  }

  /** The entry counts nobody: players fetch it twice, and some of them for a look only. */
  async #entry(streamId: string, query: HlsQuery, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { config, sessions, isDraining } = this.#services;
    const stream = await this.#streamFor(streamId, request, reply);
    if (isDraining() && !config.redisEnabled) {
      throw new StreampoolError(503, 'This worker is draining and takes no new viewers.', { retryAfterSeconds: 1 });
    }
    const clientId = query.client_id ?? `client_${randomBytes(CLIENT_ID_BYTES).toString('hex')}`;
    const { viewer } = viewerOf(request, query, streamId, config.workerId);
    const folder = () => folderOf(streamId, sessions.entry(viewer, clientId));
    if (query.url !== undefined) {
      this.#opened(streamId, query.url);
      return reply.redirect(`${folder()}playlist.m3u8?r=${query.url}`, 302);
    }
    const entry = await this.#entryOf(stream);
    reply.headers(viewerHeaders(clientId, streamId));
    return sendPlaylist(undefined, entry.pieces.join(folder()), request, reply);
  }

  async #entryOf(stream: StreamRecord) {
    this.#coolDown.throwIfCooling(stream.id);
    try {
      return await this.#sourceOf(stream).entry();
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

  async #viewing(
    { streamId, ticket }: HlsAddress,
    query: HlsQuery,
    reference: string,
    request: FastifyRequest,
    reply: FastifyReply,
  ) {
    const { config, registry, sessions } = this.#services;
    const stream = await this.#streamFor(streamId, request, reply);
    const opened = this.#opened(streamId, reference);
    // The record's id: that of the address would keep all of the address in memory, for as long as the session lasts.
    const asking = () => viewerOf(request, query, stream.id, config.workerId);
    const proof = ticket === undefined ? { clientId: asking().clientId() } : { ticket };
    const session = await sessions.enter(stream.id, proof, () => asking().viewer);
    // Joining may have brought a newer record.
    return { session, opened, source: this.#sourceOf(registry.remembered(stream.id) ?? stream) };
  }

  /** @throws {StreampoolError} 403 for what this cluster has not made for this stream, and for what nobody opens */
  #opened(streamId: string, reference: string): HlsReference {
    const opened = openReference(this.#services.sealer, streamId, reference);
    if (this.#openable.has(opened)) return opened;
    refuseUnopenable(opened.url);
    this.#openable.add(opened);
    return opened;
  }

  async #streamFor(streamId: string, request: FastifyRequest, reply: FastifyReply): Promise<StreamRecord> {
    const { registry, guard } = this.#services;
    const stream = registry.remembered(streamId) ?? (await findStream(registry, streamId));
    refuseLoop(guard.marker, stream, request, reply);
    // One that has moved here may go on with what its viewers have.
    const hasMoved = stream.profile === undefined && stream.failover.lastAtMs !== undefined;
    if (!hasMoved && !mayBeHls(stream)) throw new StreampoolError(404, NO_PLAYLIST);
    return stream;
  }

  #sourceOf(stream: StreamRecord): HlsSource {
    const { hls, seating } = this.#services;
    const source = seating.sourceOf(stream);
    source.follow(stream);
    return hls.of(stream.id, source, stream.stickySession !== false);
  }
}

/** Whether the provider's playlists may be passed on. */
export function mayBeHls({ profile, failover }: StreamRecord): boolean {
  return profile === undefined && mayBeHlsByName(failover.currentUrl);
}
