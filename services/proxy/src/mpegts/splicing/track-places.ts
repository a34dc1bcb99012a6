/** Which output track continues with which input track, when the input's tables change or another input comes. Pure. */

import type { Track } from '../reading/units.ts';

/** What is known about an output track. */
export interface Place {
  readonly type: number;
  /** The input track that it carried last. */
  readonly inputPid: number;
  readonly language: string | undefined;
}

type Match = (track: Track, place: Place) => boolean;

/**
 * Best match first. Tables may reorder the same tracks and swap their PIDs; a listener keeps the language. Another
 * source has other languages, and its audio replaces the old audio.
 */
const MATCHES: readonly Match[] = [
  (track, place) => track.pid === place.inputPid && track.language === place.language,
  (track, place) => track.language !== undefined && track.language === place.language,
  (track, place) => track.pid === place.inputPid,
  () => true,
];

/** The place of each track that finds one. A place carries only one type and one track. */
export function placesOf<P extends Place>(tracks: readonly Track[], places: Iterable<P>): Map<Track, P> {
  const found = new Map<Track, P>();
  const free = new Set(places);
  for (const matches of MATCHES) {
    for (const track of tracks) {
      if (found.has(track)) continue;
      for (const place of free) {
        if (place.type !== track.type || !matches(track, place)) continue;
        found.set(track, place);
        free.delete(place);
        break;
      }
    }
  }
  return found;
}
