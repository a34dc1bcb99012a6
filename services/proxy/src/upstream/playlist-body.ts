/** Reads a playlist whole: it has to be short, and may come compressed although nobody asked for that. */
import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate } from 'node:zlib';
import { SourceError } from '../errors.ts';
import type { BodyReader } from './body-reader.ts';
import { isPlaylist } from './hls-rewrite.ts';

/** A window of many hours of two-second segments with long signed URLs is still smaller. */
export const PLAYLIST_MAX_BYTES = 5 * 1024 * 1024;

const DECODERS = {
  gzip: promisify(gunzip),
  'x-gzip': promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress),
};

/**
 * @param encoding the source's `Content-Encoding`
 * @param stallMs how long the source may send nothing
 * @throws {SourceError} `not_media` when it is too large or not decodable, and what `BodyReader.read` throws
 */
export async function readPlaylist(reader: BodyReader, encoding: string | undefined, stallMs: number): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for (let chunk = await reader.read(stallMs); chunk !== undefined; chunk = await reader.read(stallMs)) {
    length += chunk.length;
    if (length > PLAYLIST_MAX_BYTES) throw tooLarge();
    chunks.push(chunk);
  }
  const body = Buffer.concat(chunks, length);
  return asPlaylist(await decompressed(body, encoding));
}

async function decompressed(body: Buffer, encoding: string | undefined): Promise<string> {
  const decode = DECODERS[(encoding ?? '').trim().toLowerCase() as keyof typeof DECODERS];
  if (decode === undefined) return body.toString('utf8');
  try {
    return (await decode(body, { maxOutputLength: PLAYLIST_MAX_BYTES })).toString('utf8');
  } catch (cause) {
    throw new SourceError('not_media', 'The compressed playlist could not be read.', { cause });
  }
}

function tooLarge(): SourceError {
  return new SourceError('not_media', `The playlist is larger than ${PLAYLIST_MAX_BYTES / 1024 ** 2} MB.`);
}

function asPlaylist(text: string): string {
  if (isPlaylist(Buffer.from(text.slice(0, 64)))) return text;
  throw new SourceError('not_media', 'The source answered with something else than a playlist.');
}
