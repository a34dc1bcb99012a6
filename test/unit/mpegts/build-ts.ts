/** Writes small transport streams by hand, for tests that need exact packets. */

import {
  buildPat,
  buildPmt,
  crc32,
  type ProgramStream,
  packetizeSection,
} from '../../../services/proxy/src/mpegts/syntax/psi.ts';
import { writeTimestamp } from '../../../services/proxy/src/mpegts/syntax/timestamp.ts';

export const VIDEO_PID = 0x100;
export const AUDIO_PID = 0x101;
const PMT_PID = 0x1000;

export const H264_AND_AAC: ProgramStream[] = [
  { pid: VIDEO_PID, type: 0x1b, descriptors: Buffer.alloc(0) },
  { pid: AUDIO_PID, type: 0x0f, descriptors: Buffer.alloc(0) },
];

const IDR = Buffer.from([0, 0, 0, 1, 0x09, 0xf0, 0, 0, 0, 1, 0x67, 0x42, 0, 0, 0, 1, 0x65, 0x88]);
const NON_IDR = Buffer.from([0, 0, 0, 1, 0x09, 0xf0, 0, 0, 0, 1, 0x41, 0x9a]);

export class TsBuilder {
  readonly #counters = new Map<number, number>();
  readonly #streams: ProgramStream[];
  readonly #parts: Buffer[] = [];

  constructor(streams: ProgramStream[] = H264_AND_AAC) {
    this.#streams = streams;
  }

  /** Everything written since the last call. */
  take(): Buffer {
    return Buffer.concat(this.#parts.splice(0));
  }

  tables(): this {
    const map = {
      programNumber: 1,
      pcrPid: this.#streams[0]?.pid ?? 0x1fff,
      descriptors: Buffer.alloc(0),
      streams: this.#streams,
    };
    this.#parts.push(packetizeSection(buildPat(1, PMT_PID, 0), 0, this.#next(0)));
    this.#parts.push(packetizeSection(buildPmt(map, 0), PMT_PID, this.#next(PMT_PID)));
    return this;
  }

  /** A PAT of several programmes. */
  association(programs: readonly (readonly [number: number, pmtPid: number])[]): this {
    const section = Buffer.alloc(12 + programs.length * 4);
    section.set([0, 0xb0, section.length - 3, 0, 1, 0xc1]);
    for (const [index, [number, pid]] of programs.entries()) {
      section.writeUInt16BE(number, 8 + index * 4);
      section.writeUInt16BE(0xe000 | pid, 10 + index * 4);
    }
    section.writeUInt32BE(crc32(section.subarray(0, -4)), section.length - 4);
    this.#parts.push(packetizeSection(section, 0, this.#next(0)));
    return this;
  }

  /** A PMT of its own. */
  map(programNumber: number, pmtPid: number, streams: ProgramStream[], version = 0, pcrPid = streams[0]?.pid): this {
    const map = { programNumber, pcrPid: pcrPid ?? 0x1fff, descriptors: Buffer.alloc(0), streams };
    this.#parts.push(packetizeSection(buildPmt(map, version), pmtPid, this.#next(pmtPid)));
    return this;
  }

  /** A video access unit of one packet, or of `bytes` more. */
  video(pts: number, dts: number, keyframe: boolean, bytes = 0, pid = VIDEO_PID): this {
    return this.#pes(pid, 0xe0, pts, dts, Buffer.concat([keyframe ? IDR : NON_IDR, Buffer.alloc(bytes, 0xaa)]), false);
  }

  /** A video access unit of a packet at least, with a number in its first packet: 32 bits at byte 50. */
  numbered(pts: number, keyframe: boolean, number: number, bytes: number): this {
    const head = keyframe ? IDR : NON_IDR;
    const data = Buffer.alloc(Math.max(bytes, 165), 0xaa);
    data.set(head);
    // Behind the packet's header of 4 bytes and the unit's of 19.
    data.writeUInt32BE(number, 50 - 23);
    return this.#pes(VIDEO_PID, 0xe0, pts, pts, data, false);
  }

  /** One PES of `frames` ADTS frames at 48 kHz. */
  adts(pts: number, frames: number): this {
    const frame = Buffer.alloc(60, 0x55);
    frame.set([0xff, 0xf1, 0x4c, 0x80, 60 >> 3, ((60 & 7) << 5) | 0x1f, 0xfc]);
    return this.#pes(AUDIO_PID, 0xc0, pts, pts, Buffer.concat(Array<Buffer>(frames).fill(frame)), true);
  }

  audio(pts: number, pid = AUDIO_PID): this {
    return this.#pes(pid, 0xc0, pts, pts, Buffer.alloc(100, 0x55), true);
  }

  /** One PES of private data (teletext, subtitles, metadata); without `pts` it has no time. */
  data(pid: number, streamId: number, pts: number | undefined, data: Buffer): this {
    return this.#pes(pid, streamId, pts, pts, data, true);
  }

  /** Sections back to back, as a multiplexer packs them: one may begin where another ends. */
  sections(pid: number, sections: readonly Buffer[]): this {
    const starts = [0];
    for (const { length } of sections) starts.push((starts.at(-1) as number) + length);
    const payload = Buffer.concat(sections);
    for (let at = 0; at < payload.length; ) {
      const next = starts.find((start) => start >= at && start < Math.min(payload.length, at + 183));
      const packet = Buffer.alloc(188, 0xff);
      packet.set([0x47, (next === undefined ? 0 : 0x40) | (pid >> 8), pid & 0xff, 0x10 | this.#next(pid)]);
      if (next !== undefined) packet[4] = next - at;
      const head = next === undefined ? 4 : 5;
      at += payload.copy(packet, head, at, at + 188 - head);
      this.#parts.push(packet);
    }
    return this;
  }

  /** Leaves out `count` counter values of a PID, as if packets had been lost. */
  lose(pid: number, count: number): this {
    for (let n = 0; n < count; n++) this.#next(pid);
    return this;
  }

  #next(pid: number): number {
    const counter = ((this.#counters.get(pid) ?? 15) + 1) & 15;
    this.#counters.set(pid, counter);
    return counter;
  }

  #pes(
    pid: number,
    streamId: number,
    pts: number | undefined,
    dts: number | undefined,
    data: Buffer,
    sized: boolean,
  ): this {
    const header = Buffer.alloc(pts === undefined || dts === undefined ? 9 : 19);
    header.set([0, 0, 1, streamId]);
    header.writeUInt16BE(sized ? header.length - 6 + data.length : 0, 4);
    header[6] = 0x80;
    if (pts !== undefined && dts !== undefined) {
      header.set([0xc0, 10, 0x31], 7);
      header[14] = 0x11;
      writeTimestamp(header, 9, pts);
      writeTimestamp(header, 14, dts);
    }
    const payload = Buffer.concat([header, data]);
    for (let at = 0; at < payload.length; at += 184) {
      const part = payload.subarray(at, at + 184);
      const packet = Buffer.alloc(188, 0xff);
      const stuffing = 184 - part.length;
      packet.set([
        0x47,
        (at === 0 ? 0x40 : 0) | (pid >> 8),
        pid & 0xff,
        (stuffing > 0 ? 0x30 : 0x10) | this.#next(pid),
      ]);
      if (stuffing > 0) packet[4] = stuffing - 1;
      if (stuffing > 1) packet[5] = 0;
      part.copy(packet, 188 - part.length);
      this.#parts.push(packet);
    }
    return this;
  }
}
