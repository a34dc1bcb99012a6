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
import type { AccountWatch } from '../provider/provider-connections.ts';
import type { SourceAddress } from '../provider/source-address.ts';
import type { HlsRequests, PlaylistText } from './hls-requests.ts';

export interface HlsPlaylistsDeps {
  readonly streamId: string;
  readonly address: SourceAddress;
  /** Whether a reload goes to where the last redirect led. */
  readonly isSticky: boolean;
  readonly requests: HlsRequests;
  readonly sealer: Sealer;
  /** The connections of the provider's account; the first request of a source may have to wait for one. */
  readonly account: () => AccountWatch;
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
/** How long the entry is kept, and how often it is asked for new addresses at the most. */
const ENTRY_KEPT_MS = 3_000;
const REFRESH_MS = 5_000;
/** Half a target duration, within these. */
const MIN_KEPT_MS = 500;
const MAX_KEPT_MS = 3_000;
/** Where the folder of the viewer stands in the entry. No line of a playlist holds it: it ends one. */
const HERE = '\0';
/** Playlists that are remembered: more than a source may name, since their addresses may change. */
const MAX_KNOWN = 400;
/** With these, and without an answer, an address may have expired. */
const EXPIRED: readonly number[] = [401, 403, 404, 410];

interface LoadedEntry {
  readonly entry: HlsEntryText;
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
  /** Address to sealed address, of the newest text. */
  sealed: Map<string, string>;
  values: HlsValues;
}

export class HlsPlaylists {
  readonly #deps: HlsPlaylistsDeps;
  readonly #known = new Map<string, Known>();
  #entryPinned: string | undefined;
  #loaded: LoadedEntry | undefined;
  #loading: Promise<LoadedEntry> | undefined;

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
    return (await this.#entryNoOlderThan(ENTRY_KEPT_MS)).entry;
  }

  /** @throws {SourceError} when it cannot be had now */
  async playlist(reference: HlsReference, directives: Directives = {}): Promise<MediaPlaylist> {
    const known = this.#knownOf(reference);
    const query = new URLSearchParams(directives).toString();
    const kept = known.kept.get(query);
    if (kept !== undefined && this.#deps.now() - kept.atMs < keptMs(kept.playlist.facts)) return kept.playlist;
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
    const { address, isSticky, now } = this.#deps;
    const isFirst = this.#loaded === undefined;
    const found = await this.#fetched(address.url, this.#entryPinned, undefined, isFirst);
    this.#entryPinned = isSticky && found.url !== address.url ? found.url : undefined;
    const said = isMultivariant(found.text) ? this.#multivariant(found) : this.#single(found);
    const loaded = { ...said, atMs: now() };
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
    return { entry: { pieces: rewritten.split(HERE) }, places };
  }

  #single({ text, url }: PlaylistText): Omit<LoadedEntry, 'atMs'> {
    const { address, now } = this.#deps;
    const child = new ChildNumbers().childOf('#EXT-X-STREAM-INF:BANDWIDTH=1');
    const reference: HlsReference = { role: 'playlist', url: address.url, child };
    const known = this.#knownOf(reference);
    known.pinned = this.#entryPinned;
    // It has just come: the viewer who asks for it next need not wait for another one.
    known.kept.set('', { playlist: this.#rewritten(known, reference, { text, url }), atMs: now() });
    const sealed = sealReference(this.#deps.sealer, this.#deps.streamId, reference);
    const pieces = ['#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n', `playlist.m3u8?r=${sealed}\n`];
    return { entry: { pieces }, places: [{ child, url: address.url }] };
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
    known.kept.set(query, { playlist, atMs: this.#deps.now() });
    if (query !== '' && !/_HLS_skip/.test(query)) known.kept.set('', { playlist, atMs: this.#deps.now() });
    return playlist;
  }

  async #found(known: Known, reference: HlsReference, query: string): Promise<PlaylistText> {
    const fetch = async (): Promise<PlaylistText> => {
      const { url, pinned } = known;
      const found = await this.#fetched(url, pinned, query, false, reference.headers);
      known.pinned =
        this.#deps.isSticky && found.url !== withQuery(url, query) ? withoutDirectives(found.url) : undefined;
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
  async #fetched(
    url: string,
    pinned: string | undefined,
    query: string | undefined,
    isFirst: boolean,
    headers?: Readonly<Record<string, string>>,
  ): Promise<PlaylistText> {
    const { requests, address, account } = this.#deps;
    const ask = (at: string): Promise<PlaylistText> =>
      requests.playlist({
        source: address,
        url: withQuery(at, query ?? ''),
        headers,
        account: isFirst ? account() : undefined,
      });
    if (pinned === undefined) return ask(url);
    try {
      return await ask(pinned);
    } catch (error) {
      if (!(error instanceof SourceError) || !mayHaveExpired(error)) throw error;
      return ask(url);
    }
  }

  #rewritten(known: Known, { child }: HlsReference, { text, url }: PlaylistText): MediaPlaylist {
    const before = known.sealed;
    const sealed = new Map<string, string>();
    const rewritten = rewriteForViewer(text, {
      baseUrl: url,
      imported: known.values,
      replace: (entry) => {
        const key = `${entry.role} ${entry.fragmented} ${entry.url} ${JSON.stringify(entry.headers ?? '')}`;
        const address = sealed.get(key) ?? before.get(key) ?? this.#address(entry, { child });
        sealed.set(key, address);
        return address;
      },
    });
    known.sealed = sealed;
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

function keptMs({ targetDurationMs }: MediaFacts): number {
  return Math.min(Math.max(targetDurationMs / 2, MIN_KEPT_MS), MAX_KEPT_MS);
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
