/** Sends what the provider of an HLS or DASH source has: media as it arrives, or its refusal. */

import type { FastifyReply, FastifyRequest } from 'fastify';
import { SourceError, StreampoolError } from '../../errors.ts';
import { A_SOURCE_URL, isSourceUrl } from '../../upstream/egress/source-url.ts';
import type { Media } from '../../upstream/hls/shared-media.ts';
import { usableRange } from '../../upstream/messages/byte-range.ts';
import type { HlsSession } from '../../viewers/sessions/hls-session.ts';
import type { Services } from '../../worker/services.ts';
import { mediaHeaders } from './hls-reply.ts';
import { sendMedia } from './media-reply.ts';

const NO_SUCH_RANGE = 416;

export interface PassedMedia {
  readonly session: HlsSession;
  /** Of the name under which the viewer asks for it. */
  readonly extension: string | undefined;
  /** How long it can be asked for; 0: unknown. */
  readonly windowMs: () => number;
  /** It is media, and no key and no map. */
  readonly isSegment: boolean;
  /** Asks the source. */
  readonly fetch: (range: string | undefined) => Promise<Media>;
}

/** @throws {StreampoolError} with the status of the provider, as far as the player can do something about it */
export async function sendPassed(
  { session, extension, windowMs, isSegment, fetch }: PassedMedia,
  { config, log }: Pick<Services, 'config' | 'log'>,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const media = await fetch(usableRange(request.headers.range));
  const sent = session.sending();
  try {
    const { head, body } = media;
    if (head.status === NO_SUCH_RANGE) throw noSuchRange(media, reply);
    reply.headers(mediaHeaders(head, extension, windowMs())).code(head.status);
    try {
      await sendMedia(body, { session, stallTimeoutMs: config.clientStallTimeoutMs }, request, reply);
    } catch (error) {
      if (!(error instanceof SourceError)) throw error;
      const { id: client, streamId: stream } = session.client;
      log.warn({ client, stream, reason: error.reason }, `a segment was cut off: ${error.message}`);
    }
    if (isSegment && request.method !== 'HEAD') session.countSegment();
  } finally {
    media.body.close();
    sent();
  }
  return reply;
}

/** With the length of the file, which tells the player what there is. */
function noSuchRange({ head }: Media, reply: FastifyReply): StreampoolError {
  const length = head.headers['content-range'];
  if (length !== undefined) reply.header('Content-Range', length);
  return new StreampoolError(NO_SUCH_RANGE, 'The source has no such part of this file.');
}

/** The provider's refusal of a part of its own playlist is the answer to the player, which knows what to do about it. */
export function passedOn(error: unknown): unknown {
  if (!(error instanceof SourceError)) return error;
  if (error.reason === 'egress_refused') return new StreampoolError(403, error.message, { cause: error });
  const { upstreamStatus: status } = error;
  return status !== undefined && status >= 400 && status < 500
    ? new StreampoolError(status, error.message, { cause: error })
    : error;
}

/** @throws {StreampoolError} 403 for an address of a playlist or manifest that nobody opens */
export function refuseUnopenable(url: string): void {
  if (isSourceUrl(url)) return;
  throw new StreampoolError(403, `The playlist of the source names what is not ${A_SOURCE_URL}. It is not opened.`);
}
