/** The status and headers that a viewer of a direct stream gets. Pure. */
import { parseContentLength, parseContentRange } from '../messages/byte-range.ts';

export interface ReplyHead {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
}

/** Players and browsers must not cache a stream, and their origin must not keep them from it. */
const COMMON: Readonly<Record<string, string>> = {
  'cache-control': 'no-cache, no-store, must-revalidate',
  pragma: 'no-cache',
  expires: '0',
  'x-content-type-options': 'nosniff',
  'access-control-allow-origin': '*',
  'access-control-allow-methods': '*',
  'access-control-allow-headers': '*',
  'access-control-expose-headers': '*',
};

const TYPE_OF_EXTENSION: Readonly<Record<string, string>> = {
  ts: 'video/mp2t',
  mp4: 'video/mp4',
  mkv: 'video/x-matroska',
  webm: 'video/webm',
  avi: 'video/x-msvideo',
};

/** A transport stream that was seen, one that only its URL promises, or other media. */
export type LiveMedia = 'mpegts' | 'mpegts_by_name' | 'other';

/**
 * The head of a live stream: no length. Only an endless transport stream is known to have no ranges; an unopened source
 * may be a recording. `urls` are those before and after redirects, used when there is no type.
 */
export function liveHead(media: LiveMedia, urls: readonly string[], upstreamType?: string): ReplyHead {
  const type = media === 'other' ? contentType(urls, upstreamType) : 'video/mp2t';
  const ranges: Record<string, string> = media === 'mpegts' ? { 'accept-ranges': 'none' } : {};
  return { status: 200, headers: { ...COMMON, 'content-type': type, ...ranges } };
}

/**
 * The head of a file or of a part of one. It repeats what the provider said about the file and adds nothing.
 *
 * @param noRanges whether the provider has shown that it has no ranges
 */
export function finiteHead(
  status: number,
  upstream: Readonly<Record<string, string>>,
  urls: readonly string[],
  noRanges = false,
): ReplyHead {
  const headers: Record<string, string> = { ...COMMON, 'content-type': contentType(urls, upstream['content-type']) };
  for (const name of ['etag', 'last-modified']) {
    const value = upstream[name];
    if (value !== undefined) headers[name] = value;
  }
  const range = upstream['content-range'];
  const part = parseContentRange(range);
  const partial = status === 206 && range !== undefined;
  if (partial) headers['content-range'] = range;
  const length =
    partial && part !== undefined ? part.end - part.start + 1 : parseContentLength(upstream['content-length']);
  if (length !== undefined) headers['content-length'] = String(length);
  const said = upstream['accept-ranges'] ?? '';
  // A player that reads "none" does not seek, so the provider's silence or an odd value is not enough for "none".
  if (partial || /\bbytes\b/i.test(said)) headers['accept-ranges'] = 'bytes';
  else if (noRanges || /^\s*none\s*$/i.test(said)) headers['accept-ranges'] = 'none';
  return { status: partial ? 206 : 200, headers };
}

/** The head of a whole file, from a request for its first byte (`Range: bytes=0-0`) when HEAD is not answered. */
export function headOfFirstByte(upstream: Readonly<Record<string, string>>, urls: readonly string[]): ReplyHead {
  const range = parseContentRange(upstream['content-range']);
  const headers: Record<string, string> = { ...upstream, 'accept-ranges': 'bytes' };
  delete headers['content-range'];
  delete headers['content-length'];
  if (range?.total !== undefined) headers['content-length'] = String(range.total);
  return finiteHead(200, headers, urls);
}

/** Only media: a provider's page or script would run in this worker's origin. */
const MEDIA_TYPE =
  /^(?:(?:video|audio)\/[\w.+-]+|application\/(?:vnd\.apple\.mpegurl|(?:x-)?mpegurl|dash\+xml|mp4|mxf|ogg|x-matroska))(?:\s*;|$)/;

/** The provider's type. If it says nothing or cannot be true, the type of the URL's extension. */
function contentType(urls: readonly string[], upstreamType: string | undefined): string {
  const given = upstreamType?.trim().toLowerCase() ?? '';
  if (MEDIA_TYPE.test(given)) return given;
  const types = urls.map((url) => {
    const extension = /\.(\w+)$/.exec(url.split(/[?#]/, 1)[0] ?? '')?.[1]?.toLowerCase() ?? '';
    return TYPE_OF_EXTENSION[extension];
  });
  return types.find((type) => type !== undefined) ?? 'application/octet-stream';
}
