/**
 * A source of many requests, HLS or DASH, as its readers get it: from the provider, from another worker, or from what is kept of
 * either.
 */

import type { SourceAddress } from '../provider/source-address.ts';
import type { Media } from './shared-media.ts';

/** A request to a source for something that one of its playlists names, or for its entry. */
export interface HlsAsk {
  readonly url: string;
  /** For this address alone. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly range?: string | undefined;
  /** Which variant a playlist is; undefined: none. */
  readonly variant?: string | undefined;
  /** What a playlist has to be. Unset: HLS. */
  readonly form?: 'dash' | undefined;
  /** Media that nothing kept can stand for: a time. */
  readonly fresh?: boolean | undefined;
}

export interface PlaylistText {
  readonly text: string;
  /** After redirects. */
  readonly url: string;
  /** How long ago the provider sent it. */
  readonly ageMs: number;
  /** It is another variant than was asked for: see OneVariant. */
  readonly isInstead?: boolean | undefined;
}

export interface HlsUpstream {
  /** Whether the provider is known to allow one connection: a request that waits there would hold up all others. */
  readonly isSingle: boolean;
  /**
   * A whole playlist, or a manifest of DASH.
   *
   * @throws {SourceError} `not_media` for anything else, `http_status`, `timeout`, …
   */
  playlist(ask: HlsAsk): Promise<PlaylistText>;
  /**
   * A segment, a part, a map or a key, as it arrives. Its body is to be closed.
   *
   * @throws {SourceError} `http_status` with the provider's status; `not_media` for a playlist in its place
   */
  media(ask: HlsAsk): Promise<Media>;
}

/** A source that is open for one reader until `release`. */
export interface HlsLease extends HlsUpstream {
  /** Its key in the registry. */
  readonly name: string;
  /** @param isLeft its stream plays from another source now, so nobody is expected to come back */
  release(isLeft: boolean): void;
}

/** Opens a source for one reader of this worker. */
export type OpenHls = (address: SourceAddress) => HlsLease;

/** One name for what is asked for. */
export function keyOf({ url, headers, range, form }: HlsAsk): string {
  return [form ?? '', range ?? '', JSON.stringify(headers ?? ''), url].join(' ');
}
