/** Writes ISO base media boxes (ISO/IEC 14496-12), and names the flags of those that are read and written. */

/** Sample flags (8.8.3.1) of a sample that no decoder can begin with. */
export const SAMPLE_IS_NON_SYNC = 0x1_0000;
/** Sample flags of one that depends on others, and of one that depends on none. */
export const DEPENDS_ON_OTHERS = 0x0100_0000 | SAMPLE_IS_NON_SYNC;
export const DEPENDS_ON_NONE = 0x0200_0000;

/** Flags of `tfhd` (8.8.7). */
export const TFHD = { baseDataOffset: 0x1, defaultFlags: 0x20, defaultBaseIsMoof: 0x2_0000 } as const;
/** Flags of `trun` (8.8.8). */
export const TRUN = {
  dataOffset: 0x1,
  firstSampleFlags: 0x4,
  duration: 0x100,
  size: 0x200,
  flags: 0x400,
  compositionOffset: 0x800,
} as const;

export function box(type: string, ...content: readonly Buffer[]): Buffer {
  const length = content.reduce((sum, part) => sum + part.length, 8);
  return Buffer.concat([u32(length), Buffer.from(type, 'latin1'), ...content], length);
}

export function fullBox(type: string, version: number, flags: number, ...content: readonly Buffer[]): Buffer {
  return box(type, u32(version * 2 ** 24 + flags), ...content);
}

export function u8(...values: readonly number[]): Buffer {
  return Buffer.from(values);
}

export function u16(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(2 * values.length);
  for (const [index, value] of values.entries()) bytes.writeUInt16BE(value, 2 * index);
  return bytes;
}

export function u32(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value, 4 * index);
  return bytes;
}

export function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}
