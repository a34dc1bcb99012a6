/**
 * Transport streams that no encoder makes: damaged real ones, and invented tables, units and clocks. For the code that reads a
 * provider's stream. All from a seed.
 */
import {
  buildPat,
  buildPmt,
  type ProgramStream,
  packetizeSection,
} from '../../../services/proxy/src/mpegts/syntax/psi.ts';
import { writeTimestamp } from '../../../services/proxy/src/mpegts/syntax/timestamp.ts';
import { pick } from '../seed.ts';

type Random = () => number;
/** The next chunk, as a socket might deliver it. */
export type HostileSource = () => Buffer;

const PACKET_BYTES = 188;
const CHUNK_PACKETS = 348;
const PMT_PID = 0x1000;
const VIDEO_TYPES = [0x01, 0x02, 0x10, 0x1b, 0x24, 0x42];
const AUDIO_TYPES = [0x03, 0x04, 0x0f, 0x11, 0x81, 0x87];
const DATA_TYPES = [0x05, 0x06, 0x0b, 0x0c, 0x15, 0x86, 0x90];

const below = (random: Random, limit: number): number => Math.floor(random() * limit);

/** A chunk of packets, each from `next`, with some stuffing among them. */
function chunkOf(random: Random, stuffing: number, next: () => Buffer): Buffer {
  const chunk = Buffer.allocUnsafeSlow(CHUNK_PACKETS * PACKET_BYTES);
  for (let at = 0; at < chunk.length; ) {
    const packets = random() < stuffing ? packet(0x1fff, 0x10) : next();
    at += packets.copy(chunk, at, 0, Math.min(packets.length, chunk.length - at));
  }
  return chunk;
}

function packet(pid: number, control: number, ...head: number[]): Buffer {
  const bytes = Buffer.alloc(PACKET_BYTES, 0xff);
  bytes.set([0x47, pid >> 8, pid & 0xff, control, ...head]);
  return bytes;
}

const START_OF = {
  video: [0, 0, 0, 1, 0x09, 0xf0, 0, 0, 0, 1, 0x67, 0x42, 0, 0, 0, 1, 0x65, 0x88],
  audio: [0xff, 0xf1, 0x4c, 0x80, 0x10, 0x1f, 0xfc],
} as const;

/** The first packet of a PES unit; a keyframe for H.264. */
function unitStart(pid: number, counter: number, kind: keyof typeof START_OF, ticks: number, length: number): Buffer {
  const bytes = packet(pid, 0x10 | (counter & 15), 0, 0, 1, kind === 'video' ? 0xe0 : 0xc0);
  bytes[1] = 0x40 | (pid >> 8);
  bytes.writeUInt16BE(length, 8);
  bytes.set([0x80, 0xc0, 10, 0x31], 10);
  bytes[18] = 0x11;
  writeTimestamp(bytes, 13, ticks);
  writeTimestamp(bytes, 18, ticks);
  bytes.set(START_OF[kind], 23);
  return bytes;
}

/** Programmes with many tracks of any type, announced anew all the time. */
class Tables {
  readonly #random: Random;
  readonly #counters = new Map<number, number>();
  streams: ProgramStream[] = [];

  constructor(random: Random) {
    this.#random = random;
  }

