/** What the routes of the API use of a worker. */

import type { Registry } from '../../../registry/registry.ts';
import type { Command, MakingReport, WorkerNumbers, WorkerRecord } from '../../../registry/types.ts';
import type { Logger } from '../../../shared/log.ts';
import type { Broadcasts } from '../broadcasts/broadcasts.ts';
import type { Config, Environment } from '../config/config.ts';
import type { EventFeed } from '../events/event-feed.ts';
import type { HardwareAcceleration } from '../ffmpeg/host/hardware.ts';
import type { LocatedFfmpeg } from '../ffmpeg/host/locate.ts';
import type { SandboxReport } from '../ffmpeg/host/sandbox.ts';
import type { EventLoopDelay } from '../metrics/event-loop.ts';
import type { MetricsRegistry } from '../metrics/worker-metrics.ts';
import type { PageResolvers } from '../page-resolvers/page-resolvers.ts';
import type { Sealer } from '../sealer.ts';
import type { SourceFeeds } from '../sources/source-feeds.ts';
import type { StreamCatalogue } from '../streams/stream-catalogue.ts';
import type { DashSources } from '../upstream/dash/dash-sources.ts';
import type { EgressGuard } from '../upstream/egress/egress-guard.ts';
import type { HlsSources } from '../upstream/hls/hls-sources.ts';
import type { SourceMemories } from '../upstream/http/source-memory.ts';
import type { ProviderConnections } from '../upstream/provider/provider-connections.ts';
import type { Playback } from '../viewers/playback.ts';
import type { Seating } from '../viewers/seating.ts';
import type { Sessions } from '../viewers/sessions/sessions.ts';
import type { Webhooks } from '../webhooks/webhooks.ts';
import type { LimitNews } from './limit-news.ts';
import type { OpenPages } from './open-pages.ts';

export interface Services {
  readonly config: Config;
  readonly log: Logger;
  /** What the settings were read from. */
  readonly environment: Environment;
  readonly registry: Registry;
  /** New events, for those who read along. */
  readonly eventFeed: EventFeed;
  /** Tells that somebody was refused because of a limit. */
  readonly limitNews: LimitNews;
  /** Pages of the console. */
  readonly pages: OpenPages;
  /** Recordings, and the windows of network channels. */
  readonly broadcasts: Broadcasts;
  /** The addresses that get events. */
  readonly webhooks: Webhooks;
  readonly catalogue: StreamCatalogue;
  readonly seating: Seating;
  readonly sources: SourceFeeds;
  readonly playback: Playback;
  /** The HLS viewers. */
  readonly sessions: Sessions;
  readonly guard: EgressGuard;
  /** The programs that find the media of a web page. */
  readonly pageResolvers: PageResolvers;
  readonly memories: SourceMemories;
  readonly connections: ProviderConnections;
  /** HLS sources that are passed on. */
  readonly hls: HlsSources;
  /** DASH sources that are passed on. */
  readonly dash: DashSources;
  readonly hardware: HardwareAcceleration;
  readonly ffmpeg: LocatedFfmpeg;
  /** How FFmpeg is restricted on this machine. */
  readonly sandbox: SandboxReport;
  readonly startedAtMs: number;
  /** The secret for signed playback URLs, the same on all workers of the cluster, and those that it was in the last day. */
  readonly playbackSecrets: () => readonly [string, ...string[]];
  /** Makes and reads what HLS viewers carry from request to request. */
  readonly sealer: Sealer;
  readonly eventLoop: Pick<EventLoopDelay, 'lateness'>;
  /** The metrics of this worker, for Prometheus. */
  readonly metrics: MetricsRegistry;
  /** As that of `Cluster`. */
  evictionWarning(): string | undefined;
  /** What the start still waits for, as a sentence; undefined when the worker may take viewers. `/readyz` shows it. */
  startWaitsFor(): string | undefined;
  /** Whether the worker takes no new streams; `/readyz` shows it. */
  isDraining(): boolean;
  /** The current numbers of this worker. */
  numbers(): WorkerNumbers;
  /** What the worker that makes a stream tells of it; undefined: it makes it no longer, or does not answer. */
  makingReport(worker: WorkerRecord, streamId: string): Promise<MakingReport | undefined>;
  /** Carries out a command from another worker or from the API here. */
  carryOut(command: Command): Promise<void>;
  /** Carries out the commands that wait for this worker in the registry; false when it does not answer. */
  fetchCommands(): Promise<boolean>;
}
