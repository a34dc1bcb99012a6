/** Addresses below /hls/ and /dash/: the id of a stream, and behind it the ticket of a viewer. Pure. */

import { StreampoolError } from '../../errors.ts';
import type { Directives } from '../../upstream/hls/hls-playlists.ts';

export interface HlsAddress {
  readonly streamId: string;
  /** Undefined: the entry, or an address that names its viewer in the query. */
  readonly ticket: string | undefined;
}

/** An id is 32 hex digits, so a hyphen ends it. */
const COMPONENT = /^([0-9a-f]{32})(?:-([0-9a-f]+))?$/;

/** @throws {StreampoolError} 404 for what no stream can be called */
export function hlsAddress(component: string): HlsAddress {
  const [, streamId, ticket] = COMPONENT.exec(component) ?? [];
  if (streamId === undefined) throw new StreampoolError(404, 'Stream not found');
  return { streamId, ticket };
}

/** Where the other addresses of a viewer are, seen from the entry. */
export function folderOf(streamId: string, ticket: string): string {
  return `../${streamId}-${ticket}/`;
}

/** What players append to the address of a playlist; what makes no sense is left out. */
export function directivesOf(query: Readonly<Record<string, unknown>>): Directives {
  const { _HLS_msn: msn, _HLS_part: part, _HLS_skip: skip } = query;
  const directives: Record<string, string> = {};
  if (isNumber(msn)) {
    directives._HLS_msn = msn;
    if (isNumber(part)) directives._HLS_part = part;
  }
  if (skip === 'YES' || skip === 'v2') directives._HLS_skip = skip;
  return directives;
}

function isNumber(value: unknown): value is string {
  return typeof value === 'string' && /^\d{1,12}$/.test(value);
}
