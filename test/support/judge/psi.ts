/** Reads PAT and PMT sections (ISO/IEC 13818-1, 2.4.4) out of packet payloads, for the judge. */
import type { PidKind } from './verdict.ts';

const CRC_TABLE = new Int32Array(256).map((_, byte) => {
  let crc = byte << 24;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x80000000 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
  return crc;
});

/** CRC-32/MPEG-2 over a whole section, its own CRC included: 0 when intact. */
export function sectionCrc(section: Buffer): number {
  let crc = -1;
  for (const byte of section) crc = (crc << 8) ^ (CRC_TABLE[((crc >>> 24) ^ byte) & 0xff] ?? 0);
  return crc;
}

export interface ElementaryStream {
  pid: number;
  streamType: number;
  kind: PidKind;
  codec: string;
}

export interface ProgramMap {
  version: number;
  pcrPid: number;
  streams: ElementaryStream[];
}

/** Assembles the sections of one PID; returns those that this payload completes. */
export class SectionReader {
  #pending: Buffer = Buffer.alloc(0);
  #open = false;

  push(payload: Buffer, unitStart: boolean): Buffer[] {
    if (unitStart) {
      const pointer = payload[0] ?? 0;
      const finished = this.#open ? this.#take(payload.subarray(1, 1 + pointer)) : [];
      this.#pending = Buffer.alloc(0);
      this.#open = true;
      return [...finished, ...this.#take(payload.subarray(1 + pointer))];
    }
    return this.#open ? this.#take(payload) : [];
  }

  #take(more: Buffer): Buffer[] {
    this.#pending = this.#pending.length === 0 ? more : Buffer.concat([this.#pending, more]);
    const sections: Buffer[] = [];
    while (this.#pending.length >= 3 && this.#pending[0] !== 0xff) {
      const length = 3 + (this.#pending.readUInt16BE(1) & 0xfff);
      if (this.#pending.length < length) break;
      sections.push(this.#pending.subarray(0, length));
      this.#pending = this.#pending.subarray(length);
    }
    return sections;
  }
}

/** PMT PIDs of a PAT section (table_id 0), without the network PID. */
export function readPat(section: Buffer): number[] {
  const pids: number[] = [];
  for (let at = 8; at + 4 <= section.length - 4; at += 4) {
    if (section.readUInt16BE(at) !== 0) pids.push(section.readUInt16BE(at + 2) & 0x1fff);
  }
  return pids;
}

/** A PMT section (table_id 2). */
export function readPmt(section: Buffer): ProgramMap {
  const streams: ElementaryStream[] = [];
  let at = 12 + (section.readUInt16BE(10) & 0xfff);
  while (at + 5 <= section.length - 4) {
    const streamType = section[at] ?? 0;
    const infoLength = section.readUInt16BE(at + 3) & 0xfff;
    const info = section.subarray(at + 5, at + 5 + infoLength);
    streams.push({ pid: section.readUInt16BE(at + 1) & 0x1fff, streamType, ...classify(streamType, info) });
    at += 5 + infoLength;
  }
  return { version: ((section[5] ?? 0) >> 1) & 0x1f, pcrPid: section.readUInt16BE(8) & 0x1fff, streams };
}

function classify(streamType: number, info: Buffer): { kind: PidKind; codec: string } {
  switch (streamType) {
    case 0x01:
    case 0x02:
      return { kind: 'video', codec: 'mpeg2' };
    case 0x1b:
      return { kind: 'video', codec: 'h264' };
    case 0x24:
      return { kind: 'video', codec: 'hevc' };
    case 0x03:
    case 0x04:
      return { kind: 'audio', codec: 'mpa' };
    case 0x0f:
      return { kind: 'audio', codec: 'adts' };
    case 0x11:
      return { kind: 'audio', codec: 'latm' };
    case 0x81:
      return { kind: 'audio', codec: 'ac3' };
    case 0x87:
      return { kind: 'audio', codec: 'eac3' };
    case 0x06:
      return classifyPrivate(info);
    default:
      return { kind: 'data', codec: `0x${streamType.toString(16)}` };
  }
}

/** DVB carries AC-3 (descriptor 0x6a), E-AC-3 (0x7a) and DTS (0x7b) as private data (ETSI EN 300 468). */
function classifyPrivate(info: Buffer): { kind: PidKind; codec: string } {
  for (let at = 0; at + 2 <= info.length; at += 2 + (info[at + 1] ?? 0)) {
    if (info[at] === 0x6a) return { kind: 'audio', codec: 'ac3' };
    if (info[at] === 0x7a) return { kind: 'audio', codec: 'eac3' };
    if (info[at] === 0x7b) return { kind: 'audio', codec: 'dts' };
  }
  return { kind: 'data', codec: 'private' };
}
