/** Asks for each thing once, for all who want it at the same time, and keeps it for the next one. */

import { manifestFacts } from '../manifests/manifest-facts.ts';
import { isMultivariant } from '../playlists/hls-entry.ts';
import { mediaFacts } from '../playlists/media-playlist.ts';
import type { HlsCache } from './hls-cache.ts';
import { type HlsAsk, type HlsUpstream, keyOf, type PlaylistText } from './hls-upstream.ts';
import type { Media } from './shared-media.ts';

/** A multivariant playlist changes when the provider changes its addresses. */
export const ENTRY_KEPT_MS = 3_000;
/** A media playlist is kept for half a target duration, within these. */
const MIN_KEPT_MS = 500;
const MAX_KEPT_MS = 3_000;

/** How long a media playlist or a manifest is new enough for the next one who asks. @param targetDurationMs how soon there is a newer one */
export function keptMs(targetDurationMs: number): number {
  return Math.min(Math.max(targetDurationMs / 2, MIN_KEPT_MS), MAX_KEPT_MS);
}

interface Kept {
  readonly found: PlaylistText;
  /** When the provider sent it, monotonic ms. */
  readonly sentMs: number;
  readonly untilMs: number;
}

export interface CachedHlsDeps {
  /** Tells this source from the others in the cache. */
  readonly name: string;
  readonly from: HlsUpstream;
  readonly cache: HlsCache;
  /** Monotonic ms. */
  readonly now: () => number;
}

export class CachedHls implements HlsUpstream {
  readonly #deps: CachedHlsDeps;
  readonly #kept = new Map<string, Kept>();
  readonly #loading = new Map<string, Promise<PlaylistText>>();
  #targetDurationMs = 0;

  constructor(deps: CachedHlsDeps) {
    this.#deps = deps;
  }

  get isSingle(): boolean {
    return this.#deps.from.isSingle;
  }

  /** The longest of its playlists'; 0: none has come. */
  get targetDurationMs(): number {
    return this.#targetDurationMs;
  }

  async playlist(ask: HlsAsk): Promise<PlaylistText> {
    const key = keyOf(ask);
    const nowMs = this.#deps.now();
    const kept = this.#kept.get(key);
    if (kept !== undefined && nowMs < kept.untilMs) return { ...kept.found, ageMs: nowMs - kept.sentMs };
    let loading = this.#loading.get(key);
    if (loading === undefined) {
      loading = this.#load(key, ask).finally(() => this.#loading.delete(key));
      this.#loading.set(key, loading);
    }
    return loading;
  }

  media(ask: HlsAsk): Promise<Media> {
    const { name, from, cache } = this.#deps;
    if (ask.fresh === true) return from.media(ask);
    return cache.open(`${name} ${keyOf(ask)}`, () => from.media(ask));
  }

  async #load(key: string, ask: HlsAsk): Promise<PlaylistText> {
    const { from, now } = this.#deps;
    const found = await from.playlist(ask);
    const sentMs = now() - found.ageMs;
    this.#kept.set(key, { found, sentMs, untilMs: sentMs + this.#freshMs(found.text, ask) });
    for (const [each, { untilMs }] of this.#kept) if (untilMs <= now()) this.#kept.delete(each);
    return found;
  }

  #freshMs(text: string, { form }: HlsAsk): number {
    if (form === 'dash') {
      const { targetDurationMs, updateMs } = manifestFacts(text);
      this.#targetDurationMs = Math.max(this.#targetDurationMs, targetDurationMs);
      return keptMs(updateMs);
    }
    if (isMultivariant(text)) return ENTRY_KEPT_MS;
    const { targetDurationMs } = mediaFacts(text);
    this.#targetDurationMs = Math.max(this.#targetDurationMs, targetDurationMs);
    return keptMs(targetDurationMs);
  }
}