  next(pid: number): number {
    const counter = ((this.#counters.get(pid) ?? 0) + 1) & 15;
    this.#counters.set(pid, counter);
    return counter;
  }

  shuffle(tracks: number): void {
    const random = this.#random;
    this.streams = Array.from({ length: tracks }, () => ({
      pid: random() < 0.05 ? below(random, 0x2000) : 0x100 + below(random, tracks * 2),
      type: pick(random, pick(random, [VIDEO_TYPES, AUDIO_TYPES, DATA_TYPES])),
      descriptors: Buffer.from(Array.from({ length: below(random, 6) }, () => below(random, 256))),
    }));
    this.streams.push({ pid: 0x20, type: 0x1b, descriptors: Buffer.alloc(0) });
  }

  write(programs = 1): Buffer {
    const parts: Buffer[] = [];
    const association = Buffer.alloc(8 + 4 * programs);
    for (let n = 0; n < programs; n++) association.writeUInt32BE(((n + 1) << 16) | 0xe000 | (PMT_PID + n), 8 + 4 * n);
    const pat = programs === 1 ? buildPat(1, PMT_PID, 0) : sealed(0x00, 1, association);
    parts.push(packetizeSection(pat, 0, this.next(0)));
    for (let n = 0; n < Math.min(programs, 8); n++) {
      const map = { programNumber: n + 1, pcrPid: 0x20, descriptors: Buffer.alloc(0), streams: this.streams };
      parts.push(packetizeSection(buildPmt(map, below(this.#random, 32)), PMT_PID + n, this.next(PMT_PID + n)));
    }
    return Buffer.concat(parts);
  }
}

/** A long section with any content and a valid CRC; its head is given. */
function sealed(tableId: number, extension: number, withHead: Buffer): Buffer {
  const { length } = withHead;
  const map = { programNumber: extension, pcrPid: 0x1fff, descriptors: Buffer.alloc(0), streams: [] };
  const head = buildPmt(map, 0).subarray(0, 8);
  head.copy(withHead, 0);
  withHead[0] = tableId;
  withHead.writeUInt16BE(0xb000 | (length + 4 - 3), 1);
  const crc = Buffer.alloc(4);
  crc.writeUInt32BE(crcOf(withHead));
  return Buffer.concat([withHead, crc]);
}

function crcOf(bytes: Buffer): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte << 24;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x80000000 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
  }
  return crc >>> 0;
}

/** Each overloads a reader in one way. `real` is a transport stream from an encoder. */
export const HOSTILE: Readonly<Record<string, (random: Random, real: Buffer) => HostileSource>> = {
  'a real stream, damaged': (random, real) => {
    let at = 0;
    const rate = 10 ** -(1 + below(random, 4));
    return () => {
      const size = Math.min(1 + below(random, 70_000), real.length - at);
      const chunk = Buffer.from(real.subarray(at, at + size));
      at = (at + size) % real.length;
      for (let n = 0; n < chunk.length * rate; n++) chunk[below(random, chunk.length)] = below(random, 256);
      const cut = below(random, chunk.length);
      return random() < 0.2 ? Buffer.concat([chunk.subarray(0, cut), chunk.subarray(cut + below(random, 400))]) : chunk;
    };
  },
  'a real stream whose packets change places and heads': (random, real) => {
    const packets = Math.floor(real.length / PACKET_BYTES);
    const recent: Buffer[] = [];
    let at = 0;
    return () =>
      chunkOf(random, 0.05, () => {
        const bytes = Buffer.from(real.subarray(at * PACKET_BYTES, (at + 1) * PACKET_BYTES));
        at = (at + 1) % packets;
        if (random() < 0.02) bytes[1 + below(random, 12)] = below(random, 256);
        if (random() < 0.02) bytes.set([0x30, below(random, 256), 0xff], 3);
        recent.push(bytes);
        if (recent.length > 50) recent.shift();
        return random() < 0.02 ? pick(random, recent) : bytes;
      });
  },
  'ever new tables': (random) => {
    const tables = new Tables(random);
    const tracks = 1 + below(random, 150);
    let ticks = 0;
    return () =>
      chunkOf(random, 0, () => {
        if (random() < 0.3) tables.shuffle(tracks);
        if (random() < 0.5) return tables.write(random() < 0.1 ? 200 : 1);
        ticks += 3_600;
        const pid = tables.streams.length === 0 ? 0x20 : pick(random, tables.streams).pid;
        return unitStart(pid, tables.next(pid), pick(random, ['video', 'audio']), ticks, 0);
      });
  },
  'a keyframe for each packet': (random) => {
    const tables = new Tables(random);
    tables.shuffle(40);
    const step = pick(random, [0, 1, 90, 3_600, -3_600, 900_000]);
    let ticks = 0;
    return () =>
      chunkOf(random, 0, () => {
        if (random() < 0.01) return tables.write();
        ticks += step;
        return unitStart(0x20, tables.next(0x20), 'video', ticks, 0);
      });
  },
  'units that never end, a packet in each chunk': (random) => {
    const tables = new Tables(random);
    tables.shuffle(60);
    const begun = new Set<number>();
    return () => {
      const few = Array.from({ length: 1 + below(random, 60) }, () => pick(random, tables.streams).pid);
      const queue = [
        tables.write(),
        ...few.map((pid) => {
          if (begun.has(pid)) return packet(pid, 0x10 | tables.next(pid));
          begun.add(pid);
          return unitStart(pid, tables.next(pid), 'video', 90_000, 0);
        }),
      ];
      return chunkOf(random, 0, () => queue.shift() ?? packet(0x1fff, 0x10));
    };
  },
  'units that grow without payload': (random) => {
    const tables = new Tables(random);
    tables.shuffle(20);
    const first = [tables.write(), unitStart(0x20, 0, 'video', 90_000, 0)];
    return () =>
      chunkOf(
        random,
        0,
        () => first.shift() ?? packet(0x20, 0x20, 183, 0x10, ...Array.from({ length: 6 }, () => below(random, 256))),
      );
  },
  'sound behind one picture of the far future': (random) => {
    const tables = new Tables(random);
    tables.streams = [
      { pid: 0x20, type: 0x1b, descriptors: Buffer.alloc(0) },
      { pid: 0x21, type: 0x0f, descriptors: Buffer.alloc(0) },
    ];
    let ticks = 0;
    return () =>
      chunkOf(random, 0, () => {
        if (random() < 0.01) return tables.write();
        ticks += below(random, 3);
        return random() < 0.001
          ? unitStart(0x20, tables.next(0x20), 'video', ticks + below(random, 2 ** 33), 0)
          : unitStart(0x21, tables.next(0x21), 'audio', ticks, 170);
      });
  },
  'sections of any length': (random) => {
    const tables = new Tables(random);
    tables.shuffle(30);
    return () =>
      chunkOf(random, 0.1, () => {
        if (random() < 0.02) return tables.write();
        const pid = random() < 0.3 ? PMT_PID : pick(random, tables.streams).pid;
        const bytes = packet(pid, 0x10 | tables.next(pid), below(random, 190));
        if (random() < 0.5) bytes[1] = (bytes[1] as number) | 0x40;
        for (let at = 5; at < PACKET_BYTES; at += 1 + below(random, 8))
          bytes[at] = below(random, random() < 0.5 ? 4 : 256);
        return bytes;
      });
  },
  noise: (random) => () => Buffer.from(Array.from({ length: below(random, 65_536) }, () => below(random, 256))),
};
