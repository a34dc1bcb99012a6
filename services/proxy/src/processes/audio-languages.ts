/** Which language the sound of a stream is to have. Pure. */

import type { StreamProfile } from '../../../registry/types.ts';
import { languageCode } from '../../../shared/languages.ts';
import type { SourceTrack, TrackChoice } from '../ffmpeg/process/track-choice.ts';

/**
 * What a profile asks for itself goes before what the worker is set to.
 * @param languages in the form of `languageCode`, the preferred one first
 */
export function languagesOf(
  { audioLanguage }: Pick<StreamProfile, 'audioLanguage'>,
  languages: readonly string[],
): readonly string[] {
  return audioLanguage === undefined
    ? languages
    : [audioLanguage, ...languages.filter((each) => each !== audioLanguage)];
}

/** Whether a profile asks for a language, and the sound that is taken has another one. */
export function lacksLanguage(
  { audioLanguage, audio }: Pick<StreamProfile, 'audioLanguage' | 'audio'>,
  tracks: readonly SourceTrack[],
  choice: TrackChoice,
): boolean {
  if (audioLanguage === undefined || audio === 'none') return false;
  const { language } = tracks.find(({ pid }) => pid === choice.audio[0]) ?? {};
  return language === undefined || languageCode(language) !== audioLanguage;
}
