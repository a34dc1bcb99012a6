/** Which tracks the next FFmpeg of a stream gets: the best choice, or another one when that failed. */

import type { StreamProfile } from '../../../registry/types.ts';
import { languageCode } from '../../../shared/languages.ts';
import { type SourceTrack, type TrackChoice, trackChoices } from '../ffmpeg/process/track-choice.ts';

/** Tries a failed choice again after this long; the provider may have repaired it. */
const FORGET_MS = 10 * 60_000;

export class TrackTrials {
  readonly #languages: readonly string[];
  readonly #now: () => number;
  /** The tracks that the failures belong to. */
  #tried = '';
  #failures = 0;
  #failedMs = 0;

  /** @param languages see `trackChoices` */
  constructor(languages: readonly string[], now: () => number = () => performance.now()) {
    this.#languages = languages;
    this.#now = now;
  }

  /** @param source distinguishes its tracks from those of another source */
  choose(source: string, tracks: readonly SourceTrack[]): TrackChoice {
    const choices = trackChoices(tracks, this.#languages);
    const attempt = this.attemptOn(`${source} ${tracks.map(({ pid }) => pid).join()}`);
    return choices[attempt % choices.length] as TrackChoice;
  }

  /** How many FFmpegs in a row made no output from `tried`. */
  attemptOn(tried: string): number {
    if (tried !== this.#tried || this.#now() - this.#failedMs > FORGET_MS) this.#failures = 0;
    this.#tried = tried;
    return this.#failures;
  }

  /** The FFmpeg that had the last choice made no output, and the choice may be the cause. */
  failed(): void {
    this.#failures++;
    this.#failedMs = this.#now();
  }

  /** Whether FFmpeg plays the best choice and not a fallback. */
  get isSettled(): boolean {
    return this.#failures === 0;
  }
}

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
