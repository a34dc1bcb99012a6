/** The answers that players of HLS and DASH get: playlists, compressed when that is worth it, and the heads of media. */

import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { StreampoolError } from '../../errors.ts';
import { isSoundOnly } from '../../feed/containers/cmaf/sound-only.ts';
import type { MediaHead } from '../../upstream/hls/shared-media.ts';
import { parseContentLength, partOf } from '../../upstream/messages/byte-range.ts';
import { typeOfName } from '../../upstream/playlists/segment-name.ts';
import { type MediaViewer, piecesOf, sendMedia } from './media-reply.ts';

const compressed = promisify(gzip);

/** Shorter ones fit into a few packets as they are. */
const COMPRESSED_FROM_BYTES = 4_096;
/** Of a source whose playlist this worker has not seen: the shortest that players want, of segments of the usual 6 s. */
const USUAL_WINDOW_MS = 18_000;

/**
 * Who the viewer is, for players that end their sessions themselves. A client may have given itself any text as its id: what no
 * header can hold is percent-encoded (RFC 3986, 2.1).
 */
export function viewerHeaders(clientId: string, streamId: string): Record<string, string> {
  return { 'X-Client-ID': headerText(clientId), 'X-Stream-ID': headerText(streamId) };
}

const OTHER = /[^\x20-\x7e]/u;

function headerText(value: string): string {
  if (!OTHER.test(value)) return value;
  // Half a surrogate pair, too, becomes a character that UTF-8 has.
  const text = Buffer.from(value).toString();
  return text.replace(new RegExp(OTHER, 'gu'), encodeURIComponent);
}

/** By playlist, because all its viewers get the same text. */
const known = new WeakMap<object, Promise<Buffer>>();

/**
 * @param shared what stands for the text, when others get the same; undefined: this viewer's alone
 * @param type of a manifest; unset: of a playlist
 */
export async function sendPlaylist(
  shared: object | undefined,
  text: string,
  request: FastifyRequest,
  reply: FastifyReply,
  type = 'application/vnd.apple.mpegurl',
): Promise<FastifyReply> {
  reply.type(type).headers({ 'Cache-Control': 'no-cache', 'X-Content-Type-Options': 'nosniff' });
  const wantsGzip = /\bgzip\b/i.test(request.headers['accept-encoding'] ?? '');
  if (Buffer.byteLength(text) < COMPRESSED_FROM_BYTES) return reply.send(text);
  reply.header('Vary', 'Accept-Encoding');
  if (!wantsGzip) return reply.send(text);
  const zipped = (shared === undefined ? undefined : known.get(shared)) ?? compressed(text);
  if (shared !== undefined) known.set(shared, zipped);
  return reply.header('Content-Encoding', 'gzip').send(await zipped);
}

/** Only media and thumbnails: a provider's page or script would run in this worker's origin. */
const MEDIA_TYPE =
  /^(?:(?:video|audio)\/[\w.+-]+|image\/(?:jpeg|png|webp)|text\/vtt|application\/(?:mp4|octet-stream|ttml\+xml))(?:\s*;|$)/i;

/** A player may keep a segment for as long as it stays in the playlist. @param windowMs 0: unknown */
function keptFor(windowMs: number): string {
  return `private, max-age=${Math.ceil((windowMs || USUAL_WINDOW_MS) / 1000)}`;
}

/**
 * What the provider says of a segment, as far as it is about its bytes.
 * @param extension of the name under which the viewer asks for it
 * @param windowMs how long it stays in the playlist; 0: unknown
 */
export function mediaHeaders(
  { headers }: MediaHead,
  extension: string | undefined,
  windowMs: number,
): Record<string, string> {
  const said = headers['content-type']?.trim() ?? '';
  const result: Record<string, string> = {
    'content-type': MEDIA_TYPE.test(said) ? said : typeOfName(extension),
    'cache-control': keptFor(windowMs),
    'x-content-type-options': 'nosniff',
  };
  for (const name of ['content-range', 'accept-ranges', 'etag', 'last-modified']) {
    const value = headers[name];
    if (value !== undefined) result[name] = value;
  }
  const length = parseContentLength(headers['content-length']);
  if (length !== undefined) result['content-length'] = String(length);
  return result;
}

/**
 * Sends bytes that are whole in memory; the part of them that the player asks for.
 * @param extension that says what they are
 * @param windowMs how long they stay in the playlist
 */
export async function sendSegment(
  media: Buffer,
  extension: 'ts' | 'm4s',
  windowMs: number,
  viewer: MediaViewer,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const type = extension === 'm4s' && isSoundOnly(media) ? 'audio/mp4' : typeOfName(extension);
  reply.headers({
    'Content-Type': type,
    'Cache-Control': keptFor(windowMs),
    'Accept-Ranges': 'bytes',
    'X-Content-Type-Options': 'nosniff',
  });
  const part = partOf(request.headers.range, media.length);
  if (part === 'outside') {
    reply.header('Content-Range', `bytes */${media.length}`);
    throw new StreampoolError(416, 'The segment has no such bytes.');
  }
  const { start, end } = part ?? { start: 0, end: media.length };
  const bytes = part === undefined ? media : media.subarray(start, end);
  if (part !== undefined) reply.code(206).header('Content-Range', `bytes ${start}-${end - 1}/${media.length}`);
  reply.header('Content-Length', bytes.length);
  await sendMedia(piecesOf(bytes), viewer, request, reply);
  return reply;
}
