/** Decides whether the segments of a feed have parts, by its first segment. The answer never changes. */

/** Pictures that are further apart than this share of PART-TARGET leave no room for parts of a steady length. */
const MAX_STEP_SHARE = 0.5;

export class PartRule {
  readonly #wanted: number | undefined;
  #fits = true;
  #isDecided = false;

  /** @param wanted PART-TARGET, 90 kHz; undefined: no parts are wanted */
  constructor(wanted: number | undefined) {
    this.#wanted = wanted;
  }

  /** PART-TARGET for segments that begin now, 90 kHz; undefined: they have no parts. */
  get partTicks(): number | undefined {
    return this.#isDecided && this.#fits ? this.#wanted : undefined;
  }

  /** @param stepTicks from the picture before, 90 kHz */
  picture(stepTicks: number): void {
    if (!this.#isDecided && this.#wanted !== undefined && stepTicks > MAX_STEP_SHARE * this.#wanted) this.#fits = false;
  }

  /** Sound came this far behind the pictures, 90 kHz. A part would be listed without it. */
  sound(lagTicks: number): void {
    if (!this.#isDecided && this.#wanted !== undefined && lagTicks > this.#wanted) this.#fits = false;
  }

  /** The first call decides. */
  segmentEnded(): void {
    this.#isDecided = true;
  }
}
