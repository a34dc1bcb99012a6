/**
 * Reads what a splicer has written. No packet of another PID stands inside its units, so a unit is a run of bytes: that
 * costs a tenth of a reader for any input.
 */

import { hasPayload, PACKET_SIZE, payloadOffset, startsUnit } from '../syntax/packet.ts';
import { parsePesHeader } from '../syntax/pes.ts';

/** Whole packets in memory that belongs to somebody else: `bytes[start, end)`. */
export interface Piece {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
}

/** One unit, or packets of a PID that belong to none (a clock, a discontinuity). */
export interface ScannedUnit {
  readonly pid: number;
  readonly pieces: readonly Piece[];
  /** How many bytes were pushed before it. */
  readonly at: number;
  /** A PES packet or a section begins in it. */
  readonly starts: boolean;
  /** 33-bit ticks; undefined when it has no times. */
  readonly pts: number | undefined;
  readonly dts: number | undefined;
  /** stream_id of its PES header. */
  readonly streamId: number | undefined;
}

/** payload_unit_start_indicator and PID, as the 16 bits behind the sync byte have them. A PID alone: no unit begins. */
const START_AND_PID = 0x5fff;
const PID = 0x1fff;
const NONE = -1;

export class UnitScanner {
  readonly #onUnit: (unit: ScannedUnit) => void;
  #pieces: Piece[] = [];
  #pid = NONE;
  #at = 0;
  #pushed = 0;

  constructor(onUnit: (unit: ScannedUnit) => void) {
    this.#onUnit = onUnit;
  }

  /** How many bytes were pushed before the unit that is being read. */
  get at(): number {
    return this.#at;
  }

  /** Takes whole packets. The units refer to `bytes`, which must stay as it is. */
  push(bytes: Buffer, start = 0, end = bytes.length): void {
    let from = start;
    let pid = this.#pid;
    for (let at = start; at < end; at += PACKET_SIZE) {
      const head = (((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number)) & START_AND_PID;
      if (head === pid) continue;
      if (at > from) this.#pieces.push({ bytes, start: from, end: at });
      this.flush();
      pid = head & PID;
      this.#pid = pid;
      this.#at = this.#pushed + at - start;
      from = at;
    }
    if (from < end) this.#pieces.push({ bytes, start: from, end });
    this.#pushed += end - start;
  }

  /** What was pushed ends with a whole unit. */
  flush(): void {
    const pid = this.#pid;
    const pieces = this.#pieces;
    const [first] = pieces;
    this.#pid = NONE;
    if (pid === NONE || first === undefined) return;
    this.#pieces = [];
    const { bytes, start } = first;
    const starts = startsUnit(bytes, start) && hasPayload(bytes, start);
    const payload = payloadOffset(bytes, start);
    const header = starts ? parsePesHeader(bytes, payload, start + PACKET_SIZE) : undefined;
    const streamId = header === undefined ? undefined : bytes[payload + 3];
    this.#onUnit({ pid, pieces, at: this.#at, starts, pts: header?.pts, dts: header?.dts, streamId });
  }
}

/** Bytes of the elementary stream in a unit, of its first `maxPackets` packets. */
export function elementaryOf({ pieces }: Pick<ScannedUnit, 'pieces'>, maxPackets = Number.POSITIVE_INFINITY): Buffer {
  let packets = 0;
  for (const { start, end } of pieces) packets += (end - start) / PACKET_SIZE;
  const bytes = Buffer.allocUnsafe(Math.min(packets, maxPackets) * PACKET_SIZE);
  let length = 0;
  let left = maxPackets;
  for (const piece of pieces) {
    for (let at = piece.start; at < piece.end && left > 0; at += PACKET_SIZE, left--) {
      const from =
        piece === pieces[0] && at === piece.start ? dataOffset(piece.bytes, at) : payloadOffset(piece.bytes, at);
      length += piece.bytes.copy(bytes, length, from, at + PACKET_SIZE);
    }
  }
  return bytes.subarray(0, length);
}

/** The same of its first packet alone, without copying. */
export function firstElementaryOf({ pieces: [first] }: Pick<ScannedUnit, 'pieces'>): Buffer {
  if (first === undefined) return Buffer.alloc(0);
  const { bytes, start } = first;
  return bytes.subarray(dataOffset(bytes, start), start + PACKET_SIZE);
}

/** Where the elementary stream begins in the first packet of a unit. */
function dataOffset(bytes: Buffer, at: number): number {
  const payload = payloadOffset(bytes, at);
  return parsePesHeader(bytes, payload, at + PACKET_SIZE)?.dataOffset ?? payload;
}
