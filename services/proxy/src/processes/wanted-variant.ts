/** What a profile needs of a source that offers itself in several sizes and languages. Pure. */

import type { StreamProfile } from '../../../registry/types.ts';
import { takesFirstTracks } from '../ffmpeg/process/command.ts';
import { outputSize } from '../ffmpeg/profiles/output-size.ts';
import type { WantedVariant } from '../upstream/gateway/hls-variant.ts';

/**
 * @param languages as `languageCode` has them, the preferred first
 * @param attempt runs in a row that made nothing of the source
 */
export function wantedVariant(profile: StreamProfile, languages: readonly string[], attempt: number): WantedVariant {
  return {
    video: profile.video !== 'none',
    audio: profile.audio !== 'none',
    ...outputSize(profile),
    languages,
    allRenditions: !takesFirstTracks(profile),
    attempt,
  };
}
