/**
 * What is neither picture nor sound passes through a source feed, a process feed and a relay: whole, at once, in its place, and
 * with the times it names where the pictures are.
 */

import { describe, expect, it } from 'vitest';
import { movedSection } from '../../../services/proxy/src/mpegts/clock-sections.ts';
import { classifyStream } from '../../../services/proxy/src/mpegts/elementary.ts';
import {
  counterOf,
  hasDiscontinuityIndicator,
  hasPayload,
  PACKET_SIZE,
  payloadOffset,
  pidOf,
  startsUnit,
} from '../../../services/proxy/src/mpegts/packet.ts';
import { parsePesHeader } from '../../../services/proxy/src/mpegts/pes.ts';
import { crc32, type ProgramStream, SectionAssembler } from '../../../services/proxy/src/mpegts/psi.ts';
import { type InputKind, Splicer, type SplicerOptions } from '../../../services/proxy/src/mpegts/splicer.ts';
import type { InputClock } from '../../../services/proxy/src/mpegts/timeline.ts';
import { wrapTicks } from '../../../services/proxy/src/mpegts/timestamp.ts';
import { TrackSurvey } from '../../../services/proxy/src/mpegts/track-survey.ts';
import { H264_AND_AAC, TsBuilder, VIDEO_PID } from './build-ts.ts';

const FRAME = 3_600;
const [CUES, EVENTS, CAROUSEL, AIT, TELETEXT, SUBTITLES, KLV] = [0x110, 0x111, 0x112, 0x113, 0x114, 0x115, 0x116];
const SECTION_PIDS = [CUES, EVENTS, CAROUSEL, AIT];
const PES_PIDS = [TELETEXT, SUBTITLES, KLV];

const stream = (pid: number, type: number, ...descriptors: number[]): ProgramStream => ({
  pid,
  type,
  descriptors: Buffer.from(descriptors),
});
const STREAMS = [
  ...H264_AND_AAC,
  stream(CUES, 0x86, 0x8a, 1, 1),
  stream(EVENTS, 0x0c),
  stream(CAROUSEL, 0x0b),
  stream(AIT, 0x05, 0x6f, 0),
  stream(TELETEXT, 0x06, 0x56, 5, 0x64, 0x65, 0x75, 0x09, 0x00),
  stream(SUBTITLES, 0x06, 0x59, 8, 0x64, 0x65, 0x75, 0x10, 0, 1, 0, 1),
  stream(KLV, 0x06, 0x05, 4, 0x4b, 0x4c, 0x56, 0x41),
];

