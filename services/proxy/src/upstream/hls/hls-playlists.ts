/**
 * The playlists of one HLS source, fetched once for all viewers: the entry, and those that it names. It knows where each one is after
 * redirects, and takes a new address from the entry when the one it has no longer works.
 */

import { SourceError } from '../../errors.ts';
import type { Sealer } from '../../sealer.ts';
import { ChildNumbers, type HlsPlace, isMultivariant, placeOf } from '../playlists/hls-entry.ts';
import { type HlsChild, type HlsReference, playlistKey, sealReference } from '../playlists/hls-reference.ts';
import { type HlsEntry, rewriteForViewer } from '../playlists/hls-rewrite.ts';
import type { HlsValues } from '../playlists/hls-values.ts';
import { type MediaFacts, mediaFacts } from '../playlists/media-playlist.ts';
import { segmentName } from '../playlists/segment-name.ts';
import { ENTRY_KEPT_MS, keptMs } from './cached-hls.ts';
import type { HlsAsk, HlsUpstream, PlaylistText } from './hls-upstream.ts';
import { MeasuredBandwidth } from './measured-bandwidth.ts';

export interface HlsPlaylistsDeps {
  readonly streamId: string;
  /** The address of its entry. */
  readonly url: string;
  /** Whether a reload goes to where the last redirect led. */
  readonly isSticky: boolean;
  readonly upstream: HlsUpstream;
  readonly sealer: Sealer;
  /** Monotonic ms. */
  readonly now: () => number;
}

/** What a player appends to the address of a playlist: it waits for a segment, or wants only what is new. */
export type Directives = Readonly<Record<string, string>>;

export interface MediaPlaylist {
  readonly text: string;
  readonly facts: MediaFacts;
}

/** The entry for a viewer, in the pieces between which the viewer's own folder stands. */
export interface HlsEntryText {
  readonly pieces: readonly string[];
}

/** Limits of what a source may name in its entry. */
const MAX_CHILDREN = 200;
/** How often the entry is asked for new addresses at the most. */
const REFRESH_MS = 5_000;
/** Where the folder of the viewer stands in the entry. No line of a playlist holds it: it ends one. */
const HERE = '\0';
/** Playlists that are remembered: more than a source may name, since their addresses may change. */
const MAX_KNOWN = 400;
/** With these, and without an answer, an address may have expired. */
const EXPIRED: readonly number[] = [401, 403, 404, 410];

interface LoadedEntry {
  /** Given the bit rate of a source that does not say it. */
  readonly entry: (bandwidth: number) => HlsEntryText;
  readonly places: readonly HlsPlace[];
  readonly atMs: number;
}

interface Kept {
  readonly playlist: MediaPlaylist;
  readonly atMs: number;
}

interface Known {
  /** What the provider's playlist gave for it; a newer one when that no longer works. */
  url: string;
  /** Where redirects led. */
  pinned: string | undefined;
  /** The newest one without directives, and the answers to directives since. */
  readonly kept: Map<string, Kept>;
  readonly loading: Map<string, Promise<MediaPlaylist>>;
  /** What the newest text names. */
  media: ReadonlySet<string>;
  /** Address to sealed address, of the newest text. */
  sealed: Map<string, string>;
  values: HlsValues;
}

/** A playlist to ask for. */
interface Wanted extends Pick<HlsAsk, 'headers' | 'variant'> {
  readonly url: string;
  readonly pinned: string | undefined;
  /** What is appended. */
  readonly query: string;
}

export class HlsPlaylists {
  readonly #deps: HlsPlaylistsDeps;
  readonly #known = new Map<string, Known>();
  #entryPinned: string | undefined;
  #loaded: LoadedEntry | undefined;
  #loading: Promise<LoadedEntry> | undefined;
  readonly #bandwidth = new MeasuredBandwidth();

  constructor(deps: HlsPlaylistsDeps) {
    this.#deps = deps;
  }

