/** The names of codecs of sound, as players are told them (RFC 6381). */

import { type AudioCodec, mp3Frame } from '../syntax/audio-frames.ts';

/** Object types of MPEG audio in MPEG-4 (ISO/IEC 14496-3, table 1.17). */
const LAYER_II = 33;
const LAYER_III = 34;

/** @param frame a whole frame; of AAC with its ADTS header */
export function soundCodec(codec: AudioCodec, frame: Buffer): string {
  switch (codec) {
    case 'aac':
      // The profile of ADTS is the object type less one (ISO/IEC 13818-7, 6.2.1).
      return `mp4a.40.${(frame.readUInt8(2) >> 6) + 1}`;
    case 'mpeg':
      return `mp4a.40.${mp3Frame(frame) === undefined ? LAYER_II : LAYER_III}`;
    case 'ac3':
      return 'ac-3';
    case 'eac3':
      return 'ec-3';
  }
}
