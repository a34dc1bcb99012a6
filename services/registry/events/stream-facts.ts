/** What events say of a stream. It stands in the stream's record, so that a script can add it to an event. */

import { maskText, maskUrl, secretsOf } from '../../shared/masking/mask.ts';

/** As much of a stream's record as events use. */
export interface TellableStream {
  readonly url: string;
  readonly failoverUrls: readonly string[];
  readonly userAgent: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly profile: { readonly name: string } | undefined;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface StreamFacts {
  /** In each event about it. */
  readonly about: { readonly name: string; readonly metadata: Readonly<Record<string, string>> };
  /** In `stream_started` alone. */
  readonly sources: Readonly<Record<string, unknown>>;
}

/** The stream's name: what its creator calls it, else the last part of its URL. */
function nameOf({ url, metadata }: Pick<TellableStream, 'url' | 'metadata'>): string {
  const given = metadata.name?.trim() ?? '';
  if (given !== '') return given;
  const masked = maskUrl(url);
  if (!URL.canParse(masked)) return masked;
  const { pathname, host } = new URL(masked);
  return pathname.split('/').findLast((part) => part !== '') ?? host;
}

/** The stream's name without credentials. */
export function streamName(stream: Pick<TellableStream, 'url' | 'failoverUrls' | 'headers' | 'metadata'>): string {
  return maskText(nameOf(stream), secretsIn(stream));
}

function secretsIn({ url, failoverUrls, headers }: Pick<TellableStream, 'url' | 'failoverUrls' | 'headers'>): string[] {
  return [url, ...failoverUrls].flatMap((each) => secretsOf(each, headers));
}

/** URLs are masked: events go to pages, programs and webhooks. */
export function factsOf(stream: TellableStream): StreamFacts {
  const { url, failoverUrls, userAgent, profile } = stream;
  // The arguments of FFmpeg are among the metadata, with the URL of the source.
  const secrets = secretsIn(stream);
  const masked = Object.entries(stream.metadata).map(([name, value]) => [name, maskText(value, secrets)] as const);
  return {
    about: { name: maskText(nameOf(stream), secrets), metadata: Object.fromEntries(masked) },
    sources: {
      primary_url: maskUrl(url),
      failover_urls: failoverUrls.map(maskUrl),
      user_agent: userAgent,
      stream_type: profile === undefined ? 'direct' : 'transcoded',
      ...(profile === undefined ? {} : { profile: profile.name }),
    },
  };
}
