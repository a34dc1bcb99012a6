/** Plays direct streams: counts their viewers and passes the source on to them. */

import type { FastifyReply, FastifyRequest } from 'fastify';
import { isLooking } from '../../../../registry/client-ids.ts';
import type { StreamRecord } from '../../../../registry/types.ts';
import { SourceError } from '../../errors.ts';
import { tellFailure } from '../../events/stream-failure.ts';
import { type DirectRequest, serveDirect } from '../../upstream/direct/direct-stream.ts';
import type { ReplyHead } from '../../upstream/direct/reply-head.ts';
import { followed, type SourceAddress } from '../../upstream/provider/source-address.ts';
import { hintFromUrl } from '../../upstream/provider/source-kind.ts';
import type { Viewer } from '../../viewers/seating.ts';
import { stopIfGone, Visit } from '../../visit.ts';
import type { Services } from '../../worker/services.ts';
import { headersOf } from '../http/typed-server.ts';
import { DirectSessions } from './direct-sessions.ts';

export class DirectPlayback {
  readonly #services: Services;
  readonly #sessions: DirectSessions;

  constructor(services: Services) {
    this.#services = services;
    const { registry, playback, seating, config, log } = services;
    this.#sessions = new DirectSessions({
      registry,
      playback,
      clientStallTimeoutMs: config.clientStallTimeoutMs,
      clientTimeoutMs: config.clientTimeoutMs,
      onJoined: (stream) => seating.feeds.follow(stream),
      log,
    });
  }

  /**
   * Streams into the reply until one side ends.
   * @param remembered the stream as this worker knows it; counting the viewer in returns the current record
   * @param shares whether the viewers of the current record share a connection; then this call serves nothing
   * @returns false when they do; nothing was sent then
   * @throws {StreampoolError} before the first byte, with the reason why the stream does not play
   */
  async play(
    remembered: StreamRecord,
    viewer: Viewer,
    clientId: string,
    request: FastifyRequest,
    reply: FastifyReply,
    shares: (stream: StreamRecord) => boolean = () => false,
  ): Promise<boolean> {
    const { registry, log, connections, seating, playback } = this.#services;
    const isFile = remembered.unshareable || hintFromUrl(remembered.failover.currentUrl) === 'finite';
    const visit = new Visit(reply.raw, log);
    const abort = new AbortController();
    let serving: Promise<unknown> = Promise.resolve();
    try {
      // It may have left while the worker looked for the stream.
      stopIfGone(visit.signal);
      const entering = this.#sessions.enter(viewer, clientId, isFile);
      const session = await visit.take(entering, async (entered) => {
        // The provider counts a connection until it is closed.
        await serving.catch(() => undefined);
        await entered.end(abort);
      });
      stopIfGone(visit.signal);
      const { stream } = session;
      if (shares(stream)) return false;
      const wanted = AbortSignal.any([abort.signal, visit.signal]);
      await session.begin(abort, (atLimit) =>
        connections.acquire(stream.id, seating.sourceOf(stream).address, wanted, atLimit),
      );
      const tap = seating.directMedia.begin(stream.id);
      visit.holds(tap.end);
      const asked = this.#request(stream, request, reply);
      const served = serveDirect({
        ...asked,
        // A page of the console may be refused what the others get.
        source: isLooking(session.client.id) ? followed(asked.source) : asked.source,
        method: 'GET',
        signal: abort.signal,
        stall: session.stall,
        account: (address) => {
          const watch = connections.watch(address);
          const refusalMayPass = (waitedMs: number) => session.endOlder(abort) || watch.refusalMayPass(waitedMs);
          return { ...watch, refusalMayPass };
        },
        place: {
          giveBack: () => session.pause(abort),
          take: () => session.goOn(abort),
          beside: (address, signal) => connections.acquire(stream.id, address, signal),
          become: (free) => session.moved(abort, free),
        },
        log: log.child({ stream: stream.id, client: session.client.id }),
        onBytes: (bytes) => {
          if (!session.hasGot) playback.joins.firstByte(reply.raw, 'cold');
          session.count(bytes);
        },
        onPackets: tap.packets,
        onStart: (head) => {
          if (isFile || !hasEnd(head)) return;
          session.keep();
          void registry.markUnshareable(stream.id);
        },
      });
      serving = served;
      const result = await served;
      if (result.outcome === 'failed') {
        playback.countFailure();
        this.#failed(stream.id, result.error, session.client.id);
        await registry.countError(stream.id);
      }
      return true;
    } catch (error) {
      if (error instanceof SourceError && error.reason !== 'stopped') {
        this.#failed(remembered.id, error, clientId);
        await registry.countError(remembered.id);
      }
      throw error;
    } finally {
      await visit.end();
    }
  }

  /** A connection of its own plays no longer, whichever source was tried. */
  #failed(streamId: string, error: unknown, clientId: string): void {
    const { registry, config } = this.#services;
    tellFailure(registry, streamId, error, { worker_id: config.workerId, client_id: clientId });
  }

  /** Answers with the headers of a GET. Counts nobody in. */
  async head(stream: StreamRecord, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const account = (address: SourceAddress) => this.#services.connections.watch(address);
    await serveDirect({ ...this.#request(stream, request, reply), method: 'HEAD', account });
  }

  #request(stream: StreamRecord, request: FastifyRequest, reply: FastifyReply): Omit<DirectRequest, 'method'> {
    const { config, guard, memories, seating } = this.#services;
    const ifRange = request.headers['if-range'];
    return {
      source: seating.sourceOf(stream),
      range: request.headers.range,
      ifRange: typeof ifRange === 'string' ? ifRange : undefined,
      via: request.headers.via,
      reply: reply.raw,
      settings: config,
      guard,
      memories,
      headers: headersOf(reply),
    };
  }
}

function hasEnd({ headers }: ReplyHead): boolean {
  return headers['content-length'] !== undefined || headers['content-range'] !== undefined;
}
