/** Keeps the human-readable record of this worker (`HGETALL workers`) up to date. */

import type { Membership } from '../../../registry/registry.ts';
import type { WorkerNumbers } from '../../../registry/types.ts';

export class Heartbeat {
  readonly #registry: Membership;
  readonly #numbers: () => WorkerNumbers;
  readonly #startedAtMs = Date.now();
  #beatAtMs = this.#startedAtMs;
  #cpu = process.cpuUsage();
  #timer: NodeJS.Timeout | undefined;

  constructor(registry: Membership, numbers: () => WorkerNumbers) {
    this.#registry = registry;
    this.#numbers = numbers;
  }

  get startedAtMs(): number {
    return this.#startedAtMs;
  }

  /** Writes the record now, and then every `intervalMs`. */
  async start(intervalMs: number): Promise<void> {
    await this.beat();
    this.#timer = setInterval(() => void this.beat(), intervalMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Writes the record; other workers see it after the next renewal. */
  async beat(): Promise<void> {
    const nowMs = Date.now();
    const used = process.cpuUsage(this.#cpu);
    const cores = (used.user + used.system) / 1000 / Math.max(1, nowMs - this.#beatAtMs);
    this.#cpu = process.cpuUsage();
    this.#beatAtMs = nowMs;
    await this.#registry.heartbeat({
      ...this.#numbers(),
      startedAtMs: this.#startedAtMs,
      lastSeenMs: nowMs,
      cpu: Math.round(cores * 100) / 100,
    });
  }
}
