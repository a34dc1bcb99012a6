/** How streams and clients appear in answers: the shapes that m3u-proxy's clients read. */

import { z } from 'zod';
import { playedSource } from '../../../../registry/groups.ts';
import type { ClientRecord, StreamRecord } from '../../../../registry/types.ts';
import { maskHeaders, maskText, maskUrl } from '../../../../shared/masking/mask.ts';
import { hintFromUrl, isDash } from '../../upstream/provider/source-kind.ts';
import { isoTime, optionalIsoTime } from '../http/fields.ts';
import { type Maker, mediaViews, mediaViewsOf } from './media-views.ts';
import type { ClusterSnapshot } from './snapshot.ts';

export const clientView = z.object({
  client_id: z.string(),
  stream_id: z.string(),
  user_agent: z.string(),
  ip_address: z.string(),
  username: z.string().nullable(),
  bytes_served: z.int(),
  segments_served: z.int(),
  created_at: z.string(),
  last_access: z.string(),
  is_connected: z.boolean(),
});

export const streamView = z.object({
  stream_id: z.string(),
  original_url: z.string(),
  current_url: z.string(),
  user_agent: z.string(),
  client_count: z.int(),
  connection_count: z
    .int()
    .describe('Connections to the provider: one for all that share it, and one for each other viewer or process.'),
  total_bytes_served: z.int(),
  total_segments_served: z.int(),
  error_count: z.int(),
  is_active: z.boolean().describe('Whether the stream has clients, or is recorded.'),
  has_failover: z.boolean(),
  failover_urls: z.array(z.string()),
  failover_resolver_url: z.string().nullable(),
  current_failover_index: z.int().describe('-1: the primary URL.'),
  failover_attempts: z.int(),
  last_failover_time: z.string().nullable(),
  stream_type: z.enum(['Transcoding', 'HLS', 'DASH', 'VOD', 'Live Continuous']),
  created_at: z.string(),
  last_access: z.string(),
  metadata: z.record(z.string(), z.string()),
  headers: z.record(z.string(), z.string()).describe('Credentials are hidden.'),
  ...mediaViews,
});

export type ClientView = z.infer<typeof clientView>;
export type StreamView = z.infer<typeof streamView>;

/**
 * What an answer shows of source URLs, which carry provider credentials. Clients need whole URLs to recognise their streams.
 * With the API token they see them whole; when no token is set, nobody does.
 */
export interface Disclosure {
  url(url: string): string;
  /** Metadata of transcoded streams contains the source URL too. */
  metadata(values: Readonly<Record<string, string>>): Record<string, string>;
}

export function disclosureFor(apiToken: string | undefined): Disclosure {
  if (apiToken !== undefined) return { url: (url) => url, metadata: (values) => ({ ...values }) };
  return {
    url: maskUrl,
    metadata: (values) => Object.fromEntries(Object.entries(values).map(([name, value]) => [name, maskText(value)])),
  };
}

export function viewOfClient(client: ClientRecord): ClientView {
  return {
    client_id: client.id,
    stream_id: client.streamId,
    user_agent: client.userAgent,
    ip_address: client.ipAddress,
    username: client.username ?? null,
    bytes_served: client.bytesServed,
    segments_served: client.segmentsServed,
    created_at: isoTime(client.connectedAtMs),
    last_access: isoTime(client.lastAccessMs),
    is_connected: true,
  };
}

/** What is known of a stream beside its record and its clients. */
export interface StreamNow {
  readonly connections: number;
  readonly maker: Maker | undefined;
  readonly isActive: boolean;
}

export function viewOfStream(
  stream: StreamRecord,
  clients: readonly ClientRecord[],
  { connections, maker, isActive }: StreamNow,
  disclosure: Disclosure,
): StreamView {
  const { failover, failoverResolverUrl } = stream;
  const lastAccessMs = Math.max(stream.lastAccessMs, ...clients.map((client) => client.lastAccessMs));
  return {
    stream_id: stream.id,
    original_url: disclosure.url(stream.url),
    current_url: disclosure.url(failover.currentUrl),
    user_agent: stream.userAgent,
    client_count: clients.length,
    connection_count: connections,
    total_bytes_served: bytesServed(stream, clients),
    total_segments_served: segmentsServed(stream, clients),
    error_count: stream.errorCount,
    is_active: isActive,
    has_failover: hasFailover(stream),
    failover_urls: stream.failoverUrls.map((url) => disclosure.url(url)),
    failover_resolver_url: failoverResolverUrl === undefined ? null : disclosure.url(failoverResolverUrl),
    current_failover_index: playedSource(stream),
    failover_attempts: failover.attempts,
    last_failover_time: optionalIsoTime(failover.lastAtMs),
    stream_type: streamType(stream),
    created_at: isoTime(stream.createdAtMs),
    last_access: isoTime(lastAccessMs),
    metadata: disclosure.metadata(stream.metadata),
    headers: maskHeaders(stream.headers),
    ...mediaViewsOf(stream, maker?.made),
  };
}

/** The same for a stream of a snapshot. */
export function viewOfStreamIn(
  { clientsOf, isActive, connections, makers }: ClusterSnapshot,
  stream: StreamRecord,
  disclosure: Disclosure,
): StreamView {
  const at = { connections: connections.of(stream.id), maker: makers.get(stream.id), isActive: isActive(stream.id) };
  return viewOfStream(stream, clientsOf(stream.id), at, disclosure);
}

export function bytesServed(stream: StreamRecord, clients: readonly ClientRecord[]): number {
  return clients.reduce((sum, client) => sum + client.bytesServed, stream.bytesServed);
}

export function segmentsServed(stream: StreamRecord, clients: readonly ClientRecord[]): number {
  return clients.reduce((sum, client) => sum + client.segmentsServed, stream.segmentsServed);
}

export function hasFailover(stream: StreamRecord): boolean {
  const { failoverUrls, failoverResolverUrl, page } = stream;
  // A web page may give another address.
  return failoverUrls.length > 0 || failoverResolverUrl !== undefined || page !== undefined;
}

export function streamType(stream: StreamRecord): StreamView['stream_type'] {
  if (stream.profile !== undefined) return 'Transcoding';
  const hint = hintFromUrl(stream.url);
  if (isDash(stream, stream.url)) return 'DASH';
  if (hint === 'hls') return 'HLS';
  return hint === 'finite' || stream.unshareable ? 'VOD' : 'Live Continuous';
}
