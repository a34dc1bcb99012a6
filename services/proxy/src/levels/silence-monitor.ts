/** Decides from the loudness of a source whether it has fallen silent. Pure. */

export interface SilenceSettings {
  /** Peaks below this are silence, in dB of full scale. */
  readonly thresholdDb: number;
  /** How long it has to be silent at the end of a window. */
  readonly durationMs: number;
  /** The length of a window. */
  readonly checkIntervalMs: number;
  /** So many silent windows in a row, without any sound between them, are enough. */
  readonly failoverThreshold: number;
  /** The first so many ms of a source are in no window. */
  readonly graceMs: number;
}

/** One for each source. Counts sound, not time: what does not come is neither loud nor silent. */
export class SilenceMonitor {
  readonly #settings: SilenceSettings;
  #graceLeftMs: number;
  #silentMs = 0;
  #windowMs = 0;
  #silentWindows = 0;

  constructor(settings: SilenceSettings) {
    this.#settings = settings;
    this.#graceLeftMs = settings.graceMs;
  }

  /**
   * The next piece of sound.
   * @param peakDb the loudest sample of all channels, in dB of full scale
   */
  note(forMs: number, peakDb: number): void {
    const { thresholdDb, durationMs, checkIntervalMs } = this.#settings;
    const isSilent = peakDb < thresholdDb;
    this.#silentMs = isSilent ? this.#silentMs + forMs : 0;
    // Sound that comes between two ends of windows is sound.
    if (!isSilent) this.#silentWindows = 0;
    if (this.#graceLeftMs > 0) {
      this.#graceLeftMs -= forMs;
      return;
    }
    this.#windowMs += forMs;
    if (this.#windowMs < checkIntervalMs) return;
    this.#windowMs = 0;
    if (this.#silentMs >= durationMs) this.#silentWindows++;
  }

  get isSilent(): boolean {
    return this.#silentWindows >= this.#settings.failoverThreshold;
  }
}
