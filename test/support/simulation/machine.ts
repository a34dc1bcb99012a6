/** A machine, and the process of a worker on it: it runs, stands still, ends, and starts anew. Each process has a clock of its own. */

import type { Clock, Timer } from '../../../services/shared/clock.ts';
import type { Actor, ScheduledEvent, Scheduler } from './scheduler.ts';

/** When the simulation begins, ms since 1970. */
export const EPOCH_MS = 1_790_000_000_000;

/** A timer fires this much late at the most, on a machine that is not busy, in ms. */
const LATE_MS = 1;
/** Now and then the event loop is busy for up to this long. */
const BUSY_MS = 40;
const BUSY_SHARE = 0.01;

class SimulatedTimer implements Timer {
  event: ScheduledEvent | undefined;

  unref(): Timer {
    return this;
  }
}

export class Machine {
  readonly name: string;
  readonly scheduler: Scheduler;
  /** Without power nothing answers, not even with a refusal. */
  hasPower = true;
  process: Process | undefined;
  /** How far its wall clock is off, in ms. */
  wallOffMs = 0;
  readonly #bootMs: number;

  constructor(name: string, scheduler: Scheduler) {
    this.name = name;
    this.scheduler = scheduler;
    this.#bootMs = scheduler.between(1_000, 1_000_000);
  }

  monotonicMs(): number {
    return this.scheduler.nowMs + this.#bootMs;
  }

  wallMs(): number {
    return Math.floor(EPOCH_MS + this.scheduler.nowMs + this.wallOffMs);
  }
}

/** One life of a process. */
export class Process implements Actor, Clock {
  readonly machine: Machine;
  readonly #scheduler: Scheduler;
  readonly #held: ScheduledEvent[] = [];
  readonly #endListeners: (() => void)[] = [];
  isAlive = true;
  isStanding = false;

  constructor(machine: Machine) {
    this.machine = machine;
    this.#scheduler = machine.scheduler;
    machine.process = this;
  }

  hold(event: ScheduledEvent): void {
    this.#held.push(event);
  }

  stand(): void {
    this.isStanding = true;
  }

  goOn(): void {
    this.isStanding = false;
    this.#scheduler.release(this.#held.splice(0));
  }

  /** What the system does when the process has ended: it closes its connections. */
  onEnd(listener: () => void): void {
    this.#endListeners.push(listener);
  }

  end(): void {
    this.isAlive = false;
    this.#held.length = 0;
    if (this.machine.process === this) this.machine.process = undefined;
    for (const listener of this.#endListeners.splice(0)) listener();
  }

  wallMs(): number {
    return this.machine.wallMs();
  }

  monotonicMs(): number {
    return this.machine.monotonicMs();
  }

  setTimeout(callback: () => void, ms: number): Timer {
    const timer = new SimulatedTimer();
    timer.event = this.#scheduler.after(this.#late(ms), this, callback);
    return timer;
  }

  clearTimeout(timer: Timer | undefined): void {
    if (timer instanceof SimulatedTimer && timer.event !== undefined) timer.event.isCancelled = true;
  }

  setInterval(callback: () => void, ms: number): Timer {
    const timer = new SimulatedTimer();
    const again = () => {
      const fire = () => {
        // Before the callback, which may clear it.
        again();
        callback();
      };
      timer.event = this.#scheduler.after(this.#late(ms), this, fire);
    };
    again();
    return timer;
  }

  clearInterval(timer: Timer | undefined): void {
    this.clearTimeout(timer);
  }

  setImmediate(callback: () => void): void {
    this.#scheduler.after(0, this, callback, true);
  }

  random(): number {
    return this.#scheduler.random();
  }

  randomHex(bytes: number): string {
    let hex = '';
    for (let at = 0; at < bytes; at++)
      hex += Math.floor(this.#scheduler.random() * 256)
        .toString(16)
        .padStart(2, '0');
    return hex;
  }

  id(): string {
    return this.randomHex(8);
  }

  #late(ms: number): number {
    const chance = this.#scheduler.random();
    return ms + (chance < BUSY_SHARE ? this.#scheduler.random() * BUSY_MS : chance * LATE_MS);
  }
}
