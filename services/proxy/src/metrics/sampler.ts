/** Measures this worker every 10 s, at the same moments on all workers: see sample.ts. */

import type { SampleBook } from '../../../registry/registry.ts';
import { type Measured, SAMPLE_MS } from '../../../registry/samples/sample.ts';
import { type Clock, systemClock, type Timer } from '../../../shared/clock.ts';
import type { JoinedCluster } from '../cluster/cluster.ts';
import type { ProcessFeeds } from '../processes/process-feeds.ts';
import type { SourceMemories } from '../upstream/http/source-memory.ts';
import type { JoinResult, Joins } from '../viewers/joins.ts';
import type { Playback } from '../viewers/playback.ts';
import { cpuSeconds } from './cpu.ts';
import type { EventLoopDelay } from './event-loop.ts';

export interface SamplerDeps {
  readonly samples: Pick<SampleBook, 'keep'>;
  readonly playback: Pick<Playback, 'counted' | 'egressBytes'> & { readonly joins: Pick<Joins, 'counts'> };
  readonly processFeeds: Pick<ProcessFeeds, 'streams'>;
  /** How many FFmpegs run. */
  readonly processes: () => number;
  readonly relays: Pick<JoinedCluster['relays'], 'sentBytes'>;
  readonly memories: Pick<SourceMemories, 'receivedBytes'>;
  readonly eventLoop: Pick<EventLoopDelay, 'p99Seconds'>;
  /** Called with each sample; ms since 1970. */
  readonly onSample: (atMs: number) => void;
  /** Unset: the system's. */
  readonly clock?: Clock;
}

/** What only grows. */
interface Totals {
  readonly atMs: number;
  readonly received: number;
  readonly sent: number;
  readonly relayed: number;
  readonly joins: number;
  readonly failedJoins: number;
  readonly cpuSeconds: number;
}

export class Sampler {
  readonly #deps: SamplerDeps;
  readonly #clock: Clock;
  #before: Totals;
  #timer: Timer | undefined;

  constructor(deps: SamplerDeps) {
    this.#deps = deps;
    this.#clock = deps.clock ?? systemClock;
    this.#before = this.#totals();
  }

  start(): void {
    this.#before = this.#totals();
    this.#next();
  }

  stop(): void {
    this.#clock.clearTimeout(this.#timer);
  }

  #next(): void {
    const waitMs = SAMPLE_MS - (this.#clock.wallMs() % SAMPLE_MS);
    this.#timer = this.#clock.setTimeout(() => this.#take(), waitMs);
  }

  #take(): void {
    // A timer may fire some milliseconds early.
    const n = Math.round(this.#clock.wallMs() / SAMPLE_MS);
    this.#deps.samples.keep({ n, ...this.#measure() });
    this.#deps.onSample(n * SAMPLE_MS);
    // Not before this sample's time is over, also when the timer has fired early.
    this.#timer = this.#clock.setTimeout(() => this.#next(), SAMPLE_MS / 2);
  }

  #measure(): Measured {
    const { playback, processFeeds, processes, eventLoop } = this.#deps;
    const before = this.#before;
    const now = this.#totals();
    this.#before = now;
    const seconds = Math.max(0.001, (now.atMs - before.atMs) / 1000);
    const bitsPerSecond = (bytes: number) => Math.max(0, (bytes * 8) / seconds);
    const { viewers, streamIds } = playback.counted;
    const relayed = new Set(processFeeds.streams('relay'));
    const streams = new Set([...processFeeds.streams('own'), ...[...streamIds].filter((id) => !relayed.has(id))]);
    return {
      viewers,
      streams: streams.size,
      processes: processes(),
      inBitsPerSecond: bitsPerSecond(now.received - before.received),
      outBitsPerSecond: bitsPerSecond(now.sent - before.sent),
      betweenBitsPerSecond: bitsPerSecond(now.relayed - before.relayed),
      joins: now.joins - before.joins,
      failedJoins: now.failedJoins - before.failedJoins,
      cpu: Math.max(0, (now.cpuSeconds - before.cpuSeconds) / seconds),
      residentBytes: process.memoryUsage.rss(),
      eventLoopP99Ms: eventLoop.p99Seconds * 1000,
    };
  }

  #totals(): Totals {
    const { playback, relays, memories } = this.#deps;
    const joins = (result: JoinResult) => playback.joins.counts.get(result) ?? 0;
    return {
      atMs: this.#clock.monotonicMs(),
      received: memories.receivedBytes,
      sent: playback.egressBytes,
      relayed: relays.sentBytes,
      joins: joins('ok'),
      failedJoins: joins('full') + joins('failed'),
      cpuSeconds: cpuSeconds(),
    };
  }
}
