/** The bit rate of a source that does not say it, from the segments that viewers get. Pure. */

/** The newest segments that count. A live window is about as long. */
const SEGMENTS = 20;
/** Without any, as players take "unknown". */
const UNKNOWN = 1;

export class MeasuredBandwidth {
  /** By address. */
  #seconds: ReadonlyMap<string, number> = new Map();
  /** Bits a second of the newest segments, by address. */
  readonly #measured = new Map<string, number>();

  /** @param seconds how long each segment of the newest playlist plays; those that are a part of a file are missing */
  names(seconds: ReadonlyMap<string, number>): void {
    this.#seconds = seconds;
  }

  /** A whole segment has come. */
  came(url: string, bytes: number): void {
    const seconds = this.#seconds.get(url) ?? 0;
    if (!(seconds > 0)) return;
    this.#measured.delete(url);
    this.#measured.set(url, Math.ceil((bytes * 8) / seconds));
    const [oldest] = this.#measured.keys();
    if (this.#measured.size > SEGMENTS && oldest !== undefined) this.#measured.delete(oldest);
  }

  /** BANDWIDTH as RFC 8216 means it: the highest bit rate of any segment. */
  get bitsPerSecond(): number {
    return Math.max(UNKNOWN, ...this.#measured.values());
  }
}
