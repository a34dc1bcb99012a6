import { describe, expect, it } from 'vitest';
import { Rounds } from '../../../../services/proxy/src/upstream/failover/rounds.ts';
import { pictureDueMs, troubleOf } from '../../../../services/proxy/src/upstream/failover/source-trouble.ts';
import { isRecording } from '../../../../services/proxy/src/upstream/provider/source-kind.ts';
import { TsBuilder } from '../../mpegts/build-ts.ts';

const SECOND = 90_000;

/** One keyframe and two sounds a second; `seed` makes its pictures and sounds its own, -1 a still with silence. */
function seconds(from: number, until: number, seed: number, startTicks = SECOND): Buffer {
  const ts = new TsBuilder();
  for (let n = from; n < until; n++) {
    const at = startTicks + n * SECOND;
    ts.tables();
    // The content of a unit is told by its length here.
    ts.video(at, at, true, seed < 0 ? 1 : 1 + seed * 1000 + n);
    ts.audio(at).audio(at + SECOND / 2);
  }
  return ts.take();
}

/** What is passed on of a connection, and whether it brought nothing new; as a whole when it is `clean`. */
function connection(rounds: Rounds, bytes: Buffer, clean = true) {
  let passed = 0;
  for (let at = 0; at < bytes.length && !rounds.isOver; at += 1880) {
    for (const piece of rounds.push(bytes.subarray(at, at + 1880), at)) passed += piece.length;
  }
  return { passed, repeated: rounds.end(clean) };
}

describe('rounds', () => {
  it('passes a first connection on as it comes', () => {
    const clip = seconds(0, 5, 1);
    expect(connection(new Rounds({ trim: true }), clip)).toEqual({ passed: clip.length, repeated: false });
  });

  it.each([
    ['short, where it may be the past that a provider begins with', 5],
    ['long, at its first picture', 30],
  ])('sends nothing of a clip that comes again: %s', (_what, length) => {
    const rounds = new Rounds({ trim: true });
    connection(rounds, seconds(0, length, 1));
    expect(connection(rounds, seconds(0, length, 1))).toEqual({ passed: 0, repeated: true });
  });

  it('knows a clip that breaks off where it broke off before, and one that comes on another clock', () => {
    const broken = new Rounds({ trim: true });
    connection(broken, seconds(0, 5, 1), false);
    expect(connection(broken, seconds(0, 5, 1), false).repeated).toBe(true);
    const moved = new Rounds({ trim: true });
    connection(moved, seconds(0, 5, 1));
    expect(connection(moved, seconds(0, 5, 1, 77 * SECOND)).repeated).toBe(true);
  });

  it('goes on from the first new picture of a provider that begins with the past', () => {
    const rounds = new Rounds({ trim: true });
    connection(rounds, seconds(0, 5, 1), false);
    const again = seconds(0, 8, 1);
    const { passed, repeated } = connection(rounds, again, false);
    expect(repeated).toBe(false);
    expect(passed).toBeGreaterThan(0);
    expect(passed).toBeLessThan(again.length / 2);
  });

  it('leaves the overlap to a reader that finds it itself', () => {
    const rounds = new Rounds({ trim: false });
    connection(rounds, seconds(0, 5, 1), false);
    const again = seconds(0, 8, 1);
    expect(connection(rounds, again, false)).toEqual({ passed: again.length, repeated: false });
  });

  it('takes another source for what it is, and so the same one that goes on', () => {
    const rounds = new Rounds({ trim: true });
    connection(rounds, seconds(0, 5, 1));
    const next = seconds(6, 12, 1);
    expect(connection(rounds, next)).toEqual({ passed: next.length, repeated: false });
    rounds.forget();
    const other = seconds(6, 12, 1);
    expect(connection(rounds, other).passed).toBe(other.length);
  });

  it('counts the rounds of a clip on one connection', () => {
    const rounds = new Rounds({ trim: true });
    const loops = [1, 2, 3].map(() => {
      for (const piece of [seconds(0, 5, 1)]) rounds.push(piece, 0);
      return rounds.loops;
    });
    expect(loops.slice(0, 2)).toEqual([false, false]);
    rounds.push(seconds(0, 1, 1), 0);
    expect(rounds.loops).toBe(true);
  });

  it('does not take a still picture with new sound on a going clock for a clip', () => {
    const rounds = new Rounds({ trim: true });
    connection(rounds, seconds(0, 20, -1), false);
    expect(connection(rounds, seconds(21, 40, -1), false).repeated).toBe(false);
  });

  it('holds a connection back no longer than it takes to see what it begins with', () => {
    const rounds = new Rounds({ trim: true });
    connection(rounds, seconds(0, 5, 1));
    const sound = new TsBuilder().tables().audio(SECOND).take();
    expect(rounds.push(sound, 0)).toEqual([]);
    expect(rounds.push(sound, 3_500).length).toBe(2);
  });
});

describe('the end of a recording', () => {
  it.each([
    ['http://p/timeshift/u/p/60/2026-01-01:10-00/1.ts', true],
    ['http://p/streaming/timeshift.php?username=u&stream=1', true],
    ['http://p/live/u/p/1.ts?utc=1767261600&lutc=1767265200', true],
    ['http://p/live/u/p/1.ts', false],
    ['http://p/live/u/p/timeshifted.ts?putc=1', false],
    ['http://p/1.ts#utc=1', false],
  ])('%s: %s', (url, expected) => {
    expect(isRecording(url)).toBe(expected);
  });
});

describe('when a source is worth leaving', () => {
  const well = {
    isSlow: false,
    lags: false,
    loops: false,
    scrambledMs: 0,
    streamTimeoutMs: 15_000,
    lastVideoMs: 100_000,
    lastAudioMs: 100_000,
    videoIntervalMs: 40,
  };
  it.each([
    ['all is well', {}, undefined],
    ['no picture for 9 s', { lastAudioMs: 109_000 }, undefined],
    ['no picture for 11 s', { lastAudioMs: 111_000 }, 'no_video'],
    ['a picture every 14 s', { lastAudioMs: 114_000, videoIntervalMs: 14_000 }, undefined],
    ['a picture every 14 s that is long overdue', { lastAudioMs: 143_000, videoIntervalMs: 14_000 }, 'no_video'],
    ['a single picture, 50 s ago', { lastAudioMs: 150_000, videoIntervalMs: undefined }, undefined],
    ['a single picture, 61 s ago', { lastAudioMs: 161_000, videoIntervalMs: undefined }, 'no_video'],
    ['sound alone', { lastAudioMs: 161_000, lastVideoMs: undefined }, undefined],
    ['scrambled for 9 s', { scrambledMs: 9_000 }, undefined],
    ['scrambled for 11 s', { scrambledMs: 11_000 }, 'scrambled'],
    ['a clip over and over', { loops: true }, 'live_stream_loops'],
    ['too little', { isSlow: true }, 'low_bitrate'],
    ['media that falls behind', { lags: true }, 'too_slow'],
    ['media that falls behind, without pictures', { lags: true, lastAudioMs: 111_000 }, 'no_video'],
  ])('%s', (_what, signs, expected) => {
    expect(troubleOf({ ...well, ...signs })).toBe(expected);
  });

  it('a frame rate decides how soon a picture is missing', () => {
    expect([40, 14_000].map((interval) => pictureDueMs(2_000, interval))).toEqual([2_000, 42_000]);
  });
});
