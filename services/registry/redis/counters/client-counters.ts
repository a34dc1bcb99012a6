/** The counters of this worker's clients. Each renewal writes those that have changed. */

import type { ClientReport, RenamedClient } from '../../types.ts';

/** The key of a client's counters, here and in Redis. */
export function counterKey(streamId: string, clientId: string): string {
  return `${streamId} ${clientId}`;
}

/** The counters of a client as Redis has them. Skips stand in those that have any: earlier versions cannot read such a text. */
export function counterText({ connectedAtMs, bytesServed, segmentsServed, lastAccessMs, skips = 0 }: Counted): string {
  const numbers = [connectedAtMs, bytesServed, segmentsServed, lastAccessMs, ...(skips > 0 ? [skips] : [])];
  return numbers.map((number) => Math.round(number)).join(' ');
}

export type Counted = Pick<ClientReport, 'connectedAtMs' | 'bytesServed' | 'segmentsServed' | 'lastAccessMs' | 'skips'>;

/** The counters from their text; undefined for text that no worker can have written. */
export function readCounters(text: string): Counted | undefined {
  if (!/^\d+ \d+ \d+ \d+( \d+)?$/.test(text)) return undefined;
  const [connectedAtMs = 0, bytesServed = 0, segmentsServed = 0, lastAccessMs = 0, skips] = text.split(' ').map(Number);
  return { connectedAtMs, bytesServed, segmentsServed, lastAccessMs, skips };
}

/**
 * A renewal writes so many counters, or this share of them: the others come with the next ones, a second later each. So they are a
 * second old at few viewers and 5 s at many, and Redis has a fifth of the work.
 */
const WRITTEN_AT_ONCE = 100;
const WRITTEN_SHARE = 1 / 5;
/** With more in one renewal, Redis would answer nobody else for more than about 20 ms. */
const WRITTEN_AT_MOST = 5_000;

/** A viewer's first seconds are a burst, so that its player starts. A rate over less time than this would mislead. */
const RATE_OVER_AT_LEAST_MS = 10_000;

export class ClientCounters {
  readonly #counters = new Map<string, ClientReport>();
  /** The clients whose counters Redis does not have, those that wait longest first. */
  readonly #unwritten = new Map<string, ClientReport>();

  get byKey(): ReadonlyMap<string, ClientReport> {
    return this.#counters;
  }

  /** Each client's average bytes per second since it came, summed. */
  bytesPerSecond(nowMs: number): number {
    let sum = 0;
    for (const { bytesServed, connectedAtMs } of this.#counters.values()) {
      sum += (bytesServed * 1000) / Math.max(RATE_OVER_AT_LEAST_MS, nowMs - connectedAtMs);
    }
    return Math.round(sum);
  }

  /** What a renewal writes. */
  toWrite(): ClientReport[] {
    const share = Math.ceil(this.#counters.size * WRITTEN_SHARE);
    return [...this.#unwritten.values()].slice(0, Math.min(Math.max(WRITTEN_AT_ONCE, share), WRITTEN_AT_MOST));
  }

  /** Redis has them; those that have changed meanwhile must be written again. */
  written(reports: readonly ClientReport[]): void {
    for (const report of reports) {
      const key = counterKey(report.streamId, report.clientId);
      if (this.#unwritten.get(key) === report) this.#unwritten.delete(key);
    }
  }

  /** Redis may have lost them. */
  writeAgain(): void {
    for (const [key, report] of this.#counters) this.#unwritten.set(key, report);
  }

  report(clients: readonly ClientReport[]): void {
    for (const report of clients) {
      const key = counterKey(report.streamId, report.clientId);
      this.#counters.set(key, report);
      this.#unwritten.set(key, report);
    }
  }

  /** The client has left; its counters are no longer reported. */
  forget({ streamId, clientId, connectedAtMs }: ClientReport): void {
    const key = counterKey(streamId, clientId);
    if (this.#counters.get(key)?.connectedAtMs !== connectedAtMs) return;
    this.#counters.delete(key);
    this.#unwritten.delete(key);
  }

  rename({ streamId, clientId, connectedAtMs, newId }: RenamedClient): void {
    const key = counterKey(streamId, clientId);
    const report = this.#counters.get(key);
    if (report?.connectedAtMs !== connectedAtMs) return;
    this.#counters.delete(key);
    this.#unwritten.delete(key);
    this.report([{ ...report, clientId: newId }]);
  }
}
