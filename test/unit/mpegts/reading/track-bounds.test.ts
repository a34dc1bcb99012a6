/** What waits in memory, and what is searched, has a bound whatever a source sends. */

import { describe, expect, it } from 'vitest';
import { ProgramReader } from '../../../../services/proxy/src/mpegts/reading/program-reader.ts';
import type { Unit } from '../../../../services/proxy/src/mpegts/reading/units.ts';
import { Splicer } from '../../../../services/proxy/src/mpegts/splicing/splicer.ts';
import { PACKET_SIZE, pidOf } from '../../../../services/proxy/src/mpegts/syntax/packet.ts';
import { freePid, type ProgramStream } from '../../../../services/proxy/src/mpegts/syntax/psi.ts';
import { H264_AND_AAC, TsBuilder, VIDEO_PID } from '../build-ts.ts';

const FRAME = 3_600;
/** As a socket delivers it. */
const CHUNK_BYTES = 65_536;
const MIB = 1024 * 1024;

/** A chunk of stuffing with some packets in it. */
function chunkWith(packets: readonly Buffer[]): Buffer {
  const count = Math.floor(CHUNK_BYTES / PACKET_SIZE);
  const chunk = Buffer.allocUnsafeSlow(count * PACKET_SIZE);
  for (let n = 0; n < count; n++) {
    const stuffing = Buffer.alloc(PACKET_SIZE, 0xff);
    stuffing.set([0x47, 0x1f, 0xff, 0x10]);
    (packets[n] ?? stuffing).copy(chunk, n * PACKET_SIZE);
  }
  return chunk;
}

function packet(pid: number, ...head: number[]): Buffer {
  const bytes = Buffer.alloc(PACKET_SIZE, 0xff);
  bytes.set([0x47, pid >> 8, pid & 0xff, ...head]);
  return bytes;
}

/** Units whose end has not come yet: a reader keeps their packets, and what else those keep in memory. */
function lastUnits(write: (reader: ProgramReader) => void, pids: readonly number[]): Unit[] {
  const units: Unit[] = [];
  const reader = new ProgramReader({
    program: () => undefined,
    unit: (unit) => units.push(unit),
    clock: () => undefined,
  });
  write(reader);
  const before = units.length;
  reader.flush();
  return units.slice(before).filter(({ track }) => pids.includes(track.pid));
}

function keptBytes(units: readonly Unit[]): number {
  const kept = new Set(units.flatMap(({ packets }) => packets.map(({ bytes }) => bytes.buffer)));
  return [...kept].reduce((sum, { byteLength }) => sum + byteLength, 0);
}

describe('ProgramReader', () => {
  it('keeps no whole chunk for a packet of it', () => {
    const start = new TsBuilder().tables().video(0, 0, true, 400).take();
    const units = lastUnits(
      (reader) => {
        reader.push(Buffer.from(start), 0);
        for (let n = 0; n < 1_000; n++) reader.push(chunkWith([packet(VIDEO_PID, 0x10 | ((n + 3) & 15))]), n);
      },
      [VIDEO_PID],
    );
    const packets = units.flatMap((unit) => unit.packets).length;
    expect(packets).toBeGreaterThan(1_000);
    expect(keptBytes(units)).toBeLessThan(2 * packets * PACKET_SIZE + CHUNK_BYTES);
  });

  it('ends a unit that grows without payload', () => {
    const units = lastUnits(
      (reader) => {
        reader.push(new TsBuilder().tables().video(0, 0, true, 400).take(), 0);
        const empty = chunkWith(Array<Buffer>(348).fill(packet(VIDEO_PID, 0x20, 183, 0)));
        for (let n = 0; n < 200; n++) reader.push(Buffer.from(empty), n);
      },
      [VIDEO_PID],
    );
    expect(units).toEqual([]);
  });

  it('counts what all tracks keep together', () => {
    const streams = Array.from(
      { length: 40 },
      (_, n): ProgramStream => ({
        pid: 0x100 + n,
        type: 0x1b,
        descriptors: Buffer.alloc(0),
      }),
    );
    const pids = streams.map(({ pid }) => pid);
    const units = lastUnits((reader) => {
      const builder = new TsBuilder(streams).tables();
      for (const pid of pids) builder.video(0, 0, true, 1_000, pid);
      reader.push(builder.take(), 0);
      // 3 MB for each of 20 tracks, which is below what one unit may have.
      for (let n = 0; n < 46; n++) {
        for (const pid of pids) {
          reader.push(chunkWith(Array.from({ length: 348 }, () => packet(pid, 0x10))), n);
        }
      }
    }, pids);
    expect(keptBytes(units)).toBeLessThan(24 * MIB);
  });
});

