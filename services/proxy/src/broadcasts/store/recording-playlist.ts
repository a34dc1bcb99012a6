/**
 * The playlist of a broadcast as a text (RFC 8216). It is made for programs that fetch every line without `#`: bare names, LF, neither
 * EXT-X-MAP nor EXT-X-GAP, and no segment that is not there. Pure.
 */

import { hasEnded } from '../../../../registry/broadcasts/broadcast.ts';
import { type FileKind, segmentName } from './names.ts';
import { hasSubtitles, listSizeOf, type RecordingIndex } from './recording-index.ts';

type Listed = Pick<
  RecordingIndex,
  'order' | 'state' | 'targetDuration' | 'droppedDiscontinuities' | 'next' | 'segments'
>;

/** Where the two playlists are, as a master playlist beside their folder names them. */
const MEDIA_URI = 'segment/live.m3u8';
const SUBTITLES_URI = 'segment/live_vtt.m3u8';

/**
 * A kept sequence grows and ends. A window never ends: the next programme comes through the next start.
 * @param kind of the files that it lists. Those of the subtitles begin and end with those of the media
 */
export function recordingPlaylist({ segments, order, state, ...index }: Listed, kind: FileKind = 'ts'): string {
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
      segmentName(n, kind),
    ]),
    ...(isOver ? ['#EXT-X-ENDLIST'] : []),
  ];
  return `${lines.join('\n')}\n`;
}

/** Both playlists together, for players: m3u-editor makes such a text itself. */
export function masterPlaylist(index: Pick<RecordingIndex, 'order' | 'segments'>): string {
  const { language } = index.order.subtitles ?? {};
  const peak = Math.max(1, ...index.segments.map(({ bytes, seconds }) => Math.ceil((8 * bytes) / seconds)));
  const lines = [
    '#EXTM3U',
    '#EXT-X-VERSION:3',
    ...(hasSubtitles(index) ? [subtitleGroup(language)] : []),
    `#EXT-X-STREAM-INF:BANDWIDTH=${peak}${hasSubtitles(index) ? `,SUBTITLES="${GROUP}"` : ''}`,
    MEDIA_URI,
  ];
  return `${lines.join('\n')}\n`;
}

const GROUP = 'subtitles';

function subtitleGroup(language: string | undefined): string {
  const known = language === undefined ? [] : [`LANGUAGE="${language}"`];
  const said = [`GROUP-ID="${GROUP}"`, `NAME="${language ?? 'Subtitles'}"`, ...known, 'DEFAULT=YES', 'AUTOSELECT=YES'];
  return `#EXT-X-MEDIA:TYPE=SUBTITLES,${said.join(',')},URI="${SUBTITLES_URI}"`;
}
