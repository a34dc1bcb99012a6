/** Plays what is pooled by HLS: playlists and segments of the feed that viewers of MPEG-TS read too. */

import type { FastifyReply, FastifyRequest } from 'fastify';
import type { StreamRecord } from '../../../../registry/types.ts';
import { SourceError, StreampoolError } from '../../errors.ts';
import { FiniteSourceError } from '../../feed/finite-source.ts';
import { carriedCodecs } from '../../feed/hls/cmaf-tracks.ts';
import { multivariantPlaylist } from '../../feed/hls/playlist.ts';
import type { Container } from '../../feed/hls/segment-events.ts';
import { playlistWindow, windowSeconds } from '../../feed/hls/window.ts';
import { FilmLostError } from '../../films/film-lost.ts';
import { saidContainer } from '../../segments/container-choice.ts';
import type { WantedSegments } from '../../segments/feed-hls.ts';
import { type HlsDirectives, wishOf } from '../../segments/reload.ts';
import type { ViewedSegments } from '../../segments/viewer-answers.ts';
import { NotSharedError } from '../../streams/sharing.ts';
import type { HlsSession } from '../../viewers/sessions/hls-session.ts';
import { Visit } from '../../visit.ts';
import type { Services } from '../../worker/services.ts';
import { refuseLoop } from '../access/loop-gate.ts';
import { findStream } from '../streams/stream-routes.ts';
import type { HlsAddress } from './hls-address.ts';
import { sendPlaylist, sendSegment, viewerHeaders } from './hls-reply.ts';
import { HlsVariants } from './hls-variant.ts';
import type { MediaViewer } from './media-reply.ts';
import { endure, newcomer } from './passed-viewers.ts';
import { isOfBrowser, type ViewerQuery, viewerOf } from './viewer.ts';

export interface PooledQuery extends ViewerQuery, HlsDirectives {
  /** Undefined: as the stream's profile says, or its pictures need. */
  readonly container?: Container | undefined;
}

export interface AskedMedia {
  /** Number of the segment. */
  readonly n: number;
  /** Undefined: all of it. */
  readonly p: number | undefined;
}

/** Chromium's own player gives up for good when the first playlist that it reads has fewer, however long they are. */
const BROWSER_SEGMENTS = 3;
const EXTENSION = { ts: 'ts', fmp4: 'm4s' } as const;

export class PooledHls {
  readonly #services: Services;
  readonly #variants: HlsVariants;

  constructor(services: Services) {
    this.#services = services;
    this.#variants = new HlsVariants(services);
  }

