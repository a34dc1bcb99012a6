/** What a source can make grow has a bound, and what contradicts itself is left out: packets, tables, memory of the past. */

import { describe, expect, it } from 'vitest';
import { Ring } from '../../../../services/proxy/src/feed/ring.ts';
import { SentPictures } from '../../../../services/proxy/src/mpegts/reading/sent-pictures.ts';
import type { Track, Unit } from '../../../../services/proxy/src/mpegts/reading/units.ts';
import { type InputItem, ReorderHold } from '../../../../services/proxy/src/mpegts/splicing/reorder-hold.ts';
import { isDamaged, stripPcr } from '../../../../services/proxy/src/mpegts/syntax/packet.ts';
import { Packetizer } from '../../../../services/proxy/src/mpegts/syntax/packetizer.ts';
import {
  buildPat,
  buildPmt,
  crc32,
  MAX_PROGRAMS,
  MAX_TRACKS,
  type ProgramStream,
  parsePat,
  parsePmt,
} from '../../../../services/proxy/src/mpegts/syntax/psi.ts';

const NO_DESCRIPTORS = Buffer.alloc(0);

function packet(...head: number[]): Buffer {
  const bytes = Buffer.alloc(188, 0xff);
  bytes.set([0x47, ...head]);
  return bytes;
}

describe('a packet', () => {
  it('is damaged when its adaptation field is longer than it, or has the reserved control value', () => {
    expect(isDamaged(packet(0x01, 0x00, 0x30, 184, 0x10), 0)).toBe(true);
    expect(isDamaged(packet(0x01, 0x00, 0x00), 0)).toBe(true);
    expect(isDamaged(packet(0x01, 0x00, 0x20, 183, 0x00), 0)).toBe(false);
    expect(isDamaged(packet(0x01, 0x00, 0x10), 0)).toBe(false);
  });

  it('keeps its neighbour whole when its clock is taken out', () => {
    const two = Buffer.concat([packet(0x01, 0x00, 0x30, 255, 0x10), packet(0x01, 0x00, 0x10, 1, 2, 3)]);
    const behind = Buffer.from(two.subarray(188));
    stripPcr(two, 0);
    expect(two.subarray(188)).toEqual(behind);
  });

  it('needs its sync byte also where it spans two chunks', () => {
    const packetizer = new Packetizer();
    const seen: number[] = [];
    const note = (bytes: Buffer, offset: number) => seen.push(bytes[offset] as number);
    const good = packet(0x01, 0x00, 0x10);
    const bad = packet(0x01, 0x00, 0x10);
    bad[0] = 0x46;
    const all = Buffer.concat([good, good, bad, good, good]);
    packetizer.push(all.subarray(0, 438), note);
    packetizer.push(all.subarray(438), note);
    expect(seen).toEqual([0x47, 0x47, 0x47, 0x47]);
  });
});

describe('tables', () => {
  const stream = (pid: number): ProgramStream => ({ pid, type: 0x0f, descriptors: NO_DESCRIPTORS });
  const map = (streams: ProgramStream[]) => ({ programNumber: 1, pcrPid: 0x100, descriptors: NO_DESCRIPTORS, streams });

  it('are read up to a number of programmes and tracks', () => {
    const pat = Buffer.alloc(8 + 4 * 250 + 4);
    buildPat(1, 0x1000, 0).copy(pat, 0, 0, 8);
    pat.writeUInt16BE(0xb000 | (pat.length - 3), 1);
    for (let n = 0; n < 250; n++) pat.writeUInt16BE(n + 1, 8 + 4 * n);
    expect(parsePat(pat)).toHaveLength(MAX_PROGRAMS);
    const many = buildPmt(map(Array.from({ length: 190 }, (_, n) => stream(0x100 + n))), 0);
    expect(parsePmt(many)?.streams).toHaveLength(MAX_TRACKS);
  });

  it('do not give a track the PID of a table, of stuffing, or of another track', () => {
    const pids = [0, 0x11, 0x1fff, 0x100, 0x101, 0x100];
    expect(parsePmt(buildPmt(map(pids.map(stream)), 0))?.streams.map(({ pid }) => pid)).toEqual([0x100, 0x101]);
  });

  it('are written in a legal size, whatever was read', () => {
    const streams = Array.from({ length: MAX_TRACKS }, (_, n) => ({
      ...stream(0x100 + n),
      descriptors: Buffer.alloc(100, n),
    }));
    const section = buildPmt({ ...map(streams), descriptors: Buffer.alloc(900) }, 0);
    expect(section.length).toBeLessThanOrEqual(1024);
    expect(crc32(section)).toBe(0);
    expect(parsePmt(section)?.streams.map(({ pid }) => pid)).toEqual(streams.map(({ pid }) => pid));
  });
});