function section(tableId: number, body: Buffer): Buffer {
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
function cue(id: number, pts: number, descriptorBytes: number): Buffer {
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
const cueTime = (bytes: Buffer): number => wrapTicks(readTime(bytes, 20) + readTime(bytes, 4));

/** Stream descriptors with an NPT reference behind one of another kind. */
function nptReference(id: number, stc: number): Buffer {
  const body = Buffer.alloc(5 + 4 + 20, 0);
  body.writeUInt16BE(id, 0);
  body.set([0xc1, 0, 0, 0x1a, 2, 7, 7, 1, 18, 0x80], 2);
  writeTime(body, 5 + 4 + 3, stc);
  return section(0x3d, body);
}

const nptTime = (bytes: Buffer): number => readTime(bytes, 15);

interface Output {
  readonly packets: Buffer[];
  readonly splicer: Splicer;
}

function stage(options: SplicerOptions, clock: InputClock, kind: InputKind, next?: (bytes: Buffer) => void): Output {
  const packets: Buffer[] = [];
  const splicer = new Splicer(
    {
      packets: (bytes, start, end) => {
        for (let at = start; at < end; at += PACKET_SIZE) {
          const packet = Buffer.from(bytes.subarray(at, at + PACKET_SIZE));
          packets.push(packet);
          next?.(Buffer.from(packet));
        }
      },
      progress: () => undefined,
      programChanged: () => undefined,
      randomAccess: () => undefined,
    },
    options,
  );
  splicer.beginInput(clock, kind);
  return { packets, splicer };
}

/** What comes out of a chain of splicers as the worker has it. */
const CHAINS = ['source feed', 'process feed', 'relay'] as const;
type Chain = (typeof CHAINS)[number];

function chain(through: Chain): { first: Splicer; last: Output; push: (bytes: Buffer, nowMs: number) => void } {
  let nowMs = 0;
  const own = { holdReordered: true, firstDts: undefined };
  const relay = stage(own, 'aligned', { repaired: true, grouped: true });
  const process = stage(own, 'rebase', { midPicture: true, repaired: true }, (bytes) =>
    relay.splicer.push(bytes, nowMs),
  );
  const source = stage({ holdReordered: false, firstDts: 900_000, survey: new TrackSurvey() }, 'rebase', {}, (bytes) =>
    process.splicer.push(bytes, nowMs),
  );
  return {
    first: source.splicer,
    last: { 'source feed': source, 'process feed': process, relay }[through],
    push: (bytes, atMs) => {
      nowMs = atMs;
      source.splicer.push(bytes, atMs);
      // A relay says with its media that its units are whole.
      relay.splicer.flush();
    },
  };
}

function sectionsOf(packets: readonly Buffer[], pid: number): { section: Buffer; at: number }[] {
  const assembler = new SectionAssembler();
  return packets.flatMap((packet, at) =>
    pidOf(packet, 0) === pid ? assembler.push(packet, 0).map((each) => ({ section: each, at })) : [],
  );
}

function pesTimes(packets: readonly Buffer[], pid: number): { pts: number; at: number }[] {
  return packets.flatMap((packet, at) => {
    if (pidOf(packet, 0) !== pid || !startsUnit(packet, 0)) return [];
    const pts = parsePesHeader(packet, payloadOffset(packet, 0), PACKET_SIZE)?.pts;
    return pts === undefined ? [] : [{ pts, at }];
  });
}

function counterErrors(packets: readonly Buffer[], pid: number): number {
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

const FRAMES = 100;
/** Near the wrap of the 33 bits, so that times have to wrap on the way. */
const SOURCE_START = 2 ** 33 - 30 * FRAME;

/** Not in the first ones: a stream begins with a picture. */
const hasData = (frame: number): boolean => frame > 5 && frame % 5 === 2;
const DATA_FRAMES = Array.from({ length: FRAMES }, (_, n) => n).filter(hasData).length;

/** A picture and a sound for each frame; each fifth frame everything else as well. */
function corpus(): { bytes: Buffer; sent: Map<number, Buffer[]> } {
  const builder = new TsBuilder(STREAMS);
  const sent = new Map<number, Buffer[]>(SECTION_PIDS.map((pid) => [pid, []]));
  const sections = (pid: number, list: Buffer[]) => {
    sent.get(pid)?.push(...list);
    builder.sections(pid, list);
  };
  for (let n = 0; n < FRAMES; n++) {
    if (n % 10 === 0) builder.tables();
    const pts = wrapTicks(SOURCE_START + n * FRAME);
    builder.video(pts, pts, n % 10 === 0, 400).audio(pts);
    if (!hasData(n)) continue;
    sections(CUES, [cue(n, wrapTicks(pts + 3 * 90_000), n % 10 === 2 ? 0 : 400)]);
    sections(EVENTS, [nptReference(n, pts)]);
    sections(CAROUSEL, [section(0x3b, Buffer.alloc(1_000, n)), section(0x3c, Buffer.alloc(900, n))]);
    sections(AIT, [section(0x74, Buffer.alloc(60, n))]);
    builder.data(TELETEXT, 0xbd, pts, Buffer.alloc(300, n)).data(SUBTITLES, 0xbd, pts + 900, Buffer.alloc(80, n));
    builder.data(KLV, 0xfc, pts, Buffer.alloc(40, n));
  }
  return { bytes: builder.take(), sent };
}

describe.each(CHAINS)('through a %s', (through) => {
  const { bytes, sent } = corpus();
  const { last, push } = chain(through);
  // In pieces that cut packets, and in the time of the media.
  const pieces = Math.ceil(bytes.length / 5_000);
  for (let n = 0; n < pieces; n++) push(Buffer.from(bytes.subarray(n * 5_000, (n + 1) * 5_000)), (n * 4_000) / pieces);
  const { packets } = last;
  const pictures = pesTimes(packets, VIDEO_PID);
  const beside = (at: number): number => (pictures.findLast((picture) => picture.at < at) ?? { pts: Number.NaN }).pts;

  /** A picture is known to be whole when the next one begins, at each splicer; what waits for nothing is early by so much, and never late. */
  function expectPlace(early: number): void {
    expect(early).toBeGreaterThanOrEqual(0);
    expect(early).toBeLessThanOrEqual((CHAINS.indexOf(through) + 1) * FRAME);
  }

  it('cues come before their time, which is where it was among the pictures', () => {
    const cues = sectionsOf(packets, CUES);
    expect(cues.map((each) => cueId(each.section))).toEqual(sent.get(CUES)?.map(cueId));
    for (const each of cues) expectPlace(wrapTicks(cueTime(each.section) - beside(each.at)) - 3 * 90_000);
  });

  it('the clock in stream descriptors is that of the pictures', () => {
    const references = sectionsOf(packets, EVENTS);
    expect(references).toHaveLength(DATA_FRAMES);
    for (const each of references) expectPlace(wrapTicks(nptTime(each.section) - beside(each.at)));
  });

  it('carousels and application tables come whole and as they were', () => {
    for (const pid of [CAROUSEL, AIT]) {
      expect(sectionsOf(packets, pid).map((each) => each.section)).toEqual(sent.get(pid));
    }
  });

  it('teletext, subtitles and metadata have their time and place among the pictures', () => {
    for (const pid of PES_PIDS) {
      const units = pesTimes(packets, pid);
      expect(units).toHaveLength(DATA_FRAMES);
      const late = pid === SUBTITLES ? 900 : 0;
      for (const { pts, at } of units) expectPlace(wrapTicks(pts - beside(at)) - late);
    }
  });

  it('counters go on', () => {
    for (const pid of [...SECTION_PIDS, ...PES_PIDS]) expect(counterErrors(packets, pid)).toBe(0);
  });
});

describe('a section', () => {
  it('is sent with the packet that ends it, not with the one that begins the next', () => {
    const { last, push } = chain('relay');
    const builder = new TsBuilder(STREAMS).tables();
    for (let n = 0; n < 40; n++) builder.video(n * FRAME, n * FRAME, n === 0, 100).audio(n * FRAME);
    push(builder.take(), 1_000);
    push(builder.sections(CUES, [cue(7, 90_000, 300)]).take(), 1_010);
    // A relay's sender and an FFmpeg's output are read with the pictures that follow.
    push(
      builder
        .video(40 * FRAME, 40 * FRAME, false)
        .video(41 * FRAME, 41 * FRAME, false)
        .take(),
      1_020,
    );
    expect(sectionsOf(last.packets, CUES)).toHaveLength(1);
  });

  it('moves over the wrap of the clock, and keeps its CRC', () => {
    const original = cue(1, 2 ** 33 - 10, 5);
    const moved = movedSection(original, 30);
    expect(crc32(moved)).toBe(0);
    expect(cueTime(moved)).toBe(20);
    expect(cueTime(movedSection(moved, -30))).toBe(2 ** 33 - 10);
    // What else is in the byte in front of the time stays.
    expect((moved[4] as number) & 0xfe).toBe((original[4] as number) & 0xfe);
  });

  it('that names no time of the clock stays as it is', () => {
    for (const each of [
      section(0x3b, Buffer.alloc(100)),
      section(0x74, Buffer.alloc(50)),
      section(0xfc, Buffer.alloc(3)),
    ]) {
      expect(movedSection(each, 90_000)).toEqual(each);
    }
  });
});

describe('stream_type 0x86', () => {
  const registration = (name: string) => Buffer.from([0x05, 4, ...Buffer.from(name)]);

  it('is no sound, but in a programme of Blu-ray', () => {
    const cues = stream(CUES, 0x86);
    expect(classifyStream(cues, Buffer.alloc(0)).kind).toBe('other');
    expect(classifyStream(cues, registration('CUEI')).kind).toBe('other');
    expect(classifyStream(cues, registration('HDMV')).kind).toBe('audio');
  });
});
