/** What an elementary stream is: its stream_type and descriptors. */

import type { ProgramStream } from './psi.ts';

export type TrackKind = 'video' | 'audio' | 'other';
export type VideoCodec = 'h264' | 'hevc' | 'mpeg2' | 'mpeg4' | 'unknown';

const VIDEO_TYPES = new Map<number, VideoCodec>([
  [0x01, 'mpeg2'],
  [0x02, 'mpeg2'],
  [0x10, 'mpeg4'],
  [0x1b, 'h264'],
  [0x24, 'hevc'],
  [0x33, 'unknown'], // VVC
  [0x42, 'unknown'], // AVS
  [0xd1, 'unknown'], // Dirac
  [0xd2, 'unknown'], // AVS2
  [0xea, 'unknown'], // VC-1
]);

// MPEG-1/2 audio, ADTS, LATM, MPEG-4 raw; then ATSC and Blu-ray: LPCM, AC-3, DTS, TrueHD, E-AC-3, DTS-HD.
const AUDIO_TYPES = new Set([0x03, 0x04, 0x0f, 0x11, 0x1c, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x87, 0x8a]);
/** DTS-HD in a Blu-ray program, splice cues (SCTE 35) in any other. */
const DTS_HD_OR_CUES = 0x86;
const BLU_RAY = 'HDMV';

const REGISTRATION_DESCRIPTOR = 0x05;
// DVB (EN 300 468) tags for private PES (0x06): AC-3, E-AC-3, DTS, AAC; 0x7f is the extension tag (Opus, AC-4, DTS-HD).
const AUDIO_DESCRIPTORS = new Set([0x6a, 0x7a, 0x7b, 0x7c]);
const AUDIO_REGISTRATIONS = new Set(['AC-3', 'EAC3', 'Opus', 'DTS1', 'DTS2', 'DTS3', 'BSSD', 'AC-4']);
const VIDEO_REGISTRATIONS = new Map<string, VideoCodec>([
  ['HEVC', 'hevc'],
  ['AV01', 'unknown'],
  ['VC-1', 'unknown'],
]);

const LANGUAGE_DESCRIPTOR = 0x0a;
/** audio_type of table 2-60: commentary for the visually impaired. */
const NARRATED = 3;
// EN 300 468, 6.4.11: the supplementary audio descriptor after the extension tag, and its editorial_classification.
const EXTENSION_DESCRIPTOR = 0x7f;
const SUPPLEMENTARY_AUDIO = 0x06;
const AUDIO_DESCRIPTION = 1;
const AC4_EXTENSION = 0x15;

function* descriptorsOf(bytes: Buffer): Generator<{ tag: number; body: Buffer }> {
  for (let at = 0; at + 2 <= bytes.length; ) {
    const length = bytes[at + 1] as number;
    yield { tag: bytes[at] as number, body: bytes.subarray(at + 2, at + 2 + length) };
    at += 2 + length;
  }
}

/**
 * Kind and codec of one PMT entry. Streams that nobody watches or hears (subtitles, data) are `other`.
 * @param program the program's own descriptors
 */
export function classifyStream(stream: ProgramStream, program: Buffer): { kind: TrackKind; codec: VideoCodec } {
  const codec = VIDEO_TYPES.get(stream.type);
  if (codec !== undefined) return { kind: 'video', codec };
  if (AUDIO_TYPES.has(stream.type) || (stream.type === DTS_HD_OR_CUES && isBluRay(program)))
    return { kind: 'audio', codec: 'unknown' };
  if (stream.type === 0x06) {
    for (const { tag, body } of descriptorsOf(stream.descriptors)) {
      if (AUDIO_DESCRIPTORS.has(tag)) return { kind: 'audio', codec: 'unknown' };
      if (tag !== REGISTRATION_DESCRIPTOR) continue;
      const format = body.toString('latin1', 0, 4);
      if (AUDIO_REGISTRATIONS.has(format)) return { kind: 'audio', codec: 'unknown' };
      const video = VIDEO_REGISTRATIONS.get(format);
      if (video !== undefined) return { kind: 'video', codec: video };
    }
  }
  return { kind: 'other', codec: 'unknown' };
}

function isBluRay(program: Buffer): boolean {
  for (const { tag, body } of descriptorsOf(program)) {
    if (tag === REGISTRATION_DESCRIPTOR && body.toString('latin1', 0, 4) === BLU_RAY) return true;
  }
  return false;
}

/** ISO 639-2 code of a stream in lower case; undefined when its descriptors have none. */
export function languageOf(stream: ProgramStream): string | undefined {
  for (const { tag, body } of descriptorsOf(stream.descriptors)) {
    const code = body.toString('latin1', 0, 3).toLowerCase();
    if (tag === LANGUAGE_DESCRIPTOR && /^[a-z]{3}$/.test(code)) return code;
  }
  return undefined;
}

/** Whether an audio track describes the pictures (audio description). */
export function isNarrated(stream: ProgramStream): boolean {
  for (const { tag, body } of descriptorsOf(stream.descriptors)) {
    if (tag === LANGUAGE_DESCRIPTOR && body[3] === NARRATED) return true;
    const isSupplement = tag === EXTENSION_DESCRIPTOR && body[0] === SUPPLEMENTARY_AUDIO;
    if (isSupplement && (((body[1] ?? 0) >> 2) & 0x1f) === AUDIO_DESCRIPTION) return true;
  }
  return false;
}

/**
 * Whether FFmpeg has a decoder for a stream. It would pass other audio on as data, in place of audio that can be heard.
 */
export function isDecodable(stream: ProgramStream): boolean {
  for (const { tag, body } of descriptorsOf(stream.descriptors)) {
    if (tag === REGISTRATION_DESCRIPTOR && body.toString('latin1', 0, 4) === 'AC-4') return false;
    if (tag === EXTENSION_DESCRIPTOR && body[0] === AC4_EXTENSION) return false;
  }
  return true;
}
