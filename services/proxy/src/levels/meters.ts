/** What is measured on this worker: each feed once, for however many streams and slots. */

import type { Feed } from '../feed/feed.ts';
import { type Measure, type Measured, Meter, type MeterDeps } from './meter.ts';

export class Meters<Reading> {
  readonly #measure: Measure<Reading>;
  readonly #deps: MeterDeps;
  readonly #meters = new WeakMap<Feed, Meter<Reading>>();

  constructor(measure: Measure<Reading>, deps: MeterDeps) {
    this.#measure = measure;
    this.#deps = deps;
  }

  /** @returns a function that ends the calls */
  listen(measured: Measured, listener: (reading: Reading) => void): () => void {
    const { feed } = measured;
    let meter = this.#meters.get(feed);
    if (meter === undefined) {
      meter = new Meter(measured, this.#measure, this.#deps);
      this.#meters.set(feed, meter);
    }
    return meter.listen(listener);
  }
}
