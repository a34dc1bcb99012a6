/** Notices a live source that keeps sending, but too little to play. Pure. */

/** A `Config` has these fields. */
export interface BitrateSettings {
  readonly bitrateMonitoring: boolean;
  readonly minBitrateBytesPerSecond: number;
  readonly bitrateCheckIntervalMs: number;
  /** Number of low measurements in a row that counts as too slow. */
  readonly bitrateFailoverThreshold: number;
  /** Time after a source is opened in which it is not measured. */
  readonly bitrateGraceMs: number;
}

/**
 * Counts only time spent waiting for the source, so a viewer that reads slowly or pauses never makes the source look
 * slow. Use one monitor per connection.
 */
export class BitrateMonitor {
  readonly #settings: BitrateSettings;
  #graceLeftMs: number;
  #bytes = 0;
  #waitedMs = 0;
  #low = 0;

  constructor(settings: BitrateSettings) {
    this.#settings = settings;
    this.#graceLeftMs = settings.bitrateGraceMs;
  }

  /** Counts bytes and the time spent waiting for them. Returns whether the source is too slow now; it may recover. */
  tooSlow(bytes: number, waitedMs: number): boolean {
    const { bitrateMonitoring, minBitrateBytesPerSecond, bitrateCheckIntervalMs, bitrateFailoverThreshold } =
      this.#settings;
    if (!bitrateMonitoring) return false;
    if (this.#graceLeftMs > 0) {
      this.#graceLeftMs -= waitedMs;
      return false;
    }
    this.#bytes += bytes;
    this.#waitedMs += waitedMs;
    if (this.#waitedMs >= bitrateCheckIntervalMs) {
      const isLow = (this.#bytes * 1000) / this.#waitedMs < minBitrateBytesPerSecond;
      this.#low = isLow ? this.#low + 1 : 0;
      this.#bytes = 0;
      this.#waitedMs = 0;
    }
    return this.#low >= bitrateFailoverThreshold;
  }
}
