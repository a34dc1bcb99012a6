/** Since when other workers have not answered: what one feed has waited for or heard, the next one need not find out again. */

interface Voice {
  /** Since when it does not answer, monotonic; undefined while it does. */
  silentSinceMs: number | undefined;
  heardMs: number;
  /** When anybody last asked. */
  lastMs: number;
}

/** What nobody has asked about for this long says nothing any more. */
const STALE_MS = 15_000;

export class SilentWorkers {
  readonly #voices = new Map<string, Voice>();

  /**
   * An incarnation does not answer, as it may not have done for a while; answers since when. Times are monotonic, ms.
   *
   * @param sinceMs since when the caller has heard nothing; others may have heard it later, or missed it earlier
   */
  met(incarnation: string, sinceMs: number, nowMs: number): number {
    for (const [each, { lastMs }] of this.#voices) if (nowMs - lastMs > STALE_MS) this.#voices.delete(each);
    const voice = this.#voice(incarnation, nowMs);
    voice.silentSinceMs ??= Math.max(sinceMs, voice.heardMs);
    return voice.silentSinceMs;
  }

  /** It answered, or something came from it. */
  heard(incarnation: string, nowMs: number): void {
    const voice = this.#voice(incarnation, nowMs);
    voice.silentSinceMs = undefined;
    voice.heardMs = nowMs;
  }

  #voice(incarnation: string, nowMs: number): Voice {
    const voice = this.#voices.get(incarnation) ?? {
      silentSinceMs: undefined,
      heardMs: Number.NEGATIVE_INFINITY,
      lastMs: nowMs,
    };
    voice.lastMs = nowMs;
    this.#voices.set(incarnation, voice);
    return voice;
  }
}
