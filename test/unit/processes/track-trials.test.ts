/** The next choice of tracks after an FFmpeg that made nothing of the last one. */
import { describe, expect, test } from 'vitest';
import type { SourceTrack } from '../../../services/proxy/src/ffmpeg/process/track-choice.ts';
import { TrackTrials } from '../../../services/proxy/src/processes/track-trials.ts';

const tracks = [
  { pid: 1, kind: 'video' },
  { pid: 2, kind: 'audio' },
].map((each) => ({ ...each, language: undefined, narrated: false, alive: true })) as SourceTrack[];
const second: SourceTrack = { pid: 3, kind: 'audio', language: undefined, narrated: false, alive: true };

describe('trials', () => {
  test('go on with other sound, and go round', () => {
    const trials = new TrackTrials([]);
    const seen = Array.from({ length: 5 }, () => {
      const choice = trials.choose('a', [...tracks, second]);
      trials.failed();
      return choice.audio[0];
    });
    expect(seen).toEqual([2, 3, undefined, 2, 2]);
    expect(trials.isSettled).toBe(false);
  });

  test('give the only sound a second try', () => {
    const trials = new TrackTrials([]);
    trials.choose('a', tracks);
    trials.failed();
    expect(trials.choose('a', tracks)).toEqual({ video: [1], audio: [2] });
  });

  test('begin anew with another source, with other tracks, and after ten minutes', () => {
    let nowMs = 0;
    const trials = new TrackTrials([], () => nowMs);
    const best = trials.choose('a', [...tracks, second]);
    const fail = () => {
      trials.choose('a', [...tracks, second]);
      trials.failed();
    };
    fail();
    expect(trials.choose('b', [...tracks, second])).toEqual(best);
    fail();
    expect(trials.choose('a', tracks).audio).toEqual([2]);
    fail();
    nowMs += 11 * 60_000;
    expect(trials.choose('a', [...tracks, second])).toEqual(best);
  });
});
