/** Plays direct streams whose source is DASH: the provider's manifest and media, for viewers that make many requests. */

import { randomBytes } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { StreamRecord } from '../../../../../registry/types.ts';
import { SourceError, StreampoolError } from '../../../errors.ts';
import { tellFailure } from '../../../events/stream-failure.ts';
import type { DashManifest } from '../../../upstream/dash/dash-manifests.ts';
import type { DashSource } from '../../../upstream/dash/dash-source.ts';
import type { ManifestFacts } from '../../../upstream/manifests/manifest-facts.ts';
import type { TemplateValues } from '../../../upstream/manifests/segment-template.ts';
import { openReference } from '../../../upstream/playlists/hls-reference.ts';
import { isDash, mayBeDashByName } from '../../../upstream/provider/source-kind.ts';
import { CoolDown } from '../../../viewers/cool-down.ts';
import { FILM_ENDURES_MS, type HlsSession } from '../../../viewers/sessions/hls-session.ts';
import type { Services } from '../../../worker/services.ts';
import { refuseLoop } from '../../access/loop-gate.ts';
import { InvalidRequest } from '../../http/validation.ts';
import { findStream } from '../../streams/stream-routes.ts';
import { folderOf, type HlsAddress, hlsAddress } from '../hls-address.ts';
import { sendPlaylist, viewerHeaders } from '../hls-reply.ts';
import { passedOn, refuseUnopenable, sendPassed } from '../passed-media.ts';
import { type ViewerQuery, viewerOf } from '../viewer.ts';

export interface DashMediaQuery extends ViewerQuery, TemplateValues {
  readonly r?: string | undefined;
  readonly url?: string | undefined;
}

const NO_MANIFEST = 'This stream is not DASH at its source, so it has no manifest. POST /streams says where it plays.';
const MANIFEST_TYPE = 'application/dash+xml';
const CLIENT_ID_BYTES = 8;
/** A player keeps so many segments of a live stream ahead, at the most, before it asks for the next one. */
const ENDURED_TARGETS = 3;

export class DashPlayback {
  readonly #services: Services;
  readonly #coolDown = new CoolDown();

  constructor(services: Services) {
    this.#services = services;
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
    endure(session, manifest.facts);
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
    const name = address.ticket === undefined ? 'url' : 'r';
    const reference = query[name];
    if (reference === undefined) throw lacking(name);
    if (address.ticket === undefined && query.client_id === undefined) throw lacking('client_id');
    const opened = openReference(this.#services.sealer, address.streamId, reference);
    refuseUnopenable(opened.url);
    const { session, source } = await this.#viewing(address, query, request, reply);
    // Players load the manifest of a film once, and maybe from another worker.
    if (source.facts === undefined) source.manifest().catch(() => undefined);
    else endure(session, source.facts);
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
    const { config, sessions, isDraining } = this.#services;
    const stream = await this.#streamFor(streamId, request, reply);
    if (isDraining() && !config.redisEnabled) {
      throw new StreampoolError(503, 'This worker is draining and takes no new viewers.', { retryAfterSeconds: 1 });
    }
    const clientId = query.client_id ?? `client_${randomBytes(CLIENT_ID_BYTES).toString('hex')}`;
    const { viewer } = viewerOf(request, query, streamId, config.workerId);
    const { pieces } = await this.#manifestOf(stream);
    await this.#noteFound(stream);
    const text = pieces.join(folderOf(streamId, sessions.entry(viewer, clientId)));
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

  async #manifestOf(stream: StreamRecord): Promise<DashManifest> {
    this.#coolDown.throwIfCooling(stream.id);
    try {
      return await this.#sourceOf(stream).manifest();
    } catch (error) {
      if (error instanceof SourceError && error.reason !== 'stopped') {
        this.#coolDown.begin(stream.id, error);
        const { registry, config } = this.#services;
        tellFailure(registry, stream.id, error, { worker_id: config.workerId });
        await registry.countError(stream.id);
      }
      // It has become something else, which /stream/ may play.
      const isOther = error instanceof StreampoolError && error.status === 404;
      if (isOther && stream.dashUrl !== undefined) await this.#services.registry.noteDash(stream.id, undefined);
      throw error;
    }
  }

  /** Others then know what the name of the source does not say. */
  async #noteFound(stream: StreamRecord): Promise<void> {
    const { registry, seating } = this.#services;
    const { url } = seating.sourceOf(stream).address;
    if (!isDash(stream, url)) await registry.noteDash(stream.id, url);
  }

  async #viewing({ streamId, ticket }: HlsAddress, query: ViewerQuery, request: FastifyRequest, reply: FastifyReply) {
    const { config, registry, sessions } = this.#services;
    const stream = await this.#streamFor(streamId, request, reply);
    // The record's id: that of the address would keep all of the address in memory, for as long as the session lasts.
    const asking = () => viewerOf(request, query, stream.id, config.workerId);
    const proof = ticket === undefined ? { clientId: asking().clientId() } : { ticket };
    const session = await sessions.enter(stream.id, proof, () => asking().viewer);
    // Joining may have brought a newer record.
    return { session, source: this.#sourceOf(registry.remembered(stream.id) ?? stream) };
  }

  async #streamFor(streamId: string, request: FastifyRequest, reply: FastifyReply): Promise<StreamRecord> {
    const { registry, guard } = this.#services;
    const stream = registry.remembered(streamId) ?? (await findStream(registry, streamId));
    refuseLoop(guard.marker, stream, request, reply);
    const { profile, url, failover } = stream;
    const mayBeDash = [url, failover.currentUrl].some((each) => isDash(stream, each) || mayBeDashByName(each));
    if (profile !== undefined || !mayBeDash) throw new StreampoolError(404, NO_MANIFEST);
    return stream;
  }

  #sourceOf(stream: StreamRecord): DashSource {
    const { dash, seating } = this.#services;
    const source = seating.sourceOf(stream);
    source.follow(stream);
    return dash.of(stream.id, source, stream.stickySession !== false);
  }
}

/** The viewer may ask for nothing for so long. */
function endure(session: HlsSession, { isLive, targetDurationMs }: ManifestFacts): void {
  session.endures(isLive ? ENDURED_TARGETS * targetDurationMs : FILM_ENDURES_MS);
}

/** 422 */
function lacking(name: string): InvalidRequest {
  return new InvalidRequest([{ type: 'missing', loc: ['query', name], msg: 'Field required', input: null }]);
}
