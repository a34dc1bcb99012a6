/** The keys of a source in the registry: streams with the same URL and credentials share a connection. Pure. */

import { createHash } from 'node:crypto';
import { hlsFeedKey, sourceFeedKey } from '../../../../registry/feed-keys.ts';
import type { SourceAddress } from './source-address.ts';

export function sourceFeedOf(address: SourceAddress): string {
  return sourceFeedKey(hashOf(address));
}

/** The key of the same source, if it is HLS. */
export function hlsFeedOf(address: SourceAddress): string {
  return hlsFeedKey(hashOf(address));
}

function hashOf({ url, headers, userAgent, pipe }: SourceAddress): string {
  const sorted = Object.entries(headers).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256')
    .update(JSON.stringify([url, sorted, userAgent, ...(pipe === undefined ? [] : [pipe.url, pipe.key])]))
    .digest('hex');
}
