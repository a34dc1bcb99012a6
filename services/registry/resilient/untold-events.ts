/** The events that this worker alone knows, until Redis has them. */

import type { Clock } from '../../shared/clock.ts';
import type { NumberedEvent, ToldEvent } from '../events/event.ts';

/** So many wait during an outage; later ones are counted only. */
const WAITING = 1_000;

export class UntoldEvents {
  readonly #tell: (events: readonly NumberedEvent[]) => Promise<boolean>;
  readonly #clock: Clock;
  #count = 0;
  #waiting: NumberedEvent[] = [];
  #telling: Promise<void> | undefined;
  #dropped = 0;

  /** @param tell false: the registry could not be told */
  constructor(tell: (events: readonly NumberedEvent[]) => Promise<boolean>, clock: Clock) {
    this.#tell = tell;
    this.#clock = clock;
  }

  /** How many did not fit, since this was last asked. */
  takeDropped(): number {
    const dropped = this.#dropped;
    this.#dropped = 0;
    return dropped;
  }

  async add(event: ToldEvent): Promise<void> {
    if (this.#waiting.length >= WAITING) {
      this.#dropped += 1;
      return;
    }
    this.#waiting.push({ ...event, n: ++this.#count, atMs: this.#clock.wallMs(), late: false });
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
      if (!(await this.#tell(told))) {
        this.#waiting = this.#waiting.map((event) => ({ ...event, late: true }));
        return;
      }
      const last = told.at(-1)?.n ?? 0;
      this.#waiting = this.#waiting.filter(({ n }) => n > last);
    }
  }
}
