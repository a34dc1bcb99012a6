/**
 * The keys of feeds in the registry and between workers: `p:<stream>:<slot>` is a process feed, `s:<source>` a source feed. Only
 * this file builds and parses them; for the scripts, the head of prelude.lua does. Pure.
 */

export type FeedName =
  | { readonly kind: 'process'; readonly streamId: string; readonly slot: number }
  /** `source`: the hash of the URL and credentials. */
  | { readonly kind: 'source'; readonly source: string };

/** The key of a slot's process feed. */
export function processFeedKey(streamId: string, slot: number): string {
  return `p:${streamId}:${slot}`;
}

/** The key of a source feed, from the hash of its URL and credentials. */
export function sourceFeedKey(source: string): string {
  return `s:${source}`;
}

/** What a key names; undefined when it is not a feed's key. */
export function parseFeedKey(key: string): FeedName | undefined {
  const [, streamId, slot] = /^p:(.+):(\d+)$/.exec(key) ?? [];
  if (streamId !== undefined) return { kind: 'process', streamId, slot: Number(slot) };
  const [, source] = /^s:(.+)$/.exec(key) ?? [];
  return source === undefined ? undefined : { kind: 'source', source };
}

/** The stream of a process feed; undefined for a source feed. */
export function streamOfFeed(key: string): string | undefined {
  const name = parseFeedKey(key);
  return name?.kind === 'process' ? name.streamId : undefined;
}
