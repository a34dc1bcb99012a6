/** Which language the sound of a stream is to have, and whether it has. */

import { expect, it } from 'vitest';
import type { SourceTrack } from '../../../services/proxy/src/ffmpeg/process/track-choice.ts';
import { AS_IT_IS } from '../../../services/proxy/src/processes/copy-run.ts';
import { lacksLanguage, languagesOf } from '../../../services/proxy/src/processes/track-trials.ts';
import { wantedVariant } from '../../../services/proxy/src/processes/wanted-variant.ts';

it('puts what a stream asks for before what the worker is set to', () => {
  expect(languagesOf({}, ['eng', 'fra'])).toEqual(['eng', 'fra']);
  expect(languagesOf({ audioLanguage: 'deu' }, ['eng', 'fra'])).toEqual(['deu', 'eng', 'fra']);
  expect(languagesOf({ audioLanguage: 'fra' }, ['eng', 'fra'])).toEqual(['fra', 'eng']);
  expect(wantedVariant({ ...AS_IT_IS, audioLanguage: 'deu' }, ['eng'], 0).languages).toEqual(['deu', 'eng']);
});

it.each([
  [undefined, 'copy', 1, false],
  ['deu', 'none', 1, false],
  ['deu', 'copy', 1, true],
  ['deu', 'encode', 2, false],
  ['deu', 'copy', 3, true],
] as const)('of %s, with sound that is to be: %s, from track %i: lacks it: %s', (audioLanguage, audio, pid, lacks) => {
  const track = (number: number, language: string | undefined): SourceTrack => ({
    ...{ pid: number, kind: 'audio', language, narrated: false, alive: true },
  });
  const tracks = [track(1, 'eng'), track(2, 'ger'), track(3, undefined)];
  expect(lacksLanguage({ audioLanguage, audio }, tracks, { video: [], audio: [pid] })).toBe(lacks);
});
