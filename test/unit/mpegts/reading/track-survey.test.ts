/** What a provider's packets say against its tables: which programme is played, and which of its tracks. */

import { describe, expect, it } from 'vitest';
import { TrackSurvey } from '../../../../services/proxy/src/mpegts/reading/track-survey.ts';
import { Splicer } from '../../../../services/proxy/src/mpegts/splicing/splicer.ts';
import { pidOf } from '../../../../services/proxy/src/mpegts/syntax/packet.ts';
import { type ProgramStream, parsePmt, SectionAssembler } from '../../../../services/proxy/src/mpegts/syntax/psi.ts';
import { AUDIO_PID, H264_AND_AAC, TsBuilder, VIDEO_PID } from '../build-ts.ts';

const FRAME = 3_600;
const PMT_PID = 0x1000;
const SECOND_AUDIO = 0x102;

function stream(pid: number, type: number, language?: string): ProgramStream {
  const descriptors = language === undefined ? Buffer.alloc(0) : Buffer.from(`\x0a\x04${language}\0`, 'latin1');
  return { pid, type, descriptors };
}

function splice() {
  const packets: Buffer[] = [];
  const changes: number[] = [];
  const splicer = new Splicer(
    {
      packets: (bytes, start, end) => {
        for (let at = start; at < end; at += 188) packets.push(Buffer.from(bytes.subarray(at, at + 188)));
      },
      progress: () => undefined,
      continuation: () => undefined,
      programChanged: () => changes.push(packets.length),
      randomAccess: () => undefined,
    },
    { holdReordered: false, firstDts: undefined, survey: new TrackSurvey() },
  );
  splicer.beginInput({ kind: 'source' });
  return { splicer, packets, changes };
}

/** The PIDs of each new PMT in turn, by what they are. */
function announced(packets: readonly Buffer[]): number[][] {
  const assembler = new SectionAssembler();
  const found: number[][] = [];
  let version: number | undefined;
  for (const packet of packets.filter((each) => pidOf(each, 0) === PMT_PID)) {
    for (const section of assembler.push(packet, 0)) {
      if (section[5] === version) continue;
      version = section[5];
      found.push(parsePmt(section)?.streams.map(({ pid }) => pid) ?? []);
    }
  }
  return found;
}

/** Pushes a second of media after another, frame by frame in real time; `write` gets the frame's number and ticks. */
function play(
  { splicer }: ReturnType<typeof splice>,
  builder: TsBuilder,
  [from, to]: [number, number],
  write: (n: number, ticks: number) => void,
): void {
  for (let n = from; n < to; n++) {
    write(n, 900_000 + n * FRAME);
    splicer.push(builder.take(), n * 40);
  }
}

const sent = (packets: readonly Buffer[], pid: number) => packets.filter((packet) => pidOf(packet, 0) === pid).length;

