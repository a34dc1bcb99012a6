/**
 * Pictures as fragmented mp4 has them (ISO/IEC 14496-15): parameter sets stand in the initialisation, and samples have
 * lengths in place of start codes.
 */

import { avcCodec, HEVC_PROFILE, hevcCodec } from '../../../mpegts/naming/picture-codec.ts';
import { BitReader, withoutEmulation } from '../../../mpegts/syntax/bit-reader.ts';
import { pictureShape } from '../../../mpegts/syntax/picture-shape.ts';
import { box, u8, u16 } from './boxes.ts';

export type CmafVideoCodec = 'h264' | 'hevc';

/** What a decoder has to know before the first picture. */
export interface VideoConfig {
  /** As RFC 6381 writes it. */
  readonly codec: string;
  readonly width: number;
  readonly height: number;
  /** `avcC` or `hvcC`. */
  readonly box: Buffer;
}

export interface Picture {
  /**
   * With lengths, without delimiters and filler. Parameter sets of H.264 stay in it, too: FFmpeg reads no second initialisation of a
   * stream, and its own mp4 has them there. `hvc1` allows none.
   */
  readonly sample: readonly Buffer[];
  readonly bytes: number;
  /** Its parameter sets, each without a start code. */
  readonly parameterSets: readonly Buffer[];
}

const START_CODE = Buffer.from([0, 0, 1]);

/** NAL unit types: parameter sets, and those that say nothing to a decoder of samples. */
const TYPES: Readonly<Record<CmafVideoCodec, { sets: readonly number[]; dropped: readonly number[] }>> = {
  h264: { sets: [7, 8], dropped: [9, 10, 11, 12] },
  hevc: { sets: [32, 33, 34], dropped: [35, 36, 37, 38] },
};

function typeOf(codec: CmafVideoCodec, unit: Buffer): number {
  const first = unit[0] ?? 0;
  return codec === 'h264' ? first & 0x1f : (first >> 1) & 0x3f;
}

/** Reads an access unit in the byte stream format (H.264 annex B). */
export function readPicture(codec: CmafVideoCodec, bytes: Buffer): Picture {
  const { sets, dropped } = TYPES[codec];
  const sample: Buffer[] = [];
  const parameterSets: Buffer[] = [];
  let length = 0;
  for (const unit of nalUnits(bytes)) {
    const type = typeOf(codec, unit);
    const isSet = sets.includes(type);
    if (isSet) parameterSets.push(unit);
    if (!dropped.includes(type) && !(isSet && codec === 'hevc')) {
      const head = Buffer.allocUnsafe(4);
      head.writeUInt32BE(unit.length);
      sample.push(head, unit);
      length += 4 + unit.length;
    }
  }
  return { sample, bytes: length, parameterSets };
}

function* nalUnits(bytes: Buffer): Generator<Buffer> {
  let at = bytes.indexOf(START_CODE);
  while (at >= 0) {
    const next = bytes.indexOf(START_CODE, at + 3);
    let end = next < 0 ? bytes.length : next;
    // Zeros before a start code belong to it, and trailing ones to nothing.
    while (end > at + 3 && bytes[end - 1] === 0) end--;
    if (end > at + 3) yield bytes.subarray(at + 3, end);
    at = next;
  }
}

/** The configuration of pictures with these parameter sets; undefined while one is missing or cannot be read. */
export function videoConfig(codec: CmafVideoCodec, parameterSets: readonly Buffer[]): VideoConfig | undefined {
  const of = (type: number) => distinct(parameterSets.filter((unit) => typeOf(codec, unit) === type));
  const [sps] = of(codec === 'h264' ? 7 : 33);
  if (sps === undefined) return undefined;
  const [, width, height] = /^(\d+)x(\d+)/.exec(pictureShape(codec, Buffer.concat([START_CODE, sps])) ?? '') ?? [];
  if (width === undefined || height === undefined) return undefined;
  const described = codec === 'h264' ? avcConfig(of(7), of(8)) : hevcConfig(of(32), of(33), of(34));
  return described && { ...described, width: Number(width), height: Number(height) };
}

