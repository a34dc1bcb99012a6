/** A frame of sound in which nothing is heard, to stand between frames of a track that has stopped. */

import { type AudioCodec, audioFrame } from '../syntax/audio-frames.ts';
import { bytesOfBits } from '../syntax/bit-reader.ts';
import { silentAc3, USUAL_AC3, USUAL_EAC3 } from './silent-ac3.ts';

/** Of AAC, by channel_configuration: syntactic elements in their order (ISO/IEC 13818-7, table 42). */
const AAC_ELEMENTS: readonly (readonly ('single' | 'pair' | 'low')[] | undefined)[] = [
  undefined,
  ['single'],
  ['pair'],
  ['single', 'pair'],
  ['single', 'pair', 'single'],
  ['single', 'pair', 'pair'],
  ['single', 'pair', 'pair', 'low'],
  ['single', 'pair', 'pair', 'pair', 'low'],
];
const ELEMENT_IDS = { single: '000', pair: '001', low: '011' };
const END = '111';
/** One long window without a single band. */
const ICS_INFO = '0'.repeat(11);
/** No pulses, no noise shaping, no gain control. */
const NO_TOOLS = '000';
const GLOBAL_GAIN = '0'.repeat(8);
const CHANNEL = `${GLOBAL_GAIN}${NO_TOOLS}`;

const ADTS_HEADER_BYTES = 7;
/** protection_absent of ADTS and of MPEG audio. */
const NO_CRC = 1;

/** What most television has: AAC-LC, 48 kHz, two channels. */
const USUAL_AAC = Buffer.from([0xff, 0xf1, 0x4c, 0x80, 0, 0, 0]);

/**
 * Undefined where none can be made: AAC that describes its channels itself, E-AC-3 of half the rates, and MPEG audio that nobody has heard.
 * @param like a frame of the track; undefined: nobody has heard it yet
 */
export function silentFrame(codec: AudioCodec, like: Buffer | undefined): Buffer | undefined {
  switch (codec) {
    case 'aac':
      return silentAac(like ?? USUAL_AAC);
    case 'ac3':
      return silentAc3(like ?? USUAL_AC3);
    case 'eac3':
      return silentAc3(like ?? USUAL_EAC3);
    case 'mpeg':
      return like && silentMpeg(like);
  }
}

/** A raw_data_block (ISO/IEC 13818-7, 6.3) whose channels have no bands, behind the header of the frame it is like. */
function silentAac(like: Buffer): Buffer | undefined {
  const channels = ((like.readUInt8(2) & 1) << 2) | (like.readUInt8(3) >> 6);
  const elements = AAC_ELEMENTS[channels];
  if (elements === undefined) return undefined;
  const tags = { single: 0, pair: 0, low: 0 };
  const bits = elements.map((kind) => {
    const head = ELEMENT_IDS[kind] + (tags[kind]++).toString(2).padStart(4, '0');
    // The channels of a pair share their window, and no band is coded as sum and difference.
    return kind === 'pair'
      ? `${head}1${ICS_INFO}00${CHANNEL}${CHANNEL}`
      : `${head}${GLOBAL_GAIN}${ICS_INFO}${NO_TOOLS}`;
  });
  const block = bytesOfBits(bits.join('') + END);
  const length = ADTS_HEADER_BYTES + block.length;
  const header = Buffer.alloc(ADTS_HEADER_BYTES);
  like.copy(header, 0, 0, 4);
  header[1] = like.readUInt8(1) | NO_CRC;
  header[3] = like.readUInt8(3) & 0xf0;
  // A buffer fullness of all ones says nothing; one block.
  header.writeUInt32BE(((header.readUInt32BE(3) & 0xf0_00_00_00) | (length << 13) | (0x7ff << 2)) >>> 0, 3);
  return Buffer.concat([header, block]);
}

/** Layers II and III: behind the header, nothing is allocated to any band. */
function silentMpeg(like: Buffer): Buffer | undefined {
  const frame = audioFrame('mpeg', like);
  if (frame === undefined) return undefined;
  const silent = Buffer.alloc(frame.bytes);
  like.copy(silent, 0, 0, 4);
  silent[1] = like.readUInt8(1) | NO_CRC;
  return silent;
}
