/** Keeps the human-readable record of this worker (`HGETALL workers`) up to date. */

import type { Membership } from '../../../registry/registry.ts';
import type { WorkerNumbers } from '../../../registry/types.ts';
import { type Clock, systemClock, type Timer } from '../../../shared/clock.ts';

export class Heartbeat {
  readonly #registry: Membership;
  readonly #numbers: () => WorkerNumbers;
  readonly #clock: Clock;
  readonly #startedAtMs: number;
  #beatAtMs: number;
  #cpu = process.cpuUsage();
  #timer: Timer | undefined;

  constructor(registry: Membership, numbers: () => WorkerNumbers, clock: Clock = systemClock) {
    this.#clock = clock;
    this.#startedAtMs = clock.wallMs();
    this.#beatAtMs = this.#startedAtMs;
    this.#registry = registry;
    this.#numbers = numbers;
  }

  get startedAtMs(): number {
    return this.#startedAtMs;
  }

  /** Writes the record now, and then every `intervalMs`. */
  async start(intervalMs: number): Promise<void> {
    await this.beat();
    this.#timer = this.#clock.setInterval(() => void this.beat(), intervalMs);
  }

  stop(): void {
    this.#clock.clearInterval(this.#timer);
  }

  /** Writes the record; other workers see it after the next renewal. */
  async beat(): Promise<void> {
    const nowMs = this.#clock.wallMs();
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
