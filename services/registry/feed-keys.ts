/**
 * What feeds are called in the registry and between workers: `p:<stream>:<slot>` is a process feed, `s:<source>` a source feed. Built
 * and read here, and for the scripts at the head of prelude.lua. Pure.
 */

export type FeedName =
  | { readonly kind: 'process'; readonly streamId: string; readonly slot: number }
  /** `source`: the hash of its URL and credentials. */
  | { readonly kind: 'source'; readonly source: string };

/** The process feed of a slot. */
export function processFeedKey(streamId: string, slot: number): string {
  return `p:${streamId}:${slot}`;
}

/** The source feed of a source, by the hash of its URL and credentials. */
export function sourceFeedKey(source: string): string {
  return `s:${source}`;
}

/** What a key names; undefined when it is not the key of a feed. */
export function parseFeedKey(key: string): FeedName | undefined {
  const [, streamId, slot] = /^p:(.+):(\d+)$/.exec(key) ?? [];
  if (streamId !== undefined) return { kind: 'process', streamId, slot: Number(slot) };
  const [, source] = /^s:(.+)$/.exec(key) ?? [];
  return source === undefined ? undefined : { kind: 'source', source };
}

/** Whose process feed it is; undefined for a source feed. */
export function streamOfFeed(key: string): string | undefined {
  const name = parseFeedKey(key);
  return name?.kind === 'process' ? name.streamId : undefined;
}
