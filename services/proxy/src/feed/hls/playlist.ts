/**
 * Writes the playlists of a feed (RFC 8216, and its second edition for low latency). A media playlist names no viewer: its
 * addresses are relative to the session's, so one text serves all of them.
 */

import type { Container } from './segment-events.ts';

export interface PlaylistPart {
  readonly seconds: number;
  readonly independent: boolean;
  /** Nobody has its media. */
  readonly gap?: boolean;
}

export interface PlaylistSegment {
  readonly n: number;
  readonly seconds: number;
  /** ms since 1970 */
  readonly pdtMs: number;
  readonly discontinuity: boolean;
  /** How many discontinuities there have been, with that of this segment. */
  readonly discontinuities: number;
  /** Nobody has its media. */
  readonly gap?: boolean;
  /** Which initialisation it needs; fragmented mp4 only. */
  readonly init?: string | undefined;
  readonly parts?: readonly PlaylistPart[];
}

export interface MediaPlaylist {
  readonly container: Container;
  readonly targetDuration: number;
  /** No picture of a segment needs one from before it. */
  readonly independent: boolean;
  /** The window, the oldest first. */
  readonly segments: readonly PlaylistSegment[];
  /** The segment that is being made. Its parts are listed behind the window. */
  readonly open?: Omit<PlaylistSegment, 'seconds'> | undefined;
  /** PART-TARGET in s; undefined: no low latency. */
  readonly partTarget?: number | undefined;
  /** Nothing follows. */
  readonly ended?: boolean;
  /** Players begin with the first segment, although more follow. */
  readonly fromStart?: boolean;
  /** The reader has an earlier playlist, so leave out the segments further from the end than this many target durations. */
  readonly skips?: boolean;
}

export interface MultivariantPlaylist {
  /** Address of the media playlist, relative to that of the entry. */
  readonly uri: string;
  /** bit/s, the peak of the window. */
  readonly bandwidth: number;
  readonly averageBandwidth?: number | undefined;
  /** As RFC 6381 writes them. */
  readonly codecs: readonly string[];
  readonly size?: { readonly width: number; readonly height: number } | undefined;
  readonly frameRate?: number | undefined;
  readonly independent: boolean;
}

/** TS: fractions of seconds. fMP4: EXT-X-MAP. Then EXT-X-GAP, and low latency: EXT-X-SKIP. */
const VERSIONS = { ts: 3, fmp4: 7, gap: 8, lowLatency: 9 };
/** What a reader must hold back from the end, in parts, and what it may ask to have left out, in target durations. */
const HOLD_BACK_PARTS = 3;
const SKIP_TARGET_DURATIONS = 6;
/** Parts are listed this many target durations from the end. */
const PARTS_TARGET_DURATIONS = 3;
/** What players take bandwidth for is its peak, with room for the containers' overhead. */
const BANDWIDTH_MARGIN = 0.1;

/** The entry of a session: one variant. */
export function multivariantPlaylist(entry: MultivariantPlaylist): string {
  const { uri, bandwidth, averageBandwidth, codecs, size, frameRate, independent } = entry;
  const peak = Math.max(1, Math.ceil(bandwidth + bandwidth * BANDWIDTH_MARGIN));
  const attributes = [
    `BANDWIDTH=${peak}`,
    ...(averageBandwidth === undefined ? [] : [`AVERAGE-BANDWIDTH=${Math.ceil(averageBandwidth)}`]),
    ...(codecs.length === 0 ? [] : [`CODECS="${codecs.join(',')}"`]),
    ...(size === undefined ? [] : [`RESOLUTION=${size.width}x${size.height}`]),
    ...(frameRate === undefined ? [] : [`FRAME-RATE=${frameRate.toFixed(3)}`]),
  ];
  return lines([
    '#EXTM3U',
    '#EXT-X-VERSION:3',
    ...(independent ? ['#EXT-X-INDEPENDENT-SEGMENTS'] : []),
    `#EXT-X-STREAM-INF:${attributes.join(',')}`,
    uri,
  ]);
}

