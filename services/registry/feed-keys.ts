/**
 * The keys of feeds in the registry and between workers: `p:<stream>:<slot>` is a process feed, `s:<source>` a source feed, and
 * `h:<source>` an HLS source, which one worker asks for all. Only this file builds and parses them; for the scripts, the head of
 * prelude.lua does. Pure.
 */

export type FeedName =
  | { readonly kind: 'process'; readonly streamId: string; readonly slot: number }
  /** `source`: the hash of the URL and credentials. */
  | { readonly kind: 'source'; readonly source: string }
  | { readonly kind: 'hls'; readonly source: string };

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

/** What a key names; undefined when it is not a feed's key. */
export function parseFeedKey(key: string): FeedName | undefined {
  const [, streamId, slot] = /^p:(.+):(\d+)$/.exec(key) ?? [];
  if (streamId !== undefined) return { kind: 'process', streamId, slot: Number(slot) };
  const [, letter, source] = /^([sh]):(.+)$/.exec(key) ?? [];
  if (source === undefined) return undefined;
  return { kind: letter === 's' ? 'source' : 'hls', source };
}

/** The stream of a process feed; undefined for a source. */
export function streamOfFeed(key: string): string | undefined {
  const name = parseFeedKey(key);
  return name?.kind === 'process' ? name.streamId : undefined;
}
