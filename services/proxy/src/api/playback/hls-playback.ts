/** Plays direct streams whose source is HLS: the provider's playlists and media, for viewers that make many requests. */

import type { FastifyReply, FastifyRequest } from 'fastify';
import type { StreamRecord } from '../../../../registry/types.ts';
import { StreampoolError } from '../../errors.ts';
import type { Directives } from '../../upstream/hls/hls-playlists.ts';
import type { HlsSource } from '../../upstream/hls/hls-source.ts';
import { type HlsReference, openReference } from '../../upstream/playlists/hls-reference.ts';
import { mayBeHlsByName } from '../../upstream/provider/source-kind.ts';
import type { Services } from '../../worker/services.ts';
import { directivesOf, type HlsAddress, hlsAddress } from './hls-address.ts';
import { sendPlaylist, viewerHeaders } from './hls-reply.ts';
import { passedOn, refuseUnopenable, sendPassed } from './passed-media.ts';
import { endure, newcomer, PassedViewers } from './passed-viewers.ts';
import type { PooledHls } from './pooled-hls.ts';
import type { ViewerQuery } from './viewer.ts';

const NO_PLAYLIST =
  'This stream is not HLS at its source, so no such address is part of its playlist. Open the playlist anew.';

export interface HlsQuery extends ViewerQuery {
  readonly url?: string | undefined;
  readonly r?: string | undefined;
}

export class HlsPlayback {
  readonly #services: Services;
  readonly #viewers: PassedViewers<HlsSource>;
  readonly #pooled: PooledHls;
  /** What was found to be openable. All viewers come with the same references, and each is opened into one object. */
  readonly #openable = new WeakSet<HlsReference>();

  /** @param pooled goes on with a stream whose failover is no HLS */
  constructor(services: Services, pooled: PooledHls) {
    this.#services = services;
    this.#viewers = new PassedViewers(services, services.hls);
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
    const own = async (asked: Directives) => {
      const made = await this.#pooled.playlistText(address, query, asked, request, reply);
      // It may have begun anew, with a feed. What is sent from here on counts for that one.
      session = made.session;
      return made.text;
    };
    const playlist = await source.playlist(opened, directives, own);
    const { isOver, targetDurationMs } = playlist.facts;
    endure(session, isOver, targetDurationMs);
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
    const stream = await this.#streamFor(streamId, request, reply);
    const { clientId, folder } = newcomer(this.#services, streamId, query, request);
    if (query.url !== undefined) {
      this.#opened(streamId, query.url);
      return reply.redirect(`${folder()}playlist.m3u8?r=${query.url}`, 302);
    }
    const entry = await this.#viewers.entry(stream, (source) => source.entry());
    reply.headers(viewerHeaders(clientId, streamId));
    return sendPlaylist(undefined, entry.pieces.join(folder()), request, reply);
  }

  async #viewing(
    address: HlsAddress,
    query: HlsQuery,
    reference: string,
    request: FastifyRequest,
    reply: FastifyReply,
  ) {
    const stream = await this.#streamFor(address.streamId, request, reply);
    const opened = this.#opened(address.streamId, reference);
    return { opened, ...(await this.#viewers.viewing(stream, address, query, request)) };
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
    const stream = await this.#viewers.stream(streamId, request, reply);
    // One that has moved here may go on with what its viewers have.
    const hasMoved = stream.profile === undefined && stream.failover.lastAtMs !== undefined;
    if (!hasMoved && !mayBeHls(stream)) throw new StreampoolError(404, NO_PLAYLIST);
    return stream;
  }
}

/** Whether the provider's playlists may be passed on. */
export function mayBeHls({ profile, failover }: StreamRecord): boolean {
  return profile === undefined && mayBeHlsByName(failover.currentUrl);
}
