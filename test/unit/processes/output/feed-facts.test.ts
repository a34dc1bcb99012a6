/** What is told of a feed: by its FFmpeg where there is one, by its bytes where there is none. */

import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { FeedFacts, type ToldRun } from '../../../../services/proxy/src/processes/output/feed-facts.ts';
import { FeedVariant } from '../../../../services/proxy/src/segments/feed-variant.ts';
import { SourceMedia } from '../../../../services/proxy/src/sources/source-media.ts';
import { systemClock } from '../../../../services/shared/clock.ts';
import { fixture, type LoopName } from '../../../support/fixtures.ts';

const LIMITS = { retainMs: 5_000, joinBufferMs: 0, maxBytes: 2 ** 24 };
/** Pieces in which a loop arrives, evenly. */
const PIECES = 40;

/** A source that sends loops as fast as they play. */
function source() {
  let nowMs = 1_000;
  const clock = { ...systemClock, monotonicMs: () => nowMs };
  const media = new SourceMedia('s:x', () => LIMITS, 2_000, clock);
  media.begin(undefined);
  const send = async (name: LoopName) => {
    const { path, loopTicks } = await fixture(name);
    const bytes = await readFile(path);
    const size = Math.ceil(bytes.length / PIECES);
    for (let at = 0; at < bytes.length; at += size) {
      nowMs += loopTicks / 90 / PIECES;
      // The splicer takes the memory.
      media.put(Buffer.from(bytes.subarray(at, at + size)));
      void media.made;
    }
  };
  const wait = (ms: number) => {
    nowMs += ms;
  };
  /** As the source of a run. */
  const run = (more: Partial<ToldRun> = {}): ToldRun => ({
    source: { feed: media.feed, made: media.made, repairs: media.repairs },
    ...more,
  });
  const bytes = new FeedVariant(media.feed, 2_000);
  const told = { feed: media.feed, segments: bytes };
  return { media, send, wait, run, told };
}

describe('what the bytes of a feed say', () => {
  it.each([
    ['plain', '320x180', 'h264', 25, 'aac'],
    ['fps-50', '320x180', 'h264', 50, 'aac'],
    ['fps-29.97', '320x180', 'h264', 29.97, 'aac'],
    ['interlaced-h264', '320x192', 'h264', 25, 'aac'],
    ['ac3', '320x180', 'h264', 25, 'ac3'],
    ['mp2', '320x180', 'h264', 25, 'mp2'],
    ['mpeg2', '320x180', 'mpeg2video', 25, 'mp2'],
    ['hevc', '320x180', 'hevc', 25, 'aac'],
  ] as const)('of %s', async (name, resolution, videoCodec, fps, audioCodec) => {
    const { send, told } = source();
    await send(name);
    const facts = { resolution, videoCodec, fps, audioCodec, audioChannels: 'mono' };
    expect(told.segments.facts).toEqual(facts);
  });

  it('is nothing before there is media', () => {
    expect(source().told.segments.facts).toEqual({});
  });
});

describe('what is told of a copy', () => {
  it('is what its source sends, how fast, and when it sent last', async () => {
    const { send, wait, run, told } = source();
    await send('plain');
    wait(700);
    const { input, output } = new FeedFacts().of(told, run());
    expect(output).toMatchObject({ resolution: '320x180', videoCodec: 'h264', fps: 25, audioCodec: 'aac' });
    expect(input).toMatchObject(output);
    expect(input.lastByteAgoMs).toBe(700);
    expect(input.repairs).toBe(0);
    // 390 kB in 8 s, and 0.7 s of silence.
    expect(input.bitsPerSecond).toBeGreaterThan(300_000);
    expect(input.bitsPerSecond).toBeLessThan(430_000);
    expect(input.bufferMs).toBeGreaterThan(3_000);
    expect(input.bufferMs).toBeLessThanOrEqual(8_000);
  });

  it('counts the jumps of its clock that were mended', async () => {
    const { send, run, told } = source();
    await send('plain');
    // It begins at the time at which that one began.
    await send('fps-50');
    expect(new FeedFacts().of(told, run()).input.repairs).toBe(1);
  });
});

describe('what is told of the output of an FFmpeg', () => {
  const said = {
    shown: [],
    input: { videoCodec: 'mpeg2video', resolution: '720x576', fps: 25, audioCodec: 'mp2', audioChannels: 'stereo' },
    output: { videoCodec: 'h264', resolution: '1x1', audioCodec: 'opus', audioChannels: 'stereo' },
  };

  it('is what FFmpeg has said of its input, and the bytes of its output before what it has said of those', async () => {
    const { send, run, told } = source();
    await send('plain');
    const { input, output } = new FeedFacts().of(told, run({ said }));
    expect(input).toMatchObject(said.input);
    expect(output).toMatchObject({ resolution: '320x180', fps: 25, audioCodec: 'aac', audioChannels: 'mono' });
  });

  it('is what FFmpeg has said where its container is not read', async () => {
    const { media, run } = source();
    const opaque = { feed: media.feed, segments: { facts: {} } };
    expect(new FeedFacts().of(opaque, run({ said })).output).toEqual({ ...said.output, fps: undefined });
  });

  it('is read from the source when that has changed since FFmpeg said something of it', async () => {
    const { send, run, told } = source();
    await send('plain');
    const { input } = new FeedFacts().of(told, run({ said: { ...said, input: {} } }));
    expect(input).toMatchObject({ resolution: '320x180', videoCodec: 'h264', fps: 25, audioCodec: 'aac' });
  });

  it('has no bit rate and no buffer of a source that FFmpeg opens itself', async () => {
    const { send, wait, told, media } = source();
    await send('plain');
    const lastInputMs = media.feed.clock.monotonicMs();
    wait(300);
    const { input } = new FeedFacts().of(told, { source: undefined, said, lastInputMs });
    expect(input).toEqual({ ...said.input, lastByteAgoMs: 300 });
  });

  it('is only its bytes on a worker that follows', async () => {
    const { send, told } = source();
    await send('plain');
    const { input, output } = new FeedFacts().of(told, undefined);
    expect(input).toEqual({});
    expect(output).toMatchObject({ resolution: '320x180' });
  });
});
