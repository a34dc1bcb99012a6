/** The playlists that a multivariant playlist names, and which of them takes the place of one that is gone. Pure. */

import { createHash } from 'node:crypto';
import { attributesOf } from './attribute-list.ts';
import type { HlsChild, HlsChildKind } from './hls-reference.ts';

const KIND_OF_TAG: Readonly<Record<string, HlsChildKind>> = {
  '#EXT-X-STREAM-INF': 'variant',
  '#EXT-X-I-FRAME-STREAM-INF': 'iframes',
  '#EXT-X-IMAGE-STREAM-INF': 'images',
};
const KIND_OF_TYPE: Readonly<Record<string, HlsChildKind>> = { AUDIO: 'audio', VIDEO: 'video', SUBTITLES: 'subtitles' };

/** A playlist of a multivariant playlist, and where it is. */
export interface HlsPlace {
  readonly child: HlsChild;
  /** Absolute. */
  readonly url: string;
  /** What it may import with `EXT-X-DEFINE`. */
  readonly values?: Readonly<Record<string, string>> | undefined;
}

/** Whether a playlist names other playlists. One that names none is a media playlist. */
export function isMultivariant(text: string): boolean {
  return /(?:^|[\n\r\0])#EXT-X-(?:STREAM-INF|MEDIA):/.test(text);
}

/** Numbers the playlists of a multivariant playlist as they come. */
export class ChildNumbers {
  readonly #next = new Map<HlsChildKind, number>();

  /** @param tag the tag line that describes it; '' for an address without one */
  childOf(tag: string): HlsChild {
    const attributes = attributesOf(tag);
    const kind = KIND_OF_TAG[tag.split(':', 1)[0] ?? ''] ?? KIND_OF_TYPE[attributes.get('TYPE') ?? ''] ?? 'variant';
    const number = this.#next.get(kind) ?? 0;
    this.#next.set(kind, number + 1);
    const said = [...attributes].filter(([name]) => name !== 'URI');
    const hash = createHash('sha256').update(JSON.stringify(said)).digest('hex').slice(0, 8);
    return { kind, number, bandwidth: Number(attributes.get('BANDWIDTH')) || 0, hash };
  }
}

/**
 * The playlist that is now what `wanted` was: the same one, with another address; else the nearest in bandwidth of the same kind; else
 * the only one there is. Undefined when the source has nothing of this kind.
 */
export function placeOf(wanted: HlsChild, places: readonly HlsPlace[]): HlsPlace | undefined {
  const same = places.filter(({ child }) => child.kind === wanted.kind);
  const distance = ({ child }: HlsPlace): number => {
    if (child.hash === wanted.hash) return child.number === wanted.number ? -2 : -1;
    return Math.abs(child.bandwidth - wanted.bandwidth) + (child.number === wanted.number ? 0 : 0.5);
  };
  return same.reduce<HlsPlace | undefined>(
    (best, each) => (best === undefined || distance(each) < distance(best) ? each : best),
    undefined,
  );
}
