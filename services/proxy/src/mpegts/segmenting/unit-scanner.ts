/**
 * Reads what a splicer has written. No packet of another PID stands inside its units, so a unit is a run of bytes: that
 * costs a tenth of a reader for any input.
 */

import { hasPayload, PACKET_SIZE, payloadOffset, pidOf, startsUnit } from '../syntax/packet.ts';
import { parsePesHeader } from '../syntax/pes.ts';

/** One unit, or packets of a PID that belong to none (a clock, a discontinuity). */
export interface ScannedUnit {
  readonly pid: number;
  /** Whole packets, in pieces. */
  readonly pieces: readonly Buffer[];
  /** A PES packet or a section begins in it. */
  readonly starts: boolean;
  /** 33-bit ticks; undefined when it has no times. */
  readonly pts: number | undefined;
  readonly dts: number | undefined;
  /** stream_id of its PES header. */
  readonly streamId: number | undefined;
}

export class UnitScanner {
  readonly #onUnit: (unit: ScannedUnit) => void;
  #pieces: Buffer[] = [];
  #pid: number | undefined;

  constructor(onUnit: (unit: ScannedUnit) => void) {
    this.#onUnit = onUnit;
  }

  /** Takes whole packets. The units refer to `bytes`, which must stay as it is. */
  push(bytes: Buffer): void {
    let from = 0;
    for (let at = 0; at < bytes.length; at += PACKET_SIZE) {
      const pid = pidOf(bytes, at);
      if (pid === this.#pid && !startsUnit(bytes, at)) continue;
      if (at > from) this.#pieces.push(bytes.subarray(from, at));
      this.flush();
      this.#pid = pid;
      from = at;
    }
    if (from < bytes.length) this.#pieces.push(bytes.subarray(from));
  }

  /** What was pushed ends with a whole unit. */
  flush(): void {
    const pid = this.#pid;
    const pieces = this.#pieces;
    const [first] = pieces;
    this.#pieces = [];
    this.#pid = undefined;
    if (pid === undefined || first === undefined) return;
    const starts = startsUnit(first, 0) && hasPayload(first, 0);
    const start = payloadOffset(first, 0);
    const header = starts ? parsePesHeader(first, start, PACKET_SIZE) : undefined;
    const streamId = header === undefined ? undefined : first[start + 3];
    this.#onUnit({ pid, pieces, starts, pts: header?.pts, dts: header?.dts, streamId });
  }
}

/** Bytes of the elementary stream in a unit, of its first `maxPackets` packets. */
export function elementaryOf({ pieces }: Pick<ScannedUnit, 'pieces'>, maxPackets = Number.POSITIVE_INFINITY): Buffer {
  const packets = pieces.reduce((sum, { length }) => sum + length / PACKET_SIZE, 0);
  const bytes = Buffer.allocUnsafe(Math.min(packets, maxPackets) * PACKET_SIZE);
  let length = 0;
  let left = maxPackets;
  for (const [index, piece] of pieces.entries()) {
    for (let at = 0; at < piece.length && left > 0; at += PACKET_SIZE, left--) {
      const start = payloadOffset(piece, at);
      const end = at + PACKET_SIZE;
      const isFirst = index === 0 && at === 0;
      const data = isFirst ? parsePesHeader(piece, start, end)?.dataOffset : undefined;
      length += piece.copy(bytes, length, data ?? start, end);
    }
  }
  return bytes.subarray(0, length);
}
