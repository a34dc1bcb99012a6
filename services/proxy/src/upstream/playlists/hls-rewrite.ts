/**
 * Replaces every address in an HLS playlist, and nothing else. Pure.
 *
 * It works on lines and not on a parsed playlist. A parser returns only the tags that it knows, in its own order and
 * spelling. It would silently drop a provider's tags, or those of a later RFC. Lines end where FFmpeg ends them (LF,
 * CR, NUL), and an address counts with or without quotation marks. No spelling therefore gets an address past the
 * worker.
 */

import { attributesOf } from './attribute-list.ts';
import { definedBy, type HlsValues, withValues, writtenOut } from './hls-values.ts';
import { withoutHeaders } from './kodi-headers.ts';

export type HlsRole = 'playlist' | 'segment' | 'map' | 'key' | 'other';

export interface HlsEntry {
  /** Absolute. An address that cannot be resolved stays as it is. */
  readonly url: string;
  readonly role: HlsRole;
  /** Whether an `EXT-X-MAP` came before. The segments are then probably fragmented MP4. */
  readonly fragmented: boolean;
  /** The line that names the address, or that stands in front of it: the tag of a variant or a rendition. */
  readonly tag: string;
  /** How long a segment plays that is a whole file; for viewers only. */
  readonly seconds?: number | undefined;
  /** Headers that the playlist asks for, for this address alone. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** An address in an attribute list: `URI`, and the asset addresses of interstitials and content steering. */
const ADDRESS = /((?:^|[,:\s])[A-Z0-9-]*(?:URI|ASSET-LIST)=)(?:"([^"]*)"?|([^",\s]+))/g;

const ROLE_OF_TAG: Readonly<Record<string, HlsRole>> = {
  '#EXT-X-MEDIA': 'playlist',
  '#EXT-X-I-FRAME-STREAM-INF': 'playlist',
  '#EXT-X-IMAGE-STREAM-INF': 'playlist',
  '#EXT-X-RENDITION-REPORT': 'playlist',
  '#EXT-X-MAP': 'map',
  '#EXT-X-KEY': 'key',
  '#EXT-X-SESSION-KEY': 'key',
  '#EXT-X-PART': 'segment',
  '#EXT-X-PRELOAD-HINT': 'segment',
};

/** Whether bytes are the beginning of a playlist, as FFmpeg recognises one. */
export function isPlaylist(firstBytes: Buffer): boolean {
  return firstBytes
    .toString('latin1', 0, 32)
    .replace(/^\xef\xbb\xbf/, '')
    .trimStart()
    .startsWith('#EXTM3U');
}

/**
 * The playlist for an FFmpeg, with every address replaced.
 *
 * @param baseUrl the playlist's URL after redirects
 * @param replace returns the address to write, without quotation marks and line ends
 */
export function rewritePlaylist(text: string, baseUrl: string, replace: (entry: HlsEntry) => string): string {
  const lines = text
    .replace(/^\uFEFF/, '')
    .trimStart()
    .split(/\r\n|[\n\r\0]/);
  let variant = false;
  let fragmented = false;
  const address = (uri: string, role: HlsRole, tag: string): string => {
    // Inline data (a DRM header, a key) needs no fetch.
    if (/^data:/i.test(uri)) return uri;
    return replace({ url: absolute(uri, baseUrl), role, fragmented, tag });
  };
  const rewritten = lines.map((line) => {
    if (line.trim() === '') return line;
    if (!line.startsWith('#')) {
      const role = variant || isPlaylistPath(line) ? 'playlist' : 'segment';
      variant = false;
      return address(line.trim(), role, '');
    }
    if (!line.startsWith('#EXT')) return line;
    const tag = nameOf(line);
    if (tag === '#EXT-X-STREAM-INF') variant = true;
    if (tag === '#EXT-X-MAP') fragmented = true;
    const role = ROLE_OF_TAG[tag] ?? 'other';
    return line.replace(ADDRESS, (_whole, name: string, quoted: string | undefined, bare: string | undefined) => {
      return `${name}"${address(quoted ?? bare ?? '', role, line)}"`;
    });
  });
  return rewritten.join('\n');
}

