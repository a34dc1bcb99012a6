/**
 * What is neither picture nor sound passes through a source feed, a process feed and a relay: whole, at once, in its place, and
 * with the times it names where the pictures are.
 */

import { describe, expect, it } from 'vitest';
import { TrackSurvey } from '../../../../services/proxy/src/mpegts/reading/track-survey.ts';
import type { Input } from '../../../../services/proxy/src/mpegts/splicing/input.ts';
import { Splicer, type SplicerOptions } from '../../../../services/proxy/src/mpegts/splicing/splicer.ts';
import { movedSection } from '../../../../services/proxy/src/mpegts/syntax/clock-sections.ts';
import { classifyStream } from '../../../../services/proxy/src/mpegts/syntax/elementary.ts';
import { PACKET_SIZE } from '../../../../services/proxy/src/mpegts/syntax/packet.ts';
import { crc32 } from '../../../../services/proxy/src/mpegts/syntax/psi.ts';
import { TsBuilder } from '../build-ts.ts';
import {
  CUES,
  cue,
  cueTime,
  DataCorpus,
  expectData,
  FRAME,
  STREAMS,
  section,
  sectionsOf,
  stream,
} from '../data-corpus.ts';

interface Output {
  readonly packets: Buffer[];
  readonly splicer: Splicer;
}

function stage(options: SplicerOptions, input: Input, next?: (bytes: Buffer) => void): Output {
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
      continuation: () => undefined,
      programChanged: () => undefined,
      randomAccess: () => undefined,
    },
    options,
  );
  splicer.beginInput(input);
  return { packets, splicer };
}

/** What comes out of a chain of splicers as the worker has it. */
const CHAINS = ['source feed', 'process feed', 'relay'] as const;
type Chain = (typeof CHAINS)[number];

function chain(through: Chain): { first: Splicer; last: Output; push: (bytes: Buffer, nowMs: number) => void } {
  let nowMs = 0;
  const own = { holdReordered: true, firstDts: undefined };
  const relay = stage(own, { kind: 'relay', continues: { shift: 0, samePictures: false } });
  const process = stage(own, { kind: 'run', continues: undefined }, (bytes) => relay.splicer.push(bytes, nowMs));
  const source = stage(
    { holdReordered: false, firstDts: 900_000, survey: new TrackSurvey() },
    { kind: 'source' },
    (bytes) => process.splicer.push(bytes, nowMs),
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

const FRAMES = 100;
/** Each fifth frame, but not the first. */
const DATA_FRAMES = 19;

it.each(CHAINS)('passes through a %s', (through) => {
  const corpus = new DataCorpus();
  const bytes = Buffer.concat(Array.from({ length: FRAMES }, () => corpus.frame()));
  const { last, push } = chain(through);
  // In pieces that cut packets, and in the time of the media.
  const pieces = Math.ceil(bytes.length / 5_000);
  for (let n = 0; n < pieces; n++) push(Buffer.from(bytes.subarray(n * 5_000, (n + 1) * 5_000)), (n * 4_000) / pieces);
  expect(expectData(last.packets, corpus, CHAINS.indexOf(through) + 1)).toBe(DATA_FRAMES);
});

describe('what an input repeats of the one before it', () => {
  const corpus = new DataCorpus();
  const frames = Array.from({ length: FRAMES }, () => corpus.frame());
  const bytesOf = (from: number, until = FRAMES) => Buffer.concat(frames.slice(from, until));

  it.each<[string, SplicerOptions, Input, Input]>([
    [
      'a provider',
      { holdReordered: false, firstDts: 900_000, survey: new TrackSurvey() },
      { kind: 'source' },
      { kind: 'prepared_connection', shift: undefined, repeats: true },
    ],
    [
      'a copy',
      { holdReordered: true, firstDts: undefined },
      { kind: 'run', continues: undefined },
      { kind: 'run', continues: { samePictures: true } },
    ],
    [
      'a relay',
      { holdReordered: true, firstDts: undefined },
      { kind: 'relay', continues: undefined },
      { kind: 'relay', continues: { samePictures: true } },
    ],
  ])('is sent once: %s', (_what, options, first, next) => {
    // The first one ends anywhere between two pictures, and inside of one.
    for (let cut = 0; cut < 24; cut++) {
      const { packets, splicer } = stage(options, first);
      const before = bytesOf(0, 60);
      const isWhole = cut % 2 === 0;
      const end = isWhole ? bytesOf(0, 48 + cut / 2).length : before.length - cut * 300;
      splicer.push(Buffer.from(before.subarray(0, end)), 1_000);
      splicer.endInput(false);
      splicer.beginInput(next);
      splicer.push(bytesOf(30), 2_000);
      splicer.flush();
      expect(expectData(packets, corpus, 1), `cut ${cut}`).toBe(DATA_FRAMES);
    }
  });
});

it('sends nothing of a past that is longer than what was seen before', () => {
  const corpus = new DataCorpus();
  const frames = Array.from({ length: FRAMES }, () => corpus.frame());
  const bytesOf = (from: number, until: number) => Buffer.concat(frames.slice(from, until));
  const options = { holdReordered: false, firstDts: 900_000, survey: new TrackSurvey() };
  const { packets, splicer } = stage(options, { kind: 'source' });
  splicer.push(bytesOf(40, 60), 1_000);
  splicer.endInput(false);
  splicer.beginInput({ kind: 'prepared_connection', shift: undefined, repeats: true });
  splicer.push(bytesOf(12, FRAMES), 2_000);
  splicer.flush();
  expect(expectData(packets, corpus, 1)).toBe((FRAMES - 40) / 5);
});

it('waits for no picture of the past where none is known to come', () => {
  const corpus = new DataCorpus();
  const frames = Array.from({ length: FRAMES }, () => corpus.frame());
  const bytesOf = (from: number, until: number) => Buffer.concat(frames.slice(from, until));
  const options = { holdReordered: false, firstDts: 900_000, survey: new TrackSurvey() };
  const { packets, splicer } = stage(options, { kind: 'source' });
  splicer.push(bytesOf(0, 20), 1_000);
  splicer.endInput(false);
  splicer.beginInput({ kind: 'prepared_connection', shift: undefined, repeats: false });
  splicer.push(bytesOf(40, FRAMES), 2_000);
  splicer.flush();
  // ISO 13818-1, 2.4.3.6: packet_start_code_prefix and the stream_id of video.
  const pictures = packets.filter((packet) => packet.includes(Buffer.from([0, 0, 1, 0xe0])));
  // All but the last one of the first input, which may not have been whole.
  expect(pictures).toHaveLength(19 + FRAMES - 40);
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
