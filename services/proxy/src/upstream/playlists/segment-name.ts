/**
 * The name under which a viewer asks for a part of a playlist. It says what is inside, whatever the provider calls it: FFmpeg refuses
 * names that do not fit the content, and Shaka refuses fragmented MP4 that is called `.ts`. Pure.
 */

import type { HlsChildKind } from './hls-reference.ts';
import type { HlsEntry } from './hls-rewrite.ts';

/** Names that may stand in an address, by the extensions that providers use for the same content. */
const CONTENT: Readonly<Record<string, readonly string[]>> = {
  ts: ['ts', 'm2ts', 'm2t', 'mts', 'mpegts'],
  m4s: ['m4s', 'm4v', 'm4a', 'mp4', 'fmp4', 'cmfv', 'cmfa', 'cmft', 'mov', '3gp'],
  aac: ['aac'],
  mp3: ['mp3', 'mp2'],
  ac3: ['ac3'],
  ec3: ['ec3', 'eac3'],
  vtt: ['vtt', 'webvtt'],
};

export const SEGMENT_EXTENSIONS = [...Object.keys(CONTENT), 'mp4'] as const;

const TYPE: Readonly<Record<string, string>> = {
  ts: 'video/mp2t',
  m4s: 'video/mp4',
  mp4: 'video/mp4',
  aac: 'audio/aac',
  mp3: 'audio/mpeg',
  ac3: 'audio/ac3',
  ec3: 'audio/eac3',
  vtt: 'text/vtt',
  webm: 'video/webm',
  ttml: 'application/ttml+xml',
  jpg: 'image/jpeg',
  png: 'image/png',
};

/** @param kind of the playlist that names it; undefined: a variant, or unknown */
export function segmentName({ url, role, fragmented }: HlsEntry, kind: HlsChildKind | undefined): string {
  switch (role) {
    case 'playlist':
      return 'playlist.m3u8';
    case 'key':
      return 'segment.ts';
    case 'map':
      return 'segment.mp4';
    case 'other':
      return 'segment';
    case 'segment':
      return `segment.${contentOf(url, fragmented, kind)}`;
  }
}

/** What players expect of a name, when the provider does not say what it sends. */
export function typeOfName(extension: string | undefined): string {
  return (extension === undefined ? undefined : TYPE[extension]) ?? 'application/octet-stream';
}

function contentOf(url: string, fragmented: boolean, kind: HlsChildKind | undefined): string {
  const path = url.split(/[?#]/, 1)[0] ?? '';
  const extension = /\.(\w+)$/.exec(path)?.[1]?.toLowerCase() ?? '';
  const known = Object.entries(CONTENT).find(([, names]) => names.includes(extension))?.[0];
  // A map in front says more than a name: providers call everything `.ts`, but only fragmented MP4 has one.
  if (fragmented && known !== 'vtt') return 'm4s';
  if (known !== undefined) return known;
  return kind === 'subtitles' ? 'vtt' : 'ts';
}
