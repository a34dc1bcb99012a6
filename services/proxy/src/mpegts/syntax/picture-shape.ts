/**
 * Size and aspect ratio of pictures, from their sequence header or sequence parameter set. An encoder keeps the shape
 * it began with, and no table tells when a source changes shape.
 */

import { BitReader, withoutEmulation } from './bit-reader.ts';
import type { VideoCodec } from './elementary.ts';

const START_CODE = Buffer.from([0, 0, 1]);
/** aspect_ratio_idc value after which an explicit ratio follows (H.264 table E-1). */
const EXTENDED_SAR = 255;
const SQUARE = 'aspect 1';
/** H.264 profiles whose parameter sets contain the colour format (7.3.2.1.1). */
const HIGH_PROFILES = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135]);

/**
 * The shape of the pictures after the headers in `bytes`; undefined without headers, or for a codec that this does not
 * read. Equal texts mean equal shapes.
 */
export function pictureShape(codec: VideoCodec, bytes: Buffer): string | undefined {
  if (codec === 'mpeg2') return mpeg2Shape(bytes);
  if (codec !== 'h264' && codec !== 'hevc') return undefined;
  const isParameterSet = codec === 'h264' ? (unit: number) => (unit & 0x1f) === 7 : (unit: number) => unit >> 1 === 33;
  for (let at = bytes.indexOf(START_CODE); at >= 0; at = bytes.indexOf(START_CODE, at + 3)) {
    if (!isParameterSet(bytes[at + 3] ?? 0)) continue;
    const next = bytes.indexOf(START_CODE, at + 3);
    const unit = withoutEmulation(bytes.subarray(at + 4, next < 0 ? undefined : next));
    const bits = new BitReader(unit);
    const shape = codec === 'h264' ? h264Shape(bits) : hevcShape(bits);
    return bits.isPastEnd ? undefined : shape;
  }
  return undefined;
}

/** ISO 13818-2, 6.2.2.1 and 6.2.2.3. */
function mpeg2Shape(bytes: Buffer): string | undefined {
  const at = bytes.indexOf(Buffer.from([0, 0, 1, 0xb3]));
  if (at < 0 || at + 8 > bytes.length) return undefined;
  const size = bytes.readUIntBE(at + 4, 3);
  const aspect = (bytes[at + 7] as number) >> 4;
  const extension = bytes.indexOf(Buffer.from([0, 0, 1, 0xb5]), at);
  const hasExtension = extension >= 0 && extension + 7 <= bytes.length && (bytes[extension + 4] as number) >> 4 === 1;
  const high = hasExtension ? bytes.readUInt16BE(extension + 5) : 0;
  const width = (size >> 12) | (((high >> 7) & 3) << 12);
  const height = (size & 0xfff) | (((high >> 5) & 3) << 12);
  return `${width}x${height} aspect ${aspect}`;
}

/** H.264, 7.3.2.1.1 and E.1.1. */
function h264Shape(bits: BitReader): string {
  const profile = bits.bits(8);
  bits.skip(16);
  bits.unsigned();
  let chroma = 1;
  if (HIGH_PROFILES.has(profile)) {
    chroma = bits.unsigned();
    if (chroma === 3) bits.skip(1);
    bits.unsigned();
    bits.unsigned();
    bits.skip(1);
    if (bits.bit() === 1) {
      for (let list = 0; list < (chroma === 3 ? 12 : 8); list++) {
        if (bits.bit() === 1) skipScalingList(bits, list < 6 ? 16 : 64);
      }
    }
  }
  bits.unsigned();
  skipPictureOrder(bits);
  bits.unsigned();
  bits.skip(1);
  const width = (bits.unsigned() + 1) * 16;
  const rows = bits.unsigned() + 1;
  const frames = bits.bit();
  if (frames === 0) bits.skip(1);
  bits.skip(1);
  const crop = bits.bit() === 1 ? [bits.unsigned(), bits.unsigned(), bits.unsigned(), bits.unsigned()] : [0, 0, 0, 0];
  const [left = 0, right = 0, top = 0, bottom = 0] = crop;
  const unitX = chroma === 1 || chroma === 2 ? 2 : 1;
  const unitY = (chroma === 1 ? 2 : 1) * (2 - frames);
  const height = rows * 16 * (2 - frames) - (top + bottom) * unitY;
  return `${width - (left + right) * unitX}x${height} ${bits.bit() === 1 ? aspectOf(bits) : SQUARE}`;
}

function skipScalingList(bits: BitReader, size: number): void {
  let last = 8;
  let next = 8;
  for (let n = 0; n < size; n++) {
    if (next !== 0) next = (last + bits.signed() + 256) % 256;
    if (next !== 0) last = next;
  }
}

function skipPictureOrder(bits: BitReader): void {
  const kind = bits.unsigned();
  if (kind === 0) bits.unsigned();
  if (kind !== 1) return;
  bits.skip(1);
  bits.signed();
  bits.signed();
  const count = bits.unsigned();
  for (let n = 0; n < Math.min(count, 255); n++) bits.signed();
}

/** The beginning of the VUI parameters. Without an aspect ratio, pixels count as square. */
function aspectOf(bits: BitReader): string {
  const idc = bits.bit() === 0 ? 0 : bits.bits(8);
  if (idc <= 1) return SQUARE;
  return idc === EXTENDED_SAR ? `aspect ${bits.bits(16)}:${bits.bits(16)}` : `aspect ${idc}`;
}

/** H.265, 7.3.2.2, up to the conformance window. Its aspect ratio comes after everything else and is not read. */
function hevcShape(bits: BitReader): string {
  bits.skip(8 + 4);
  const layers = bits.bits(3);
  bits.skip(1 + 88 + 8);
  const present = Array.from({ length: layers }, () => [bits.bit(), bits.bit()] as const);
  if (layers > 0) bits.skip(2 * (8 - layers));
  for (const [profile, level] of present) bits.skip(profile * 88 + level * 8);
  bits.unsigned();
  const chroma = bits.unsigned();
  if (chroma === 3) bits.skip(1);
  const width = bits.unsigned();
  const height = bits.unsigned();
  if (bits.bit() === 0) return `${width}x${height}`;
  const [left, right, top, bottom] = [bits.unsigned(), bits.unsigned(), bits.unsigned(), bits.unsigned()];
  const unitX = chroma === 1 || chroma === 2 ? 2 : 1;
  const unitY = chroma === 1 ? 2 : 1;
  return `${width - (left + right) * unitX}x${height - (top + bottom) * unitY}`;
}
