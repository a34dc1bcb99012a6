/** The HLS streams that viewers of this worker watch. One that nobody asks for gives back its source. */

import type { Agreements } from '../../../../registry/registry.ts';
import type { SwitchableSource } from '../provider/source-address.ts';
import type { Agree } from './hls-numbers.ts';
import { HlsSource, type HlsSourceDeps } from './hls-source.ts';

export type HlsSourcesDeps = Omit<HlsSourceDeps, 'streamId' | 'source' | 'isSticky' | 'agree' | 'now'> & {
  /** What all workers have agreed on, by stream and name. */
  readonly registry: Agreements;
  /** How long a viewer may ask for nothing: CLIENT_TIMEOUT. */
  readonly clientTimeoutMs: number;
};

/** A source is kept for so many of its target durations, if that is longer. */
const KEPT_TARGETS = 3;
const SWEEP_MS = 1_000;

export class HlsSources {
  readonly #deps: HlsSourcesDeps;
  readonly #sources = new Map<string, { readonly from: SwitchableSource; readonly hls: HlsSource }>();
  readonly #sweeper: NodeJS.Timeout;

  constructor(deps: HlsSourcesDeps) {
    this.#deps = deps;
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_MS).unref();
  }

  get size(): number {
    return this.#sources.size;
  }

  /** Requests for playlists that wait for what comes next. */
  get blockedRequests(): number {
    return [...this.#sources.values()].reduce((sum, { hls }) => sum + hls.blockedRequests, 0);
  }

  /** Stream → the key of the source that it reads. */
  sourcesRead(): Record<string, readonly string[]> {
    return Object.fromEntries([...this.#sources.keys()].map((streamId) => [streamId, this.readsOf(streamId)]));
  }

  /** The key of the source that a stream reads; none when nobody watches it. */
  readsOf(streamId: string): readonly string[] {
    const source = this.#sources.get(streamId);
    return source === undefined ? [] : [source.hls.reads];
  }

  /** @param from where the stream plays; another object means another stream under the same id */
  of(streamId: string, from: SwitchableSource, isSticky: boolean): HlsSource {
    const known = this.#sources.get(streamId);
    if (known?.from === from) return known.hls;
    known?.hls.close();
    const now = () => performance.now();
    const agree: Agree = (name, offered) => this.#deps.registry.agree(streamId, name, offered);
    const hls = new HlsSource({ ...this.#deps, streamId, source: from, isSticky, agree, now });
    this.#sources.set(streamId, { from, hls });
    return hls;
  }

  close(): void {
    clearInterval(this.#sweeper);
    for (const { hls } of this.#sources.values()) hls.close();
    this.#sources.clear();
  }

  #sweep(): void {
    const nowMs = performance.now();
    for (const [streamId, { hls }] of this.#sources) {
      const keptMs = Math.max(this.#deps.clientTimeoutMs, KEPT_TARGETS * hls.targetDurationMs);
      if (nowMs - hls.usedMs < keptMs) continue;
      hls.close();
      this.#sources.delete(streamId);
    }
  }
}
