/**
 * One variant for all viewers of a source whose provider allows one connection: each further variant would take as much of that
 * connection again. Whoever comes first chooses. Pure.
 */

import type { HlsAsk } from './hls-upstream.ts';

/** When nobody has asked for the chosen variant for this long, the next viewer chooses. */
const CHOSEN_MS = 15_000;

export class OneVariant {
  readonly #now: () => number;
  #chosen: { readonly ask: HlsAsk; usedMs: number } | undefined;

  /** @param now a monotonic clock in ms */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** What is asked of the provider when a viewer asks for this: the same, or the variant that others watch. */
  inPlaceOf(ask: HlsAsk): HlsAsk {
    if (ask.variant === undefined) return ask;
    const chosen = this.#chosen;
    const nowMs = this.#now();
    if (chosen !== undefined && chosen.ask.variant !== ask.variant && nowMs - chosen.usedMs < CHOSEN_MS)
      return chosen.ask;
    this.#chosen = { ask, usedMs: nowMs };
    return ask;
  }

  /** The provider refused the chosen one: whoever comes next chooses. */
  forget(variant: string | undefined): void {
    if (this.#chosen?.ask.variant === variant) this.#chosen = undefined;
  }
}
