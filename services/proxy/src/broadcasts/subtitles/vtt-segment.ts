/**
 * The subtitles of one segment as WebVTT (RFC 8216, 3.5). Cues keep the times of their file, and a header says which time of the media
 * that is. So a cue that is shown in two segments is the same in both, and players show it once. Pure.
 */

import { TICKS_PER_SECOND, wrapTicks } from '../../mpegts/syntax/timestamp.ts';
import type { Cue } from './cues.ts';

/** Says nothing for as long as its segment lasts. */
export const EMPTY_VTT = 'WEBVTT\n\n';

/** Where a segment is. */
export interface SegmentPlace {
  /** In the time of the file, s. */
  readonly from: number;
  readonly seconds: number;
  /** PTS of its first picture, 90 kHz, 33 bits. */
  readonly ticks: number;
}

/** Every cue that is to be seen during the segment. @param cues in the order of their times */
export function vttSegment(cues: readonly Cue[], { from, seconds, ticks }: SegmentPlace): string {
  const shown = cues.filter(({ start, end }) => start < from + seconds && end > from);
  const blocks = shown.map(({ start, end, text, settings }) => {
    const times = `${timeOf(start)} --> ${timeOf(end)}`;
    return `${settings === '' ? times : `${times} ${settings}`}\n${text}\n`;
  });
  // No time is below zero: a film may begin at the keyframe before its place.
  const [local, map] = from < 0 ? [0, wrapTicks(Math.round(ticks - from * TICKS_PER_SECOND))] : [from, ticks];
  return [`WEBVTT\nX-TIMESTAMP-MAP=LOCAL:${timeOf(local)},MPEGTS:${map}\n`, ...blocks].join('\n');
}

/** `01:02:03.456` @param seconds not below 0 */
function timeOf(seconds: number): string {
  const ms = Math.round(seconds * 1000);
  const part = (value: number, digits = 2) => String(Math.floor(value)).padStart(digits, '0');
  return `${part(ms / 3_600_000)}:${part((ms / 60_000) % 60)}:${part((ms / 1000) % 60)}.${part(ms % 1000, 3)}`;
}
