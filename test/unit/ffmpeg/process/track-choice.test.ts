/** Which of a source's tracks an FFmpeg is given, and when it should be given others. */
import { describe, expect, test } from 'vitest';
import { NO_HARDWARE } from '../../../../services/proxy/src/ffmpeg/host/hardware.ts';
import { buildArguments } from '../../../../services/proxy/src/ffmpeg/process/command.ts';
import {
  isOutdated,
  type SourceTrack,
  trackChoices,
} from '../../../../services/proxy/src/ffmpeg/process/track-choice.ts';
import { resolveProfile } from '../../../../services/proxy/src/ffmpeg/profiles/profiles.ts';

const track = (pid: number, kind: 'video' | 'audio', more: Partial<SourceTrack> = {}): SourceTrack => ({
  ...{ pid, kind, language: undefined, narrated: false, alive: true },
  ...more,
});
const video = track(1, 'video');
const german = track(2, 'audio', { language: 'ger' });
const narrated = track(3, 'audio', { language: 'eng', narrated: true });
const english = track(4, 'audio', { language: 'eng' });

describe('the best choice', () => {
  const cases: [string, SourceTrack[], string[], { video: number[]; audio: number[] }][] = [
    ['passes a dead track over', [video, { ...german, alive: false }, english], [], { video: [1], audio: [4] }],
    ['takes no dead picture', [{ ...video, alive: false }, german], [], { video: [], audio: [2] }],
    ['takes the main track before the narrated one', [video, narrated, english], [], { video: [1], audio: [4, 3] }],
    ['takes the order of the tables otherwise', [video, german, english], [], { video: [1], audio: [2, 4] }],
    ['takes a preferred language', [video, german, english], ['eng'], { video: [1], audio: [4, 2] }],
    ['knows both codes of a language', [video, english, german], ['deu'], { video: [1], audio: [2, 4] }],
    [
      'takes a narrated track of the language before another language',
      [german, narrated],
      ['eng'],
      { video: [], audio: [3, 2] },
    ],
    [
      'takes other sound where the language is dead',
      [{ ...english, alive: false }, german],
      ['eng'],
      { video: [], audio: [2] },
    ],
  ];
  test.each(cases)('%s', (_, tracks, languages, best) => {
    expect(trackChoices(tracks, languages)[0]).toEqual(best);
    // What has just been chosen is no reason for another choice.
    expect(isOutdated(best, tracks, languages)).toBe(false);
  });

  test('is followed by every other sound, by none, and by sound alone', () => {
    expect(trackChoices([video, german, english], [])).toEqual([
      { video: [1], audio: [2, 4] },
      { video: [1], audio: [4, 2] },
      { video: [1], audio: [] },
      { video: [], audio: [2, 4] },
    ]);
  });
});

describe('a choice is outdated', () => {
  const current = { video: [1], audio: [2] };
  const cases: [string, SourceTrack[], string[], boolean][] = [
    ['when its sound ends and there is other', [video, { ...german, alive: false }, english], [], true],
    ['when its sound is gone from the tables', [video, english], [], true],
    ['when its picture is gone from the tables', [german], [], true],
    ['when its language is played and a better one begins', [video, german, english], ['eng', 'deu'], true],
    ['not when another track of the same rank begins', [video, english, german], [], false],
    ['not when its sound pauses and there is no other', [video, { ...german, alive: false }], [], false],
    ['not when its picture pauses and there is no other', [{ ...video, alive: false }, german], [], false],
  ];
  test.each(cases)('%s', (_, tracks, languages, outdated) => {
    expect(isOutdated(current, tracks, languages)).toBe(outdated);
  });

  test('when it lacks a kind that the source has', () => {
    expect(isOutdated({ video: [], audio: [2] }, [video, german], [])).toBe(true);
    expect(isOutdated({ video: [1], audio: [] }, [video, german], [])).toBe(true);
  });
});

describe('a command line maps', () => {
  const maps = (profile: string, tracks = { video: [0x100], audio: [0x102, 0x101] }): string[] => {
    const resolved = resolveProfile({ profile, variables: {}, inputUrl: 'http://a/b' }, NO_HARDWARE);
    const args = buildArguments(resolved, { kind: 'pipe' }, { tracks });
    return args.filter((_, at) => args[at - 1] === '-map');
  };
  test.each([
    ['default', ['0:i:256', '0:i:258']],
    ['audio', ['0:i:256', '0:i:258']],
    ['-i {input_url} -map 0:v:0 -map 0:a:1? -c copy {output_args}', ['0:i:256', '0:i:257']],
    ['-i {input_url} -map 0:v -map 0:a -c copy {output_args}', ['0:i:256', '0:i:258', '0:i:257']],
    ['-i {input_url} -map 0 -c copy {output_args}', ['0']],
  ])('%s by PID', (profile, wanted) => {
    expect(maps(profile)).toEqual(wanted);
  });

  test('no picture where none is sent, and says itself what is missing where nothing is left', () => {
    expect(maps('default', { video: [], audio: [0x101] })).toEqual(['0:i:257']);
    expect(maps('-i {input_url} -map 0:v:0 -c copy {output_args}', { video: [], audio: [] })).toEqual(['0:v:0']);
  });

  test('nothing for what FFmpeg opens itself: it has seen which tracks send', () => {
    const resolved = resolveProfile({ profile: 'default', variables: {}, inputUrl: 'http://a/b' }, NO_HARDWARE);
    expect(buildArguments(resolved, { kind: 'url', url: 'http://127.0.0.1/x', protocols: ['http'] })).not.toContain(
      '-map',
    );
  });
});
