/**
 * What is neither picture nor sound has no times by which a repetition would show. Its place among the pictures does: of an
 * input that repeats the one before it, all up to the last picture that was sent was sent too, and of what follows that picture
 * as much as was counted.
 */
export class BesidePictures {
  /** Since the last picture that was sent, by output PID. */
  readonly #sent = new Map<number, number>();
  /** The same of the input under way, since its last picture. */
  readonly #seen = new Map<number, number>();
  #isBehindLast = false;

  beginInput(): void {
    this.#seen.clear();
    this.#isBehindLast = false;
  }

  pictureSent(): void {
    this.#sent.clear();
    this.beginInput();
  }

  /** @param isLast it is the last one that was sent, rather than an earlier one */
  pictureRepeated(isLast: boolean): void {
    this.#seen.clear();
    this.#isBehindLast = isLast;
  }

  sent(pid: number): void {
    this.#sent.set(pid, (this.#sent.get(pid) ?? 0) + 1);
  }

  /** Asked once for each unit of an input that has not come to a new picture yet. */
  isRepeated(pid: number): boolean {
    if (!this.#isBehindLast) return true;
    const seen = (this.#seen.get(pid) ?? 0) + 1;
    this.#seen.set(pid, seen);
    return seen <= (this.#sent.get(pid) ?? 0);
  }
}