  /**
   * The entry. A media playlist in its place becomes the one variant of an entry, so that players never reload the entry.
   *
   * @throws {NotHlsError} when the source is no HLS
   * @throws {SourceError} when it does not play
   */
  async entry(): Promise<HlsEntryText> {
    return (await this.#entryNoOlderThan(ENTRY_KEPT_MS)).entry(this.#bandwidth.bitsPerSecond);
  }

  /** A whole segment has come. */
  came(url: string, bytes: number): void {
    this.#bandwidth.came(url, bytes);
  }

  /** Whether the newest text of one of its playlists names a segment at this address. */
  names(url: string): boolean {
    return [...this.#known.values()].some(({ media }) => media.has(url));
  }

  /** @throws {SourceError} when it cannot be had now */
  async playlist(reference: HlsReference, directives: Directives = {}): Promise<MediaPlaylist> {
    const known = this.#knownOf(reference);
    const query = new URLSearchParams(directives).toString();
    const kept = known.kept.get(query);
    if (kept !== undefined && this.#deps.now() - kept.atMs < keptMs(kept.playlist.facts.targetDurationMs))
      return kept.playlist;
    const loading = known.loading.get(query);
    if (loading !== undefined) return loading;
    const loaded = this.#load(known, reference, query).finally(() => known.loading.delete(query));
    known.loading.set(query, loaded);
    return loaded;
  }

  /** Which playlist takes the place of one that another source had. */
  async inPlaceOf(child: HlsChild): Promise<HlsReference | undefined> {
    const place = placeOf(child, (await this.#entryNoOlderThan(Number.POSITIVE_INFINITY)).places);
    return place === undefined ? undefined : { role: 'playlist', ...place };
  }

  async #entryNoOlderThan(ms: number): Promise<LoadedEntry> {
    const loaded = this.#loaded;
    if (loaded !== undefined && this.#deps.now() - loaded.atMs < ms) return loaded;
    this.#loading ??= this.#loadEntry().finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }

  async #loadEntry(): Promise<LoadedEntry> {
    const { url, isSticky } = this.#deps;
    const found = await this.#fetched({ url, pinned: this.#entryPinned, query: '' });
    this.#entryPinned = isSticky && found.url !== url ? found.url : undefined;
    const said = isMultivariant(found.text) ? this.#multivariant(found) : this.#single(found);
    const loaded = { ...said, atMs: this.#sentMs(found) };
    this.#loaded = loaded;
    return loaded;
  }

  #multivariant({ text, url }: PlaylistText): Omit<LoadedEntry, 'atMs'> {
    const numbers = new ChildNumbers();
    const places: HlsPlace[] = [];
    const rewritten = rewriteForViewer(text.replaceAll(HERE, '\n'), {
      baseUrl: url,
      imported: new Map(),
      replace: (entry, defined) => {
        if (entry.role !== 'playlist') return `${HERE}${this.#address(entry, {})}`;
        const place = { child: numbers.childOf(entry.tag), url: entry.url, values: asRecord(defined) };
        places.push(place);
        if (places.length > MAX_CHILDREN) throw tooMany();
        return `${HERE}${this.#address(entry, place)}`;
      },
    });
    for (const { child, url: at, values } of places) {
      const known = this.#known.get(playlistKey({ role: 'playlist', url: at, child }));
      // A token may be in them.
      if (known !== undefined) known.values = new Map(Object.entries(values ?? {}));
    }
    const entry = { pieces: rewritten.split(HERE) };
    return { entry: () => entry, places };
  }

  #single(found: PlaylistText): Omit<LoadedEntry, 'atMs'> {
    const { url } = this.#deps;
    const child = new ChildNumbers().childOf('#EXT-X-STREAM-INF:BANDWIDTH=1');
    const reference: HlsReference = { role: 'playlist', url, child };
    const known = this.#knownOf(reference);
    known.pinned = this.#entryPinned;
    // It has just come: the viewer who asks for it next need not wait for another one.
    known.kept.set('', { playlist: this.#rewritten(known, reference, found), atMs: this.#sentMs(found) });
    const sealed = sealReference(this.#deps.sealer, this.#deps.streamId, reference);
    const entry = (bandwidth: number): HlsEntryText => ({
      pieces: [`#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=${bandwidth}\n`, `playlist.m3u8?r=${sealed}\n`],
    });
    return { entry, places: [{ child, url }] };
  }

  #knownOf(reference: HlsReference): Known {
    const key = playlistKey(reference);
    const found = this.#known.get(key);
    if (found !== undefined) return found;
    const known: Known = {
      url: reference.url,
      pinned: undefined,
      kept: new Map(),
      loading: new Map(),
      media: new Set(),
      sealed: new Map(),
      values: new Map(Object.entries(reference.values ?? {})),
    };
    this.#known.set(key, known);
    const [oldest] = this.#known.keys();
    if (this.#known.size > MAX_KNOWN && oldest !== undefined) this.#known.delete(oldest);
    return known;
  }

  async #load(known: Known, reference: HlsReference, query: string): Promise<MediaPlaylist> {
    const found = await this.#found(known, reference, query);
    if (isMultivariant(found.text)) {
      const message =
        'The playlist of the source leads to one that names further playlists, which players do not follow.';
      throw new SourceError('not_media', message);
    }
    const playlist = this.#rewritten(known, reference, found);
    // An answer to directives counts until the next playlist.
    known.kept.clear();
    const kept = { playlist, atMs: this.#sentMs(found) };
    known.kept.set(query, kept);
    if (query !== '' && !/_HLS_skip/.test(query)) known.kept.set('', kept);
    return playlist;
  }

  /** When the provider sent it: it may have been kept elsewhere since. */
  #sentMs({ ageMs }: PlaylistText): number {
    return this.#deps.now() - ageMs;
  }

  async #found(known: Known, reference: HlsReference, query: string): Promise<PlaylistText> {
    const fetch = async (): Promise<PlaylistText> => {
      const { url, pinned } = known;
      const variant = reference.child?.kind === 'variant' ? playlistKey(reference) : undefined;
      const found = await this.#fetched({ url, pinned, query, headers: reference.headers, variant });
      const isMoved = found.isInstead !== true && found.url !== withQuery(url, query);
      known.pinned = this.#deps.isSticky && isMoved ? withoutDirectives(found.url) : undefined;
      return found;
    };
    try {
      return await fetch();
    } catch (error) {
      if (!(error instanceof SourceError) || !mayHaveExpired(error) || reference.child === undefined) throw error;
      // A token in its address may be over. The entry has the address of today.
      const { places } = await this.#entryNoOlderThan(REFRESH_MS);
      const place = placeOf(reference.child, places);
      if (place === undefined || place.url === known.url) throw error;
      known.url = place.url;
      known.pinned = undefined;
      return fetch();
    }
  }

  /** Where the last redirect led, then the address that was given. */
  async #fetched({ url, pinned, query, ...more }: Wanted): Promise<PlaylistText> {
    const ask = (at: string) => this.#deps.upstream.playlist({ ...more, url: withQuery(at, query) });
    if (pinned === undefined) return ask(url);
    try {
      return await ask(pinned);
    } catch (error) {
      if (!(error instanceof SourceError) || !mayHaveExpired(error)) throw error;
      return ask(url);
    }
  }

  #rewritten(known: Known, { child }: HlsReference, { text, url }: Pick<PlaylistText, 'text' | 'url'>): MediaPlaylist {
    const before = known.sealed;
    const sealed = new Map<string, string>();
    const seconds = new Map<string, number>();
    const media = new Set<string>();
    const rewritten = rewriteForViewer(text, {
      baseUrl: url,
      imported: known.values,
      replace: (entry) => {
        if (entry.seconds !== undefined) seconds.set(entry.url, entry.seconds);
        if (entry.role === 'segment') media.add(entry.url);
        const key = `${entry.role} ${entry.fragmented} ${entry.url} ${JSON.stringify(entry.headers ?? '')}`;
        const address = sealed.get(key) ?? before.get(key) ?? this.#address(entry, { child });
        sealed.set(key, address);
        return address;
      },
    });
    known.sealed = sealed;
    known.media = media;
    this.#bandwidth.names(seconds);
    return { text: rewritten, facts: mediaFacts(text) };
  }

  /** A relative address in a session. @param by the playlist that it is, in an entry; else the one that names it */
  #address(entry: HlsEntry, by: Partial<HlsPlace>): string {
    const { sealer, streamId } = this.#deps;
    const { role, url, headers } = entry;
    const isReport = entry.tag.startsWith('#EXT-X-RENDITION-REPORT');
    // The report of another rendition gets the address that the entry gives it.
    const meant = isReport ? this.#loaded?.places.find((place) => place.url === url) : by;
    const reference: HlsReference =
      role === 'playlist' ? { role, url, child: meant?.child, values: meant?.values, headers } : { role, url, headers };
    return `${segmentName(entry, by.child?.kind)}?r=${sealReference(sealer, streamId, reference)}`;
  }
}

function tooMany(): SourceError {
  const message = `The playlist of the source names more than ${MAX_CHILDREN} others, which is more than players can use.`;
  return new SourceError('not_media', message);
}

function mayHaveExpired({ reason, upstreamStatus }: SourceError): boolean {
  if (reason === 'http_status')
    return upstreamStatus === undefined || upstreamStatus >= 500 || EXPIRED.includes(upstreamStatus);
  return reason === 'refused' || reason === 'dns' || reason === 'timeout' || reason === 'stalled' || reason === 'ended';
}

function asRecord(values: HlsValues): Readonly<Record<string, string>> | undefined {
  return values.size === 0 ? undefined : Object.fromEntries(values);
}

function withQuery(url: string, query: string): string {
  if (query === '') return url;
  const to = new URL(url);
  to.search = to.search === '' ? query : `${to.search}&${query}`;
  return to.href;
}

function withoutDirectives(url: string): string {
  const to = new URL(url);
  const kept = to.search
    .slice(1)
    .split('&')
    .filter((part) => part !== '' && !part.startsWith('_HLS_'));
  to.search = kept.join('&');
  return to.href;
}
