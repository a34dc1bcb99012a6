/**
 * Recognises repeated units that are neither picture nor sound. They have no times, but they have a place among the
 * pictures. When an input repeats the one before it, everything up to the last sent picture was sent. After that
 * picture, as many units were sent as were counted.
 */
export class BesidePictures {
  /** Units since the last sent picture, by output PID. */
  readonly #sent = new Map<number, number>();
  /** Units of the current input since its last picture, by output PID. */
  readonly #seen = new Map<number, number>();
  #isBehindLast = false;

  beginInput(): void {
    clear(this.#seen);
    this.#isBehindLast = false;
  }

  pictureSent(): void {
    clear(this.#sent);
    this.beginInput();
  }

  /** @param isLast whether it is the last picture that was sent */
  pictureRepeated(isLast: boolean): void {
    clear(this.#seen);
    this.#isBehindLast = isLast;
  }

  sent(pid: number): void {
    this.#sent.set(pid, (this.#sent.get(pid) ?? 0) + 1);
  }

  /** Call once for each unit of an input that has not reached a new picture yet. */
  isRepeated(pid: number): boolean {
    if (!this.#isBehindLast) return true;
    const seen = (this.#seen.get(pid) ?? 0) + 1;
    this.#seen.set(pid, seen);
    return seen <= (this.#sent.get(pid) ?? 0);
  }
}

/** To clear an empty map takes memory. */
function clear(units: Map<number, number>): void {
  if (units.size > 0) units.clear();
}
