/** Refuses playback to requests that this cluster has sent itself and that would go round for ever. */

import type { FastifyReply, FastifyRequest } from 'fastify';
import type { StreamRecord } from '../../../../registry/types.ts';
import { StreampoolError } from '../../errors.ts';
import type { HopMarker } from '../../upstream/egress/hop-marker.ts';
import type { Gate } from './gates.ts';

/**
 * The hook of all playback routes: a request may pass through this cluster once more, not twice. One that comes from here
 * creates no streams: each would be another one, and no rule about the same stream would ever end it.
 */
export function loopGate(marker: HopMarker): Gate {
  return async (request, reply) => {
    const passes = marker.count(request.headers.via);
    const { url } = request.query as { url?: string };
    if (passes > 1 || (passes > 0 && url !== undefined)) throw loop(marker, reply);
  };
}

/** @throws {StreampoolError} 508 when the request was sent to fetch what this stream would fetch */
export function refuseLoop(
  marker: HopMarker,
  { url, failoverUrls, failover }: StreamRecord,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  if (marker.names(request.headers.via, [url, ...failoverUrls, failover.currentUrl])) throw loop(marker, reply);
}

function loop(marker: HopMarker, reply: FastifyReply): StreampoolError {
  // By it the worker that asked knows whose 508 this is.
  void reply.header('via', marker.own);
  return new StreampoolError(
    508,
    'This request comes from this proxy itself: the source of a stream leads back to the stream. Give the stream another source.',
  );
}
