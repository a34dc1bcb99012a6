/**
 * A recording as one file: its segments behind each other, byte for byte. The index says how long each is, so the file has a length
 * and ranges, and nobody reads more of the store than is asked for.
 */

import type { FastifyReply, FastifyRequest } from 'fastify';
import type { RecordedSegment } from '../../../../registry/broadcasts/broadcast.ts';
import { segmentName } from '../../broadcasts/store/names.ts';
import { bytesOf, type RecordingIndex } from '../../broadcasts/store/recording-index.ts';
import { StreampoolError } from '../../errors.ts';
import { type Part, partOf } from '../../upstream/messages/byte-range.ts';
import { ReplyWriter } from '../../upstream/messages/reply-writer.ts';
import { StallLimit } from '../../upstream/messages/stall-limit.ts';
import { headersOf } from '../http/typed-server.ts';

/** What a part of the file takes of one segment. */
export interface Piece extends Part {
  readonly n: number;
}

export interface RecordingFile {
  readonly index: RecordingIndex;
  /** The media of a segment, or a part of it. Undefined: it is not there any more, or its worker does not answer. */
  readonly media: (name: string, part?: Part) => Promise<Buffer | undefined>;
  /** CLIENT_STALL_TIMEOUT */
  readonly stallTimeoutMs: number;
}

/**
 * Which bytes of which segments a part of the file is. Pure.
 * @example piecesOf([{ n: 4, bytes: 10 }, { n: 5, bytes: 10 }], { start: 8, end: 12 }) // 8 to 10 of 4, 0 to 2 of 5
 */
export function piecesOf(segments: readonly Pick<RecordedSegment, 'n' | 'bytes'>[], { start, end }: Part): Piece[] {
  let at = 0;
  return segments.flatMap(({ n, bytes }) => {
    const piece = { n, start: Math.max(0, start - at), end: Math.min(bytes, end - at) };
    at += bytes;
    return piece.start < piece.end ? [piece] : [];
  });
}

/**
 * Sends the file, or the part of it that is asked for. Of a recording that runs it is what there is now.
 * @throws {StreampoolError} 404 when there is no media yet, 416, or 503 when a part of it cannot be had now
 */
export async function sendRecording(file: RecordingFile, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const { index } = file;
  const length = bytesOf(index);
  if (length === 0) throw new StreampoolError(404, 'This recording has no media.');
  const tag = tagOf(index, length);
  void reply.type('video/mp2t').headers({
    'Accept-Ranges': 'bytes',
    'Cache-Control': 'no-cache',
    ETag: tag,
    'Content-Disposition': `attachment; ${fileName(index)}`,
    'X-Content-Type-Options': 'nosniff',
  });
  const { 'if-range': ifRange, range } = request.headers;
  const part = ifRange === undefined || ifRange === tag ? partOf(range, length) : undefined;
  if (part === 'outside') {
    void reply.header('Content-Range', `bytes */${length}`);
    throw new StreampoolError(416, 'The recording has no such bytes.');
  }
  const { start, end } = part ?? { start: 0, end: length };
  if (part !== undefined) void reply.code(206).header('Content-Range', `bytes ${start}-${end - 1}/${length}`);
  void reply.header('Content-Length', end - start);
  const pieces = piecesOf(index.segments, { start, end });
  const isHead = request.method === 'HEAD';
  // Before the head of the answer: then there is still a status to say it with.
  const first = isHead ? undefined : await bytesOfPiece(file, pieces[0]);
  reply.hijack();
  const { raw } = reply;
  raw.writeHead(reply.statusCode, headersOf(reply));
  if (first === undefined) {
    raw.end();
    return;
  }
  const writer = new ReplyWriter(raw, new StallLimit(file.stallTimeoutMs));
  try {
    if (!(await writer.write(first))) return;
    for (const piece of pieces.slice(1)) {
      if (!(await writer.write(await bytesOfPiece(file, piece)))) return;
    }
    raw.end();
  } catch (error) {
    // Its length is not what was said: nobody takes it for whole.
    raw.destroy();
    throw error;
  }
}

async function bytesOfPiece({ index, media }: RecordingFile, piece: Piece | undefined): Promise<Buffer> {
  const segment = index.segments.find(({ n }) => n === piece?.n);
  if (piece !== undefined && segment !== undefined) {
    const { start, end } = piece;
    const isAll = end - start === segment.bytes;
    const bytes = await media(segmentName(piece.n), isAll ? undefined : { start, end });
    if (bytes?.length === end - start) return bytes;
  }
  throw new StreampoolError(503, 'A part of this recording cannot be read now. Try again.', { retryAfterSeconds: 1 });
}

/** The same for as long as the bytes are: a recording that runs gets another one with each segment. */
function tagOf({ startedAtMs, segments }: RecordingIndex, length: number): string {
  return `"${startedAtMs}-${segments[0]?.n ?? 0}-${segments.length}-${length}"`;
}

/** The name under which a browser keeps it (RFC 6266): in plain letters, and in all letters. */
function fileName({ id, order }: RecordingIndex): string {
  const name = `${order.metadata.title ?? id}.ts`.replace(/[\p{Cc}\p{Cs}/\\]/gu, '_');
  const plain = name.replace(/[^ -~]|["%]/g, '_');
  const exact = encodeURIComponent(name).replace(/['()*]/g, (letter) => `%${hex(letter)}`);
  return `filename="${plain}"; filename*=UTF-8''${exact}`;
}

function hex(letter: string): string {
  return letter.charCodeAt(0).toString(16).toUpperCase();
}
