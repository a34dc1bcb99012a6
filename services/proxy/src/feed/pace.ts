/** How fast a feed is made: its bit rate, and its media time beside the clock on the wall. Pure. */

export interface Made {
  readonly bitsPerSecond: number;
  /** Seconds of media made in a second; below 1 its viewers run out of media. */
  readonly speed: number;
}

interface Sample {
  readonly atMs: number;
  readonly bytes: number;
  readonly mediaMs: number;
}

/** Long enough to hold some groups of pictures, which come in bursts. */
const OVER_MS = 10_000;
const AT_LEAST_MS = 1_000;

export class Pace {
  /** At most one a second, oldest first; the oldest is about `OVER_MS` old. */
  readonly #samples: Sample[] = [];

  /**
   * Call it about once a second.
   *
   * @param bytes all that the feed has had so far
   * @param mediaMs media time of its newest unit; 0: it has none yet
   * @returns undefined in the first second
   */
  measure(atMs: number, bytes: number, mediaMs: number): Made | undefined {
    if (mediaMs === 0) return undefined;
    const newest = this.#samples.at(-1);
    if (newest === undefined || atMs - newest.atMs >= AT_LEAST_MS) this.#samples.push({ atMs, bytes, mediaMs });
    while (atMs - (this.#samples[1]?.atMs ?? atMs) >= OVER_MS) this.#samples.shift();
    const [oldest] = this.#samples;
    const passedMs = oldest === undefined ? 0 : atMs - oldest.atMs;
    if (oldest === undefined || passedMs < AT_LEAST_MS) return undefined;
    return {
      bitsPerSecond: Math.round(((bytes - oldest.bytes) * 8 * 1000) / passedMs),
      speed: Math.round(((mediaMs - oldest.mediaMs) / passedMs) * 100) / 100,
    };
  }
}
