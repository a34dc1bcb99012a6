/**
 * Writes one segment: a transport stream of its own, which goes on where the segment before it ends. Its bytes depend on
 * the media alone. PIDs and table versions are the same in every segment of a program, and the counters run on: players
 * take counters that begin anew for loss.
 */

import { PACKET_SIZE, pcrOf, SYNC_BYTE, setPcr, startsUnit } from '../syntax/packet.ts';
import { buildPat, buildPmt, PAT_PID, type ProgramMap, packetizeSection } from '../syntax/psi.ts';
import { writeTimestamp } from '../syntax/timestamp.ts';

const PROGRAM_NUMBER = 1;
const PMT_PID = 0x1000;
const FIRST_TRACK_PID = 0x100;
/** Of adaptation_field_control. */
const HAS_PAYLOAD = 0x10;
const HAS_ADAPTATION = 0x20;
const DISCONTINUITY_INDICATOR = 0x80;
/** PES header with a PTS. */
const PES_HEADER_BYTES = 14;
const PES_LENGTH_OFFSET = 6;
/** adaptation_field_length, flags and PCR. */
const PCR_FIELD_BYTES = 8;

/** The next counter of each PID of the segments. */
export type Counters = ReadonlyMap<number, number>;

/** A program with the PIDs that it has in segments. */
export interface SegmentProgram {
  readonly map: ProgramMap;
  /** PIDs in the segments by PID of the feed. */
  readonly pids: ReadonlyMap<number, number>;
}

/** @param map as the feed has it */
export function segmentProgram(map: ProgramMap): SegmentProgram {
  const pids = new Map<number, number>();
  for (const { pid } of [...map.streams, { pid: map.pcrPid }]) {
    if (!pids.has(pid)) pids.set(pid, FIRST_TRACK_PID + pids.size);
  }
  const of = (pid: number) => pids.get(pid) as number;
  const streams = map.streams.map((stream) => ({ ...stream, pid: of(stream.pid) }));
  return { map: { ...map, programNumber: PROGRAM_NUMBER, pcrPid: of(map.pcrPid), streams }, pids };
}

interface Item {
  readonly pid: number;
  readonly bytes: Buffer;
}

export class SegmentWriter {
  readonly #program: SegmentProgram;
  readonly #items: Item[] = [];
  #length = 0;

  constructor(program: SegmentProgram) {
    this.#program = program;
  }

  /** Bytes taken so far, without tables. */
  get length(): number {
    return this.#length;
  }

  /** Adds packets of a track, by its PID in the feed. Packets of a track that the program does not have are left out. */
  add(feedPid: number, pieces: readonly Buffer[]): void {
    const pid = this.#program.pids.get(feedPid);
    if (pid === undefined) return;
    for (const bytes of pieces) {
      this.#items.push({ pid, bytes });
      this.#length += bytes.length;
    }
  }

