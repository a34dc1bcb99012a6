/**
 * What a live source of a simulation sends: MPEG-TS with one picture for each unit. All are keyframes, with the unit's number. The PES
 * header says over which connection the picture came: what the picture itself says is the same over all of them.
 */

import {
  PACKET_SIZE,
  payloadOffset,
  setCounter,
  startsUnit,
} from '../../../../services/proxy/src/mpegts/syntax/packet.ts';
import { parsePesHeader } from '../../../../services/proxy/src/mpegts/syntax/pes.ts';
import { buildPat, buildPmt, packetizeSection } from '../../../../services/proxy/src/mpegts/syntax/psi.ts';
import { TICKS_PER_MS, wrapTicks, writeTimestamp } from '../../../../services/proxy/src/mpegts/syntax/timestamp.ts';
import { UNIT_MS } from '../unit-media.ts';

const VIDEO_PID = 0x100;
const PMT_PID = 0x1000;
const H264 = 0x1b;
const MAP = {
  programNumber: 1,
  pcrPid: VIDEO_PID,
  descriptors: Buffer.alloc(0),
  streams: [{ pid: VIDEO_PID, type: H264, descriptors: Buffer.alloc(0) }],
};
const TABLES = Buffer.concat([
  packetizeSection(buildPat(1, PMT_PID, 0), 0, 0),
  packetizeSection(buildPmt(MAP, 0), PMT_PID, 0),
]);
/** An access unit delimiter, a parameter set, and the beginning of an IDR picture. */
const IDR = Buffer.from([0, 0, 0, 1, 0x09, 0xf0, 0, 0, 0, 1, 0x67, 0x42, 0, 0, 0, 1, 0x65, 0x88]);
const PICTURE_AT = 4;
/** What a number is written in, 7 bits in each: no byte of it can be part of a start code. */
const DIGITS = 3;
/** PTS and DTS in a PES header. */
const TIMES_BYTES = 10;
/** Of a PES header with PTS, DTS and the connection. */
const PES_BYTES = 9 + TIMES_BYTES + DIGITS;
const CONNECTION_AT = 9 + TIMES_BYTES;

/** A picture, as whoever reads the source has it. */
export interface LiveUnit {
  readonly number: number;
  /** Over which it has come from the provider. */
  readonly connection: number;
  /** 33-bit ticks */
  readonly dts: number;
}

/** The media of one connection. */
export class LiveMedia {
  readonly #offsetTicks: number;
  readonly #connection: number;
  #counter = 0;

  /** @param offsetTicks of the source's clock */
  constructor(offsetTicks: number, connection: number) {
    this.#offsetTicks = offsetTicks;
    this.#connection = connection;
  }

  /** A unit, with the tables before it. */
  unit(number: number): Buffer {
    const bytes = Buffer.alloc(3 * PACKET_SIZE, 0xaa);
    TABLES.copy(bytes);
    const video = bytes.subarray(2 * PACKET_SIZE);
    video.set([0x47, 0x40 | (VIDEO_PID >> 8), VIDEO_PID & 0xff, 0x10]);
    for (let at = 0; at < bytes.length; at += PACKET_SIZE) setCounter(bytes, at, this.#counter);
    this.#counter = (this.#counter + 1) & 15;
    const ticks = wrapTicks(this.#offsetTicks + number * UNIT_MS * TICKS_PER_MS);
    video.set([0, 0, 1, 0xe0], PICTURE_AT);
    // With its length: it is whole when this packet has come.
    video.writeUInt16BE(PACKET_SIZE - PICTURE_AT - 6, PICTURE_AT + 4);
    video.set([0x80, 0xc0, TIMES_BYTES + DIGITS, 0x31], PICTURE_AT + 6);
    video[PICTURE_AT + 14] = 0x11;
    writeTimestamp(video, PICTURE_AT + 9, ticks);
    writeTimestamp(video, PICTURE_AT + 14, ticks);
    IDR.copy(video, PICTURE_AT + PES_BYTES);
    writeNumber(video, PICTURE_AT + CONNECTION_AT, this.#connection);
    writeNumber(video, PICTURE_AT + PES_BYTES + IDR.length, number);
    return bytes;
  }
}

function writeNumber(bytes: Buffer, at: number, number: number): void {
  for (let digit = 0; digit < DIGITS; digit++) bytes[at + digit] = 0x80 | ((number >> (7 * digit)) & 0x7f);
}

function numberAt(bytes: Buffer, at: number): number {
  let number = 0;
  for (let digit = 0; digit < DIGITS; digit++) number |= ((bytes[at + digit] ?? 0) & 0x7f) << (7 * digit);
  return number;
}

/** The pictures in the packets of a source feed, or of a copy of it. */
export function liveUnitsIn(bytes: Buffer): LiveUnit[] {
  if (bytes.length % PACKET_SIZE !== 0) throw new Error('the media was cut within a packet');
  const units: LiveUnit[] = [];
  for (let at = 0; at < bytes.length; at += PACKET_SIZE) {
    if (!startsUnit(bytes, at)) continue;
    const pesAt = payloadOffset(bytes, at);
    const pes = parsePesHeader(bytes, pesAt, at + PACKET_SIZE);
    if (pes?.dts === undefined || IDR.compare(bytes, pes.dataOffset, pes.dataOffset + IDR.length) !== 0) continue;
    const number = numberAt(bytes, pes.dataOffset + IDR.length);
    units.push({ number, connection: numberAt(bytes, pesAt + CONNECTION_AT), dts: pes.dts });
  }
  return units;
}
