/**
 * Sections that contain times of the program's clock. When the clock is shifted, they must shift too. Splice cues (SCTE
 * 35) have a field for it. DSM-CC stream descriptors (ISO 13818-6, 8.1) give the clock's value at an event.
 */

import { crc32 } from './psi.ts';
import { wrapTicks } from './timestamp.ts';

/** stream_type of splice cues. */
const SPLICE_CUES = 0x86;
/** stream_type of DSM-CC stream descriptors. */
const STREAM_DESCRIPTORS = 0x0c;

/** table_id */
const SPLICE_INFO = 0xfc;
const DSM_CC_DESCRIPTORS = 0x3d;

/** Whether sections of a stream_type may contain such times. */
export function hasClockTimes(streamType: number): boolean {
  return streamType === SPLICE_CUES || streamType === STREAM_DESCRIPTORS;
}

/** A whole section with its times shifted by `ticks` (90 kHz), or the section itself when it contains none. */
export function movedSection(section: Buffer, ticks: number): Buffer {
  if (ticks === 0) return section;
  const moved = Buffer.from(section);
  if (section[0] === SPLICE_INFO && section.length >= 15) moveTime(moved, SPLICE_ADJUSTMENT, ticks);
  else if (section[0] === DSM_CC_DESCRIPTORS) moveReferences(moved, ticks);
  else return section;
  moved.writeUInt32BE(crc32(moved.subarray(0, -4)), moved.length - 4);
  return moved;
}

/** pts_adjustment of a splice_info_section. Receivers add it to every time in the section, also to encrypted ones. */
const SPLICE_ADJUSTMENT = 4;
const SECTION_HEAD_BYTES = 8;
const NPT_REFERENCE = 0x01;
/** STC_Reference, counted from the descriptor's tag. */
const STC_REFERENCE = 3;
const NPT_REFERENCE_BYTES = 18;

function moveReferences(section: Buffer, ticks: number): void {
  const end = section.length - 4;
  for (let at = SECTION_HEAD_BYTES; at + 2 <= end; at += 2 + (section[at + 1] as number)) {
    const isReference = section[at] === NPT_REFERENCE && (section[at + 1] as number) >= NPT_REFERENCE_BYTES;
    if (isReference && at + 2 + NPT_REFERENCE_BYTES <= end) moveTime(section, at + STC_REFERENCE, ticks);
  }
}

/** Shifts a 33-bit time in five bytes. The seven bits before it belong to something else. */
function moveTime(bytes: Buffer, offset: number, ticks: number): void {
  const head = bytes[offset] as number;
  const time = wrapTicks((head & 1) * 2 ** 32 + bytes.readUInt32BE(offset + 1) + ticks);
  bytes[offset] = (head & 0xfe) | (time >= 2 ** 32 ? 1 : 0);
  bytes.writeUInt32BE(time % 2 ** 32, offset + 1);
}
