/** Since when other workers have not answered. Feeds share this, so that one need not repeat the wait of another. */

interface Voice {
  /** Since when it does not answer, monotonic; undefined while it does. */
  silentSinceMs: number | undefined;
  heardMs: number;
  /** When a feed last asked. */
  lastMs: number;
}

/** Older entries mean nothing any more. */
const STALE_MS = 15_000;

export class SilentWorkers {
  readonly #voices = new Map<string, Voice>();

  /**
   * Notes that an incarnation does not answer; returns since when. Times are monotonic, in ms.
   *
   * @param sinceMs since when the caller has heard nothing; other feeds may have heard it later, or missed it earlier
   */
  met(incarnation: string, sinceMs: number, nowMs: number): number {
    for (const [each, { lastMs }] of this.#voices) if (nowMs - lastMs > STALE_MS) this.#voices.delete(each);
    const voice = this.#voice(incarnation, nowMs);
    voice.silentSinceMs ??= Math.max(sinceMs, voice.heardMs);
    return voice.silentSinceMs;
  }

  /** The incarnation answered, or something came from it. */
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
