/** What one worker gets of another one, as the parts of an HLS source that it stands for. */

import type { Fetched } from '../../relay/fetch-run.ts';
import type { FetchedHead } from '../../relay/relay-frames.ts';
import { NotHlsError } from '../../upstream/hls/hls-requests.ts';
import type { PlaylistText } from '../../upstream/hls/hls-upstream.ts';
import type { Media, MediaBody } from '../../upstream/hls/shared-media.ts';

/** Of a head that leaves it out. */
const OK = 200;

/** A text, as another worker reads it. */
export function bodyOf(text: string): MediaBody {
  let rest: Buffer | undefined = text === '' ? undefined : Buffer.from(text);
  return {
    read: async () => {
      const bytes = rest;
      rest = undefined;
      return bytes;
    },
    close: () => undefined,
  };
}

/** @throws {NotHlsError} when the other worker has found that it is no HLS */
export async function playlistOf({ head, body }: Fetched): Promise<PlaylistText> {
  const chunks: Buffer[] = [];
  try {
    for (let chunk = await body.read(); chunk !== undefined; chunk = await body.read()) chunks.push(chunk);
  } finally {
    body.close();
  }
  const { url = '', ageMs = 0, isInstead, notHls, isDash } = head;
  if (notHls !== undefined) throw new NotHlsError(notHls, isDash);
  return { text: Buffer.concat(chunks).toString('utf8'), url, ageMs, isInstead };
}

export function mediaOf({ status = OK, headers = {} }: FetchedHead, body: MediaBody): Media {
  return { head: { status, headers }, body };
}
