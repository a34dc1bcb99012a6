/**
 * Replaces every address in an HLS playlist, and nothing else. Pure.
 *
 * It works on lines and not on a parsed playlist. A parser returns only the tags that it knows, in its own order and
 * spelling. It would silently drop a provider's tags, or those of a later RFC. Lines end where FFmpeg ends them (LF,
 * CR, NUL), and an address counts with or without quotation marks. No spelling therefore gets an address past the
 * gateway.
 */

export type HlsRole = 'playlist' | 'segment' | 'map' | 'key' | 'other';

export interface HlsEntry {
  /** Absolute. An address that cannot be resolved stays as it is. */
  readonly url: string;
  readonly role: HlsRole;
  /** Whether an `EXT-X-MAP` came before. The segments are then probably fragmented MP4. */
  readonly fragmented: boolean;
}

/** An address in an attribute list: `URI`, and the asset addresses of interstitials and content steering. */
const ADDRESS = /((?:^|[,:\s])[A-Z0-9-]*(?:URI|ASSET-LIST)=)(?:"([^"]*)"?|([^",\s]+))/g;

const ROLE_OF_TAG: Readonly<Record<string, HlsRole>> = {
  '#EXT-X-MEDIA': 'playlist',
  '#EXT-X-I-FRAME-STREAM-INF': 'playlist',
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
 * The playlist with every address replaced.
 *
 * @param baseUrl the playlist's URL after redirects
 * @param replace returns the address to write, without quotation marks and line ends
 */
export function rewritePlaylist(text: string, baseUrl: string, replace: (entry: HlsEntry) => string): string {
  let variant = false;
  let fragmented = false;
  const lines = text
    .replace(/^\uFEFF/, '')
    .trimStart()
    .split(/\r\n|[\n\r\0]/);
  const address = (uri: string, role: HlsRole): string => {
    // Inline data (a DRM header, a key) needs no fetch.
    if (/^data:/i.test(uri)) return uri;
    return replace({ url: absolute(uri, baseUrl), role, fragmented });
  };
  const rewritten = lines.map((line) => {
    if (line.trim() === '') return line;
    if (!line.startsWith('#')) {
      const role = variant || isPlaylistPath(line) ? 'playlist' : 'segment';
      variant = false;
      return address(line.trim(), role);
    }
    if (!line.startsWith('#EXT')) return line;
    const tag = line.split(':', 1)[0] ?? line;
    if (tag === '#EXT-X-STREAM-INF') variant = true;
    if (tag === '#EXT-X-MAP') fragmented = true;
    const role = ROLE_OF_TAG[tag] ?? 'other';
    return line.replace(ADDRESS, (_whole, name: string, quoted: string | undefined, bare: string | undefined) => {
      return `${name}"${address(quoted ?? bare ?? '', role)}"`;
    });
  });
  return rewritten.join('\n');
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