function distinct(units: readonly Buffer[]): Buffer[] {
  return units.filter((unit, at) => units.findIndex((other) => other.equals(unit)) === at);
}

type Described = Pick<VideoConfig, 'codec' | 'box'>;

/** Profiles whose record says the format of the pictures, too (ISO/IEC 14496-15, 5.3.3.1.2). */
const HIGH_PROFILES = new Set([100, 110, 122, 144, 244]);

function avcConfig(spsUnits: readonly Buffer[], ppsUnits: readonly Buffer[]): Described | undefined {
  const [sps] = spsUnits;
  if (sps === undefined || sps.length < 4 || ppsUnits.length === 0) return undefined;
  const profile = sps.subarray(1, 4);
  const record = [
    u8(1),
    profile,
    // Lengths of 4 bytes; the number of parameter sets.
    u8(0xff, 0xe0 | spsUnits.length),
    ...spsUnits.flatMap((unit) => [u16(unit.length), unit]),
    u8(ppsUnits.length),
    ...ppsUnits.flatMap((unit) => [u16(unit.length), unit]),
    ...(HIGH_PROFILES.has(profile[0] as number) ? [highFormat(sps)] : []),
  ];
  return { codec: avcCodec(sps), box: box('avcC', ...record) };
}

function highFormat(sps: Buffer): Buffer {
  const bits = new BitReader(withoutEmulation(sps.subarray(4)));
  bits.unsigned();
  const chroma = bits.unsigned();
  if (chroma === 3) bits.skip(1);
  const luma = bits.unsigned();
  return u8(0xfc | chroma, 0xf8 | luma, 0xf8 | bits.unsigned(), 0);
}

function hevcConfig(vps: readonly Buffer[], sps: readonly Buffer[], pps: readonly Buffer[]): Described | undefined {
  const [first] = sps;
  if (first === undefined || vps.length === 0 || pps.length === 0) return undefined;
  const bytes = withoutEmulation(first);
  if (bytes.length < HEVC_PROFILE.to) return undefined;
  const profile = bytes.subarray(HEVC_PROFILE.from, HEVC_PROFILE.to);
  const layers = (((bytes[2] as number) >> 1) & 7) + 1;
  const isNested = (bytes[2] as number) & 1;
  const { chroma, luma, chromaDepth } = hevcFormat(bytes, layers - 1);
  const array = (type: number, units: readonly Buffer[]) => [
    u8(0x80 | type),
    u16(units.length),
    ...units.flatMap((unit) => [u16(unit.length), unit]),
  ];
  const record = [
    u8(1),
    profile,
    // No statement on segmentation and parallelism.
    u16(0xf000),
    u8(0xfc, 0xfc | chroma, 0xf8 | luma, 0xf8 | chromaDepth),
    u16(0),
    u8((layers << 3) | (isNested << 2) | 3, 3),
    ...array(32, vps),
    ...array(33, sps),
    ...array(34, pps),
  ];
  return { codec: hevcCodec(profile), box: box('hvcC', ...record) };
}

/** H.265, 7.3.2.2 from profile_tier_level on. */
function hevcFormat(sps: Buffer, subLayers: number): { chroma: number; luma: number; chromaDepth: number } {
  const bits = new BitReader(sps.subarray(HEVC_PROFILE.to));
  const present = Array.from({ length: subLayers }, () => [bits.bit(), bits.bit()] as const);
  if (subLayers > 0) bits.skip(2 * (8 - subLayers));
  for (const [hasProfile, hasLevel] of present) bits.skip(hasProfile * 88 + hasLevel * 8);
  bits.unsigned();
  const chroma = bits.unsigned();
  if (chroma === 3) bits.skip(1);
  bits.unsigned();
  bits.unsigned();
  if (bits.bit() === 1) for (let side = 0; side < 4; side++) bits.unsigned();
  return { chroma, luma: bits.unsigned(), chromaDepth: bits.unsigned() };
}
