/**
 * Virtual time. One scheduler runs everything that happens in a simulated cluster, one event after the other; a seed decides what
 * comes first of things that happen at the same moment.
 */

import { seeded } from '../seed.ts';

/** Who an event belongs to. It does not happen to a process that has ended, and waits for one that stands still. */
export interface Actor {
  readonly isAlive: boolean;
  readonly isStanding: boolean;
  /** Keeps an event until the process goes on. */
  hold(event: ScheduledEvent): void;
}

export interface ScheduledEvent {
  atMs: number;
  /** Decides between events of the same moment; from 1 on: after what has arrived. */
  order: number;
  /** Undefined: nobody's process, as a packet on its way. */
  readonly actor: Actor | undefined;
  /** It came over the network: such events stay in their order. */
  readonly isPacket: boolean;
  readonly run: () => void;
  isCancelled: boolean;
}

/** Between two events that a process finds when it goes on, in ms. */
const BETWEEN_MS = 0.0001;

export class Scheduler {
  readonly #random: () => number;
  readonly #heap: ScheduledEvent[] = [];
  #nowMs = 0;
  #steps = 0;

  constructor(seed: number) {
    this.#random = seeded(seed);
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Events so far. */
  get steps(): number {
    return this.#steps;
  }

  random(): number {
    return this.#random();
  }

  /** From `low` to `high`. */
  between(low: number, high: number): number {
    return low + this.#random() * (high - low);
  }

  /** @param isLast after everything else of that moment */
  at(atMs: number, actor: Actor | undefined, run: () => void, isLast = false, isPacket = false): ScheduledEvent {
    const order = this.#random() + (isLast ? 1 : 0);
    const event = { atMs: Math.max(atMs, this.#nowMs), order, actor, isPacket, run, isCancelled: false };
    this.#push(event);
    return event;
  }

  after(ms: number, actor: Actor | undefined, run: () => void, isLast = false): ScheduledEvent {
    return this.at(this.#nowMs + Math.max(0, ms), actor, run, isLast);
  }

  /** Puts events back that were held: packets and timers each in their order, mixed by chance. */
  release(events: readonly ScheduledEvent[]): void {
    const packets = events.filter(({ isPacket }) => isPacket);
    const others = events.filter(({ isPacket }) => !isPacket);
    for (let n = 0; n < events.length; n++) {
      const isPacketNext = others.length === 0 || (packets.length > 0 && this.#random() < 0.5);
      const event = (isPacketNext ? packets : others).shift();
      if (event === undefined) return;
      event.atMs = this.#nowMs + n * BETWEEN_MS;
      this.#push(event);
    }
  }

  /**
   * Runs one event after the other until `isOver` or nothing is left. Before each one, all promises that are settled have told
   * whoever waits for them.
   *
   * @param isOver called after each step
   */
  run(isOver: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const step = () => {
        try {
          if (isOver() || !this.#next()) return resolve();
        } catch (error) {
          return reject(error);
        }
        // Ticks run when no promise is left to be told.
        queueMicrotask(() => process.nextTick(step));
      };
      step();
    });
  }

  #next(): boolean {
    for (let event = this.#pop(); event !== undefined; event = this.#pop()) {
      const { actor } = event;
      if (event.isCancelled || actor?.isAlive === false) continue;
      this.#nowMs = event.atMs;
      if (actor?.isStanding === true) {
        actor.hold(event);
        continue;
      }
      this.#steps++;
      event.run();
      return true;
    }
    return false;
  }

  #push(event: ScheduledEvent): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = heap[above] as ScheduledEvent;
      if (!isBefore(event, parent)) break;
      heap[at] = parent;
      at = above;
    }
    heap[at] = event;
  }

  #pop(): ScheduledEvent | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && isBefore(heap[below + 1] as ScheduledEvent, heap[below] as ScheduledEvent))
        below++;
      const child = heap[below] as ScheduledEvent;
      if (!isBefore(child, last)) break;
      heap[at] = child;
      at = below;
    }
    heap[at] = last;
    return first;
  }
}

function isBefore(a: ScheduledEvent, b: ScheduledEvent): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
