/** Program specific information (ISO 13818-1, 2.4.4): PAT and PMT, read from and written to transport packets. */

import { NULL_PID, PACKET_SIZE, payloadOffset, SYNC_BYTE, startsUnit } from './packet.ts';

export const PAT_PID = 0;
/** PIDs below belong to tables that every multiplex has (table 2-3, EN 300 468). */
export const FIRST_FREE_PID = 0x20;
/** Limits for the programs of a PAT and the tracks of a program. Satellite multiplexes have up to 60 and 40. */
export const MAX_PROGRAMS = 128;
export const MAX_TRACKS = 64;
/** Size of a PAT or PMT section including head and CRC (2.4.4.4, 2.4.4.9). */
const MAX_TABLE_BYTES = 1024;

export interface ProgramStream {
  pid: number;
  /** stream_type, table 2-34. */
  type: number;
  /** ES_info descriptors as they came. */
  descriptors: Buffer;
}

export interface ProgramMap {
  programNumber: number;
  pcrPid: number;
  /** program_info descriptors as they came. */
  descriptors: Buffer;
  streams: ProgramStream[];
}

const CRC_TABLE = new Uint32Array(256).map((_, index) => {
  let value = index << 24;
  for (let bit = 0; bit < 8; bit++) value = value & 0x80000000 ? (value << 1) ^ 0x04c11db7 : value << 1;
  return value >>> 0;
});

/** CRC_32 of annex A; 0 for a whole section including its CRC. */
export function crc32(bytes: Buffer): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = ((crc << 8) ^ (CRC_TABLE[((crc >>> 24) ^ byte) & 0xff] as number)) >>> 0;
  return crc;
}

/**
 * Gathers the sections of one PID from its packets. Drops a damaged or incomplete section and waits for the next one.
 */
export class SectionAssembler {
  #pending: Buffer | undefined;

