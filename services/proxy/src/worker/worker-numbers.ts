/** The numbers that a worker counts about itself: shown in its record, and summed up in the statistics. */

import { availableParallelism } from 'node:os';
import type { DrainReason, MadeStream, Relays, WorkerNumbers } from '../../../registry/types.ts';
import { VERSION } from '../../../shared/version.ts';
import type { KnownPlace } from '../ownership/known-place.ts';
import type { ProcessStatus } from '../processes/process-feeds.ts';
import type { HlsFeeds } from '../sources/hls/hls-feeds.ts';
import type { SourceFeeds } from '../sources/source-feeds.ts';
import type { DashSources } from '../upstream/dash/dash-sources.ts';
import type { HlsSources } from '../upstream/hls/hls-sources.ts';
import type { ProviderConnections } from '../upstream/provider/provider-connections.ts';
import type { Playback } from '../viewers/playback.ts';
import type { Seating } from '../viewers/seating.ts';

/** Asking the machine takes longer than the rest. */
const CORES = availableParallelism();

export interface NumberedParts {
  readonly seating: Seating;
  readonly sources: SourceFeeds;
  readonly playback: Playback;
  readonly hls: HlsSources;
  readonly dash: DashSources;
  readonly hlsFeeds: HlsFeeds;
  readonly connections: ProviderConnections;
  /** Undefined: it does not drain. */
  readonly drainReason: DrainReason | undefined;
}

export function workerNumbers({
  seating,
  sources,
  playback,
  hls,
  dash,
  hlsFeeds,
  connections,
  drainReason,
}: NumberedParts): WorkerNumbers {
  const feeds = seating.feeds.status();
  return {
    processes: seating.processCount,
    clients: playback.clientCount,
    processFeeds: seating.feeds.size,
    sourceFeeds: sources.size,
    bufferedBytes: seating.feeds.heldBytes + seating.films.heldBytes + sources.heldBytes + hlsFeeds.heldBytes,
    restarts: feeds.reduce((sum, { restarts }) => sum + restarts, 0),
    ...playback.losses,
    draining: drainReason !== undefined,
    drainReason,
    connections: {
      held: connections.held,
      reads: { ...seating.feeds.sourcesRead(), ...hls.sourcesRead(), ...dash.sourcesRead() },
    },
    making: { ...seating.madeAlone(), ...madeHere(feeds) },
    relays: relayedHere([...feeds, ...sources.status()]),
    accounts: connections.accounts.all,
    version: VERSION,
    cores: CORES,
  };
}

/** The streams that this worker makes, or relays the first process feed of, each with its bit/s; undefined: nobody knows it. */
export function streamRates(seating: Seating): Map<string, number | undefined> {
  const feeds = seating.feeds.status().filter(({ slot }) => slot === 0);
  return new Map([
    ...Object.entries(seating.madeAlone()).map(([id, { bitsPerSecond }]) => [id, bitsPerSecond] as const),
    ...feeds.map(({ streamId, made }) => [streamId, made?.bitsPerSecond] as const),
  ]);
}

/** How this worker makes the first process feeds of streams, by stream. */
export function madeHere(feeds: readonly ProcessStatus[]): Record<string, MadeStream> {
  const own = feeds.flatMap(({ place, ...feed }) =>
    feed.slot === 0 && place.kind === 'own' ? [{ ...feed, place }] : [],
  );
  return Object.fromEntries(
    own.map(({ streamId, made, restarts, variant, place: { epoch }, input, output }) => [
      streamId,
      { ...made, failures: restarts, variant, epoch, input, output },
    ]),
  );
}

/** What this worker gets from others, by the worker that sends it. */
export function relayedHere(
  feeds: readonly { readonly place: KnownPlace; readonly made?: ProcessStatus['made'] }[],
): Record<string, Relays> {
  const relays: Record<string, Relays> = {};
  for (const { place, made } of feeds) {
    if (place.kind !== 'relay') continue;
    const { workerId } = place.via ?? place.owner;
    const before = relays[workerId] ?? { feeds: 0 };
    const rates = [before.bitsPerSecond, made?.bitsPerSecond].filter((rate) => rate !== undefined);
    relays[workerId] = {
      feeds: before.feeds + 1,
      ...(rates.length > 0 && { bitsPerSecond: rates.reduce((sum, rate) => sum + rate, 0) }),
    };
  }
  return relays;
}
