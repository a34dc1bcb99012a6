/**
 * A transport stream with everything beside pictures and sound that broadcasters send: cues (SCTE-35), stream descriptors and
 * a carousel (DSM-CC), application tables (AIT), teletext, DVB subtitles and KLV; and what a receiver has to find of it.
 */

import { expect } from 'vitest';
import {
  counterOf,
  hasDiscontinuityIndicator,
  hasPayload,
  PACKET_SIZE,
  payloadOffset,
  pidOf,
  startsUnit,
} from '../../../services/proxy/src/mpegts/syntax/packet.ts';
import { parsePesHeader } from '../../../services/proxy/src/mpegts/syntax/pes.ts';
import { crc32, type ProgramStream, SectionAssembler } from '../../../services/proxy/src/mpegts/syntax/psi.ts';
import { wrapTicks } from '../../../services/proxy/src/mpegts/syntax/timestamp.ts';
import { H264_AND_AAC, TsBuilder, VIDEO_PID } from './build-ts.ts';

export const FRAME = 3_600;
export const [CUES, EVENTS, CAROUSEL, AIT, TELETEXT, SUBTITLES, KLV] = [
  0x110, 0x111, 0x112, 0x113, 0x114, 0x115, 0x116,
];
export const SECTION_PIDS = [CUES, EVENTS, CAROUSEL, AIT];
export const PES_PIDS = [TELETEXT, SUBTITLES, KLV];

export const stream = (pid: number, type: number, ...descriptors: number[]): ProgramStream => ({
  pid,
  type,
  descriptors: Buffer.from(descriptors),
});
export const STREAMS = [
  ...H264_AND_AAC,
  stream(CUES, 0x86, 0x8a, 1, 1),
  stream(EVENTS, 0x0c),
  stream(CAROUSEL, 0x0b),
  stream(AIT, 0x05, 0x6f, 0),
  stream(TELETEXT, 0x06, 0x56, 5, 0x64, 0x65, 0x75, 0x09, 0x00),
  stream(SUBTITLES, 0x06, 0x59, 8, 0x64, 0x65, 0x75, 0x10, 0, 1, 0, 1),
  stream(KLV, 0x06, 0x05, 4, 0x4b, 0x4c, 0x56, 0x41),
];

export function section(tableId: number, body: Buffer): Buffer {
  const bytes = Buffer.alloc(3 + body.length + 4);
  bytes[0] = tableId;
  bytes.writeUInt16BE(0xb000 | (body.length + 4), 1);
  body.copy(bytes, 3);
  bytes.writeUInt32BE(crc32(bytes.subarray(0, -4)), bytes.length - 4);
  return bytes;
}

const writeTime = (bytes: Buffer, at: number, ticks: number, before = 0xfe): void => {
  bytes[at] = before | (ticks >= 2 ** 32 ? 1 : 0);
  bytes.writeUInt32BE(ticks % 2 ** 32, at + 1);
};
const readTime = (bytes: Buffer, at: number): number =>
  ((bytes[at] as number) & 1) * 2 ** 32 + bytes.readUInt32BE(at + 1);

/** splice_insert at a time, with descriptors of some length behind it. */
export function cue(id: number, pts: number, descriptorBytes: number): Buffer {
  const body = Buffer.alloc(33 + descriptorBytes, 0x5a);
  body.set([0, 0, 0, 0, 0, 0, 0, 0xff, 0xf0, 15, 5]);
  body.writeUInt32BE(id, 11);
  body.set([0x7f, 0xcf], 15);
  writeTime(body, 17, pts);
  body.set([0, 1, 0, 0], 22);
  body.writeUInt16BE(descriptorBytes, 31);
  return section(0xfc, body);
}

const cueId = (bytes: Buffer): number => bytes.readUInt32BE(14);
export const cueTime = (bytes: Buffer): number => wrapTicks(readTime(bytes, 20) + readTime(bytes, 4));

/** Stream descriptors with an NPT reference behind one of another kind. */
function nptReference(id: number, stc: number): Buffer {
  const body = Buffer.alloc(5 + 4 + 20, 0);
  body.writeUInt16BE(id, 0);
  body.set([0xc1, 0, 0, 0x1a, 2, 7, 7, 1, 18, 0x80], 2);
  writeTime(body, 5 + 4 + 3, stc);
  return section(0x3d, body);
}

const nptTime = (bytes: Buffer): number => readTime(bytes, 15);

export function sectionsOf(packets: readonly Buffer[], pid: number): { section: Buffer; at: number }[] {
  const assembler = new SectionAssembler();
  return packets.flatMap((packet, at) =>
    pidOf(packet, 0) === pid ? assembler.push(packet, 0).map((each) => ({ section: each, at })) : [],
  );
}

export function pesTimes(packets: readonly Buffer[], pid: number): { pts: number; at: number }[] {
  return packets.flatMap((packet, at) => {
    if (pidOf(packet, 0) !== pid || !startsUnit(packet, 0)) return [];
    const pts = parsePesHeader(packet, payloadOffset(packet, 0), PACKET_SIZE)?.pts;
    return pts === undefined ? [] : [{ pts, at }];
  });
}

