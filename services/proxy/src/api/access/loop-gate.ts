/** Refuses playback requests that this cluster sent itself and that would loop for ever. */

import type { FastifyReply, FastifyRequest, onRequestHookHandler } from 'fastify';
import type { StreamRecord } from '../../../../registry/types.ts';
import { StreampoolError } from '../../errors.ts';
import type { HopMarker } from '../../upstream/egress/hop-marker.ts';

/**
 * The hook of all playback routes: a request may pass through this cluster once more, not twice. A request that came from
 * this cluster may not create a stream: each round would create another, and the check for the same stream would never match.
 */
export function loopGate(marker: HopMarker): onRequestHookHandler {
  return (request, reply, done) => {
    const passes = marker.count(request.headers.via);
    const { url } = request.query as { url?: string };
    if (passes > 1 || (passes > 0 && url !== undefined)) done(loop(marker, reply));
    else done();
  };
}

/** @throws {StreampoolError} 508 when the request comes from the fetch of this same stream */
export function refuseLoop(
  marker: HopMarker,
  { url, failoverUrls, failover }: StreamRecord,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  const { via } = request.headers;
  if (via === undefined) return;
  if (marker.names(via, [url, ...failoverUrls, failover.currentUrl])) throw loop(marker, reply);
}

function loop(marker: HopMarker, reply: FastifyReply): StreampoolError {
  // This tells the worker that asked which cluster answered 508.
  void reply.header('via', marker.own);
  return new StreampoolError(
    508,
    'This request comes from this proxy itself: the source of a stream leads back to the stream. Give the stream another source.',
  );
}
