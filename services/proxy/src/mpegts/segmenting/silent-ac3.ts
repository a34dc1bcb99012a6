/**
 * A syncframe of AC-3 or E-AC-3 in which nothing is heard (ETSI TS 102 366, clause 4 and annex E). It says of itself what the frame
 * says that it is like, so no decoder and no initialisation has to change.
 */

import { AC3_CHANNELS, audioFrame, LAST_AC3, skipMixLevels } from '../syntax/audio-frames.ts';
import { BitReader, bitsOfBytes, bytesOfBits } from '../syntax/bit-reader.ts';

/** What television has, as headers: 48 kHz, two channels, 192 kbit/s. */
export const USUAL_AC3 = Buffer.from([0x0b, 0x77, 0, 0, 0x14, 0x40, 0x43, 0xe0]);
export const USUAL_EAC3 = Buffer.from([0x0b, 0x77, 0x01, 0x7f, 0x34, 0x87, 0xc0]);

const DUAL_MONO = 0;
const STEREO = 2;
const AC3_BLOCKS = 6;
const EAC3_BLOCKS = [1, 2, 3, AC3_BLOCKS];
/** Where bsi of AC-3 begins, and the fields of E-AC-3. */
const AC3_FIELDS_AT = 5;
const EAC3_FIELDS_AT = 2;
/** Up to dialnorm. */
const FIELD_BYTES = 5;
/** strmtyp of E-AC-3 that can be decoded alone. */
const INDEPENDENT = '00';
/** fscod of half the rates, which say their number of blocks elsewhere. FFmpeg does not decode them. */
const HALF_RATE = 3;

/** Exponents of 73 coefficients, the fewest there are: an absolute one, six groups that go on with it (strategy D45), and gainrng. */
const EXPONENTS = `1111${'0111110'.repeat(6)}00`;
/** Of the channel for low frequencies: two groups. */
const LOW_EXPONENTS = `1111${'0111110'.repeat(2)}`;
const NEW_EXPONENTS = '11';
const SAME_EXPONENTS = '00';
const FEWEST_COEFFICIENTS = '000000';
/** With an SNR offset of 0 in all channels, no coefficient has bits. */
const NO_SNR = '0'.repeat(6);
const NO_FINE_SNR = '0'.repeat(4);
const FAST_GAIN = '000';
const BIT_ALLOCATION = '0'.repeat(11);
/** auxdatae, and a bit whose value does not matter: crcrsv of AC-3, encinfo of E-AC-3. */
const TAIL = '00';

const CRC_BYTES = 2;
const SYNC_BYTES = 2;
/** x^16 + x^15 + x^2 + 1 */
const POLYNOMIAL = 0x8005;

interface Channels {
  readonly acmod: number;
  /** Without the one for low frequencies. */
  readonly full: number;
  readonly low: boolean;
  readonly dialnorm: string;
}

/** @param like begins with the header of a frame. Undefined: none can be made, as for further channels of the frame before. */
export function silentAc3(like: Buffer): Buffer | undefined {
  const frame = audioFrame('ac3', like);
  if (frame === undefined || frame.samples === 0) return undefined;
  const isPlain = like.readUInt8(5) >> 3 <= LAST_AC3;
  const head = like.subarray(0, isPlain ? AC3_FIELDS_AT : EAC3_FIELDS_AT);
  const bits = isPlain ? ac3Bits(like.subarray(AC3_FIELDS_AT)) : eac3Bits(like.subarray(EAC3_FIELDS_AT));
  const room = (frame.bytes - head.length - CRC_BYTES) * 8 - TAIL.length;
  if (bits === undefined || bits.length > room) return undefined;
  const silent = Buffer.concat([head, bytesOfBits(bits.padEnd(room, '0') + TAIL), Buffer.alloc(CRC_BYTES)]);
  if (isPlain) writeFirstCrc(silent);
  silent.writeUInt16BE(crcOf(silent.subarray(SYNC_BYTES, -CRC_BYTES)), silent.length - CRC_BYTES);
  return silent;
}

/** @param frame from bsid on */
function ac3Bits(frame: Buffer): string {
  const fields = frame.subarray(0, FIELD_BYTES);
  const reader = new BitReader(fields);
  reader.skip(5 + 3);
  const acmod = reader.bits(3);
  skipMixLevels(reader, acmod);
  const channels = channelsOf(acmod, reader.bit() === 1, reader);
  // No compression, language, or production.
  const said = `000${acmod === DUAL_MONO ? `${channels.dialnorm}000` : ''}`;
  // No copyright, no original, no time codes, nothing further.
  const header = `${bitsOfBytes(fields).slice(0, reader.at)}${said}00000`;
  const blocks = Array.from({ length: AC3_BLOCKS }, (_, block) => ac3Block(block === 0, channels));
  return header + blocks.join('');
}

