/**
 * The time of a DASH source (UTCTiming), as its players get it from this worker. A player finds the newest segment by it, so what
 * counts is how far the provider's clock is from that of the worker. The provider is asked for that now and then, whoever asks here.
 */

import { SourceError } from '../../errors.ts';
import type { HlsUpstream } from '../hls/hls-upstream.ts';
import type { Media } from '../hls/shared-media.ts';
import type { ManifestClock } from '../manifests/manifest-rewrite.ts';

export interface DashClockDeps {
  readonly upstream: HlsUpstream;
  /** Monotonic ms. */
  readonly now: () => number;
  /** Ms of the wall clock. */
  readonly wallMs: () => number;
}

/** Clocks of computers drift by a few ms in this time. */
const KEPT_MS = 60_000;
/** More than any time. */
const MAX_BYTES = 1_024;

export class DashClock {
  readonly #deps: DashClockDeps;
  /** How far the provider's clock is ahead, and since when that is known. */
  #known: { readonly aheadMs: number; readonly atMs: number } | undefined;
  #asking: Promise<number> | undefined;

  constructor(deps: DashClockDeps) {
    this.#deps = deps;
  }

  /**
   * The time of the source, in ms of the wall clock. When its clock does not answer, it is what that said before, else the worker's own.
   * @param clock undefined: the source has none
   * @param sentMs when the manifest with that clock was sent, in ms of this worker's wall clock
   */
  async timeMs(clock: ManifestClock | undefined, sentMs: number): Promise<number> {
    const { wallMs, now } = this.#deps;
    if (clock === undefined) return wallMs();
    if (clock.how === 'said') {
      const saidMs = Date.parse(clock.value);
      return Number.isNaN(saidMs) ? wallMs() : wallMs() + saidMs - sentMs;
    }
    if (this.#known === undefined || now() - this.#known.atMs > KEPT_MS) {
      this.#asking ??= this.#ask(clock).finally(() => {
        this.#asking = undefined;
      });
      const before = this.#known?.aheadMs ?? 0;
      const aheadMs = await this.#asking.catch((error: unknown) => {
        if (error instanceof SourceError) return before;
        throw error;
      });
      this.#known = { aheadMs, atMs: now() };
    }
    return wallMs() + this.#known.aheadMs;
  }

  async #ask({ how, value: url }: ManifestClock): Promise<number> {
    const { upstream, wallMs, now } = this.#deps;
    const askedMs = now();
    const media = await upstream.media({ url, fresh: true });
    const text = await textOf(media);
    const saidMs = Date.parse(how === 'head' ? (media.head.headers.date ?? '') : text.trim());
    if (Number.isNaN(saidMs)) throw new SourceError('not_media', 'The clock of the source does not say a time.');
    return saidMs + (now() - askedMs) / 2 - wallMs();
  }
}

async function textOf({ body }: Media): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for (let chunk = await body.read(); chunk !== undefined && bytes < MAX_BYTES; chunk = await body.read()) {
      chunks.push(chunk);
      bytes += chunk.length;
    }
  } finally {
    body.close();
  }
  return Buffer.concat(chunks).toString('utf8', 0, MAX_BYTES);
}
