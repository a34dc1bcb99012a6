/** Since when other workers have not answered: what one feed has waited for, the next one need not wait for again. */

interface Silence {
  readonly sinceMs: number;
  lastMs: number;
}

/** A silence that nobody has met with for this long says nothing any more. */
const STALE_MS = 15_000;

export class Silences {
  readonly #silences = new Map<string, Silence>();

  /** An incarnation does not answer, as it may not have done for a while; answers since when. Times are monotonic. */
  met(incarnation: string, sinceMs: number, nowMs: number): number {
    for (const [each, { lastMs }] of this.#silences) if (nowMs - lastMs > STALE_MS) this.#silences.delete(each);
    const silence = this.#silences.get(incarnation) ?? { sinceMs, lastMs: nowMs };
    silence.lastMs = nowMs;
    this.#silences.set(incarnation, silence);
    return silence.sinceMs;
  }

  heard(incarnation: string): void {
    this.#silences.delete(incarnation);
  }
}
