/** The events that this worker alone knows, until Redis has them. */

import type { Clock } from '../../shared/clock.ts';
import type { NumberedEvent, OnAnswer, ToldEvent } from '../events/event.ts';

/** So many wait during an outage; later ones are counted only. */
const WAITING = 1_000;

/** Undefined: the registry could not be told. Else how many viewers have stayed, by the number of each event of a change of owner. */
export type Tell = (events: readonly NumberedEvent[]) => Promise<ReadonlyMap<number, number> | undefined>;

export class UntoldEvents {
  readonly #tell: Tell;
  readonly #clock: Clock;
  #count = 0;
  #waiting: NumberedEvent[] = [];
  #telling: Promise<void> | undefined;
  #dropped = 0;
  /** Who wants to know what becomes of an event, by its number. */
  readonly #onAnswer = new Map<number, OnAnswer>();

  constructor(tell: Tell, clock: Clock) {
    this.#tell = tell;
    this.#clock = clock;
  }

  /** How many did not fit, since this was last asked. */
  takeDropped(): number {
    const dropped = this.#dropped;
    this.#dropped = 0;
    return dropped;
  }

  async add(event: ToldEvent, onAnswer?: OnAnswer): Promise<void> {
    if (this.#waiting.length >= WAITING) {
      this.#dropped += 1;
      onAnswer?.(undefined);
      return;
    }
    const n = ++this.#count;
    if (onAnswer !== undefined) this.#onAnswer.set(n, onAnswer);
    this.#waiting.push({ ...event, n, atMs: this.#clock.wallMs(), late: false });
    await this.flush();
  }

  /** Tells what waits. One call at a time: the others are in the next one. */
  flush(): Promise<void> {
    this.#telling ??= this.#flush().finally(() => {
      this.#telling = undefined;
    });
    return this.#telling;
  }

  async #flush(): Promise<void> {
    while (this.#waiting.length > 0) {
      // Not those that come while these are being told.
      const told = [...this.#waiting];
      const kept = await this.#tell(told);
      this.#answer(told, kept);
      if (kept === undefined) {
        this.#waiting = this.#waiting.map((event) => ({ ...event, late: true }));
        return;
      }
      const last = told.at(-1)?.n ?? 0;
      this.#waiting = this.#waiting.filter(({ n }) => n > last);
    }
  }
  #answer(told: readonly NumberedEvent[], kept: ReadonlyMap<number, number> | undefined): void {
    for (const { n } of told) {
      this.#onAnswer.get(n)?.(kept?.get(n));
      this.#onAnswer.delete(n);
    }
  }
}