describe('a survey of a provider’s tracks', () => {
  it('leaves a sound track out that is announced first and has no data', () => {
    const out = splice();
    const builder = new TsBuilder([
      stream(VIDEO_PID, 0x1b),
      stream(SECOND_AUDIO, 0x0f, 'aaa'),
      stream(AUDIO_PID, 0x0f),
    ]);
    builder.tables();
    play(out, builder, [0, 50], (n, ticks) => builder.video(ticks, ticks, n % 10 === 0).audio(ticks));
    expect(announced(out.packets)).toEqual([[VIDEO_PID, AUDIO_PID]]);
    expect(out.changes).toEqual([]);
    // The first keyframe has waited, and is not lost.
    expect(sent(out.packets, VIDEO_PID)).toBeGreaterThanOrEqual(49);
  });

  it('plays sound within a second when the announced picture never comes', () => {
    const out = splice();
    const builder = new TsBuilder(H264_AND_AAC).tables();
    play(out, builder, [0, 20], (_, ticks) => builder.audio(ticks));
    expect(sent(out.packets, AUDIO_PID)).toBeGreaterThan(15);
    expect(announced(out.packets)).toEqual([[AUDIO_PID]]);
  });

  it('takes in what begins later', () => {
    const out = splice();
    const builder = new TsBuilder(H264_AND_AAC).tables();
    play(out, builder, [0, 100], (_, ticks) => builder.audio(ticks));
    play(out, builder, [100, 150], (n, ticks) => builder.audio(ticks).video(ticks, ticks, n % 10 === 0));
    // Its PID is taken by the clock that stands without it.
    expect(announced(out.packets)).toEqual([[AUDIO_PID], [AUDIO_PID, SECOND_AUDIO]]);
    expect(out.changes).toHaveLength(1);
    expect(sent(out.packets, SECOND_AUDIO)).toBeGreaterThan(40);
  });

  it('waits no time where all tracks show themselves', () => {
    const out = splice();
    const builder = new TsBuilder(H264_AND_AAC).tables();
    play(out, builder, [0, 2], (n, ticks) => builder.video(ticks, ticks, n === 0).audio(ticks));
    expect(sent(out.packets, VIDEO_PID)).toBe(1);
  });

  it('remembers over a reconnection what had no data, and does not wait for it again', () => {
    const out = splice();
    const streams = [...H264_AND_AAC, stream(SECOND_AUDIO, 0x0f)];
    const first = new TsBuilder(streams).tables();
    play(out, first, [0, 50], (n, ticks) => first.video(ticks, ticks, n % 10 === 0).audio(ticks));
    out.splicer.endInput(false);
    out.splicer.beginInput({ kind: 'reconnection', shift: out.splicer.shift ?? 0 });
    const before = out.packets.length;
    const second = new TsBuilder(streams).tables();
    play(out, second, [60, 63], (n, ticks) => second.video(ticks, ticks, n === 60).audio(ticks));
    expect(out.packets.length).toBeGreaterThan(before);
    expect(announced(out.packets)).toHaveLength(1);
  });

  it('chooses by number and by data among programmes whose tables share a PID, and stays', () => {
    const out = splice();
    const builder = new TsBuilder();
    const programs = [
      [401, [stream(0x201, 0x1b), stream(0x202, 0x0f)]],
      [402, [stream(0x301, 0x02), stream(0x302, 0x03)]],
      [520, H264_AND_AAC],
    ] as const;
    play(out, builder, [0, 100], (n, ticks) => {
      const [number, streams] = programs[n % 3] as (typeof programs)[number];
      builder.association(programs.map(([each]) => [each, 0x50])).map(number, 0x50, [...streams]);
      builder.video(ticks, ticks, n % 10 === 0).audio(ticks);
    });
    expect(announced(out.packets)).toEqual([[VIDEO_PID, AUDIO_PID]]);
    expect(out.changes).toEqual([]);
    expect(sent(out.packets, VIDEO_PID)).toBeGreaterThan(85);
  });

  it('prefers a programme with pictures to one of sound alone, wherever it stands', () => {
    const out = splice();
    const builder = new TsBuilder();
    const radio = [stream(0x301, 0x03)];
    play(out, builder, [0, 50], (n, ticks) => {
      if (n % 5 === 0)
        builder
          .association([
            [1, 0x50],
            [2, 0x51],
          ])
          .map(1, 0x50, radio)
          .map(2, 0x51, H264_AND_AAC);
      builder
        .audio(ticks, 0x301)
        .video(ticks, ticks, n % 10 === 0)
        .audio(ticks);
    });
    expect(announced(out.packets)).toEqual([[VIDEO_PID, AUDIO_PID]]);
  });

  it('counts sound without a decoder as no sound, and passes it on all the same', () => {
    const out = splice();
    const ac4 = { pid: SECOND_AUDIO, type: 0x06, descriptors: Buffer.from('\x05\x04AC-4', 'latin1') };
    const builder = new TsBuilder([stream(VIDEO_PID, 0x1b), ac4, stream(AUDIO_PID, 0x0f)]).tables();
    play(out, builder, [0, 30], (n, ticks) =>
      builder
        .video(ticks, ticks, n % 10 === 0)
        .audio(ticks)
        .audio(ticks, SECOND_AUDIO),
    );
    expect(out.splicer.tracks.map(({ pid, alive }) => [pid, alive])).toEqual([
      [VIDEO_PID, true],
      [SECOND_AUDIO, false],
      [AUDIO_PID, true],
    ]);
    expect(sent(out.packets, SECOND_AUDIO)).toBeGreaterThan(20);
  });

  it('goes to another programme when the one that it plays ends', () => {
    const out = splice();
    const builder = new TsBuilder();
    const others = [stream(0x201, 0x1b), stream(0x202, 0x0f)];
    play(out, builder, [0, 300], (n, ticks) => {
      if (n % 5 === 0)
        builder
          .association([
            [1, 0x50],
            [2, 0x51],
          ])
          .map(1, 0x50, H264_AND_AAC)
          .map(2, 0x51, others);
      if (n < 100) builder.video(ticks, ticks, n % 10 === 0).audio(ticks);
      builder.video(ticks, ticks, n % 10 === 0, 0, 0x201).audio(ticks, 0x202);
    });
    // The viewer's tracks keep their PIDs: 100 frames of the first programme, and what is left after 3 s of silence.
    expect(sent(out.packets, VIDEO_PID)).toBeGreaterThan(200);
    expect(out.changes).toEqual([]);
  });

  it('changes nothing when a new PMT names the same tracks in another order, or swaps their PIDs', () => {
    const out = splice();
    const builder = new TsBuilder();
    const video = stream(VIDEO_PID, 0x1b);
    const versions = [
      [video, stream(AUDIO_PID, 0x0f, 'deu'), stream(SECOND_AUDIO, 0x0f, 'eng')],
      [stream(SECOND_AUDIO, 0x0f, 'eng'), stream(AUDIO_PID, 0x0f, 'deu'), video],
      [video, stream(SECOND_AUDIO, 0x0f, 'deu'), stream(AUDIO_PID, 0x0f, 'eng')],
    ];
    // The German track is the one with two packets a frame.
    const audio = (n: number, ticks: number) => {
      const [german, english] = n < 100 ? [AUDIO_PID, SECOND_AUDIO] : [SECOND_AUDIO, AUDIO_PID];
      builder
        .audio(ticks, german)
        .audio(ticks + FRAME / 2, german)
        .audio(ticks, english);
    };
    play(out, builder, [0, 150], (n, ticks) => {
      const version = Math.floor(n / 50);
      if (n % 5 === 0)
        builder.association([[1, 0x50]]).map(1, 0x50, versions[version] as ProgramStream[], version, VIDEO_PID);
      builder.video(ticks, ticks, n % 10 === 0);
      audio(n, ticks);
    });
    expect(announced(out.packets)).toEqual([[VIDEO_PID, AUDIO_PID, SECOND_AUDIO]]);
    expect(out.changes).toEqual([]);
    expect(sent(out.packets, AUDIO_PID) / sent(out.packets, SECOND_AUDIO)).toBeCloseTo(2, 0);
  });
});