  /** The entry counts nobody: players fetch it twice, and some of them for a look only. */
  async entry(
    stream: StreamRecord,
    query: PooledQuery,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<FastifyReply> {
    const { guard, seating } = this.#services;
    refuseLoop(guard.marker, stream, request, reply);
    refuseOther(stream);
    const { clientId, folder } = newcomer(this.#services, stream.id, query, request);
    seating.assertPlays(stream.id);
    const chosen = query.container === undefined ? '' : `?container=${query.container}`;
    reply.headers(viewerHeaders(clientId, stream.id));
    const { peakBitsPerSecond, codecs, ...described } = await this.#variants.of(stream);
    const container = query.container ?? saidContainer(stream.profile?.args ?? []) ?? suitableFor(codecs);
    const text = multivariantPlaylist({
      uri: `${folder()}playlist.m3u8${chosen}`,
      bandwidth: peakBitsPerSecond,
      ...described,
      codecs: container === 'fmp4' ? carriedCodecs(codecs) : codecs,
      independent: false,
    });
    return sendPlaylist(undefined, text, request, reply);
  }

  /** The media playlist. The first one waits until there are segments. */
  async playlist(
    address: HlsAddress,
    query: PooledQuery,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<FastifyReply> {
    try {
      return await this.#playlist(address, query, request, reply);
    } catch (error) {
      if (!(error instanceof FiniteSourceError)) throw error;
      // Only opening it shows that the source has an end. The viewer joins again, with a film of its own.
      return this.#playlist(address, query, request, reply);
    }
  }

  async #playlist(
    address: HlsAddress,
    query: PooledQuery,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<FastifyReply> {
    const { session, wanted } = await this.#viewing(address, query, request, reply);
    const sent = session.sending();
    try {
      const wish = { ...wishOf(query), least: isOfBrowser(request) ? BROWSER_SEGMENTS : 0 };
      const known = query.container ?? wanted.decided;
      let segments = known && wanted.of(known);
      let playlist = segments?.playlistHere?.(wish);
      if (segments === undefined || playlist === undefined) {
        const { signal } = new Visit(reply.raw, this.#services.log);
        segments ??= wanted.of(await wanted.chosen(signal));
        playlist = await segments.playlist(signal, wish);
      }
      endure(session, playlist.mayPause === true, segments.targetDurationMs);
      if (request.method !== 'HEAD') session.count(Buffer.byteLength(playlist.text));
      reply.headers(viewerHeaders(session.client.id, address.streamId));
      return await sendPlaylist(playlist, playlist.text, request, reply);
    } catch (error) {
      if (wanted.isOver) await this.#noteFailure(session, error);
      throw error;
    } finally {
      sent();
    }
  }

  /** The text of the same, for a session that has begun with the provider's playlists; and the one that goes on from here. */
  async playlistText(
    address: HlsAddress,
    query: ViewerQuery,
    asked: HlsDirectives,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<{ readonly text: string; readonly session: HlsSession }> {
    const visit = new Visit(reply.raw, this.#services.log);
    const { session, wanted } = await this.#viewing(address, query, request, reply);
    const segments = wanted.of(await wanted.chosen(visit.signal));
    return { text: (await segments.playlist(visit.signal, wishOf(asked))).text, session };
  }

  /** A segment, or a part of one for low latency. */
  async segment(
    address: HlsAddress,
    container: Container,
    { n, p }: AskedMedia,
    query: ViewerQuery,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<FastifyReply> {
    const { stream, session, wanted } = await this.#viewing(address, query, request, reply);
    const sent = session.sending();
    try {
      const segments = wanted.of(container);
      const media = segments.mediaHere?.(n, p) ?? (await this.#waitedFor(segments, { n, p }, reply));
      if (p === undefined && request.method !== 'HEAD') session.countSegment();
      const windowMs = this.#windowMs(stream, wanted);
      return await sendSegment(media, EXTENSION[container], windowMs, this.#viewer(session), request, reply);
    } catch (error) {
      await this.#noteLoss(session, error);
      throw error;
    } finally {
      sent();
    }
  }

  /** Most media is there when it is asked for. Only who waits for it needs to be watched meanwhile. */
  #waitedFor(segments: ViewedSegments, { n, p }: AskedMedia, reply: FastifyReply): Promise<Buffer> {
    const { signal } = new Visit(reply.raw, this.#services.log);
    return p === undefined ? segments.segment(n, signal) : segments.part(n, p, signal);
  }

  /** The initialisation of segments of fragmented mp4. */
  async init(
    address: HlsAddress,
    key: string,
    query: ViewerQuery,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<FastifyReply> {
    const { stream, session, wanted } = await this.#viewing(address, query, request, reply);
    const sent = session.sending();
    try {
      const media = await wanted.of('fmp4').init(key);
      const windowMs = this.#windowMs(stream, wanted);
      return await sendSegment(media, EXTENSION.fmp4, windowMs, this.#viewer(session), request, reply);
    } catch (error) {
      await this.#noteLoss(session, error);
      throw error;
    } finally {
      sent();
    }
  }

  #viewer(session: HlsSession): MediaViewer {
    return { session, stallTimeoutMs: this.#services.config.clientStallTimeoutMs };
  }

  #windowMs({ profile }: StreamRecord, { targetDurationMs }: WantedSegments): number {
    const size = playlistWindow(profile?.args ?? []) ?? { segments: this.#services.config.hlsListSize };
    return windowSeconds(size, targetDurationMs / 1000) * 1000;
  }

  async #viewing(
    { streamId, ticket }: HlsAddress,
    query: ViewerQuery,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<{ readonly stream: StreamRecord; readonly session: HlsSession; readonly wanted: WantedSegments }> {
    const { config, guard, registry, sessions } = this.#services;
    const stream = registry.remembered(streamId) ?? (await findStream(registry, streamId));
    refuseLoop(guard.marker, stream, request, reply);
    refuseOther(stream);
    // The record's id: that of the address would keep all of the address in memory, for as long as the session lasts.
    const asking = () => viewerOf(request, query, stream.id, config.workerId);
    const proof = ticket === undefined ? { clientId: asking().clientId() } : { ticket };
    const session = await sessions
      .enter(stream.id, proof, () => asking().viewer, { feed: true })
      .catch((error: unknown) => {
        throw error instanceof NotSharedError ? withoutSegments(streamId, error) : error;
      });
    if (session.segments === undefined) throw new Error('a session that wanted a feed has none');
    return { stream, session, wanted: session.segments };
  }

  /** What a viewer was watching is gone for good. */
  async #noteLoss(session: HlsSession, error: unknown): Promise<void> {
    if (error instanceof FilmLostError) await this.#services.sessions.lose(session);
  }

  /** The stream has played nothing, or nothing more, so its viewer is gone. */
  async #noteFailure(session: HlsSession, error: unknown): Promise<void> {
    const { registry, seating, sessions } = this.#services;
    await this.#noteLoss(session, error);
    await sessions.abandon(session, error instanceof FiniteSourceError);
    if (error instanceof FiniteSourceError) await registry.markUnshareable(session.client.streamId);
    if (error instanceof NotSharedError) throw withoutSegments(session.client.streamId, error);
    if (error instanceof SourceError) await seating.noteFailure(session.client.streamId, error);
  }
}

/** What such pictures need, where nobody says anything. @param codecs as RFC 6381 writes them */
function suitableFor(codecs: readonly string[]): Container {
  return codecs.some((codec) => codec.startsWith('hvc1')) ? 'fmp4' : 'ts';
}

function withoutSegments(streamId: string, cause: Error): StreampoolError {
  const message = `The source of this stream is neither live MPEG-TS nor a file. It is not cut into segments. Play it from /stream/${streamId}.`;
  return new StreampoolError(422, message, { cause });
}

/** @throws {StreampoolError} 422 for what has no segments */
function refuseOther({ id, profile }: StreamRecord): void {
  if (profile === undefined || profile.container === 'mpegts') return;
  const message = `The profile of this stream makes ${profile.container}, which is not cut into segments. Play it from /stream/${id}, or use an MPEG-TS profile.`;
  throw new StreampoolError(422, message);
}
