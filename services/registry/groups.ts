/**
 * Which streams fail over together: those with the same URL, the same other sources and the same headers. For the scripts,
 * groups.lua decides it. Pure.
 */

import type { StreamRecord, StreamSpec } from './types.ts';

/** The name of a stream's group; undefined for a stream that has only one source. */
export function groupOf(spec: Pick<StreamSpec, GroupPart>): string | undefined {
  const isAlone = spec.failoverUrls.length === 0 && spec.failoverResolverUrl === undefined && spec.page === undefined;
  if (isAlone) return undefined;
  return sourceKey(spec);
}

/** Equal for streams that begin at the same source, and go on to the same ones. */
export function sourceKey({
  url,
  failoverUrls,
  failoverResolverUrl,
  userAgent,
  headers,
  page,
}: Pick<StreamSpec, GroupPart>): string {
  const sorted = Object.entries(headers)
    .map(([name, value]) => [name.toLowerCase(), value] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const ofPage = page === undefined ? [] : [page.key];
  return JSON.stringify([url, failoverUrls, failoverResolverUrl ?? '', userAgent, sorted, ...ofPage]);
}

type GroupPart = 'url' | 'failoverUrls' | 'failoverResolverUrl' | 'userAgent' | 'headers' | 'page';

/**
 * Which of its sources a stream plays: -1 for the primary one, which for a web page is whatever the page gives; else an index into its
 * failover URLs, or beyond them what a failover resolver has named.
 */
export function playedSource({ failover, failoverUrls, page }: Pick<StreamRecord, PlayedPart>): number {
  return page === undefined ? failover.index : failoverUrls.indexOf(failover.currentUrl);
}

type PlayedPart = 'failover' | 'failoverUrls' | 'page';

/** The reason of a group's move from a web page to the media that was found there. It begins so, which is no failover and no event. */
export const PAGE_OPENED = 'page_opened';
