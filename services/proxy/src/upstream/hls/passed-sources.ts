/** The streams of many requests that viewers of this worker watch. One that nobody asks for gives back its source. */

import type { SwitchableSource } from '../provider/source-address.ts';

/** One stream for all its viewers on this worker. */
export interface PassedSource {
  /** When somebody last asked for something, monotonic ms. */
  readonly usedMs: number;
  /** How long a player may wait between two requests; 0: unknown. */
  readonly targetDurationMs: number;
  /** The key of the source that it reads now. */
  readonly reads: string;
  close(): void;
}

/** A source is kept for so many of its target durations, if that is longer. */
const KEPT_TARGETS = 3;
const SWEEP_MS = 1_000;

export class PassedSources<S extends PassedSource> {
  readonly #clientTimeoutMs: number;
  readonly #make: (streamId: string, source: SwitchableSource, isSticky: boolean) => S;
  readonly #sources = new Map<string, { readonly from: SwitchableSource; readonly passed: S }>();
  readonly #sweeper: NodeJS.Timeout;

  /** @param clientTimeoutMs how long a viewer may ask for nothing: CLIENT_TIMEOUT */
  constructor(clientTimeoutMs: number, make: (streamId: string, source: SwitchableSource, isSticky: boolean) => S) {
    this.#clientTimeoutMs = clientTimeoutMs;
    this.#make = make;
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_MS).unref();
  }

  get size(): number {
    return this.#sources.size;
  }

  protected get all(): readonly S[] {
    return [...this.#sources.values()].map(({ passed }) => passed);
  }

  /** Stream → the key of the source that it reads. */
  sourcesRead(): Record<string, readonly string[]> {
    return Object.fromEntries([...this.#sources.keys()].map((streamId) => [streamId, this.readsOf(streamId)]));
  }

  /** The key of the source that a stream reads; none when nobody watches it. */
  readsOf(streamId: string): readonly string[] {
    const source = this.#sources.get(streamId);
    return source === undefined ? [] : [source.passed.reads];
  }

  /** @param from where the stream plays; another object means another stream under the same id */
  of(streamId: string, from: SwitchableSource, isSticky: boolean): S {
    const known = this.#sources.get(streamId);
    if (known?.from === from) return known.passed;
    known?.passed.close();
    const passed = this.#make(streamId, from, isSticky);
    this.#sources.set(streamId, { from, passed });
    return passed;
  }

  close(): void {
    clearInterval(this.#sweeper);
    for (const { passed } of this.#sources.values()) passed.close();
    this.#sources.clear();
  }

  #sweep(): void {
    const nowMs = performance.now();
    for (const [streamId, { passed }] of this.#sources) {
      const keptMs = Math.max(this.#clientTimeoutMs, KEPT_TARGETS * passed.targetDurationMs);
      if (nowMs - passed.usedMs < keptMs) continue;
      passed.close();
      this.#sources.delete(streamId);
    }
  }
}
