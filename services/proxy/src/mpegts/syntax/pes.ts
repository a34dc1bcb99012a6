/** The parts of a PES packet header (ISO 13818-1, 2.4.3.6) that concern timing and length. */

import { readTimestamp } from './timestamp.ts';

export interface PesHeader {
  /** 33-bit ticks; undefined when the header carries none. */
  pts: number | undefined;
  /** 33-bit ticks; equals `pts` when the header has only that. */
  dts: number | undefined;
  /** Position of each field in the buffer, for rewriting; undefined when absent. */
  ptsOffset: number | undefined;
  dtsOffset: number | undefined;
  /** First byte of the elementary stream. */
  dataOffset: number;
  /** PES bytes from `packet_start_code_prefix` on; undefined when the length is not sent (0, video only). */
  totalLength: number | undefined;
}

/** stream_ids whose PES packets have no optional header (table 2-21). */
const HEADERLESS = new Set([0xbc, 0xbe, 0xbf, 0xf0, 0xf1, 0xf2, 0xf8, 0xff]);

/**
 * Parses a header that starts at `offset`; undefined when there is none or it does not fit before `end`. A header that
 * is split over two transport packets is legal but not seen in practice; such a unit passes without timestamps.
 */
export function parsePesHeader(bytes: Buffer, offset: number, end: number): PesHeader | undefined {
  if (offset + 6 > end || bytes[offset] !== 0 || bytes[offset + 1] !== 0 || bytes[offset + 2] !== 1) return undefined;
  const length = bytes.readUInt16BE(offset + 4);
  const totalLength = length === 0 ? undefined : length + 6;
  const none: PesHeader = {
    pts: undefined,
    dts: undefined,
    ptsOffset: undefined,
    dtsOffset: undefined,
    dataOffset: Math.min(offset + 6, end),
    totalLength,
  };
  if (HEADERLESS.has(bytes[offset + 3] as number) || offset + 9 > end) return none;
  const flags = (bytes[offset + 7] as number) >> 6;
  const dataOffset = Math.min(offset + 9 + (bytes[offset + 8] as number), end);
  if ((flags & 2) === 0 || offset + 14 > end) return { ...none, dataOffset };
  const ptsOffset = offset + 9;
  const pts = readTimestamp(bytes, ptsOffset);
  if (flags !== 3 || offset + 19 > end) return { ...none, dataOffset, pts, dts: pts, ptsOffset };
  const dtsOffset = offset + 14;
  return { ...none, dataOffset, pts, dts: readTimestamp(bytes, dtsOffset), ptsOffset, dtsOffset };
}
