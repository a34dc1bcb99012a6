/**
 * What an entry says of a stream that is cut into segments: of its feed here, else what the worker that makes it says of it, else what
 * its profile asks for.
 */

import type { Members } from '../../../../registry/registry.ts';
import type { MadeVariant, StreamRecord } from '../../../../registry/types.ts';
import { askedBitrate } from '../../ffmpeg/profiles/asked-bitrate.ts';
import type { Seating } from '../../viewers/seating.ts';

export interface HlsVariantsDeps {
  readonly registry: Pick<Members, 'workers'>;
  readonly seating: Seating;
}

/** Records of workers are that old anyway. Many viewers who come at once cost one question. */
const KEPT_MS = 1_000;

export class HlsVariants {
  readonly #deps: HlsVariantsDeps;
  #elsewhere: { readonly atMs: number; readonly made: Promise<ReadonlyMap<string, MadeVariant>> } | undefined;

  constructor(deps: HlsVariantsDeps) {
    this.#deps = deps;
  }

  /** Without media nobody knows codecs, and the bit rate is at most a promise; 0: nobody has promised any. */
  async of({ id, profile }: StreamRecord): Promise<MadeVariant> {
    const here = this.#deps.seating.feeds.segmentsOf(id)?.variant;
    const known = here ?? (await this.#made()).get(id);
    return known ?? { peakBitsPerSecond: askedBitrate(profile?.args ?? []) ?? 0, codecs: [] };
  }

  #made(): Promise<ReadonlyMap<string, MadeVariant>> {
    const atMs = performance.now();
    if (this.#elsewhere === undefined || atMs - this.#elsewhere.atMs > KEPT_MS) {
      this.#elsewhere = { atMs, made: this.#ask() };
    }
    return this.#elsewhere.made;
  }

  async #ask(): Promise<ReadonlyMap<string, MadeVariant>> {
    const made = new Map<string, MadeVariant>();
    for (const worker of await this.#deps.registry.workers().catch(() => [])) {
      for (const [id, { variant }] of Object.entries(worker.making ?? {}))
        if (variant !== undefined) made.set(id, variant);
    }
    return made;
  }
}