function ac3Block(isFirst: boolean, { acmod, full, low }: Channels): string {
  const each = (bits: string) => bits.repeat(full);
  const rematrixed = acmod !== STEREO ? '' : isFirst ? '10000' : '0';
  const shared = [each('0'), each('0'), dynamicRange(acmod)];
  // Nothing but no coupling is new, and further blocks have nothing new.
  if (!isFirst) return [...shared, '0', rematrixed, each(SAME_EXPONENTS), low ? '0' : '', '0000'].join('');
  return [
    ...[...shared, '10', rematrixed, each(NEW_EXPONENTS), low ? '1' : '', each(FEWEST_COEFFICIENTS)],
    ...[each(EXPONENTS), low ? LOW_EXPONENTS : '', `1${BIT_ALLOCATION}`],
    ...[`1${NO_SNR}`, each(NO_FINE_SNR + FAST_GAIN), low ? NO_FINE_SNR + FAST_GAIN : '', '00'],
  ].join('');
}

/** @param frame from strmtyp on */
function eac3Bits(frame: Buffer): string | undefined {
  const fields = frame.subarray(0, FIELD_BYTES);
  const reader = new BitReader(fields);
  reader.skip(2 + 3 + 11);
  if (reader.bits(2) === HALF_RATE) return undefined;
  const blocks = EAC3_BLOCKS[reader.bits(2)] as number;
  const acmod = reader.bits(3);
  const low = reader.bit() === 1;
  reader.skip(5);
  const channels = channelsOf(acmod, low, reader);
  const known = bitsOfBytes(fields).slice(INDEPENDENT.length, reader.at);
  // No compression, no levels for mixing, nothing about the programme, no word to AC-3 converters, nothing further.
  const said = `0${acmod === DUAL_MONO ? `${channels.dialnorm}0` : ''}00${blocks === AC3_BLOCKS ? '' : '0'}0`;
  const all = Array.from({ length: blocks }, (_, block) => eac3Block(block === 0, channels));
  return INDEPENDENT + known + said + eac3Frame(blocks, channels) + all.join('');
}

/** What is said for all blocks. */
function eac3Frame(blocks: number, { acmod, full, low }: Channels): string {
  const isWhole = blocks === AC3_BLOCKS;
  const further = blocks - 1;
  return [
    // Exponents are said for each block, with no adaptive transform.
    isWhole ? '10' : '',
    // One SNR offset for all; dither is said (none), and nothing else that has a default.
    '0000100000',
    acmod > 1 ? '0'.repeat(blocks) : '',
    NEW_EXPONENTS.repeat(full) + SAME_EXPONENTS.repeat(full * further),
    low ? `1${'0'.repeat(further)}` : '',
    // For converters to AC-3.
    isWhole ? '00000'.repeat(full) : '0',
    NO_SNR + NO_FINE_SNR,
    blocks === 1 ? '' : '0',
  ].join('');
}

function eac3Block(isFirst: boolean, { acmod, full, low }: Channels): string {
  const rematrixed = acmod !== STEREO ? '' : isFirst ? '0000' : '0';
  // No dither, no spectral extension; behind it no word to converters.
  const shared = ['0'.repeat(full), dynamicRange(acmod), '0', rematrixed];
  if (!isFirst) return [...shared, '0'].join('');
  return [...shared, FEWEST_COEFFICIENTS.repeat(full), EXPONENTS.repeat(full), low ? LOW_EXPONENTS : '', '0'].join('');
}

/** None is said, for each channel of dual mono. */
function dynamicRange(acmod: number): string {
  return acmod === DUAL_MONO ? '00' : '0';
}

/** Reads dialnorm. */
function channelsOf(acmod: number, low: boolean, reader: BitReader): Channels {
  const dialnorm = reader.bits(5).toString(2).padStart(5, '0');
  return { acmod, full: AC3_CHANNELS[acmod] as number, low, dialnorm };
}

/** crc1 makes the checksum of the first five eighths 0 (4.4.1.2). It stands before them, so it is found backwards. */
function writeFirstCrc(frame: Buffer): void {
  const words = frame.length / 2;
  const end = 2 * ((words >> 1) + (words >> 3));
  frame.fill(0, SYNC_BYTES, SYNC_BYTES + CRC_BYTES);
  let crc = 0;
  for (let at = end - 1; at >= SYNC_BYTES; at--) {
    for (let bit = 0; bit < 8; bit++) {
      const carried = crc & 1;
      const data = ((frame[at] as number) >> bit) & 1;
      crc = ((carried === 1 ? crc ^ POLYNOMIAL : crc) >> 1) | ((carried ^ data) << 15);
    }
  }
  frame.writeUInt16BE(crc, SYNC_BYTES);
}

function crcOf(bytes: Buffer): number {
  let crc = 0;
  for (const byte of bytes) {
    for (let bit = 7; bit >= 0; bit--) {
      const carried = (crc >> 15) ^ ((byte >> bit) & 1);
      crc = ((crc << 1) & 0xffff) ^ (carried === 1 ? POLYNOMIAL : 0);
    }
  }
  return crc;
}
