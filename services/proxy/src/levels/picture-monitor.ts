/** Decides from small pictures of a source whether it shows nothing, or the same picture for ever. Pure. */

/** The first so many ms of a source say nothing. */
const GRACE_MS = 15_000;
/** A film has black moments and still pictures that are shorter. */
const BLACK_MS = 30_000;
const FROZEN_MS = 60_000;
/** Video black is 16, and encoders are not exact. */
const BLACK_LUMA = 32;
/** A picture with a small bright part, such as a logo, is no black picture. */
const BRIGHT_SHARE = 0.01;
/** Average difference of two pictures of the same scene, in steps of luma: the noise of an encoder. */
const SAME_LUMA = 0.5;
/** A clock in a corner moves less than that on average. */
const MOVED_LUMA = 12;

/** One for each source. */
export class PictureMonitor {
  #firstMs: number | undefined;
  #before: Buffer | undefined;
  /** Since when all pictures were black, or the same; undefined: the newest is not. */
  #blackSinceMs: number | undefined;
  #sameSinceMs: number | undefined;
  #newestMs = 0;

  /**
   * @param luma of a picture, one byte for each point; all pictures have the same size
   * @param atMs when it came, monotonic
   */
  note(luma: Buffer, atMs: number): void {
    this.#firstMs ??= atMs;
    this.#newestMs = atMs;
    const isSame = this.#before !== undefined && isSameAs(luma, this.#before);
    this.#blackSinceMs = isBlack(luma) ? (this.#blackSinceMs ?? atMs) : undefined;
    this.#sameSinceMs = isSame ? (this.#sameSinceMs ?? atMs) : undefined;
    this.#before = luma;
  }

  get isBlack(): boolean {
    return this.#lasts(this.#blackSinceMs, BLACK_MS);
  }

  /** A black picture is one that does not move, too. */
  get isFrozen(): boolean {
    return this.#lasts(this.#sameSinceMs, FROZEN_MS);
  }

  #lasts(sinceMs: number | undefined, forMs: number): boolean {
    if (sinceMs === undefined || this.#firstMs === undefined) return false;
    return this.#newestMs - this.#firstMs >= GRACE_MS && this.#newestMs - sinceMs >= forMs;
  }
}

function isBlack(luma: Buffer): boolean {
  let bright = 0;
  for (const value of luma) if (value > BLACK_LUMA) bright++;
  return bright <= luma.length * BRIGHT_SHARE;
}

function isSameAs(luma: Buffer, before: Buffer): boolean {
  let sum = 0;
  let most = 0;
  for (const [n, value] of luma.entries()) {
    const difference = Math.abs(value - (before[n] ?? 0));
    sum += difference;
    most = Math.max(most, difference);
  }
  return sum <= luma.length * SAME_LUMA && most <= MOVED_LUMA;
}
