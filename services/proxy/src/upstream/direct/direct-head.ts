/** The head of a direct stream's response, for a viewer that asks for nothing else. */

import { requireSuccess } from '../http/open-upstream.ts';
import type { UpstreamResponse } from '../http/upstream-request.ts';
import { parseContentLength, provesNoRanges } from '../messages/byte-range.ts';
import type { SourceAddress } from '../provider/source-address.ts';
import { hintFromUrl } from '../provider/source-kind.ts';
import { type DirectAsk, type DirectConnections, IsListedError, refuseRange } from './direct-connections.ts';
import { finiteHead, headOfFirstByte, liveHead, type ReplyHead } from './reply-head.ts';

/** RFC 8216, section 4, and what servers sent before that. */
const PLAYLIST_TYPE = /^(?:application|audio)\/(?:vnd\.apple\.mpegurl|(?:x-)?mpegurl)\s*(?:;|$)/i;
/** ISO/IEC 23009-1, annex C. */
const MANIFEST_TYPE = /^application\/dash\+xml\s*(?:;|$)/i;

/**
 * @throws {SourceError} when the source does not answer, or with an error
 * @throws {NoSuchRangeError} when the file does not have the range
 * @throws {IsListedError} for a playlist or a manifest
 */
export async function askHead(
  connections: DirectConnections,
  address: SourceAddress,
  ask: Omit<DirectAsk, 'tryMs'>,
): Promise<ReplyHead> {
  const { range, ifRange } = ask;
  const head = await connections.fetch(address, 'HEAD', ask);
  head.body.destroy();
  if (head.status === 416) refuseRange(head);
  refuseListed(head, address);
  if (tellsOfFile(head, range)) return headFor(head, address);
  // Many servers answer only GET, or answer HEAD wrongly. Requesting one byte tells the rest.
  const asked = range ?? 'bytes=0-0';
  const byte = await connections.fetch(address, 'GET', { ...ask, range: asked });
  byte.body.destroy();
  refuseListed(byte, address);
  if (byte.status === 416 && range !== undefined) refuseRange(byte);
  if (!isSuccess(byte) && isSuccess(head)) return headFor(head, address);
  requireSuccess(byte);
  return range === undefined && byte.status === 206
    ? headOfFirstByte(byte.headers, [address.url, byte.url])
    : headFor(byte, address, provesNoRanges(byte.status, asked, ifRange));
}

/** Its viewers are sent to where it plays, also those that only look. */
function refuseListed(response: UpstreamResponse, { url }: SourceAddress): void {
  if (!isSuccess(response)) return;
  const type = response.headers['content-type'] ?? '';
  if (PLAYLIST_TYPE.test(type)) throw new IsListedError('hls', url);
  if (MANIFEST_TYPE.test(type)) throw new IsListedError('dash', url);
}

function isSuccess({ status }: UpstreamResponse): boolean {
  return status >= 200 && status < 300;
}

/** Whether an answer to HEAD can be the answer to GET: media, with a length, for the requested range. */
function tellsOfFile(head: UpstreamResponse, range: string | undefined): boolean {
  const { 'content-type': type = '', 'content-length': length, 'accept-ranges': ranges = '' } = head.headers;
  if (!isSuccess(head) || (parseContentLength(length) ?? 0) === 0) return false;
  if (/^text\/|html|json/i.test(type) || /^\s*none\s*$/i.test(ranges)) return false;
  return range === undefined || head.status === 206;
}

function headFor({ status, headers, url }: UpstreamResponse, address: SourceAddress, noRanges = false): ReplyHead {
  const isFile = parseContentLength(headers['content-length']) !== undefined || hintFromUrl(address.url) === 'finite';
  const urls = [address.url, url];
  return isFile ? finiteHead(status, headers, urls, noRanges) : liveHead('other', urls, headers['content-type']);
}
