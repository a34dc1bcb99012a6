/** Which of an output's tracks goes on with which track of its input, when the input's tables change or another input comes. Pure. */

import type { Track } from '../reading/units.ts';

/** What is known of an output track. */
export interface Place {
  readonly type: number;
  /** The track that it carried last, as its input had it. */
  readonly inputPid: number;
  readonly language: string | undefined;
}

type Match = (track: Track, place: Place) => boolean;

/**
 * Best first. Tables may name the same tracks in another order, and swap their PIDs; a listener stays with his language. Another
 * source has other languages, and its sound goes on in place of what there was.
 */
const MATCHES: readonly Match[] = [
  (track, place) => track.pid === place.inputPid && track.language === place.language,
  (track, place) => track.language !== undefined && track.language === place.language,
  (track, place) => track.pid === place.inputPid,
  () => true,
];

/** The place of each track that finds one; a place carries one type only, and one track. */
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
