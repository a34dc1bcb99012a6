/**
 * The Redis of a simulated cluster as a server that may hang, end and come back, and the connection of each worker to it, with the
 * limits that the real connection has.
 */

import type { Redis } from 'ioredis';
import {
  REDIS_COMMAND_TIMEOUT_MS,
  REDIS_RECONNECT_MAX_MS,
  REDIS_SILENCE_MS,
} from '../../../services/proxy/src/timing.ts';
import type { Timer } from '../../../services/shared/clock.ts';
import type { Machine, Process } from './machine.ts';
import type { Channel, Network } from './network.ts';
import type { Reply } from './redis/commands.ts';
import type { Request } from './redis/connection.ts';
import { SimulatedRedis } from './redis/simulated-redis.ts';

const CONNECT_TIMEOUT_MS = 2_000;
/** A packet that takes longer has been lost. */
const STALLED_MS = 200;
/** How long a request takes in Redis, in ms. */
const WORK_MS = [0.02, 0.2] as const;

export class RedisServer {
  readonly machine: Machine;
  readonly store: SimulatedRedis;
  readonly #network: Network;
  readonly #links = new Set<RedisLink>();
  /** What has arrived while Redis hangs. */
  readonly #arrived: (() => void)[] = [];
  #isHanging = false;
  isUp = true;
  /** Called after each request that took effect, with the time since it was asked. */
  onPerformed: (link: RedisLink, request: Request, tookMs: number) => void = () => undefined;

  /** @param keptMs how much it can lose of what was written last */
  constructor(machine: Machine, network: Network, keptMs: number) {
    this.machine = machine;
    this.#network = network;
    this.store = new SimulatedRedis({ now: () => machine.wallMs(), keptMs });
  }

  get network(): Network {
    return this.#network;
  }

  get isAnswering(): boolean {
    return this.isUp && !this.#isHanging;
  }

