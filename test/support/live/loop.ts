/** A loop fixture in memory, cut into packets with due times. A live source plays it round and round. */
import { readFile } from 'node:fs/promises';
import { type Fixture, fixture, type LoopName } from '../fixtures.ts';

export const PACKET = 188;
const NULL_PID = 0x1fff;
const WRAP = 2 ** 33;

/** What a packet carries that must be rewritten for each round. */
export const CARRIES = { pcr: 1, pes: 2, payload: 4, video: 8, keyframe: 16, media: 32 } as const;

export interface Loop {
  fixture: Fixture;
  bytes: Buffer;
  packets: number;
  /** Media time of each packet since the loop's first DTS, in 90 kHz ticks; never falls. */
  due: Float64Array;
  /** Bits of CARRIES for each packet. */
  carries: Uint8Array;
  pids: Uint16Array;
  /** Packets with payload by PID: how much each counter grows in one round. */
  payloads: Map<number, number>;
  /** First DTS in the file, in ticks. */
  firstDts: number;
}

const loaded = new Map<LoopName, Promise<Loop>>();

/** The loop of that name; sources with the same loop share its bytes. */
export function loadLoop(name: LoopName): Promise<Loop> {
  const known = loaded.get(name);
  if (known !== undefined) return known;
  const loading = fixture(name).then(async (made) => indexLoop(made, await readFile(made.path)));
  loaded.set(name, loading);
  return loading;
}

function indexLoop(made: Fixture, bytes: Buffer): Loop {
  const packets = bytes.length / PACKET;
  const due = new Float64Array(packets);
  const carries = new Uint8Array(packets);
  const pids = new Uint16Array(packets);
  const payloads = new Map<number, number>();
  let firstDts: number | undefined;
  let latest = 0;
  for (let i = 0; i < packets; i++) {
    const at = i * PACKET;
    const pid = bytes.readUInt16BE(at + 1) & 0x1fff;
    const control = bytes[at + 3] ?? 0;
    const adaptation = control & 0x20 ? (bytes[at + 4] ?? 0) : 0;
    const flags = adaptation > 0 ? (bytes[at + 5] ?? 0) : 0;
    let bits = flags & 0x10 ? CARRIES.pcr : 0;
    if (control & 0x10 && pid !== NULL_PID) {
      bits |= CARRIES.payload;
      payloads.set(pid, (payloads.get(pid) ?? 0) + 1);
    }
    // FFmpeg gives the first elementary stream PID 0x100, and video comes first.
    if (pid === 0x100 && made.video !== undefined) bits |= CARRIES.video;
    if (pid >= 0x100 && pid !== 0x1000 && pid !== NULL_PID) bits |= CARRIES.media;
    const pes = pesHeaderAt(bytes, at);
    if (pes !== -1) {
      bits |= CARRIES.pes;
      if (flags & 0x40 && bits & CARRIES.video) bits |= CARRIES.keyframe;
      const dts = readTicks(bytes, pes + ((bytes[pes + 7] ?? 0) & 0x40 ? 14 : 9));
      firstDts ??= dts;
      latest = Math.min(Math.max(latest, dts - firstDts), made.loopTicks - 1);
    }
    due[i] = latest;
    carries[i] = bits;
    pids[i] = pid;
  }
  return { fixture: made, bytes, packets, due, carries, pids, payloads, firstDts: firstDts ?? 0 };
}

/** Offset of the PES header with a PTS in the packet at `at`, or -1. */
function pesHeaderAt(bytes: Buffer, at: number): number {
  const control = bytes[at + 3] ?? 0;
  if (!((bytes[at + 1] ?? 0) & 0x40) || !(control & 0x10)) return -1;
  const payload = at + 4 + (control & 0x20 ? 1 + (bytes[at + 4] ?? 0) : 0);
  if (payload + 14 > at + PACKET || bytes.readUIntBE(payload, 3) !== 1) return -1;
  const streamId = bytes[payload + 3] ?? 0;
  const isMedia = streamId >= 0xc0 || streamId === 0xbd;
  return isMedia && (bytes[payload + 7] ?? 0) & 0x80 ? payload : -1;
}

/** Adds `ticks` to every PTS, DTS and PCR of the packet at `at`, modulo 2^33. */
export function shiftPacket(bytes: Buffer, at: number, ticks: number): void {
  const control = bytes[at + 3] ?? 0;
  if (control & 0x20 && (bytes[at + 4] ?? 0) >= 7 && (bytes[at + 5] ?? 0) & 0x10) {
    const base = bytes.readUInt32BE(at + 6) * 2 + ((bytes[at + 10] ?? 0) >> 7);
    const moved = modulo(base + ticks);
    bytes.writeUInt32BE(Math.floor(moved / 2), at + 6);
    bytes[at + 10] = ((bytes[at + 10] ?? 0) & 0x7f) | ((moved % 2) << 7);
  }
  const pes = pesHeaderAt(bytes, at);
  if (pes === -1) return;
  writeTicks(bytes, pes + 9, readTicks(bytes, pes + 9) + ticks);
  if ((bytes[pes + 7] ?? 0) & 0x40) writeTicks(bytes, pes + 14, readTicks(bytes, pes + 14) + ticks);
}

/** A copy of whole packets with all timestamps moved by `ticks`. */
export function shifted(bytes: Buffer, ticks: number): Buffer {
  const copy = Buffer.from(bytes);
  for (let at = 0; at + PACKET <= copy.length; at += PACKET) shiftPacket(copy, at, ticks);
  return copy;
}

function readTicks(bytes: Buffer, at: number): number {
  const high = ((bytes[at] ?? 0) >> 1) & 7;
  return high * 2 ** 30 + (bytes.readUInt16BE(at + 1) >> 1) * 2 ** 15 + (bytes.readUInt16BE(at + 3) >> 1);
}

function writeTicks(bytes: Buffer, at: number, ticks: number): void {
  const value = modulo(ticks);
  bytes[at] = ((bytes[at] ?? 0) & 0xf0) | (Math.floor(value / 2 ** 30) << 1) | 1;
  bytes.writeUInt16BE(((Math.floor(value / 2 ** 15) & 0x7fff) << 1) | 1, at + 1);
  bytes.writeUInt16BE(((value & 0x7fff) << 1) | 1, at + 3);
}

function modulo(ticks: number): number {
  return ((Math.round(ticks) % WRAP) + WRAP) % WRAP;
}
