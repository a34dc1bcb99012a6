/** What a media playlist says of itself, and the same playlist with other numbers. Pure. */

import { attributesOf } from './attribute-list.ts';

export interface MediaFacts {
  readonly targetDurationMs: number;
  /** Number of the first segment. */
  readonly first: number;
  /** Number of the segment that comes next. */
  readonly next: number;
  readonly isOver: boolean;
  /** How long all of its segments play. */
  readonly windowMs: number;
  /** How many discontinuities there have been up to its end: EXT-X-DISCONTINUITY-SEQUENCE, and those in it. */
  readonly discontinuities: number;
}

/** RFC 8216 wants the tag; without it, this is what most providers use. */
const DEFAULT_TARGET_MS = 6_000;
/** Longer ones are a provider's mistake, and would keep a session or a playlist for hours. */
const MAX_TARGET_MS = 60_000;

export function mediaFacts(text: string): MediaFacts {
  const targetS = Number(tagValue(text, 'EXT-X-TARGETDURATION'));
  const first = firstNumber(text);
  const skip = /(?:^|[\n\r\0])#EXT-X-SKIP:[^\n\r\0]*SKIPPED-SEGMENTS=(\d+)/.exec(text)?.[1];
  const skipped = Number(skip ?? 0);
  const targetDurationMs = targetS > 0 ? Math.min(targetS * 1000, MAX_TARGET_MS) : DEFAULT_TARGET_MS;
  let segments = 0;
  let windowMs = skipped * targetDurationMs;
  for (const [, seconds] of text.matchAll(/(?:^|[\n\r\0])#EXTINF:?\s*([\d.]*)/g)) {
    segments += 1;
    windowMs += (Number(seconds) || 0) * 1000;
  }
  const isOver = /(?:^|[\n\r\0])#EXT-X-ENDLIST/.test(text);
  const before = Number(tagValue(text, 'EXT-X-DISCONTINUITY-SEQUENCE')) || 0;
  const discontinuities = before + [...text.matchAll(/(?:^|[\n\r\0])#EXT-X-DISCONTINUITY(?=[\s\0]|$)/g)].length;
  return { targetDurationMs, first, next: first + skipped + segments, isOver, windowMs, discontinuities };
}

/** How the numbers of a playlist go on from those of another source. */
export interface Renumbering {
  /** Added to the number of each segment. */
  readonly offset: number;
  /** Number, as the viewer sees it, of the first segment of the new source. */
  readonly from: number;
  /** Added to EXT-X-DISCONTINUITY-SEQUENCE: changes of source that have left the playlist before this one. */
  readonly discontinuities: number;
}

/**
 * The playlist with numbers that go on. The first segment of the new source has `EXT-X-DISCONTINUITY` in front, and once it has left
 * the playlist, it counts in `EXT-X-DISCONTINUITY-SEQUENCE`.
 */
export function renumbered(text: string, { offset, from, discontinuities }: Renumbering): string {
  const first = firstNumber(text);
  const ends = /\r\n/.test(text) ? '\r\n' : '\n';
  const counted = discontinuities + (first + offset > from ? 1 : 0);
  const said = Number(tagValue(text, 'EXT-X-DISCONTINUITY-SEQUENCE')) || 0;
  let number = first;
  let isNumbered = false;
  const lines = text.split(/(?<=\n)|(?<=\r)(?!\n)|(?<=\0)/).flatMap((line): string[] => {
    if (line.startsWith('#EXT-X-SKIP')) {
      number += Number(attributesOf(line).get('SKIPPED-SEGMENTS')) || 0;
      return [line];
    }
    if (line.startsWith('#EXT-X-DISCONTINUITY-SEQUENCE:')) return [];
    if (line.startsWith('#EXT-X-MEDIA-SEQUENCE:')) {
      isNumbered = true;
      return head(line.replace(/:\s*\d+/, `:${first + offset}`));
    }
    if (line.startsWith('#EXT-X-RENDITION-REPORT:')) {
      return [line.replace(/(LAST-MSN=)(\d+)/, (_whole, name: string, msn: string) => name + (Number(msn) + offset))];
    }
    if (!line.startsWith('#EXTINF')) return [line];
    const isFirst = number + offset === from;
    number += 1;
    return isFirst ? [`#EXT-X-DISCONTINUITY${ends}`, line] : [line];
  });
  function head(sequence: string): string[] {
    return counted + said > 0 ? [sequence, `#EXT-X-DISCONTINUITY-SEQUENCE:${counted + said}${ends}`] : [sequence];
  }
  if (isNumbered) return lines.join('');
  const [start = '', ...rest] = lines;
  return [start, ...head(`#EXT-X-MEDIA-SEQUENCE:${first + offset}${ends}`), ...rest].join('');
}

function firstNumber(text: string): number {
  const first = Number(tagValue(text, 'EXT-X-MEDIA-SEQUENCE'));
  return Number.isSafeInteger(first) && first >= 0 ? first : 0;
}

function tagValue(text: string, name: string): string {
  return new RegExp(`(?:^|[\\n\\r\\0])#${name}:\\s*([\\d.]+)`).exec(text)?.[1] ?? '';
}
