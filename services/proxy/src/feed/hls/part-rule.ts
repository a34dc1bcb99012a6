/** Decides whether the segments of a feed have parts, and how long those may be, by its first segment. The answer never changes. */

/** Pictures that are further apart than this share of the wanted time leave no room for parts of a steady length. */
const MAX_STEP_SHARE = 0.5;
/** All parts of a segment but its last one last this share of PART-TARGET at least (draft-pantos-hls-rfc8216bis, 4.4.4.9). */
const MIN_PART_SHARE = 0.85;
/** Of the distance of two pictures: times that a provider has rounded must not make a part too long. */
const ROUNDING_SHARE = 0.1;

export interface PartDecision {
  /** PART-TARGET, 90 kHz; undefined: there are no parts. */
  readonly ticks: number | undefined;
}

export class PartRule {
  readonly #wanted: number | undefined;
  readonly #decided: () => PartDecision | undefined;
  /** From one picture to the next, 90 kHz. */
  #longestStep = 0;
  #isSoundLate = false;
  #decision: PartDecision | undefined;

  /**
   * @param wanted the longest PART-TARGET, 90 kHz; undefined: no parts are wanted
   * @param decided what another worker has decided for the feed, which counts
   */
  constructor(wanted: number | undefined, decided: () => PartDecision | undefined = () => undefined) {
    this.#wanted = wanted;
    this.#decided = decided;
  }

  /** PART-TARGET for segments that begin now, 90 kHz; undefined: they have no parts. */
  get partTicks(): number | undefined {
    return (this.#decided() ?? this.#decision)?.ticks;
  }

  /** What the first segment has shown; undefined: it has not ended. */
  get decision(): PartDecision | undefined {
    return this.#decision;
  }

  /** @param stepTicks from the picture before, 90 kHz */
  picture(stepTicks: number): void {
    if (this.#decision === undefined) this.#longestStep = Math.max(this.#longestStep, stepTicks);
  }

  /** Sound came this far behind the pictures, 90 kHz. A part would be listed without it. */
  sound(lagTicks: number): void {
    if (this.#decision === undefined && lagTicks > (this.#wanted ?? 0)) this.#isSoundLate = true;
  }

  /** The first call decides. */
  segmentEnded(): void {
    this.#decision ??= { ticks: this.#isSoundLate ? undefined : targetFor(this.#wanted, this.#longestStep) };
  }
}

/** @param stepTicks 0: there are no pictures */
function targetFor(wanted: number | undefined, stepTicks: number): number | undefined {
  if (wanted === undefined || stepTicks === 0 || stepTicks > MAX_STEP_SHARE * wanted) return undefined;
  const longest = Math.floor(wanted / stepTicks) * stepTicks;
  return longest >= MIN_PART_SHARE * wanted ? wanted : Math.ceil(longest + ROUNDING_SHARE * stepTicks);
}
