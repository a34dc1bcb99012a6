/** Which requests are those of somebody who wants to play, and has not begun. */

import type { FastifyRequest } from 'fastify';
import { hlsAddress } from './hls-address.ts';

export const STREAM_PATH = '/stream/:stream_id';
export const PLAYLIST_PATH = '/hls/:stream_id/playlist.m3u8';
export const MANIFEST_PATH = '/dash/:stream_id/manifest.mpd';

/** Of HLS and DASH only the entry: what a session asks for is counted where that begins. */
export function asksToJoin({ method, routeOptions, params }: FastifyRequest): boolean {
  if (method !== 'GET') return false;
  // It is absent where no route was found.
  const { url }: { readonly url?: string | undefined } = routeOptions ?? {};
  if (url === STREAM_PATH) return true;
  return (
    (url === PLAYLIST_PATH || url === MANIFEST_PATH) && !hasTicket((params as { readonly stream_id: string }).stream_id)
  );
}

function hasTicket(component: string): boolean {
  try {
    return hlsAddress(component).ticket !== undefined;
  } catch {
    return false;
  }
}