  /** Takes one packet of this PID. Returns the sections that it completes. */
  push(bytes: Buffer, offset: number): Buffer[] {
    const end = offset + PACKET_SIZE;
    let start = payloadOffset(bytes, offset);
    if (start >= end) return [];
    const sections: Buffer[] = [];
    if (startsUnit(bytes, offset)) {
      const next = start + 1 + (bytes[start] as number);
      if (this.#pending !== undefined) this.#extend(bytes.subarray(start + 1, Math.min(next, end)), sections);
      this.#pending = Buffer.alloc(0);
      start = next;
    }
    if (this.#pending !== undefined && start < end) this.#extend(bytes.subarray(start, end), sections);
    return sections;
  }

  #extend(part: Buffer, sections: Buffer[]): void {
    let bytes = Buffer.concat([this.#pending ?? Buffer.alloc(0), part]);
    while (bytes.length >= 3 && bytes[0] !== 0xff) {
      const length = 3 + (bytes.readUInt16BE(1) & 0x0fff);
      if (bytes.length < length) break;
      const section = bytes.subarray(0, length);
      if (crc32(section) === 0) sections.push(section);
      bytes = bytes.subarray(length);
    }
    this.#pending = bytes[0] === 0xff ? undefined : bytes;
  }
}

/** Programs of a PAT section in its order, without the network entry; undefined when it is not a current PAT. */
export function parsePat(section: Buffer): { programNumber: number; pmtPid: number }[] | undefined {
  if (section[0] !== 0x00 || section.length < 12 || ((section[5] as number) & 1) === 0) return undefined;
  const programs: { programNumber: number; pmtPid: number }[] = [];
  for (let at = 8; at + 4 <= section.length - 4 && programs.length < MAX_PROGRAMS; at += 4) {
    const programNumber = section.readUInt16BE(at);
    if (programNumber !== 0) programs.push({ programNumber, pmtPid: section.readUInt16BE(at + 2) & 0x1fff });
  }
  return programs;
}

/**
 * Parses a PMT section; undefined when it is not a current PMT. Leaves out streams on an impossible or doubly used PID,
 * and streams after the first `MAX_TRACKS`.
 */
export function parsePmt(section: Buffer): ProgramMap | undefined {
  if (section[0] !== 0x02 || section.length < 16 || ((section[5] as number) & 1) === 0) return undefined;
  const end = section.length - 4;
  const infoLength = section.readUInt16BE(10) & 0x0fff;
  const streams = new Map<number, ProgramStream>();
  let at = 12 + infoLength;
  while (at + 5 <= end && streams.size < MAX_TRACKS) {
    const length = section.readUInt16BE(at + 3) & 0x0fff;
    const pid = section.readUInt16BE(at + 1) & 0x1fff;
    if (isTrackPid(pid) && !streams.has(pid)) {
      const descriptors = Buffer.from(section.subarray(at + 5, Math.min(at + 5 + length, end)));
      streams.set(pid, { type: section[at] as number, pid, descriptors });
    }
    at += 5 + length;
  }
  return {
    programNumber: section.readUInt16BE(3),
    pcrPid: section.readUInt16BE(8) & 0x1fff,
    descriptors: Buffer.from(section.subarray(12, Math.min(12 + infoLength, end))),
    streams: [...streams.values()],
  };
}

/**
 * The first free PID from `wanted` on.
 * @throws {Error} when all PIDs are taken
 */
export function freePid(wanted: number, isTaken: (pid: number) => boolean): number {
  const count = NULL_PID - FIRST_FREE_PID;
  for (let step = 0; step < count; step++) {
    const pid = FIRST_FREE_PID + ((wanted - FIRST_FREE_PID + step) % count);
    if (!isTaken(pid)) return pid;
  }
  throw new Error('The program has more tracks than there are PIDs.');
}

/** Whether a PID may carry a program's track. */
export function isTrackPid(pid: number): boolean {
  return pid >= FIRST_FREE_PID && pid < NULL_PID;
}

function finishSection(tableId: number, extension: number, version: number, body: Buffer): Buffer {
  const section = Buffer.alloc(8 + body.length + 4);
  section[0] = tableId;
  section.writeUInt16BE(0xb000 | (section.length - 3), 1);
  section.writeUInt16BE(extension, 3);
  section[5] = 0xc1 | ((version & 0x1f) << 1);
  body.copy(section, 8);
  section.writeUInt32BE(crc32(section.subarray(0, -4)), section.length - 4);
  return section;
}

export function buildPat(programNumber: number, pmtPid: number, version: number): Buffer {
  const body = Buffer.alloc(4);
  body.writeUInt16BE(programNumber, 0);
  body.writeUInt16BE(0xe000 | pmtPid, 2);
  return finishSection(0x00, 1, version, body);
}

/** A PMT section. Leaves out descriptors that do not fit into one section, the program's own first. */
export function buildPmt(map: ProgramMap, version: number): Buffer {
  let room = MAX_TABLE_BYTES - 12 - 4 - 5 * map.streams.length;
  const fitting = (descriptors: Buffer): Buffer => {
    const bytes = descriptors.length <= room ? descriptors : descriptors.subarray(0, 0);
    room -= bytes.length;
    return bytes;
  };
  const streams = map.streams.map((stream) => ({ ...stream, descriptors: fitting(stream.descriptors) }));
  const descriptors = fitting(map.descriptors);
  const head = Buffer.alloc(4);
  head.writeUInt16BE(0xe000 | map.pcrPid, 0);
  head.writeUInt16BE(0xf000 | descriptors.length, 2);
  const parts = [head, descriptors];
  for (const stream of streams) {
    const entry = Buffer.alloc(5);
    entry[0] = stream.type;
    entry.writeUInt16BE(0xe000 | stream.pid, 1);
    entry.writeUInt16BE(0xf000 | stream.descriptors.length, 3);
    parts.push(entry, stream.descriptors);
  }
  return finishSection(0x02, map.programNumber, version, Buffer.concat(parts));
}

/**
 * A section as transport packets. The first packet has counter `counter`, the next ones count on. With `discontinuity`
 * the first one carries discontinuity_indicator, so a reader accepts it after any counter.
 */
export function packetizeSection(section: Buffer, pid: number, counter: number, discontinuity = false): Buffer {
  const payload = Buffer.concat([Buffer.from([0]), section]);
  const packets: Buffer[] = [];
  for (let at = 0; at < payload.length; ) {
    const packet = Buffer.alloc(PACKET_SIZE, 0xff);
    const first = packets.length === 0;
    const signalled = first && discontinuity;
    packet[0] = SYNC_BYTE;
    packet[1] = (first ? 0x40 : 0) | (pid >> 8);
    packet[2] = pid & 0xff;
    packet[3] = (signalled ? 0x30 : 0x10) | ((counter + packets.length) & 0x0f);
    if (signalled) packet.set([1, 0x80], 4);
    const start = signalled ? 6 : 4;
    at += payload.copy(packet, start, at, at + PACKET_SIZE - start);
    packets.push(packet);
  }
  return Buffer.concat(packets);
}
