/** Which variant a profile needs from a source that has several sizes and languages. Pure. */

import type { StreamProfile } from '../../../registry/types.ts';
import { takesFirstTracks } from '../ffmpeg/process/command.ts';
import { outputSize } from '../ffmpeg/profiles/output-size.ts';
import type { WantedVariant } from '../upstream/gateway/hls-variant.ts';
import { languagesOf } from './track-trials.ts';

/**
 * @param languages in the form of `languageCode`, the preferred one first
 * @param attempt runs in a row that made no output from the source
 */
export function wantedVariant(profile: StreamProfile, languages: readonly string[], attempt: number): WantedVariant {
  return {
    video: profile.video !== 'none',
    audio: profile.audio !== 'none',
    ...outputSize(profile),
    languages: languagesOf(profile, languages),
    allRenditions: !takesFirstTracks(profile),
    attempt,
  };
}
