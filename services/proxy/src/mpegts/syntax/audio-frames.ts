/**
 * Finds the frames of sound: MPEG audio (ISO/IEC 11172-3, 2.4; ISO/IEC 13818-3 for the lower rates), AC-3 and E-AC-3 (ETSI
 * TS 102 366). ADTS is in `adts.ts`.
 */

import { type AudioFrame, adtsFrame } from './adts.ts';
import type { BitReader } from './bit-reader.ts';
import type { ProgramStream } from './psi.ts';

export type AudioCodec = 'aac' | 'mpeg' | 'ac3' | 'eac3';

/** Enough for a frame header of any codec. */
export const FRAME_HEADER_BYTES = 7;

const TYPES = new Map<number, AudioCodec>([
  [0x03, 'mpeg'],
  [0x04, 'mpeg'],
  [0x0f, 'aac'],
  [0x81, 'ac3'],
  [0x87, 'eac3'],
]);
/** Private PES: descriptors of DVB, and format_identifiers of registrations. */
const PRIVATE_TYPE = 0x06;
const REGISTRATION_DESCRIPTOR = 0x05;
const DESCRIPTORS = new Map<number, AudioCodec>([
  [0x6a, 'ac3'],
  [0x7a, 'eac3'],
]);
const REGISTRATIONS = new Map<string, AudioCodec>([
  ['AC-3', 'ac3'],
  ['EAC3', 'eac3'],
]);

/** What a stream of a PMT carries; undefined when it is no sound, or sound whose frames this does not read. */
export function audioCodecOf({ type, descriptors }: ProgramStream): AudioCodec | undefined {
  if (type !== PRIVATE_TYPE) return TYPES.get(type);
  for (let at = 0; at + 2 <= descriptors.length; at += 2 + (descriptors[at + 1] as number)) {
    const tag = descriptors[at] as number;
    const codec =
      tag === REGISTRATION_DESCRIPTOR
        ? REGISTRATIONS.get(descriptors.toString('latin1', at + 2, at + 6))
        : DESCRIPTORS.get(tag);
    if (codec !== undefined) return codec;
  }
  return undefined;
}

/** What the header says with which `bytes` begin, `FRAME_HEADER_BYTES` or more; undefined when they are no such header. */
export function audioFrame(codec: AudioCodec, bytes: Buffer): AudioFrame | undefined {
  switch (codec) {
    case 'aac':
      return adtsFrame(bytes);
    case 'mpeg':
      return mpegFrame(bytes);
    case 'ac3':
    case 'eac3':
      return ac3Frame(bytes);
  }
}

/** kbit/s by bitrate_index; 0 is "free", 15 is forbidden. */
const BITRATES: Readonly<Record<'layer2' | 'layer3' | 'lower', readonly number[]>> = {
  layer2: [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
  layer3: [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  lower: [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
};
const MPEG_SAMPLE_RATES = [44100, 48000, 32000];
/**
 * Sample rate divisors by version bits: 3 is MPEG-1, 2 is MPEG-2, 0 is MPEG-2.5. Each halves the rate of the one
 * before.
 */
const RATE_DIVISORS = [4, undefined, 2, 1];
const LAYER_III = 1;
const LAYER_II = 2;

/** A frame of layer III. */
export function mp3Frame(header: Buffer): AudioFrame | undefined {
  return layerOf(header) === LAYER_III ? mpegFrame(header) : undefined;
}

function layerOf(header: Buffer): number {
  return (header.readUInt8(1) >> 1) & 3;
}

function mpegFrame(header: Buffer): AudioFrame | undefined {
  const bits = header.readUInt32BE(0);
  const version = (bits >>> 19) & 3;
  const rateDivisor = RATE_DIVISORS[version];
  const layer = layerOf(header);
  if (bits >>> 21 !== 0x7ff || rateDivisor === undefined || (layer !== LAYER_II && layer !== LAYER_III))
    return undefined;
  const isMpeg1 = version === 3;
  const bitrates = BITRATES[isMpeg1 ? (layer === LAYER_II ? 'layer2' : 'layer3') : 'lower'];
  const kilobits = bitrates[(bits >>> 12) & 0xf];
  const baseRate = MPEG_SAMPLE_RATES[(bits >>> 10) & 3];
  if (!kilobits || baseRate === undefined) return undefined;
  const sampleRate = baseRate / rateDivisor;
  const samples = isMpeg1 || layer === LAYER_II ? 1152 : 576;
  const padding = (bits >>> 9) & 1;
  const bytes = Math.floor((samples / 8) * ((kilobits * 1000) / sampleRate)) + padding;
  return { bytes, samples, sampleRate };
}

/** kbit/s by frmsizecod >> 1 (table 4.13). */
const AC3_BITRATES = [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640];
const AC3_SAMPLE_RATES = [48000, 44100, 32000];
/** Channels by acmod (ETSI TS 102 366, table 4.3), without the one for low frequencies. */
export const AC3_CHANNELS = [2, 1, 2, 3, 3, 4, 4, 5];
const AC3_SAMPLES = 1536;
const SAMPLES_PER_BLOCK = 256;
const EAC3_BLOCKS = [1, 2, 3, 6];
/** bsid up to which a stream is AC-3. */
export const LAST_AC3 = 10;
/** The same of E-AC-3. */
const LAST_EAC3 = 16;
/** strmtyp of a frame with further channels of the frame before it. */
const DEPENDENT = 1;

function ac3Frame(header: Buffer): AudioFrame | undefined {
  if (header.readUInt16BE(0) !== 0x0b77) return undefined;
  const bsid = header.readUInt8(5) >> 3;
  if (bsid > LAST_EAC3) return undefined;
  return bsid > LAST_AC3 ? eac3Frame(header) : plainAc3Frame(header);
}

function plainAc3Frame(header: Buffer): AudioFrame | undefined {
  const code = header.readUInt8(4);
  const sampleRate = AC3_SAMPLE_RATES[code >> 6];
  const kilobits = AC3_BITRATES[(code & 0x3f) >> 1];
  if (sampleRate === undefined || kilobits === undefined) return undefined;
  const words = Math.floor((kilobits * 1000 * AC3_SAMPLES) / 16 / sampleRate) + (sampleRate === 44100 ? code & 1 : 0);
  return { bytes: 2 * words, samples: AC3_SAMPLES, sampleRate };
}

function eac3Frame(header: Buffer): AudioFrame | undefined {
  const bytes = 2 * ((header.readUInt16BE(2) & 0x7ff) + 1);
  const code = header.readUInt8(4);
  const isReduced = code >> 6 === 3;
  const sampleRate = isReduced ? (AC3_SAMPLE_RATES[(code >> 4) & 3] ?? 0) / 2 : (AC3_SAMPLE_RATES[code >> 6] ?? 0);
  if (sampleRate === 0) return undefined;
  const blocks = isReduced ? 6 : (EAC3_BLOCKS[(code >> 4) & 3] as number);
  const isDependent = header.readUInt8(2) >> 6 === DEPENDENT;
  return { bytes, samples: isDependent ? 0 : blocks * SAMPLES_PER_BLOCK, sampleRate };
}

/** Skips what AC-3 says between acmod and lfeon: how loud single channels are mixed (ETSI TS 102 366, 4.3.2). */
export function skipMixLevels(bits: BitReader, acmod: number): void {
  if ((acmod & 1) !== 0 && acmod !== 1) bits.skip(2);
  if ((acmod & 4) !== 0) bits.skip(2);
  if (acmod === 2) bits.skip(2);
}