describe('memory of what was sent', () => {
  const track: Track = {
    pid: 0x100,
    kind: 'audio',
    codec: 'unknown',
    type: 0x0f,
    language: undefined,
    narrated: false,
    decodable: true,
  };
  const unit = (dts: number, content: number): Unit => {
    const bytes = packet(0x41, 0x00, 0x10);
    bytes.writeUInt32BE(content, 100);
    return {
      track,
      packets: [{ bytes, offset: 0 }],
      pts: dts,
      dts,
      ptsOffset: undefined,
      dtsOffset: undefined,
      keyframe: true,
      closed: true,
      gap: false,
      dataBytes: 0,
      arrivedMs: 0,
      position: 0,
    };
  };

  it('forgets the oldest pictures when time hardly moves', () => {
    const sent = new SentPictures();
    for (let n = 0; n < 5_000; n++) sent.add({ dts: n, content: n }, 0);
    expect(sent.knows(0)).toBe(false);
    expect(sent.timeOf(4_999)).toBe(4_999);
    expect(sent.has(4_999, 4_999)).toBe(true);
    expect(sent.after(0).length).toBe(1_024);
    for (let n = 0; n < 3; n++) sent.add({ dts: 5_000 + n, content: 7 }, 0);
    expect(sent.timeOf(7)).toBe(undefined);
  });

  it('hashes no more pictures than people can see, however many a source sends', () => {
    const sent = new SentPictures();
    const taken = (seconds: number) =>
      Array.from({ length: 100_000 }, (_, n) => sent.takes((n * seconds) / 100)).filter(Boolean).length;
    expect(taken(10)).toBeLessThan(1_024 + 10 * 130);
    expect(Array.from({ length: 3_000 }, (_, n) => sent.takes(10_000 + (n * 1000) / 60)).every(Boolean)).toBe(true);
  });

  it('holds no more than a second of a fast input back, whatever its pictures say', () => {
    let released = 0;
    const hold = new ReorderHold(() => released++);
    hold.begin(true);
    const video: Track = { ...track, kind: 'video', type: 0x1b };
    const item = (each: Unit): InputItem => ({ kind: 'unit', unit: each });
    hold.add(item({ ...unit(0, 0), track: video, pts: 90_000 }), 0, true);
    for (let n = 0; n < 100_000; n++) hold.add(item(unit(n, n)), 0, true);
    expect(100_001 - released).toBeLessThan(50_000);
  });

  it('counts the prefixes of entry points as memory of the ring, and keeps the newest', () => {
    const maxBytes = 8 * 1024 * 1024;
    const ring = new Ring({ retainMs: 10_000, joinBufferMs: 2_000, maxBytes });
    const bytes = Buffer.alloc(188, 0x47);
    for (let n = 0; n < 20_000; n++) {
      ring.mark(Buffer.alloc(12_000, n), n / 90);
      ring.append(bytes, 0, 188);
    }
    const prefixes = ring.entries.reduce((sum, { prefix }) => sum + prefix.length, 0);
    expect(prefixes).toBeLessThan(maxBytes / 8);
    expect(ring.heldBytes).toBeGreaterThan(prefixes);
    expect(ring.heldBytes).toBeLessThan(maxBytes);
    expect(ring.newestEntry()?.position).toBe(ring.head - 188);
    expect(ring.joinEntry()).toBeDefined();
  });
});