export function counterErrors(packets: readonly Buffer[], pid: number): number {
  let last: number | undefined;
  let errors = 0;
  for (const packet of packets.filter((each) => pidOf(each, 0) === pid)) {
    const counter = counterOf(packet, 0);
    const expected = last === undefined ? counter : (last + (hasPayload(packet, 0) ? 1 : 0)) & 15;
    if (counter !== expected && !hasDiscontinuityIndicator(packet, 0)) errors++;
    last = counter;
  }
  return errors;
}

/** Near the wrap of the 33 bits, so that times have to wrap on the way. */
const SOURCE_START = 2 ** 33 - 30 * 100;
/** Of a cue, how long before it happens it is sent. */
const CUE_AHEAD = 3 * 90_000;
/** Subtitles are shown a little after they are sent. */
const SUBTITLE_LATE = 900;

/** Not in the first ones: a stream begins with a picture. */
const hasData = (frame: number): boolean => frame > 5 && frame % 5 === 2;

/** A picture and a sound for each frame; each fifth frame everything else as well. */
export class DataCorpus {
  readonly builder = new TsBuilder(STREAMS);
  /** Sections by PID, and the frames that came with data. */
  readonly sections = new Map<number, Buffer[]>(SECTION_PIDS.map((pid) => [pid, []]));
  #frames = 0;

  /** The bytes of the next frame. */
  frame(): Buffer {
    const n = this.#frames++;
    const { builder } = this;
    if (n % 10 === 0) builder.tables();
    const pts = wrapTicks(SOURCE_START + n * FRAME);
    // Each picture of a few seconds has a length of its own, so that none is taken for another one.
    builder.video(pts, pts, n % 10 === 0, 200 + (n % 250)).audio(pts);
    if (hasData(n)) {
      this.#send(CUES, [cue(n, wrapTicks(pts + CUE_AHEAD), n % 10 === 2 ? 0 : 400)]);
      this.#send(EVENTS, [nptReference(n, pts)]);
      this.#send(CAROUSEL, [section(0x3b, Buffer.alloc(1_000, n)), section(0x3c, Buffer.alloc(900, n))]);
      this.#send(AIT, [section(0x74, Buffer.alloc(60, n))]);
      builder
        .data(TELETEXT, 0xbd, pts, Buffer.alloc(300, n))
        .data(SUBTITLES, 0xbd, pts + SUBTITLE_LATE, Buffer.alloc(80, n))
        .data(KLV, 0xfc, pts, Buffer.alloc(40, n));
    }
    return builder.take();
  }

  #send(pid: number, list: Buffer[]): void {
    this.sections.get(pid)?.push(...list);
    this.builder.sections(pid, list);
  }
}

/**
 * What was received holds the data that was sent, from some point to another one: each whole, once, in its place, and with its
 * times on the clock of the pictures.
 *
 * @param splicers what was received has passed
 * @returns how many frames with data it holds
 */
export function expectData(packets: readonly Buffer[], { sections }: DataCorpus, splicers: number): number {
  const pictures = pesTimes(packets, VIDEO_PID);
  const beside = (at: number): number => (pictures.findLast((picture) => picture.at < at) ?? { pts: Number.NaN }).pts;
  // A picture is known to be whole when the next one begins, at each splicer; what waits for nothing is early by so much, and
  // never late.
  const expectPlace = (early: number) => {
    expect(early).toBeGreaterThanOrEqual(0);
    expect(early).toBeLessThanOrEqual(splicers * FRAME);
  };
  const isRun = (received: readonly unknown[], sent: readonly unknown[]) => {
    const from = sent.findIndex((each) => String(each) === String(received[0]));
    expect(received).toEqual(sent.slice(from, from + received.length));
  };
  const cues = sectionsOf(packets, CUES);
  isRun(
    cues.map((each) => cueId(each.section)),
    (sections.get(CUES) ?? []).map(cueId),
  );
  for (const each of cues) expectPlace(wrapTicks(cueTime(each.section) - beside(each.at)) - CUE_AHEAD);
  for (const each of sectionsOf(packets, EVENTS)) expectPlace(wrapTicks(nptTime(each.section) - beside(each.at)));
  for (const pid of [CAROUSEL, AIT]) {
    isRun(
      sectionsOf(packets, pid).map((each) => each.section.toString('hex')),
      (sections.get(pid) ?? []).map((each) => each.toString('hex')),
    );
  }
  for (const pid of PES_PIDS) {
    for (const { pts, at } of pesTimes(packets, pid)) {
      expectPlace(wrapTicks(pts - beside(at)) - (pid === SUBTITLES ? SUBTITLE_LATE : 0));
    }
  }
  for (const pid of [...SECTION_PIDS, ...PES_PIDS]) expect(counterErrors(packets, pid)).toBe(0);
  const counts = [
    cues.length,
    sectionsOf(packets, EVENTS).length,
    sectionsOf(packets, CAROUSEL).length / 2,
    sectionsOf(packets, AIT).length,
    ...PES_PIDS.map((pid) => pesTimes(packets, pid).length),
  ];
  // The first or the last of some kinds may be cut off.
  expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
  return Math.min(...counts);
}
