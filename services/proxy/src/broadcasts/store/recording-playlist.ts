/**
 * The playlist of a broadcast as a text (RFC 8216). It is made for programs that fetch every line without `#`: bare names, LF, neither
 * EXT-X-MAP nor EXT-X-GAP, and no segment that is not there. Pure.
 */

import { hasEnded } from '../../../../registry/broadcasts/broadcast.ts';
import { segmentName } from './names.ts';
import { listSizeOf, type RecordingIndex } from './recording-index.ts';

type Listed = Pick<
  RecordingIndex,
  'order' | 'state' | 'targetDuration' | 'droppedDiscontinuities' | 'next' | 'segments'
>;

/** A kept sequence grows and ends. A window never ends: the next programme comes through the next start. */
export function recordingPlaylist({ segments, order, state, ...index }: Listed): string {
  const [first] = segments;
  const isKept = listSizeOf(order) === undefined;
  const isOver = isKept && hasEnded(state);
  const lines = [
    '#EXTM3U',
    '#EXT-X-VERSION:3',
    `#EXT-X-TARGETDURATION:${index.targetDuration}`,
    ...(isKept ? ['#EXT-X-PLAYLIST-TYPE:EVENT'] : []),
    `#EXT-X-MEDIA-SEQUENCE:${first?.n ?? index.next}`,
    `#EXT-X-DISCONTINUITY-SEQUENCE:${index.droppedDiscontinuities}`,
    ...segments.flatMap(({ n, seconds, pdtMs, discontinuity }) => [
      ...(discontinuity ? ['#EXT-X-DISCONTINUITY'] : []),
      `#EXT-X-PROGRAM-DATE-TIME:${new Date(Math.round(pdtMs)).toISOString()}`,
      `#EXTINF:${seconds.toFixed(5)},`,
      segmentName(n),
    ]),
    ...(isOver ? ['#EXT-X-ENDLIST'] : []),
  ];
  return `${lines.join('\n')}\n`;
}