  /** A request has arrived. */
  take(step: () => void): void {
    if (this.#isHanging) this.#arrived.push(step);
    else this.machine.scheduler.after(this.machine.scheduler.between(...WORK_MS), undefined, () => this.#work(step));
  }

  /** It began to hang while the request was on its way through. */
  #work(step: () => void): void {
    if (this.#isHanging) this.#arrived.push(step);
    else step();
  }

  hang(): void {
    this.#isHanging = true;
  }

  goOn(): void {
    this.#isHanging = false;
    for (const step of this.#arrived.splice(0)) step();
  }

  joined(link: RedisLink): void {
    this.#links.add(link);
  }

  left(link: RedisLink): void {
    this.#links.delete(link);
  }

  /** The process ends; its system says so to all. */
  end(): void {
    this.isUp = false;
    this.#isHanging = false;
    this.#arrived.length = 0;
    for (const link of [...this.#links]) link.reset();
    this.#links.clear();
  }

  /** Another process takes its place. */
  begin(what: { readonly kept: 'all' | 'nothing' } | { readonly lostMs: number }): void {
    if ('lostMs' in what) this.store.loseLast(what.lostMs);
    else if (what.kept === 'all') this.store.restarted();
    else this.store.emptied();
    this.isUp = true;
  }
}

interface Pending {
  readonly settle: (answer: Reply | undefined, error: Error | undefined) => void;
  timer: Timer | undefined;
}

/** The connection of one process. */
export class RedisLink {
  readonly process: Process;
  readonly #server: RedisServer;
  #isConnected = false;
  #forth: Channel;
  #back: Channel;
  /** Tells one connection from the next. */
  #number = 0;
  #attempts = 0;
  readonly #pending = new Set<Pending>();
  /** Requests of this connection that Redis has not answered, also those that nobody waits for any more. */
  #unanswered = 0;
  #silence: Timer | undefined;
  onReady: () => void = () => undefined;
  onClose: () => void = () => undefined;

  constructor(process: Process, server: RedisServer) {
    this.process = process;
    this.#server = server;
    this.#forth = server.network.channel(process.machine, server.machine);
    this.#back = server.network.channel(server.machine, process.machine);
    process.onEnd(() => server.left(this));
  }

  /** What the registry gets in place of ioredis. */
  get redis(): Redis {
    return this.#server.store.connection((request) => this.#ask(request));
  }

  get isConnected(): boolean {
    return this.#isConnected;
  }

  /** What the process asks now waits behind what TCP has not sent again yet. */
  get isStalled(): boolean {
    const { nowMs } = this.process.machine.scheduler;
    return Math.max(this.#forth.lastMs, this.#back.lastMs) > nowMs + STALLED_MS;
  }

  connect(): void {
    const { network, machine } = this.#server;
    const number = ++this.#number;
    const failed = () => {
      if (number !== this.#number || this.#isConnected) return;
      this.#number++;
      this.#later();
    };
    const timer = this.process.setTimeout(failed, CONNECT_TIMEOUT_MS);
    this.#forth = network.channel(this.process.machine, machine);
    this.#back = network.channel(machine, this.process.machine);
    network.send(this.#forth, undefined, () => {
      const isUp = this.#server.isUp;
      network.send(this.#back, this.process, () => {
        this.process.clearTimeout(timer);
        if (number !== this.#number) return;
        if (!isUp) return failed();
        this.#isConnected = true;
        this.#attempts = 0;
        this.#server.joined(this);
        this.onReady();
      });
    });
  }

  /** Redis has closed the connection. */
  reset(): void {
    this.#server.network.send(this.#back, this.process, () => this.#close('Connection is closed.'));
  }

  #later(): void {
    this.process.setTimeout(() => this.connect(), Math.min(REDIS_RECONNECT_MAX_MS, 100 * ++this.#attempts));
  }

  #close(why: string): void {
    if (!this.#isConnected) return;
    this.#isConnected = false;
    this.#number++;
    this.#server.left(this);
    this.process.clearTimeout(this.#silence);
    this.#silence = undefined;
    this.#unanswered = 0;
    for (const { settle } of [...this.#pending]) settle(undefined, new Error(why));
    this.onClose();
    this.#later();
  }

  #ask(request: Request): Promise<Reply> {
    if (!this.#isConnected) return Promise.reject(new Error("Stream isn't writeable and enableOfflineQueue is off"));
    const number = this.#number;
    const { network } = this.#server;
    const back = this.#back;
    const { scheduler } = this.process.machine;
    const askedMs = scheduler.nowMs;
    return new Promise((resolve, reject) => {
      const pending: Pending = {
        timer: undefined,
        settle: (answer, error) => {
          if (!this.#pending.delete(pending)) return;
          this.process.clearTimeout(pending.timer);
          if (error === undefined) resolve(answer as Reply);
          else reject(error);
        },
      };
      this.#pending.add(pending);
      const late = () => pending.settle(undefined, new Error('Command timed out'));
      pending.timer = this.process.setTimeout(late, REDIS_COMMAND_TIMEOUT_MS);
      this.#unanswered++;
      if (this.#silence === undefined) this.#expect();
      network.send(this.#forth, undefined, () => {
        if (!this.#server.isUp) {
          this.reset();
          return;
        }
        this.#server.take(() => {
          let answer: Reply | undefined;
          let failure: Error | undefined;
          try {
            answer = request.perform();
          } catch (error) {
            failure = error as Error;
          }
          this.#server.onPerformed(this, request, scheduler.nowMs - askedMs);
          network.send(back, this.process, () => {
            if (number !== this.#number) return;
            this.#unanswered--;
            pending.settle(answer, failure);
            this.#expect();
          });
        });
      });
    });
  }

  /** A connection on which a request waits and nothing comes is given up. As in ioredis, a later request does not put that off. */
  #expect(): void {
    const { process } = this;
    process.clearTimeout(this.#silence);
    this.#silence = undefined;
    if (this.#unanswered === 0) return;
    // A process that stood still reads first what has come meanwhile.
    const silent = () => process.setImmediate(() => this.#silence === timer && this.#close('Socket timeout'));
    const timer = process.setTimeout(silent, REDIS_SILENCE_MS);
    this.#silence = timer;
  }
}