describe('a programme', () => {
  function splice() {
    const seen = { changes: 0, prefix: Buffer.alloc(0) as Buffer, pids: new Set<number>(), entries: 0 };
    const splicer = new Splicer(
      {
        packets: (bytes, start, end) => {
          for (let at = start; at < end; at += 188) seen.pids.add(pidOf(bytes, at));
        },
        progress: () => undefined,
        continuation: () => undefined,
        programChanged: () => seen.changes++,
        randomAccess: ({ prefix }) => {
          seen.prefix = prefix;
          seen.entries++;
        },
      },
      { holdReordered: false, firstDts: undefined },
    );
    splicer.beginInput({ kind: 'source' });
    return { splicer, seen };
  }

  it('finds a PID for ever new tracks, and remembers no more of them than it can', () => {
    const { splicer, seen } = splice();
    for (let n = 0; n < 300; n++) {
      const streams = Array.from(
        { length: 60 },
        (_, index): ProgramStream => ({
          pid: 0x100 + index,
          // Types that are pictures or sound, and others: a place is for one type only.
          type: (n * 61 + index) & 0xff,
          descriptors: Buffer.alloc(0),
        }),
      );
      const video = { pid: 0x200, type: 0x1b, descriptors: Buffer.alloc(0) };
      const builder = new TsBuilder([video, ...streams]).tables();
      splicer.push(builder.video(n * FRAME * 125, n * FRAME * 125, true, 100, 0x200).take(), n * 5_000);
    }
    expect(seen.changes).toBeGreaterThan(100);
    expect(seen.pids.size).toBeLessThan(140);
    expect(seen.prefix.length).toBeLessThan(80 * PACKET_SIZE);
  });

  it('changes only so often, and comes to rest as the tables do', () => {
    const { splicer, seen } = splice();
    const [video, audio] = H264_AND_AAC as [ProgramStream, ProgramStream];
    const shapes = [[video], [video, audio]];
    let at = 0;
    const send = (streams: ProgramStream[]) => {
      splicer.push(
        new TsBuilder(streams)
          .tables()
          .video(at * FRAME, at * FRAME, true)
          .take(),
        at * 40,
      );
      at++;
    };
    for (let n = 0; n < 500; n++) send(shapes[n % 2] as ProgramStream[]);
    expect(seen.changes).toBeLessThan(16);
    for (let n = 0; n < 200; n++) send([video]);
    const before = seen.changes;
    for (let n = 0; n < 200; n++) send([video]);
    expect(seen.changes).toBe(before);
  });

  it('is entered at one picture in 10 ms at the most', () => {
    const { splicer, seen } = splice();
    const builder = new TsBuilder().tables();
    for (let n = 0; n < 10_000; n++) builder.video(n, n, true);
    splicer.push(builder.take(), 0);
    expect(seen.entries).toBeGreaterThan(5);
    expect(seen.entries).toBeLessThan(20);
  });

  it('has no PID left when all are taken, and says so', () => {
    expect(freePid(0x1ffe, (pid) => pid !== 0x50)).toBe(0x50);
    expect(() => freePid(0x100, () => true)).toThrow('more tracks than there are PIDs');
  });
});
