/** What the page of one stream shows, made of what the registry knows. Pure. */

import { countConnections } from '../../../../registry/connections.ts';
import { factsOf } from '../../../../registry/events/stream-facts.ts';
import { isIdle } from '../../../../registry/idle.ts';
import type { SlotSummary, StreamSummary } from '../../../../registry/registry.ts';
import type { MadeInput, MakingReport, StreamRecord, WorkerRecord } from '../../../../registry/types.ts';
import type { OneStream, ShownInput, ShownPage } from '../../../../shared/console/one-stream.ts';
import { maskHeaders, maskText, maskUrl, secretsOf } from '../../../../shared/masking/mask.ts';
import { NAMES } from '../../page-resolvers/page-resolver.ts';
import { makersOf } from '../views/media-views.ts';
import { streamType } from '../views/stream-views.ts';
import { knownStream } from './counts/stream-book.ts';
import { playingStream } from './now-state.ts';

/** What is shown of a stream's record. Masking costs time, so this is made once and kept. */
export type ShownDefinition = Omit<
  OneStream,
  'state' | 'viewers' | 'bytesServed' | 'connections' | 'slots' | 'owner' | 'sinceMs' | 'arrival' | 'lines' | 'samples'
>;

export function shownDefinition(record: StreamRecord): ShownDefinition {
  const { url, failoverUrls, failoverResolverUrl, headers, failover, profile } = record;
  const secrets = [url, ...failoverUrls].flatMap((each) => secretsOf(each, headers));
  const { name, profile: profileName, sourceHost, backup } = knownStream(record);
  return {
    ...{ name, profile: profileName, sourceHost, backup },
    type: streamType(record),
    arguments: profile && maskText(profile.args.join(' '), secrets),
    source: maskUrl(url),
    backups: failoverUrls.map(maskUrl),
    resolver: failoverResolverUrl === undefined ? undefined : maskUrl(failoverResolverUrl),
    page: pageOf(record),
    failovers: failover.attempts,
    failedOverMs: failover.lastAtMs,
    userAgent: record.userAgent,
    headers: maskHeaders(headers),
    metadata: factsOf(record).about.metadata,
    createdAtMs: record.createdAtMs,
    errors: record.errorCount,
  };
}

function pageOf({ page, url, failover, failoverUrls }: StreamRecord): ShownPage | undefined {
  if (page === undefined) return undefined;
  const { currentUrl, expiresAtMs } = failover;
  const isFound = currentUrl !== url && !failoverUrls.includes(currentUrl);
  return {
    program: NAMES[page.resolver],
    asked: page.args,
    hasCookies: page.cookies !== undefined || page.cookiesPath !== undefined,
    ...(isFound ? { found: maskUrl(currentUrl), endsAtMs: expiresAtMs } : {}),
  };
}

export interface OneStreamFacts {
  readonly id: string;
  readonly definition: ShownDefinition;
  readonly summary: StreamSummary;
  readonly workers: readonly WorkerRecord[];
  readonly slots: readonly SlotSummary[];
  /** What the worker that makes it has told of it. */
  readonly report: MakingReport | undefined;
  /** The workers that relay each slot, where its owner has told. */
  readonly relays: ReadonlyMap<number, readonly string[]>;
  readonly sinceMs: number | undefined;
  readonly nowMs: number;
  readonly graceMs: number;
}

export function oneStream(facts: OneStreamFacts): OneStream {
  const { id, definition, summary, workers, slots, report, relays, sinceMs, nowMs, graceMs } = facts;
  const made = makersOf(workers).get(id)?.made;
  const isUnused = isIdle(summary, summary.viewers, nowMs, graceMs);
  return {
    ...definition,
    ...playingStream(definition, summary, made, sinceMs),
    state: summary.viewers > 0 ? 'playing' : isUnused ? 'idle' : 'waiting',
    bytesServed: summary.bytesServed,
    connections: countConnections(workers).of(id),
    slots: slots
      .filter(({ viewers }) => viewers > 0)
      .map(({ slot, viewers, owner }) => ({
        ...{ slot, viewers, worker: owner?.workerId, epoch: owner?.epoch, relays: relays.get(slot) },
      })),
    arrival: arrivalOf(made?.input),
    lines: report?.lines,
    samples: report?.samples?.map(({ atMs, viewers, bitsPerSecond }) => ({
      ...{ atMs, viewers, bitsPerSecond: bitsPerSecond && Math.round(bitsPerSecond) },
    })),
  };
}

function arrivalOf(input: MadeInput | undefined): ShownInput | undefined {
  if (input === undefined) return undefined;
  const { bitsPerSecond, bufferMs, lastByteAgoMs, repairs } = input;
  return {
    bitsPerSecond: bitsPerSecond === undefined ? undefined : Math.round(bitsPerSecond),
    bufferMs: wholeSeconds(bufferMs),
    lastByteAgoMs: wholeSeconds(lastByteAgoMs),
    repairs,
  };
}

/** Then a page is told of it only when somebody would notice. */
function wholeSeconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.floor(ms / 1_000) * 1_000;
}
