/** Which tracks the next FFmpeg of a stream is given: the best choice, and another one when that came to nothing. */

import { type SourceTrack, type TrackChoice, trackChoices } from '../ffmpeg/process/track-choice.ts';

/** What did not work is tried again after this long; a provider may have put it right. */
const FORGET_MS = 10 * 60_000;

export class TrackTrials {
  readonly #languages: readonly string[];
  readonly #now: () => number;
  /** The tracks that the failures were with. */
  #tried = '';
  #failures = 0;
  #failedMs = 0;

  /** @param languages see `trackChoices` */
  constructor(languages: readonly string[], now: () => number = () => performance.now()) {
    this.#languages = languages;
    this.#now = now;
  }

  /** @param source what tells its tracks from another source's */
  choose(source: string, tracks: readonly SourceTrack[]): TrackChoice {
    const choices = trackChoices(tracks, this.#languages);
    const attempt = this.attemptOn(`${source} ${tracks.map(({ pid }) => pid).join()}`);
    return choices[attempt % choices.length] as TrackChoice;
  }

  /** How many FFmpegs in a row have made nothing of what is named so. */
  attemptOn(tried: string): number {
    if (tried !== this.#tried || this.#now() - this.#failedMs > FORGET_MS) this.#failures = 0;
    this.#tried = tried;
    return this.#failures;
  }

  /** The FFmpeg that had the last choice has put out nothing, and the choice may be why. */
  failed(): void {
    this.#failures++;
    this.#failedMs = this.#now();
  }

  /** What is played now is the best that can be had, not what was left. */
  get isSettled(): boolean {
    return this.#failures === 0;
  }
}
