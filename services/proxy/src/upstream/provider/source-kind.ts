/** Decides what kind a source is: by its URL before it is opened, by its first bytes afterwards. Pure. */
import { maskText } from '../../../../shared/masking/mask.ts';
import { isPipeUrl } from './page-pipe.ts';

/** `finite`: it has an end and allows seeking (VOD). */
export type KindHint = 'mpegts' | 'hls' | 'dash' | 'finite' | 'unknown';

export type SourceKind =
  /** Endless MPEG-TS in 188-byte packets. The worker reads it itself. */
  | { readonly kind: 'mpegts' }
  /** Media with an end, in any container. */
  | { readonly kind: 'finite'; readonly reason: string }
  | { readonly kind: 'hls' }
  /** A manifest of DASH. To whoever wants media it is none: see `MANIFEST_INSTEAD`. */
  | { readonly kind: 'dash' }
  /** Media, or something unknown, that FFmpeg has to open. */
  | { readonly kind: 'other' }
  /** Not playable; `detail` says what the provider sent, with credentials masked. */
  | { readonly kind: 'not_media'; readonly reason: 'empty' | 'not_media'; readonly detail: string };

export interface ResponseStart {
  readonly contentType: string | undefined;
  /** Bytes, from `parseContentLength`; undefined when the provider did not say. */
  readonly contentLength: number | undefined;
  /** The provider's answer looks like a file: see `speaksOfFile`. */
  readonly isNamedFile?: boolean;
  /** The body's first bytes: `FIRST_BYTES_WANTED` of them, or fewer if the body has ended or is slow. */
  readonly firstBytes: Buffer;
  /** Credentials that were sent. Some providers print them on their error pages. */
  readonly secrets: readonly string[];
}

/**
 * Bytes that make the decision certain. Five sync bytes of the largest packets (204 bytes), from a start in the middle
 * of a packet, lie within 6 x 204 = 1224 bytes. The rest leaves room to see `#EXT-X-` after a playlist's comments.
 */
export const FIRST_BYTES_WANTED = 2048;

const SYNC_BYTE = 0x47;
const SYNCS_IN_A_ROW = 5;
/** At the very start three sync bytes are enough proof. */
const SYNCS_AT_START = 3;

/**
 * What a URL says about its source, by m3u-proxy's rule. A path that ends in .mp4, .mkv, .webm or .avi is finite, .m3u8
 * is HLS, .mpd is DASH, .ts or a path with `/live/` is live MPEG-TS. So is what comes out of a page resolver.
 */
