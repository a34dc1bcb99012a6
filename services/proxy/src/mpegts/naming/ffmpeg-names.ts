/** The names of codecs and channel layouts, as FFmpeg prints them: people know those. */

import { type AudioCodec, mp3Frame, skipMixLevels } from '../syntax/audio-frames.ts';
import { BitReader } from '../syntax/bit-reader.ts';
import type { VideoCodec } from '../syntax/elementary.ts';

/** Layouts by channel_configuration of AAC (ISO/IEC 13818-7, table 42); 0 is described in the stream itself. */
const AAC_LAYOUTS = [undefined, 'mono', 'stereo', '3.0', '4.0', '5.0', '5.1', '7.1'];
/** Layouts by acmod (ETSI TS 102 366, table 4.3), without and with the channel for low frequencies. */
const AC3_LAYOUTS = ['stereo', 'mono', 'stereo', '3.0', '3.0(back)', '4.0', 'quad(side)', '5.0(side)'];
const AC3_LAYOUTS_WITH_LFE = [undefined, undefined, '2.1', '3.1', undefined, '4.1', undefined, '5.1(side)'];
/** mode of a header of MPEG audio (ISO/IEC 11172-3, 2.4.2.3) for one channel. */
const SINGLE_CHANNEL = 3;
/** extension_start_code, which MPEG-2 has behind each sequence header and MPEG-1 has not. */
const EXTENSION = Buffer.from([0, 0, 1, 0xb5]);

/**
 * @param head the beginning of a keyframe, in the byte stream format
 * @returns undefined for a codec that is not told apart from others
 */
export function pictureName(codec: VideoCodec, head: Buffer): string | undefined {
  switch (codec) {
    case 'h264':
    case 'hevc':
    case 'mpeg4':
      return codec;
    case 'mpeg2':
      return head.includes(EXTENSION) ? 'mpeg2video' : 'mpeg1video';
    case 'unknown':
      return undefined;
  }
}

/** @param frame a whole frame; of AAC with its ADTS header */
export function soundName(codec: AudioCodec, frame: Buffer): string {
  if (codec === 'mpeg') return mp3Frame(frame) === undefined ? 'mp2' : 'mp3';
  return codec;
}

/**
 * @param frame as for `soundName`
 * @returns undefined for a layout that the header of a frame does not tell
 */
export function layoutName(codec: AudioCodec, frame: Buffer): string | undefined {
  switch (codec) {
    case 'aac':
      return AAC_LAYOUTS[((frame.readUInt8(2) & 1) << 2) | (frame.readUInt8(3) >> 6)];
    case 'mpeg':
      return frame.readUInt8(3) >> 6 === SINGLE_CHANNEL ? 'mono' : 'stereo';
    case 'ac3':
      return ac3Layout(frame);
    case 'eac3':
      return eac3Layout(frame);
  }
}

/** ETSI TS 102 366, 4.4.2. */
function ac3Layout(frame: Buffer): string | undefined {
  const bits = new BitReader(frame.subarray(6, 8));
  const acmod = bits.bits(3);
  skipMixLevels(bits, acmod);
  return acLayout(acmod, bits.bit());
}

/** ETSI TS 102 366, E.1.2.2: from fscod on. */
function eac3Layout(frame: Buffer): string | undefined {
  const bits = new BitReader(frame.subarray(4, 5));
  bits.skip(4);
  return acLayout(bits.bits(3), bits.bit());
}

function acLayout(acmod: number, lfe: number): string | undefined {
  return (lfe === 1 ? AC3_LAYOUTS_WITH_LFE : AC3_LAYOUTS)[acmod];
}
