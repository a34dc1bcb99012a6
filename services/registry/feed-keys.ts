/**
 * The keys of feeds in the registry and between workers: `p:<stream>:<slot>` is a process feed, `s:<source>` a source feed,
 * `h:<source>` an HLS source, which one worker asks for all, and `v:<stream>:<client>` what one HLS viewer gets of a source with an
 * end. Only this file builds and parses them; for the scripts, the head of prelude.lua does. Pure.
 */

export type FeedName =
  | { readonly kind: 'process'; readonly streamId: string; readonly slot: number }
  /** `source`: the hash of the URL and credentials. */
  | { readonly kind: 'source'; readonly source: string }
  | { readonly kind: 'hls'; readonly source: string }
  | { readonly kind: 'film'; readonly streamId: string; readonly clientId: string };

/** The key of a slot's process feed. */
export function processFeedKey(streamId: string, slot: number): string {
  return `p:${streamId}:${slot}`;
}

/** The key of a source feed, from the hash of its URL and credentials. */
export function sourceFeedKey(source: string): string {
  return `s:${source}`;
}

/** The key of an HLS source, from the hash of its URL and credentials. */
export function hlsFeedKey(source: string): string {
  return `h:${source}`;
}

/** The key of what one HLS viewer gets of a source with an end. @param clientId any text */
export function filmFeedKey(streamId: string, clientId: string): string {
  return `v:${streamId}:${clientId}`;
}

/** A key as a part of a path: a client may have given itself any text as its id. */
export function feedPath(key: string): string {
  // Workers of earlier versions read the other keys as they are.
  return key.startsWith('v:') ? encodeURIComponent(key) : key;
}

/** What a key names; undefined when it is not a feed's key. */
export function parseFeedKey(key: string): FeedName | undefined {
  const [, streamId, slot] = /^p:(.+):(\d+)$/.exec(key) ?? [];
  if (streamId !== undefined) return { kind: 'process', streamId, slot: Number(slot) };
  const [, filmOf, clientId] = /^v:([^:]+):(.+)$/s.exec(key) ?? [];
  if (filmOf !== undefined && clientId !== undefined) return { kind: 'film', streamId: filmOf, clientId };
  const [, letter, source] = /^([sh]):(.+)$/.exec(key) ?? [];
  if (source === undefined) return undefined;
  return { kind: letter === 's' ? 'source' : 'hls', source };
}

/** The stream that a feed is of; undefined for a source. */
export function streamOfFeed(key: string): string | undefined {
  const name = parseFeedKey(key);
  return name?.kind === 'process' || name?.kind === 'film' ? name.streamId : undefined;
}
