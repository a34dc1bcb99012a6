/** A segment of a broadcast as an answer: all of it, or the part that is asked for. */

import type { FastifyReply, FastifyRequest } from 'fastify';
import { FILE_TYPES, segmentFile } from '../../broadcasts/store/names.ts';
import { StreampoolError } from '../../errors.ts';
import { partOf } from '../../upstream/messages/byte-range.ts';

/** @param name which it has in the playlist @throws {StreampoolError} 416 for bytes that it has not */
export function sendSegment(name: string, media: Buffer, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  void reply
    .type(FILE_TYPES[segmentFile(name)?.kind ?? 'ts'])
    .headers({ 'Cache-Control': 'max-age=86400', 'Accept-Ranges': 'bytes' });
  const part = partOf(request.headers.range, media.length);
  if (part === undefined) return reply.send(media);
  if (part === 'outside') {
    void reply.header('Content-Range', `bytes */${media.length}`);
    throw new StreampoolError(416, 'The segment has no such bytes.');
  }
  const { start, end } = part;
  void reply.code(206).header('Content-Range', `bytes ${start}-${end - 1}/${media.length}`);
  return reply.send(media.subarray(start, end));
}
