/**
 * Chooses the tracks of a source for an FFmpeg: those that send, main audio before described audio, preferred languages
 * first. Pure.
 */

import { languageCode } from '../../../../shared/languages.ts';

/** An audio or video track that a source announces. */
export interface SourceTrack {
  readonly pid: number;
  readonly kind: 'video' | 'audio';
  /** ISO 639-2; undefined when the source does not say. */
  readonly language: string | undefined;
  readonly narrated: boolean;
  /** It sends while others do. */
  readonly alive: boolean;
}

/** PIDs of the source's tracks, the best first. A profile may take one of a kind or several. */
export interface TrackChoice {
  readonly video: readonly number[];
  readonly audio: readonly number[];
}

/**
 * The choices to try, the best first: with each audio track in turn, without audio, without video. A decoder may be
 * unable to decode a track, and FFmpeg would then wait for it without end.
 *
 * @param languages in the form of `languageCode`, the preferred one first
 */
export function trackChoices(tracks: readonly SourceTrack[], languages: readonly string[]): TrackChoice[] {
  const video = pidsOf(tracks.filter(({ kind, alive }) => kind === 'video' && alive));
  const audio = pidsOf(audioOf(tracks, languages));
  const turns = audio.map((_, turn) => ({ video, audio: [...audio.slice(turn), ...audio.slice(0, turn)] }));
  if (turns.length === 0) return [{ video, audio }];
  // The only audio track gets a second try.
  const again = turns.length === 1 ? turns : [];
  const reduced =
    video.length === 0
      ? []
      : [
          { video, audio: [] },
          { video: [], audio },
        ];
  return [...turns, ...again, ...reduced];
}

/**
 * Whether an FFmpeg that got `current` should be restarted: one of its tracks is gone, it lacks a kind that the source
 * has, or there is better audio than it plays. Another track of the same rank is no reason.
 */
export function isOutdated(
  current: TrackChoice,
  tracks: readonly SourceTrack[],
  languages: readonly string[],
): boolean {
  const find = (pid: number | undefined) => tracks.find((track) => track.pid === pid);
  const [video, sound] = [find(current.video[0]), find(current.audio[0])];
  if ((current.video.length > 0 && video === undefined) || (current.audio.length > 0 && sound === undefined))
    return true;
  const pictures = tracks.filter(({ kind, alive }) => kind === 'video' && alive);
  if (video?.alive !== true && pictures.length > 0) return true;
  const [best] = audioOf(tracks, languages);
  if (best === undefined) return false;
  return sound?.alive !== true || rankOf(best, languages) < rankOf(sound, languages);
}

function audioOf(tracks: readonly SourceTrack[], languages: readonly string[]): SourceTrack[] {
  return tracks
    .filter(({ kind, alive }) => kind === 'audio' && alive)
    .sort((a, b) => rankOf(a, languages) - rankOf(b, languages));
}

/** Less is better. The language counts first: a main track that viewers do not understand does not help them. */
function rankOf({ language, narrated }: SourceTrack, languages: readonly string[]): number {
  const code = language === undefined ? undefined : languageCode(language);
  const at = code === undefined ? -1 : languages.indexOf(code);
  return (at < 0 ? languages.length : at) * 2 + (narrated ? 1 : 0);
}

function pidsOf(tracks: readonly SourceTrack[]): number[] {
  return tracks.map(({ pid }) => pid);
}
