/** The last hour of this worker in samples. */

import { KEPT_SAMPLES, type Sample } from './sample.ts';

export class SampleLog {
  #samples: Sample[] = [];
  /** How often one was added. */
  #version = 0;
  #told = 0;

  /** A clock that was set back begins anew: of two samples with one number the later one counts, and none stands before an earlier one. */
  add(sample: Sample): void {
    this.#samples = [...this.#samples.filter(({ n }) => n < sample.n), sample].slice(-KEPT_SAMPLES);
    this.#version++;
  }

  /** Oldest first. */
  get all(): readonly Sample[] {
    return this.#samples;
  }

  /** What others do not have yet, as a token for `told`; undefined: they have all. */
  get untold(): number | undefined {
    return this.#version === this.#told ? undefined : this.#version;
  }

  /** Others have what `untold` was about. */
  told(version: number): void {
    this.#told = version;
  }
}