export function mediaPlaylist(playlist: MediaPlaylist): string {
  const { container, targetDuration, segments, open, partTarget, ended = false } = playlist;
  const [first] = segments;
  const isLow = partTarget !== undefined;
  const skipped = isLow && playlist.skips === true ? skippable(segments, targetDuration) : 0;
  const sequence = first ?? open;
  const openSeconds = (open?.parts ?? []).reduce((sum, { seconds }) => sum + seconds, 0);
  return lines([
    '#EXTM3U',
    `#EXT-X-VERSION:${versionOf(playlist)}`,
    `#EXT-X-TARGETDURATION:${targetDuration}`,
    ...(isLow ? lowLatency(partTarget, targetDuration) : []),
    ...(playlist.independent ? ['#EXT-X-INDEPENDENT-SEGMENTS'] : []),
    ...(playlist.fromStart === true ? ['#EXT-X-START:TIME-OFFSET=0'] : []),
    `#EXT-X-MEDIA-SEQUENCE:${sequence?.n ?? 0}`,
    `#EXT-X-DISCONTINUITY-SEQUENCE:${sequence === undefined ? 0 : discontinuitiesBefore(sequence)}`,
    ...(skipped > 0 ? [`#EXT-X-SKIP:SKIPPED-SEGMENTS=${skipped}`] : []),
    ...segments.slice(skipped).flatMap((segment, at) => {
      const before = segments[skipped + at - 1];
      const sinceBegin = secondsFrom(segments, skipped + at) + openSeconds;
      const hasParts = isLow && sinceBegin < PARTS_TARGET_DURATIONS * targetDuration;
      return [
        ...headOf(segment, before, skipped > 0 && at === 0),
        ...(hasParts ? partsOf(segment) : []),
        ...mediaOf(segment, container),
      ];
    }),
    ...(isLow && open !== undefined && !ended ? openSegment(open, segments.at(-1)) : []),
    ...(ended ? ['#EXT-X-ENDLIST'] : []),
  ]);
}

function versionOf({ container, partTarget, segments }: MediaPlaylist): number {
  if (partTarget !== undefined) return VERSIONS.lowLatency;
  return segments.some(({ gap }) => gap === true) ? VERSIONS.gap : VERSIONS[container];
}

/** Address of a segment, or of a part of one. */
function segmentUri(container: Container, n: number, part?: number): string {
  return `segment.${container === 'ts' ? 'ts' : 'm4s'}?n=${n}${part === undefined ? '' : `&p=${part}`}`;
}

function initUri(init: string): string {
  return `segment.mp4?k=${init}`;
}

function lowLatency(partTarget: number, targetDuration: number): string[] {
  const control = [
    'CAN-BLOCK-RELOAD=YES',
    `CAN-SKIP-UNTIL=${shown(SKIP_TARGET_DURATIONS * targetDuration)}`,
    `PART-HOLD-BACK=${shown(HOLD_BACK_PARTS * partTarget)}`,
  ];
  return [`#EXT-X-SERVER-CONTROL:${control.join(',')}`, `#EXT-X-PART-INF:PART-TARGET=${shown(partTarget)}`];
}

/** How many segments are further from the end than a reader has to be told again. */
function skippable(segments: readonly PlaylistSegment[], targetDuration: number): number {
  let skipped = 0;
  while (skipped < segments.length && secondsFrom(segments, skipped + 1) >= SKIP_TARGET_DURATIONS * targetDuration)
    skipped++;
  return skipped;
}

function secondsFrom(segments: readonly PlaylistSegment[], from: number): number {
  return segments.slice(from).reduce((sum, { seconds }) => sum + seconds, 0);
}

function discontinuitiesBefore({
  discontinuity,
  discontinuities,
}: Pick<PlaylistSegment, 'discontinuity' | 'discontinuities'>) {
  return discontinuities - (discontinuity ? 1 : 0);
}

/** @param isKnown the reader has the initialisation that the segments before it needed */
function headOf(
  { discontinuity, pdtMs, init }: Omit<PlaylistSegment, 'seconds'>,
  before: PlaylistSegment | undefined,
  isKnown = false,
): string[] {
  const isSame = before?.init === init && (before !== undefined || isKnown);
  return [
    ...(discontinuity ? ['#EXT-X-DISCONTINUITY'] : []),
    ...(init === undefined || isSame ? [] : [`#EXT-X-MAP:URI="${initUri(init)}"`]),
    `#EXT-X-PROGRAM-DATE-TIME:${new Date(Math.round(pdtMs)).toISOString()}`,
  ];
}

function partsOf({ n, parts = [] }: Pick<PlaylistSegment, 'n' | 'parts'>): string[] {
  return parts.map(({ seconds, independent, gap }, p) => {
    const attributes = [
      `DURATION=${shown(seconds)}`,
      `URI="${segmentUri('fmp4', n, p)}"`,
      ...(independent ? ['INDEPENDENT=YES'] : []),
      ...(gap === true ? ['GAP=YES'] : []),
    ];
    return `#EXT-X-PART:${attributes.join(',')}`;
  });
}

function mediaOf({ n, seconds, gap }: PlaylistSegment, container: Container): string[] {
  return [...(gap === true ? ['#EXT-X-GAP'] : []), `#EXTINF:${seconds.toFixed(5)},`, segmentUri(container, n)];
}

/** What is there of the next segment, and which part comes next. A player that is told none asks without end. */
function openSegment(open: Omit<PlaylistSegment, 'seconds'>, before: PlaylistSegment | undefined): string[] {
  const { parts = [] } = open;
  const next = `#EXT-X-PRELOAD-HINT:TYPE=PART,URI="${segmentUri('fmp4', open.n, parts.length)}"`;
  return parts.length === 0 ? [next] : [...headOf(open, before), ...partsOf(open), next];
}

function shown(seconds: number): string {
  return String(Number(seconds.toFixed(5)));
}

function lines(texts: readonly string[]): string {
  return `${texts.join('\n')}\n`;
}
