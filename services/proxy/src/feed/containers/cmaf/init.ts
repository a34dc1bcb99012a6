/** Writes the initialisation of fragmented mp4: which tracks there are, and what their decoders have to know. */

import { box, fullBox, u16, u32 } from './boxes.ts';
import type { VideoConfig } from './parameter-sets.ts';
import type { SoundConfig } from './sound-config.ts';

export type CmafTrackConfig =
  | { readonly kind: 'video'; readonly config: VideoConfig }
  | { readonly kind: 'audio'; readonly config: SoundConfig; readonly language?: string | undefined };

/** Units per second of video. */
export const VIDEO_TIMESCALE = 90_000;
const MOVIE_TIMESCALE = 1_000;
const IDENTITY = u32(0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000);
const UNDETERMINED = 'und';
/** 72 dpi, 16.16. */
const RESOLUTION = 0x48_0000;

/** @param tracks the first one has id 1 */
export function initSegment(tracks: readonly CmafTrackConfig[]): Buffer {
  const ids = tracks.map((_, index) => index + 1);
  return Buffer.concat([
    box('ftyp', Buffer.from('iso6'), u32(1), Buffer.from('iso6cmfcmp41')),
    box(
      'moov',
      movieHeader(tracks.length + 1),
      ...tracks.map((track, index) => trackBox(track, index + 1)),
      box('mvex', ...ids.map((id) => fullBox('trex', 0, 0, u32(id, 1, 0, 0, 0)))),
    ),
  ]);
}

/** Units per second of a track. */
export function timescaleOf(track: CmafTrackConfig): number {
  return track.kind === 'video' ? VIDEO_TIMESCALE : track.config.sampleRate;
}

function movieHeader(nextId: number): Buffer {
  return fullBox(
    'mvhd',
    0,
    0,
    u32(0, 0, MOVIE_TIMESCALE, 0, 0x1_0000),
    u16(0x100),
    Buffer.alloc(10),
    IDENTITY,
    Buffer.alloc(24),
    u32(nextId),
  );
}

function trackBox(track: CmafTrackConfig, id: number): Buffer {
  const isVideo = track.kind === 'video';
  const { width, height } = isVideo ? track.config : { width: 0, height: 0 };
  const language = (isVideo ? undefined : track.language) ?? UNDETERMINED;
  const header = [u32(0, 0, id, 0, 0), Buffer.alloc(8), u16(0, 0, isVideo ? 0 : 0x100, 0)];
  return box(
    'trak',
    fullBox('tkhd', 0, 7, ...header, IDENTITY, u32(width * 0x1_0000, height * 0x1_0000)),
    box(
      'mdia',
      fullBox('mdhd', 0, 0, u32(0, 0, timescaleOf(track), 0), u16(languageCode(language), 0)),
      fullBox('hdlr', 0, 0, u32(0), Buffer.from(isVideo ? 'vide' : 'soun'), Buffer.alloc(13)),
      box(
        'minf',
        isVideo ? fullBox('vmhd', 0, 1, Buffer.alloc(8)) : fullBox('smhd', 0, 0, Buffer.alloc(4)),
        box('dinf', fullBox('dref', 0, 0, u32(1), fullBox('url ', 0, 1))),
        sampleTable(isVideo ? videoEntry(track.config) : track.config.entry),
      ),
    ),
  );
}

/** Fragmented: all its tables are empty. */
function sampleTable(entry: Buffer): Buffer {
  return box(
    'stbl',
    fullBox('stsd', 0, 0, u32(1), entry),
    fullBox('stts', 0, 0, u32(0)),
    fullBox('stsc', 0, 0, u32(0)),
    fullBox('stsz', 0, 0, u32(0, 0)),
    fullBox('stco', 0, 0, u32(0)),
  );
}

/** ISO/IEC 14496-12, 12.1.3. */
function videoEntry({ codec, width, height, box: config }: VideoConfig): Buffer {
  const head = [Buffer.alloc(6), u16(1), Buffer.alloc(16), u16(width, height), u32(RESOLUTION, RESOLUTION, 0)];
  return box(codec.slice(0, 4), ...head, u16(1), Buffer.alloc(32), u16(0x18, 0xffff), config);
}

/** Three letters of five bits each (8.4.2.3). */
function languageCode(language: string): number {
  return [...language].reduce((code, letter) => (code << 5) | (letter.charCodeAt(0) - 0x60), 0);
}
