/** What a live source of a simulation sends: MPEG-TS with one picture for each unit. All are keyframes, with the unit's number. */

import {
  PACKET_SIZE,
  payloadOffset,
  setCounter,
  startsUnit,
} from '../../../../services/proxy/src/mpegts/syntax/packet.ts';
import { parsePesHeader } from '../../../../services/proxy/src/mpegts/syntax/pes.ts';
import { buildPat, buildPmt, packetizeSection } from '../../../../services/proxy/src/mpegts/syntax/psi.ts';
import { TICKS_PER_MS, writeTimestamp } from '../../../../services/proxy/src/mpegts/syntax/timestamp.ts';
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
/** Of a PES header with PTS and DTS. */
const PES_BYTES = 19;
const PICTURE_AT = 4;
/** What a number is written in, 7 bits in each: no byte of it can be part of a start code. */
const DIGITS = 3;

/** The media of one connection. */
export class LiveMedia {
  readonly #offsetTicks: number;
  #counter = 0;

  /** @param offsetTicks of the source's clock */
  constructor(offsetTicks: number) {
    this.#offsetTicks = offsetTicks;
  }

  /** A unit, with the tables before it. */
  unit(number: number): Buffer {
    const bytes = Buffer.alloc(3 * PACKET_SIZE, 0xaa);
    TABLES.copy(bytes);
    const video = bytes.subarray(2 * PACKET_SIZE);
    video.set([0x47, 0x40 | (VIDEO_PID >> 8), VIDEO_PID & 0xff, 0x10]);
    for (let at = 0; at < bytes.length; at += PACKET_SIZE) setCounter(bytes, at, this.#counter);
    this.#counter = (this.#counter + 1) & 15;
    const ticks = this.#offsetTicks + number * UNIT_MS * TICKS_PER_MS;
    video.set([0, 0, 1, 0xe0], PICTURE_AT);
    // With its length: it is whole when this packet has come.
    video.writeUInt16BE(PACKET_SIZE - PICTURE_AT - 6, PICTURE_AT + 4);
    video.set([0x80, 0xc0, 10, 0x31], PICTURE_AT + 6);
    video[PICTURE_AT + 14] = 0x11;
    writeTimestamp(video, PICTURE_AT + 9, ticks);
    writeTimestamp(video, PICTURE_AT + 14, ticks);
    IDR.copy(video, PICTURE_AT + PES_BYTES);
    const at = PICTURE_AT + PES_BYTES + IDR.length;
    for (let digit = 0; digit < DIGITS; digit++) video[at + digit] = 0x80 | ((number >> (7 * digit)) & 0x7f);
    return bytes;
  }
}

/** The numbers of the units in a source feed's packets. */
export function liveUnitsIn(bytes: Buffer): number[] {
  if (bytes.length % PACKET_SIZE !== 0) throw new Error('the media was cut within a packet');
  const numbers: number[] = [];
  for (let at = 0; at < bytes.length; at += PACKET_SIZE) {
    if (!startsUnit(bytes, at)) continue;
    const pes = parsePesHeader(bytes, payloadOffset(bytes, at), at + PACKET_SIZE);
    if (pes === undefined || !bytes.subarray(pes.dataOffset).subarray(0, IDR.length).equals(IDR)) continue;
    let number = 0;
    for (let digit = 0; digit < DIGITS; digit++)
      number |= ((bytes[pes.dataOffset + IDR.length + digit] ?? 0) & 0x7f) << (7 * digit);
    numbers.push(number);
  }
  return numbers;
}
