/**
 * The network between machines: packets of a connection arrive late, in order, or not at all while the way is cut. TCP sends
 * again what was lost, so that a cut that ends delivers everything late. How late differs by connection: a request of an old one may
 * arrive seconds after those of the connection that has replaced it.
 */

import type { Machine, Process } from './machine.ts';
import type { Actor, Scheduler } from './scheduler.ts';

/** Milliseconds from one machine to another. */
const WAY_MS = [0.1, 3] as const;
/** A lost packet is sent again after this time, and then after twice the time before. */
const AGAIN_MS = [200, 400] as const;

/** One direction of a connection. */
export interface Channel {
  readonly from: Machine;
  readonly to: Machine;
  /** When its last packet arrives. */
  lastMs: number;
}

interface Packet {
  readonly channel: Channel;
  readonly sentMs: number;
  readonly receiver: Actor | undefined;
  readonly arrive: () => void;
}

interface Way {
  isCut: boolean;
  /** Share of packets that are lost once. */
  loss: number;
  /** More milliseconds for each packet. */
  moreMs: number;
  waiting: Packet[];
}

export class Network {
  readonly #scheduler: Scheduler;
  readonly #ways = new Map<string, Way>();
  /** When the last packet arrives that a cut or a loss has kept. */
  lateMs = 0;

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  way(from: string, to: string): Way {
    const name = `${from}>${to}`;
    let way = this.#ways.get(name);
    if (way === undefined) {
      way = { isCut: false, loss: 0, moreMs: 0, waiting: [] };
      this.#ways.set(name, way);
    }
    return way;
  }

  isCut(one: string, other: string): boolean {
    return this.way(one, other).isCut || this.way(other, one).isCut;
  }

  cut(from: string, to: string): void {
    this.way(from, to).isCut = true;
  }

  heal(from: string, to: string): void {
    const way = this.way(from, to);
    way.isCut = false;
    const againMs = new Map<Channel, number>();
    for (const packet of way.waiting.splice(0)) {
      const ms = againMs.get(packet.channel) ?? this.#untilSentAgain(packet.sentMs);
      againMs.set(packet.channel, ms);
      this.#deliver(packet, ms);
    }
  }

  /** How long it takes from now until a packet is sent again that has been lost since then. */
  #untilSentAgain(sentMs: number): number {
    let waitMs = this.#scheduler.between(...AGAIN_MS);
    let atMs = sentMs + waitMs;
    while (atMs < this.#scheduler.nowMs) {
      waitMs *= 2;
      atMs += waitMs;
    }
    return atMs - this.#scheduler.nowMs;
  }

  channel(from: Machine, to: Machine): Channel {
    return { from, to, lastMs: 0 };
  }

  /** @param receiver undefined: the system of the receiving machine */
  send(channel: Channel, receiver: Actor | undefined, arrive: () => void): void {
    const packet = { channel, sentMs: this.#scheduler.nowMs, receiver, arrive };
    const way = this.way(channel.from.name, channel.to.name);
    if (way.isCut) {
      way.waiting.push(packet);
      return;
    }
    const lost = way.loss > 0 && this.#scheduler.random() < way.loss;
    this.#deliver(packet, way.moreMs + (lost ? this.#scheduler.between(...AGAIN_MS) : 0));
  }

  #deliver({ channel, receiver, arrive }: Packet, moreMs: number): void {
    const scheduler = this.#scheduler;
    const atMs = Math.max(channel.lastMs, scheduler.nowMs + scheduler.between(...WAY_MS) + moreMs);
    // Two packets of a connection never change places.
    channel.lastMs = atMs + 0.001;
    if (moreMs >= AGAIN_MS[0]) this.lateMs = Math.max(this.lateMs, atMs);
    // What is under way to a machine without power is gone.
    const take = () => {
      if (channel.to.hasPower) arrive();
    };
    scheduler.at(atMs, receiver, take, false, true);
  }
}

/** Whether the system of this machine would answer for this process. */
export function isThere(process: Process): boolean {
  return process.isAlive && process.machine.hasPower;
}
