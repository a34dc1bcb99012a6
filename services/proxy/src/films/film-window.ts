/** How far a film is read ahead of its viewer, and what is kept of it. Pure. */

import { fillsWindow, type WindowSize, windowLength } from '../feed/hls/window.ts';

/** A segment of the film, and what its media takes. */
export interface FilmSegment {
  readonly n: number;
  readonly seconds: number;
  readonly bytes: number;
}

export interface FilmReading {
  /** Number of the newest segment that the viewer has asked for; undefined: none. */
  readonly fetched: number | undefined;
  readonly size: WindowSize;
  /** EXT-X-TARGETDURATION, in s. */
  readonly targetDuration: number;
  /** What the media of the segments may take. */
  readonly maxBytes: number;
  /** With so many segments a player begins. */
  readonly least: number;
}

/**
 * So many segments are listed at most that the viewer has not asked for. Players take the end of a playlist that still grows for live, and
 * begin three segments before it. Chromium's own player goes there again with each version of the playlist, and gives up with fewer.
 */
export const AHEAD_SEGMENTS = 3;
/** A player may ask again for what has left the playlist. */
const KEPT_BEYOND = 3;

/** Whether more is read: up to one window beyond what the viewer has asked for, as far as there is memory. @param segments the oldest first */
export function readsOn(segments: readonly FilmSegment[], reading: FilmReading): boolean {
  const { size, targetDuration, maxBytes, least } = reading;
  const ahead = segments.slice(behind(segments, reading));
  if (ahead.length < least) return true;
  if (bytesOf(segments) >= maxBytes) return false;
  const seconds = ahead.reduce((sum, segment) => sum + segment.seconds, 0);
  return !fillsWindow({ seconds, segments: ahead.length }, size, targetDuration);
}

/** How many of the oldest segments are forgotten: a player's picture is up to a window behind what it asks for. */
export function forgotten(segments: readonly FilmSegment[], reading: FilmReading): number {
  const { size, targetDuration, maxBytes } = reading;
  const fetched = behind(segments, reading);
  const seconds = segments.slice(0, fetched).map((segment) => segment.seconds);
  let count = Math.max(0, fetched - windowLength(seconds, size, targetDuration) - KEPT_BEYOND);
  const most = Math.max(0, fetched - KEPT_BEYOND);
  while (count < most && bytesOf(segments.slice(count)) >= maxBytes) count++;
  return count;
}

export interface Listing {
  /** Some of the oldest are not here any more, and the next ones will follow them soon. */
  readonly hasForgotten: boolean;
  /** Nothing comes after the newest. */
  readonly isOver: boolean;
}

/**
 * The segments that a playlist lists. The last one of a film is listed alone, when the viewer has asked for all before it, and the end with
 * it. Of a film that has ended, Shaka shows as many seconds as the playlist before had, and jumps to where they begin. video.js does not
 * see an end that comes alone.
 */
export function listed<T extends FilmSegment>(
  segments: readonly T[],
  reading: Pick<FilmReading, 'fetched' | 'least'>,
  { hasForgotten, isOver }: Listing,
): readonly T[] {
  const fetched = behind(segments, reading);
  const ahead = Math.max(AHEAD_SEGMENTS, reading.least);
  // Any segment may be the last one while none follows it. With the first ones a player begins.
  const certain = isOver && fetched >= segments.length - 1 ? segments.length : segments.length - 1;
  const to = Math.min(fetched + ahead, Math.max(certain, hasForgotten ? 0 : ahead));
  // Where memory is short, that many are not listed beside the others, but are all there is.
  const from = hasForgotten ? Math.max(0, Math.min(KEPT_BEYOND, to - AHEAD_SEGMENTS)) : 0;
  return segments.slice(from, to);
}

/** How many of them the viewer has asked for, or gone past. */
function behind(
  segments: readonly FilmSegment[],
  { fetched = Number.NEGATIVE_INFINITY }: Pick<FilmReading, 'fetched'>,
): number {
  const next = segments.findIndex(({ n }) => n > fetched);
  return next < 0 ? segments.length : next;
}

function bytesOf(segments: readonly FilmSegment[]): number {
  return segments.reduce((sum, { bytes }) => sum + bytes, 0);
}
