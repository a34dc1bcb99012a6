/** Sends what players of HLS play, whether the provider or this worker has made it, and drops a viewer that takes nothing of it. */

import type { ServerResponse } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { MediaBody } from '../../upstream/hls/shared-media.ts';
import { ReplyWriter } from '../../upstream/messages/reply-writer.ts';
import { StallLimit } from '../../upstream/messages/stall-limit.ts';
import type { HlsSession } from '../../viewers/sessions/hls-session.ts';
import { headersOf } from '../http/typed-server.ts';

/** Written at once, of what is there. A slow viewer takes so much within the stall time. */
const TOGETHER_BYTES = 512 * 1024;
/** Written at once when it is all there is. That costs a third less than the same in pieces. */
const WHOLE_BYTES = 8 * 1024 * 1024;

export interface MediaViewer {
  readonly session: Pick<HlsSession, 'count' | 'pausesMs'>;
  /** CLIENT_STALL_TIMEOUT */
  readonly stallTimeoutMs: number;
}

type Pieces = Pick<MediaBody, 'read' | 'ready' | 'whole'>;

/** Bytes that are whole in memory, for a viewer that takes them in pieces. */
export function piecesOf(bytes: Buffer): Pieces {
  let at = 0;
  return {
    read: async () => {
      if (at >= bytes.length) return undefined;
      const piece = bytes.subarray(at, at + TOGETHER_BYTES);
      at += piece.length;
      return piece;
    },
    whole: (maxBytes) => (bytes.length <= maxBytes ? bytes : undefined),
  };
}

/**
 * Sends media behind the status and the headers that `reply` has. Resolves when it has been sent, or its viewer has left.
 * @throws what `body` throws. Then the connection is closed: half a segment must not look like a whole one.
 */
export async function sendMedia(
  body: Pieces,
  { session, stallTimeoutMs }: MediaViewer,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  reply.hijack();
  const { raw } = reply;
  raw.writeHead(reply.statusCode, headersOf(reply));
  if (request.method === 'HEAD') {
    raw.end();
    return;
  }
  const stallMs = Math.max(stallTimeoutMs, session.pausesMs);
  const whole = body.whole?.(WHOLE_BYTES);
  if (whole !== undefined) {
    session.count(whole.length);
    await sendWhole(raw, whole, stallMs);
    return;
  }
  const writer = new ReplyWriter(raw, new StallLimit(stallMs));
  try {
    for (let chunk = await body.read(); chunk !== undefined; chunk = await body.read()) {
      const chunks = [chunk, ...(body.ready?.(TOGETHER_BYTES) ?? [])];
      for (const { length } of chunks) session.count(length);
      if (!(await writer.writeAll(chunks))) return;
    }
    raw.end();
  } catch (error) {
    raw.destroy();
    throw error;
  }
}

/** The timer of the connection begins anew when the kernel has taken something since it began: it ends after twice the time at most. */
async function sendWhole(raw: ServerResponse, bytes: Buffer, stallMs: number): Promise<void> {
  if (raw.destroyed) return;
  await new Promise<void>((resolve) => {
    raw.once('close', resolve);
    raw.setTimeout(stallMs, () => raw.destroy());
    raw.end(bytes);
  });
}
