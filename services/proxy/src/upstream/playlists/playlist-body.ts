/** Reads a whole playlist or manifest, up to a size limit. */
import { SourceError } from '../../errors.ts';
import type { BodyReader } from '../messages/body-reader.ts';
import { isPlaylist } from './hls-rewrite.ts';

/** Enough for a window of many hours of two-second segments with long signed URLs. */
const PLAYLIST_MAX_BYTES = 5 * 1024 * 1024;

/**
 * @param stallMs how long the source may send nothing
 * @throws {SourceError} `not_media` when it is too large or not a playlist, and the errors of `BodyReader.read`
 */
export async function readPlaylist(reader: BodyReader, stallMs: number): Promise<string> {
  const text = await readPlaylistText(reader, stallMs);
  if (isPlaylist(Buffer.from(text.slice(0, 64)))) return text;
  throw new SourceError('not_media', 'The source answered with something other than a playlist.');
}

/**
 * What is known to be one from its first bytes.
 * @throws {SourceError} `not_media` when it is too large, and the errors of `BodyReader.read`
 */
export async function readPlaylistText(reader: BodyReader, stallMs: number): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for (let chunk = await reader.read(stallMs); chunk !== undefined; chunk = await reader.read(stallMs)) {
    length += chunk.length;
    if (length > PLAYLIST_MAX_BYTES) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length).toString('utf8');
}

function tooLarge(): SourceError {
  return new SourceError('not_media', `The playlist is larger than ${PLAYLIST_MAX_BYTES / 1024 ** 2} MB.`);
}
