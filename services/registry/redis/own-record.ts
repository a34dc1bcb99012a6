/** The readable record of this worker. A renewal writes it when its numbers have changed. */

import type { Clock } from '../../shared/clock.ts';
import type { WorkerIdentity, WorkerNumbers, WorkerRecord } from '../types.ts';
import { workerText } from './records.ts';

export class OwnRecord {
  readonly #me: WorkerIdentity;
  readonly #clock: Pick<Clock, 'wallMs'>;
  #beat: Omit<WorkerRecord, keyof WorkerIdentity> | undefined;
  #numbers: WorkerNumbers | undefined;
  /** The numbers last written for others; empty when they must be written again. */
  #shown = '';
  /** It has changed since it was last read to be written. */
  #isChanged = false;

  constructor(me: WorkerIdentity, clock: Pick<Clock, 'wallMs'>) {
    this.#me = me;
    this.#clock = clock;
  }

  beat(record: Omit<WorkerRecord, keyof WorkerIdentity>): void {
    this.#beat = record;
    this.#shown = '';
    this.#isChanged = true;
  }

  /** What a renewal writes; empty when Redis has these numbers. They count as unwritten until `written`. */
  toWrite(numbers: WorkerNumbers): string {
    this.#numbers = numbers;
    const isShown = JSON.stringify(numbers) === this.#shown;
    this.#shown = '';
    this.#isChanged = false;
    return isShown ? '' : this.text;
  }

  /** Redis has these numbers. */
  written(numbers: WorkerNumbers): void {
    // A heartbeat may have come meanwhile, which has still to be written.
    if (!this.#isChanged) this.#shown = JSON.stringify(numbers);
  }

  /** The whole record as Redis has it; empty before there is one. */
  get text(): string {
    if (this.#beat === undefined || this.#numbers === undefined) return '';
    return workerText({ ...this.#me, ...this.#beat, ...this.#numbers, lastSeenMs: this.#clock.wallMs() });
  }
}