export interface ViewerRewriting {
  /** The playlist's URL after redirects. */
  readonly baseUrl: string;
  /** The values that the multivariant playlist has, for `EXT-X-DEFINE:IMPORT`. */
  readonly imported: HlsValues;
  /** Returns the address to write, without quotation marks and line ends. `values`: all that is defined so far. */
  readonly replace: (entry: HlsEntry, values: HlsValues) => string;
}

/** Keys for the app of the viewer, inline data, and names: nobody fetches them. */
const NOT_FETCHED = /^(?:skd|data|urn):/i;

/**
 * The playlist for a viewer: byte for byte the provider's, except for its addresses. `EXT-X-CONTENT-STEERING` is left out, because it
 * would send viewers around the proxy; and a value from the playlist's own query is written out, because the viewer's address has
 * another query.
 */
export function rewriteForViewer(text: string, { baseUrl, imported, replace }: ViewerRewriting): string {
  const values = new Map<string, string>();
  let pending: string | undefined;
  let seconds: number | undefined;
  let fragmented = false;
  const address = (
    uri: string,
    role: HlsRole,
    tag: string,
    more: Pick<HlsEntry, 'headers' | 'seconds'> = {},
  ): string => {
    const written = withValues(uri, values);
    if (written === '' || NOT_FETCHED.test(written)) return uri;
    return replace({ url: absolute(written, baseUrl), role, fragmented, tag, ...more }, values);
  };
  const rewritten = (line: string): string | undefined => {
    if (line.trim() === '') return line;
    if (!line.startsWith('#')) {
      const { uri, headers } = withoutHeaders(line.trim());
      const tag = pending;
      const more = { headers, seconds };
      pending = undefined;
      seconds = undefined;
      const role = tag !== undefined || isPlaylistPath(uri) ? 'playlist' : 'segment';
      return address(uri, role, tag ?? '', more);
    }
    const tag = nameOf(line);
    switch (tag) {
      case '#EXTINF':
        seconds = Number.parseFloat(line.slice(tag.length + 1));
        return line;
      case '#EXT-X-BYTERANGE':
        seconds = undefined;
        return line;
      case '#EXT-X-CONTENT-STEERING':
        return undefined;
      case '#EXT-X-DEFINE':
        for (const [name, value] of definedBy(line, { baseUrl, imported })) values.set(name, value);
        return writtenOut(line, values);
      case '#EXT-X-PREFETCH':
        return `${tag}:${address(line.slice(tag.length + 1).trim(), 'segment', line)}`;
      case '#EXT-X-STREAM-INF':
        pending = line;
        break;
      case '#EXT-X-MAP':
        fragmented = true;
        break;
    }
    if (!line.startsWith('#EXT')) return line;
    const role = roleOf(tag, line);
    return line.replace(ADDRESS, (_whole, name: string, quoted: string | undefined, bare: string | undefined) => {
      const uri = quoted ?? bare ?? '';
      // The player asks for an interstitial as a presentation of its own.
      if (/X-ASSET-(?:URI|LIST)=$/.test(name)) return `${name}"${absolute(withValues(uri, values), baseUrl)}"`;
      return `${name}"${address(uri, role, line)}"`;
    });
  };
  const [start = ''] = /^\uFEFF?\s*/.exec(text) ?? [];
  const pieces = text.slice(start.length).split(/(\r\n|[\n\r\0])/);
  let result = start;
  // Lines stand at even places, each one's end behind it.
  for (let at = 0; at < pieces.length; at += 2) {
    const line = rewritten(pieces[at] ?? '');
    if (line !== undefined) result += line + (pieces[at + 1] ?? '');
  }
  return result;
}

function roleOf(tag: string, line: string): HlsRole {
  // The hint and the EXT-X-MAP that follows it get the same address.
  if (tag === '#EXT-X-PRELOAD-HINT' && attributesOf(line).get('TYPE') === 'MAP') return 'map';
  return ROLE_OF_TAG[tag] ?? 'other';
}

function nameOf(line: string): string {
  return line.split(':', 1)[0] ?? line;
}

function isPlaylistPath(uri: string): boolean {
  return /\.m3u8?$/i.test(uri.trim().split(/[?#]/, 1)[0] ?? '');
}

function absolute(uri: string, baseUrl: string): string {
  try {
    return new URL(uri, baseUrl).href;
  } catch {
    return uri;
  }
}
