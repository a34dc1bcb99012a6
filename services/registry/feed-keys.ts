/** What feeds are called in the registry. */

/** The process feed of a slot. */
export function processFeedKey(streamId: string, slot: number): string {
  return `p:${streamId}:${slot}`;
}

/** Whose process feed it is; undefined for a source feed. */
export function streamOfFeed(feed: string): string | undefined {
  return /^p:(.*):\d+$/.exec(feed)?.[1];
}

/** The source feed of a source, by the hash of its URL and credentials. */
export function sourceFeedKey(hash: string): string {
  return `s:${hash}`;
}