  /**
   * The segment. It takes nothing more.
   * @param counters those with which the segment before it ended
   */
  close(counters: Counters): { bytes: Buffer; counters: Counters } {
    const after = new Map(counters);
    const count = (pid: number, packets: number): number => {
      const counter = after.get(pid) ?? 0;
      after.set(pid, (counter + packets) & 0x0f);
      return counter;
    };
    const tables = [
      [PAT_PID, buildPat(PROGRAM_NUMBER, PMT_PID, 0)] as const,
      [PMT_PID, buildPmt(this.#program.map, 0)] as const,
    ].map(([pid, section]) => {
      const packets = packetizeSection(section, pid, after.get(pid) ?? 0);
      count(pid, packets.length / PACKET_SIZE);
      return packets;
    });
    const head = Buffer.concat(tables);
    const bytes = Buffer.allocUnsafeSlow(head.length + this.#length);
    let end = head.copy(bytes);
    for (const { pid, bytes: packets } of this.#items) {
      const from = end;
      end += copyPackets(packets, bytes, end);
      after.set(pid, rewritePackets(bytes, from, end, pid, after.get(pid) ?? 0));
    }
    return { bytes: bytes.subarray(0, end), counters: after };
  }
}

/** Copies all packets that have a payload or a PCR. @returns how many bytes there are */
function copyPackets(packets: Buffer, target: Buffer, to: number): number {
  let copied = 0;
  let from = 0;
  for (let at = 0; at < packets.length; at += PACKET_SIZE) {
    if (((packets[at + 3] as number) & HAS_PAYLOAD) !== 0 || pcrOf(packets, at) !== undefined) continue;
    copied += packets.copy(target, to + copied, from, at);
    from = at + PACKET_SIZE;
  }
  return copied + packets.copy(target, to + copied, from, packets.length);
}

/**
 * Gives packets the PID and counters of the segment, and takes discontinuities out.
 * @param next counter of the first packet with a payload
 * @returns the counter after them
 */
function rewritePackets(bytes: Buffer, from: number, end: number, pid: number, next: number): number {
  let counter = next;
  for (let at = from; at < end; at += PACKET_SIZE) {
    const control = bytes[at + 3] as number;
    bytes[at + 1] = ((bytes[at + 1] as number) & 0xe0) | (pid >> 8);
    bytes[at + 2] = pid & 0xff;
    // A packet without payload repeats the counter of the one before it (2.4.3.3).
    const isCounted = (control & HAS_PAYLOAD) !== 0;
    bytes[at + 3] = (control & 0xf0) | ((isCounted ? counter : counter + 0x0f) & 0x0f);
    if (isCounted) counter = (counter + 1) & 0x0f;
    if ((control & HAS_ADAPTATION) !== 0 && bytes[at + 4] !== 0)
      bytes[at + 5] = (bytes[at + 5] as number) & ~DISCONTINUITY_INDICATOR;
  }
  return counter;
}

/** The PCR of the first packet of a unit, 90 kHz, if it has one. */
export function pcrOfUnit([first]: readonly Buffer[]): number | undefined {
  return first !== undefined && startsUnit(first, 0) ? pcrOf(first, 0) : undefined;
}

/**
 * Packets of one PES packet of sound, for frames that cannot stay in the packets in which they came.
 * @param streamId of the PES packet in which they came
 * @param pts of the first frame, 90 kHz
 * @param pcr for its first packet, 90 kHz
 */
export function packetizeSound(streamId: number, pts: number, frames: readonly Buffer[], pcr?: number): Buffer {
  const header = Buffer.alloc(PES_HEADER_BYTES);
  header.set([0, 0, 1, streamId]);
  // Marker bits and data_alignment_indicator; a PTS of five bytes.
  header.set([0x84, 0x80, 5, 0x21], 6);
  writeTimestamp(header, 9, Math.round(pts));
  const payload = Buffer.concat([header, ...frames]);
  const length = payload.length - PES_LENGTH_OFFSET;
  payload.writeUInt16BE(length > 0xffff ? 0 : length, 4);
  const packets: Buffer[] = [];
  for (let at = 0; at < payload.length; ) {
    const packet = Buffer.alloc(PACKET_SIZE, 0xff);
    const hasPcr = at === 0 && pcr !== undefined;
    const room = PACKET_SIZE - 4 - (hasPcr ? PCR_FIELD_BYTES : 0);
    const taken = Math.min(room, payload.length - at);
    const adaptation = PACKET_SIZE - 4 - taken;
    packet.set([SYNC_BYTE, at === 0 ? 0x40 : 0, 0, adaptation > 0 ? 0x30 : 0x10]);
    if (adaptation > 0) packet[4] = adaptation - 1;
    if (adaptation > 1) packet[5] = hasPcr ? 0x10 : 0;
    if (hasPcr) {
      packet.fill(0, 6, 12);
      packet[10] = 0x7e;
      setPcr(packet, 0, pcr);
    }
    payload.copy(packet, PACKET_SIZE - taken, at, at + taken);
    packets.push(packet);
    at += taken;
  }
  return Buffer.concat(packets);
}
