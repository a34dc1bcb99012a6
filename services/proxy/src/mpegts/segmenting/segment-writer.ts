/**
 * Writes one segment: a transport stream of its own, which goes on where the segment before it ends. Its bytes depend on
 * the media alone. PIDs and table versions are the same in every segment of a program, and the counters run on: players
 * take counters that begin anew for loss.
 */

import { PACKET_SIZE, pcrOf, SYNC_BYTE, setPcr, startsUnit } from '../syntax/packet.ts';
import { buildPat, buildPmt, PAT_PID, type ProgramMap, packetizeSection } from '../syntax/psi.ts';
import { writeTimestamp } from '../syntax/timestamp.ts';
import type { Piece } from './unit-scanner.ts';

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

/** Whole packets that lie one behind the other. */
interface Run {
  readonly bytes: Buffer;
  readonly start: number;
  end: number;
}

export class SegmentWriter {
  readonly #program: SegmentProgram;
  /** What it refers to must stay as it is until `close`. */
  readonly #runs: Run[] = [];
  #length = 0;

  constructor(program: SegmentProgram) {
    this.#program = program;
  }

  /** Adds packets of a track, which have its PID in the feed. Packets of a track that the program does not have are left out. */
  add(feedPid: number, pieces: readonly Piece[]): void {
    if (!this.#program.pids.has(feedPid)) return;
    for (const { bytes, start, end } of pieces) {
      const last = this.#runs.at(-1);
      if (last?.bytes === bytes && last.end === start) last.end = end;
      else this.#runs.push({ bytes, start, end });
      this.#length += end - start;
    }
  }

  /**
   * The segment. It takes nothing more.
   * @param counters those with which the segment before it ended
   */
  close(counters: Counters): { bytes: Buffer; counters: Counters } {
    const after = new Map(counters);
    const tables = [
      [PAT_PID, buildPat(PROGRAM_NUMBER, PMT_PID, 0)] as const,
      [PMT_PID, buildPmt(this.#program.map, 0)] as const,
    ].map(([pid, section]) => {
      const counter = after.get(pid) ?? 0;
      const packets = packetizeSection(section, pid, counter);
      after.set(pid, (counter + packets.length / PACKET_SIZE) & 0x0f);
      return packets;
    });
    const head = Buffer.concat(tables);
    const bytes = Buffer.allocUnsafeSlow(head.length + this.#length);
    let end = head.copy(bytes);
    for (const run of this.#runs.splice(0)) {
      const copied = run.bytes.copy(bytes, end, run.start, run.end);
      end = rewritePackets(bytes, end, end + copied, this.#program.pids, after);
    }
    return { bytes: bytes.subarray(0, end), counters: after };
  }
}

/**
 * Gives packets the PIDs and counters of the segment, and takes discontinuities out. Packets without a payload or a PCR are left out.
 * @param pids in the segment by PID of the feed
 * @param counters of the next packet with a payload, by PID in the segment. They are changed.
 * @returns where the packets end that are left
 */
function rewritePackets(
  bytes: Buffer,
  from: number,
  end: number,
  pids: ReadonlyMap<number, number>,
  counters: Map<number, number>,
): number {
  let feedPid = -1;
  let pid = 0;
  let counter = 0;
  let to = from;
  for (let at = from; at < end; at += PACKET_SIZE) {
    const control = bytes[at + 3] as number;
    const isCounted = (control & HAS_PAYLOAD) !== 0;
    if (!isCounted && pcrOf(bytes, at) === undefined) continue;
    const high = bytes[at + 1] as number;
    const current = ((high & 0x1f) << 8) | (bytes[at + 2] as number);
    if (current !== feedPid) {
      if (feedPid >= 0) counters.set(pid, counter);
      feedPid = current;
      pid = pids.get(current) as number;
      counter = counters.get(pid) ?? 0;
    }
    if (to !== at) bytes.copyWithin(to, at, at + PACKET_SIZE);
    bytes[to + 1] = (high & 0xe0) | (pid >> 8);
    bytes[to + 2] = pid & 0xff;
    // A packet without payload repeats the counter of the one before it (2.4.3.3).
    bytes[to + 3] = (control & 0xf0) | ((isCounted ? counter : counter + 0x0f) & 0x0f);
    if (isCounted) counter = (counter + 1) & 0x0f;
    if ((control & HAS_ADAPTATION) !== 0 && bytes[to + 4] !== 0)
      bytes[to + 5] = (bytes[to + 5] as number) & ~DISCONTINUITY_INDICATOR;
    to += PACKET_SIZE;
  }
  if (feedPid >= 0) counters.set(pid, counter);
  return to;
}

/** The PCR of the first packet of a unit, 90 kHz, if it has one. */
export function pcrOfUnit([first]: readonly Piece[]): number | undefined {
  return first !== undefined && startsUnit(first.bytes, first.start) ? pcrOf(first.bytes, first.start) : undefined;
}

/**
 * Packets of one PES packet of sound, for frames that cannot stay in the packets in which they came.
 * @param pid in the feed, and stream_id, of the PES packet in which they came
 * @param pts of the first frame, 90 kHz
 * @param pcr for its first packet, 90 kHz
 */
export function packetizeSound(
  { pid, streamId }: { readonly pid: number; readonly streamId: number },
  pts: number,
  frames: readonly Buffer[],
  pcr?: number,
): Buffer {
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
    packet.set([SYNC_BYTE, (at === 0 ? 0x40 : 0) | (pid >> 8), pid & 0xff, adaptation > 0 ? 0x30 : 0x10]);
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
