/** The counters of this worker's clients. They are written with the next renewal, and only if they have changed. */

import type { ClientReport, RenamedClient } from '../types.ts';
import { counterKey } from './reads.ts';

export class ClientCounters {
  readonly #counters = new Map<string, ClientReport>();
  #isChanged = false;

  get byKey(): ReadonlyMap<string, ClientReport> {
    return this.#counters;
  }

  /** What a renewal writes: all counters, or nothing when Redis has them. */
  get text(): string {
    return this.#isChanged ? JSON.stringify([...this.#counters.values()]) : '';
  }

  /** Redis has them. */
  written(): void {
    this.#isChanged = false;
  }

  /** Redis may have lost them. */
  writeAgain(): void {
    this.#isChanged = true;
  }

  report(clients: readonly ClientReport[]): void {
    for (const report of clients) this.#counters.set(counterKey(report.streamId, report.clientId), report);
    this.#isChanged = true;
  }

  /** The client has left; its counters are no longer reported. */
  forget({ streamId, clientId, connectedAtMs }: ClientReport): void {
    const key = counterKey(streamId, clientId);
    if (this.#counters.get(key)?.connectedAtMs !== connectedAtMs) return;
    this.#counters.delete(key);
    this.#isChanged = true;
  }

  rename({ streamId, clientId, connectedAtMs, newId }: RenamedClient): void {
    const report = this.#counters.get(counterKey(streamId, clientId));
    if (report?.connectedAtMs !== connectedAtMs) return;
    this.#counters.delete(counterKey(streamId, clientId));
    this.#counters.set(counterKey(streamId, newId), { ...report, clientId: newId });
  }
}