export function hintFromUrl(url: string): KindHint {
  if (isPipeUrl(url)) return 'mpegts';
  const path = (url.split(/[?#]/, 1)[0] ?? '').toLowerCase();
  if (/\.(?:mp4|mkv|webm|avi)$/.test(path)) return 'finite';
  if (path.endsWith('.m3u8')) return 'hls';
  if (path.endsWith('.mpd')) return 'dash';
  if (path.endsWith('.ts') || path.includes('/live/') || url.endsWith('?profile=pass')) return 'mpegts';
  return 'unknown';
}

/** Whether a source may be HLS: what its name calls a file or a transport stream is believed. */
export function mayBeHlsByName(url: string): boolean {
  const path = url.split(/[?#]/, 1)[0] ?? '';
  const hint = hintFromUrl(url);
  return hint !== 'finite' && hint !== 'dash' && !/\.ts$/i.test(path);
}

/** Whether a source may be DASH: what its name calls something else is believed. */
export function mayBeDashByName(url: string): boolean {
  const hint = hintFromUrl(url);
  return hint === 'dash' || hint === 'unknown';
}

/**
 * Whether the playlist at this URL is one of a film by the paths of Xtream panels. Panels answer such a URL with the playlist or with
 * the file itself, so only the answer says which.
 */
export function mayBeFilmPlaylist(url: string): boolean {
  const path = url.split(/[?#]/, 1)[0] ?? '';
  return hintFromUrl(url) === 'hls' && /\/(?:movie|series|timeshift)\//i.test(path);
}

/** Whether the URL alone says that the source plays by HLS. */
export function isHlsByName(url: string): boolean {
  return hintFromUrl(url) === 'hls' && !mayBeFilmPlaylist(url);
}

/** Whether the URL alone says that the source is listed in a playlist or a manifest, and played by many requests. */
export function listedByName(url: string): 'hls' | 'dash' | undefined {
  if (isHlsByName(url)) return 'hls';
  return hintFromUrl(url) === 'dash' ? 'dash' : undefined;
}

/** What is known of the sources of a stream beyond their names. */
export interface FoundOut {
  /** The one that is DASH, as its first bytes have shown. */
  readonly dashUrl?: string | undefined;
}

/** Whether a stream's source at this URL is DASH. */
export function isDash({ dashUrl }: FoundOut, url: string): boolean {
  return url === dashUrl || hintFromUrl(url) === 'dash';
}

/** How a stream's source at this URL is listed, as far as that is known before it is opened. */
export function listedAs(found: FoundOut, url: string): 'hls' | 'dash' | undefined {
  return isDash(found, url) ? 'dash' : listedByName(url);
}

/** Whether an answer has what only files have: ranges, a date, or a version mark. */
export function speaksOfFile({
  status,
  headers,
}: {
  status: number;
  headers: Readonly<Record<string, string>>;
}): boolean {
  const { 'accept-ranges': ranges = '', etag, 'last-modified': date } = headers;
  return status === 206 || /\bbytes\b/i.test(ranges) || etag !== undefined || date !== undefined;
}

/**
 * Whether a URL names a program that has ended (catch-up): `/timeshift/…` and `timeshift.php` of Xtream panels, and the
 * `utc` and `lutc` parameters that players add for the catch-up modes "shift" and "append". The end of its connection
 * is then a real end.
 */
export function isRecording(url: string): boolean {
  if (isPipeUrl(url)) return false;
  const [path = '', query = ''] = url.split('#', 1)[0]?.split('?', 2) ?? [];
  return /\/timeshift(?:\/|\.php$)/i.test(path) || /(?:^|&)l?utc=\d/i.test(query);
}

/** The kind of a source that has answered. */
export function kindOfResponse(start: ResponseStart): SourceKind {
  const { firstBytes, contentType, secrets } = start;
  if (firstBytes.length === 0) {
    return { kind: 'not_media', reason: 'empty', detail: 'The source answered without a single byte.' };
  }
  const layout = transportStreamLayout(firstBytes);
  const length = start.contentLength;
  if (layout === undefined) {
    const text = asText(firstBytes);
    if (text !== undefined) return kindOfText(text, contentType, secrets);
    if (firstBytes[0] === 0x1f && firstBytes[1] === 0x8b) return notMedia('compressed data (gzip)');
  }
  // Recordings have whole packets. A live source's invented length has them only by chance.
  const isMadeUp = layout?.packetBytes === 188 && start.isNamedFile !== true && (length ?? 0) % 188 !== 0;
  if (length !== undefined && !isMadeUp) return { kind: 'finite', reason: `it has an end, ${length} bytes long` };
  return layout?.packetBytes === 188 ? { kind: 'mpegts' } : { kind: 'other' };
}

/** How the packets of a transport stream lie in its bytes. */
export interface TransportStreamLayout {
  /** 188; 192 with a timestamp before each packet (M2TS); 204 with error correction after it. */
  readonly packetBytes: 188 | 192 | 204;
  /** Where the first sync byte is. */
  readonly offset: number;
}

/** Finds MPEG-TS packets, which may begin anywhere; undefined if there are none. */
export function transportStreamLayout(bytes: Buffer): TransportStreamLayout | undefined {
  for (const packetBytes of [188, 192, 204] as const) {
    const starts = Math.min(packetBytes, bytes.length);
    for (let offset = 0; offset < starts; offset += 1) {
      if (bytes[offset] !== SYNC_BYTE) continue;
      const wanted = offset === 0 && packetBytes === 188 ? SYNCS_AT_START : SYNCS_IN_A_ROW;
      if (hasSyncs(bytes, offset, packetBytes, wanted)) return { packetBytes, offset };
    }
  }
  return undefined;
}

function hasSyncs(bytes: Buffer, offset: number, stride: number, wanted: number): boolean {
  for (let index = 0; index < wanted; index += 1) {
    const at = offset + index * stride;
    // A shorter body is judged by what there is, if it starts with a whole packet.
    if (at >= bytes.length) return index >= 1 && offset === 0 && bytes.length % stride === 0;
    if (bytes[at] !== SYNC_BYTE) return false;
  }
  return true;
}

/** The bytes as text, if they are UTF-8 (possibly cut off) without control characters. */
function asText(bytes: Buffer): string | undefined {
  for (const byte of bytes) {
    if (byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d && byte !== 0x0c && byte !== 0x1b)
      return undefined;
  }
  const text = bytes.toString('utf8').replace(/^\uFEFF/, '');
  const broken = text.replace(/\uFFFD{1,3}$/, '').split('\uFFFD').length - 1;
  // A few bytes of Latin-1 do not make a page binary.
  return broken * 8 > text.length ? undefined : text.trimStart();
}

/** Whether a playlist is a list of channels, each with an address of its own. @param text its beginning */
export function isChannelList(text: string): boolean {
  const isPlaylist = text
    .replace(/^\uFEFF/, '')
    .trimStart()
    .startsWith('#EXTM3U');
  return isPlaylist && !/#EXT-X-/.test(text) && /#EXTINF:\s*-1|tvg-|group-title/i.test(text);
}

/** Whether a text begins as a manifest does: XML, with the element MPD behind comments and instructions. */
export function isManifest(start: Buffer | string): boolean {
  const text = (typeof start === 'string' ? start : start.toString('utf8')).replace(/^\uFEFF/, '').trimStart();
  return /^<(?:[?!][\s\S]*<)?(?:[\w.-]+:)?MPD[\s>]/.test(text);
}

function kindOfText(text: string, contentType: string | undefined, secrets: readonly string[]): SourceKind {
  const said = excerpt(text, secrets);
  if (text.startsWith('#EXTM3U')) {
    if (!isChannelList(text)) return { kind: 'hls' };
    return notMedia('an M3U list of channels, not the playlist of one', said);
  }
  if (isManifest(text)) return { kind: 'dash' };
  if (/<SmoothStreamingMedia[\s>]/.test(text)) return notMedia('a Smooth Streaming manifest');
  if (/^(?:<!doctype html|<html|<head|<body)/i.test(text) || /html/i.test(contentType ?? '')) {
    return notMedia('a web page', said);
  }
  if (/^[[{]/.test(text) || /json/i.test(contentType ?? '')) return notMedia('JSON', said);
  return notMedia(text.startsWith('<') ? 'XML' : 'text', said);
}

function notMedia(what: string, said = ''): SourceKind {
  const quote = said === '' ? '' : `: "${said}"`;
  return {
    kind: 'not_media',
    reason: 'not_media',
    detail: `The source answered with ${what} instead of media${quote}`,
  };
}

export const MANIFEST_INSTEAD = 'The source answered with a manifest of DASH instead of media.';

const EXCERPT_CHARACTERS = 160;

/** A short excerpt of a provider's error page, without mark-up and credentials. */
function excerpt(text: string, secrets: readonly string[]): string {
  const words = text
    .replace(/<(script|style)\b[\s\S]*?(?:<\/\1>|$)/gi, ' ')
    .replace(/<[^>]*>/g, ' ')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
    .replace(/[\s\u0000-\u001f\u007f]+/g, ' ')
    .trim();
  const masked = maskText(words, secrets);
  return masked.length > EXCERPT_CHARACTERS ? `${masked.slice(0, EXCERPT_CHARACTERS).trimEnd()}…` : masked;
}

/** Whether a URL may be live MPEG-TS, which the worker reads itself. FFmpeg opens anything else. */
export function isLiveByName(url: string): boolean {
  const hint = hintFromUrl(url);
  return hint !== 'hls' && hint !== 'finite';
}
