/** Plays direct streams whose source is DASH: the provider's manifest and media, for viewers that make many requests. */

import type { FastifyReply, FastifyRequest } from 'fastify';
import type { StreamRecord } from '../../../../../registry/types.ts';
import { StreampoolError } from '../../../errors.ts';
import type { DashSource } from '../../../upstream/dash/dash-source.ts';
import type { ManifestFacts } from '../../../upstream/manifests/manifest-facts.ts';
import type { TemplateValues } from '../../../upstream/manifests/segment-template.ts';
import { openReference } from '../../../upstream/playlists/hls-reference.ts';
import { isDash, mayBeDashByName } from '../../../upstream/provider/source-kind.ts';
import type { HlsSession } from '../../../viewers/sessions/hls-session.ts';
import type { Services } from '../../../worker/services.ts';
import { assertGiven } from '../../http/validation.ts';
import { folderOf, type HlsAddress, hlsAddress } from '../hls-address.ts';
import { sendPlaylist, viewerHeaders } from '../hls-reply.ts';
import { passedOn, refuseUnopenable, sendPassed } from '../passed-media.ts';
import { endure, newcomer, PassedViewers } from '../passed-viewers.ts';
import type { ViewerQuery } from '../viewer.ts';

export interface DashMediaQuery extends ViewerQuery, TemplateValues {
  readonly r?: string | undefined;
  readonly url?: string | undefined;
}

const NO_MANIFEST = 'This stream is not DASH at its source, so it has no manifest. POST /streams says where it plays.';
const MANIFEST_TYPE = 'application/dash+xml';

export class DashPlayback {
  readonly #services: Services;
  readonly #viewers: PassedViewers<DashSource>;

  constructor(services: Services) {
    this.#services = services;
    this.#viewers = new PassedViewers(services, services.dash);
  }

  /** The entry counts nobody. Its addresses hold a ticket, also the one where players get the manifest anew. */
  async manifest(
    component: string,
    query: ViewerQuery,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<FastifyReply> {
    const address = hlsAddress(component);
    if (address.ticket === undefined) return this.#entry(address.streamId, query, request, reply);
    const { session, source } = await this.#viewing(address, query, request, reply);
    const manifest = await source.manifest();
    stays(session, manifest.facts);
    const text = manifest.pieces.join(folderOf(address.streamId, address.ticket));
    if (request.method !== 'HEAD') session.count(Buffer.byteLength(text));
    return this.#send(text, session.client.id, address.streamId, request, reply);
  }

  /** A segment, an initialization or a whole file. @param extension of its name */
  async media(
    component: string,
    extension: string | undefined,
    query: DashMediaQuery,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<FastifyReply> {
    const address = hlsAddress(component);
    assertGiven(query, address.ticket === undefined ? ['url', 'client_id'] : ['r']);
    const reference = (address.ticket === undefined ? query.url : query.r) ?? '';
    const opened = openReference(this.#services.sealer, address.streamId, reference);
    refuseUnopenable(opened.url);
    const { session, source } = await this.#viewing(address, query, request, reply);
    // Players load the manifest of a film once, and maybe from another worker.
    if (source.facts === undefined) source.manifest().catch(() => undefined);
    else stays(session, source.facts);
    const passed = {
      session,
      extension,
      windowMs: () => source.facts?.windowMs ?? 0,
      isSegment: true,
      fetch: (range: string | undefined) =>
        source.media(opened, query, range).catch((error: unknown) => {
          throw passedOn(error);
        }),
    };
    return sendPassed(passed, this.#services, request, reply);
  }

  /** What time it is at the source (`UTCTiming` of the manifest). */
  async time(
    component: string,
    query: ViewerQuery,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<FastifyReply> {
    const { source } = await this.#viewing(hlsAddress(component), query, request, reply);
    const timeMs = await source.timeMs();
    reply.type('text/plain').headers({ 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' });
    return reply.send(new Date(timeMs).toISOString());
  }

  async #entry(
    streamId: string,
    query: ViewerQuery,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<FastifyReply> {
    const stream = await this.#streamFor(streamId, request, reply);
    const { clientId, folder } = newcomer(this.#services, streamId, query, request);
    const { pieces } = await this.#viewers.entry(stream, (source) => this.#manifestOf(source, stream));
    const text = pieces.join(folder());
    return this.#send(text, clientId, streamId, request, reply);
  }

  async #send(
    text: string,
    clientId: string,
    streamId: string,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<FastifyReply> {
    // A browser that opens it as a page would run what the provider has put into it.
    reply.headers({ ...viewerHeaders(clientId, streamId), 'Content-Security-Policy': "default-src 'none'; sandbox" });
    return sendPlaylist(undefined, text, request, reply, MANIFEST_TYPE);
  }

  /** Others then know what the name of the source does not say. */
  async #manifestOf(source: DashSource, stream: StreamRecord) {
    const { registry, seating } = this.#services;
    const note = (url: string | undefined) => registry.noteDash(stream.id, url);
    try {
      const manifest = await source.manifest();
      const { url } = seating.sourceOf(stream).address;
      if (!isDash(stream, url)) await note(url);
      return manifest;
    } catch (error) {
      // It has become something else, which /stream/ may play.
      const isOther = error instanceof StreampoolError && error.status === 404;
      if (isOther && stream.dashUrl !== undefined) await note(undefined);
      throw error;
    }
  }

  async #viewing(address: HlsAddress, query: ViewerQuery, request: FastifyRequest, reply: FastifyReply) {
    const stream = await this.#streamFor(address.streamId, request, reply);
    return this.#viewers.viewing(stream, address, query, request);
  }

  async #streamFor(streamId: string, request: FastifyRequest, reply: FastifyReply): Promise<StreamRecord> {
    const stream = await this.#viewers.stream(streamId, request, reply);
    const { profile, url, failover } = stream;
    const mayBeDash = [url, failover.currentUrl].some((each) => isDash(stream, each) || mayBeDashByName(each));
    if (profile !== undefined || !mayBeDash) throw new StreampoolError(404, NO_MANIFEST);
    return stream;
  }
}

/** The viewer may be away for as long as the manifest lets it. */
function stays(session: HlsSession, { isLive, targetDurationMs }: ManifestFacts): void {
  endure(session, !isLive, targetDurationMs);
}
