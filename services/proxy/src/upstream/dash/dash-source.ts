/**
 * One DASH stream for all its viewers on this worker: what they ask for is asked of its source once. Where the source breaks, viewers
 * get the last manifest for a while, then the next source takes over.
 */

import { systemClock } from '../../../../shared/clock.ts';
import type { Logger } from '../../../../shared/log.ts';
import { SourceError, StreampoolError } from '../../errors.ts';
import type { Sealer } from '../../sealer.ts';
import { RequestRecovery } from '../failover/request-recovery.ts';
import type { RetrySettings } from '../failover/retry.ts';
import type { HlsLease, OpenHls } from '../hls/hls-upstream.ts';
import type { PassedSource } from '../hls/passed-sources.ts';
import type { Media } from '../hls/shared-media.ts';
import type { ManifestFacts } from '../manifests/manifest-facts.ts';
import { filled, type TemplateValues } from '../manifests/segment-template.ts';
import type { HlsReference } from '../playlists/hls-reference.ts';
import type { SwitchableSource } from '../provider/source-address.ts';
import { hintFromUrl } from '../provider/source-kind.ts';
import { DashClock } from './dash-clock.ts';
import { type DashManifest, DashManifests } from './dash-manifests.ts';

export interface DashSourceDeps {
  readonly streamId: string;
  readonly source: SwitchableSource;
  /** Whether a reload goes to where the last redirect led. */
  readonly isSticky: boolean;
  readonly settings: RetrySettings;
  readonly open: OpenHls;
  readonly sealer: Sealer;
  readonly log: Pick<Logger, 'warn'>;
  /** Monotonic ms. */
  readonly now: () => number;
  /** Ms of the wall clock. */
  readonly wallMs: () => number;
}

/** What is served of one of the stream's sources. */
interface Generation {
  readonly index: number;
  readonly url: string;
  readonly movedAtMs: number | undefined;
  readonly upstream: HlsLease;
  readonly manifests: DashManifests;
  readonly clock: DashClock;
}

/** What a player asks for a little too early, or too late. The source may be well. */
const NOT_THERE: readonly number[] = [404, 410];

export class DashSource implements PassedSource {
  readonly #deps: DashSourceDeps;
  readonly #recovery: RequestRecovery;
  readonly #abort = new AbortController();
  #generation: Generation;
  #last: DashManifest | undefined;
  #usedMs: number;

  constructor(deps: DashSourceDeps) {
    this.#deps = deps;
    this.#usedMs = deps.now();
    this.#recovery = new RequestRecovery({ ...deps, clock: systemClock, signal: this.#abort.signal });
    this.#generation = this.#generationOf();
  }

  get usedMs(): number {
    return this.#usedMs;
  }

  get targetDurationMs(): number {
    return this.facts?.targetDurationMs ?? 0;
  }

  /** What the newest manifest says of itself; undefined: none has come to this worker. */
  get facts(): ManifestFacts | undefined {
    return this.#last?.facts;
  }

  get reads(): string {
    return this.#generation.upstream.name;
  }

  close(): void {
    this.#abort.abort();
    this.#generation.upstream.release(false);
  }

  /**
   * In an outage it is the last one, until the outage has lasted too long.
   * @throws {StreampoolError} when it does not play: 502, 504, or 503 at the provider's limit; 404 when it is no DASH and its name does
   *   not say so
   */
  async manifest(): Promise<DashManifest> {
    this.#usedMs = this.#deps.now();
    for (;;) {
      const kept = this.#recovery.isShort ? this.#last : undefined;
      if (kept !== undefined && this.#recovery.isUnderWay) return kept;
      const generation = this.#current();
      try {
        this.#recovery.throwIfFailed();
        const manifest = await generation.manifests.manifest();
        this.#recovery.succeeded();
        this.#last = manifest;
        return manifest;
      } catch (error) {
        if (generation !== this.#current()) continue;
        if (!(error instanceof SourceError)) throw error;
        // It may play well as what it is.
        if (error.reason === 'not_media' && hintFromUrl(generation.url) !== 'dash') throw noDash(error);
        const recovered = this.#recovery.recover(error, generation.index);
        if (kept === undefined) await recovered;
        else {
          // What it tries is for the next request.
          recovered.catch(() => undefined);
          return kept;
        }
      }
    }
  }

  /**
   * A segment, an initialisation or a whole file. Its body is to be closed.
   * @throws {StreampoolError} 422 for values that make no address of a template
   * @throws {SourceError} with the provider's own status, or the reason why it does not come
   */
  async media(reference: HlsReference, values: TemplateValues, range: string | undefined): Promise<Media> {
    this.#usedMs = this.#deps.now();
    const url = filled(reference.url, values);
    if (url === undefined) {
      throw new StreampoolError(422, 'This address lacks a number or a time. Players fill them in from the manifest.');
    }
    const { upstream, index } = this.#current();
    try {
      const media = await upstream.media({ url, range });
      this.#recovery.segmentsGoOn();
      return media;
    } catch (error) {
      const isFailure = error instanceof SourceError && !NOT_THERE.includes(error.upstreamStatus ?? 0);
      if (isFailure) await this.#recovery.segmentFailed(error, index);
      throw error;
    }
  }

  /** The time of the source, in ms of the wall clock. @throws {StreampoolError} when its manifest cannot be had */
  async timeMs(): Promise<number> {
    const { clock, sentMs } = await this.manifest();
    return this.#generation.clock.timeMs(clock, sentMs);
  }

  /** Of the source that the stream is at by now. */
  #current(): Generation {
    const { index, address, movedAtMs } = this.#deps.source;
    const before = this.#generation;
    if (index === before.index && address.url === before.url && movedAtMs === before.movedAtMs) return before;
    before.upstream.release(true);
    this.#generation = this.#generationOf();
    this.#recovery.segmentsGoOn();
    return this.#generation;
  }

  #generationOf(): Generation {
    const { streamId, source, isSticky, open, sealer, now, wallMs } = this.#deps;
    const { address, index, movedAtMs } = source;
    const { url } = address;
    const upstream = open(address);
    const manifests = new DashManifests({ streamId, url, isSticky, upstream, sealer, now, wallMs });
    return { index, url, movedAtMs, upstream, manifests, clock: new DashClock({ upstream, now, wallMs }) };
  }
}

function noDash(error: SourceError): StreampoolError {
  return new StreampoolError(404, `This stream has no manifest of DASH. ${error.message}`, { cause: error });
}
