/** A simulated cluster: the machines, the network between them, Redis, the provider, and the workers that run now. */

import type { FeedPlace } from '../../../services/proxy/src/ownership/feed-place.ts';
import type { Logger } from '../../../services/shared/log.ts';
import type { Servers } from './http-model.ts';
import type { Rule } from './invariants.ts';
import { Machine } from './machine.ts';
import { Network } from './network.ts';
import { type Habits, Provider } from './providers/provider.ts';
import { RedisServer } from './redis-model.ts';
import { WORKERS } from './schedule.ts';
import type { Scheduler } from './scheduler.ts';
import { SimulatedWorker } from './sim-worker.ts';
import type { MediaWatch } from './unit-media.ts';

export interface ClusterOptions {
  readonly scheduler: Scheduler;
  readonly tell: (who: string, text: string) => void;
  readonly wantsStory: boolean;
  readonly watchOf: (worker: SimulatedWorker, place: FeedPlace) => MediaWatch;
  /** How much Redis can lose of what was written last. To remember that takes time. */
  readonly redisKeptMs: number;
  /** Of the providers; unset: the usual ones. */
  readonly habits: Habits | undefined;
  readonly broken: (rule: Rule, what: string) => void;
}

export class SimulatedCluster {
  readonly scheduler: Scheduler;
  readonly network: Network;
  readonly redis: RedisServer;
  readonly provider: Provider;
  readonly #options: ClusterOptions;
  readonly #machines: ReadonlyMap<string, Machine>;
  readonly #servers: Servers = new Map();
  readonly #workers = new Map<string, SimulatedWorker>();
  #makers = 0;

  constructor(options: ClusterOptions) {
    const { scheduler } = options;
    this.#options = options;
    this.scheduler = scheduler;
    this.network = new Network(scheduler);
    this.provider = new Provider(() => scheduler.nowMs, options.habits);
    this.#machines = new Map(['redis', ...WORKERS].map((name) => [name, new Machine(name, scheduler)]));
    this.redis = new RedisServer(this.machine('redis'), this.network, options.redisKeptMs);
  }

  get workers(): SimulatedWorker[] {
    return [...this.#workers.values()];
  }

  worker(name: string): SimulatedWorker | undefined {
    return this.#workers.get(name);
  }

  machine(name: string): Machine {
    const machine = this.#machines.get(name);
    if (machine === undefined) throw new Error(`there is no machine ${name}`);
    return machine;
  }

  /** A process begins, unless the machine has one, or no power. */
  begin(name: string): void {
    const machine = this.machine(name);
    if (machine.process !== undefined || !machine.hasPower) return;
    const { tell, watchOf, broken } = this.#options;
    const worker = new SimulatedWorker(machine, {
      redis: this.redis,
      servers: this.#servers,
      provider: this.provider,
      log: this.#log(name),
      nextMaker: () => ++this.#makers,
      watchOf,
      broken,
    });
    this.#workers.set(name, worker);
    tell(name, `begins as ${worker.identity.incarnation}`);
    this.scheduler.after(0, worker.process, () => {
      worker.start().catch((error: unknown) => tell(name, `could not start: ${String(error)}`));
    });
  }

  end(name: string): void {
    this.#workers.get(name)?.process.end();
    this.#workers.delete(name);
  }

  /** As a load balancer: a worker that answers and does not drain. */
  choose(wanted: number): SimulatedWorker | undefined {
    const workers = WORKERS.map((name) => this.#workers.get(name));
    for (let n = 0; n < workers.length; n++) {
      const worker = workers[(wanted + n) % workers.length];
      const isReady = worker?.hasStarted === true && !worker.process.isStanding && !worker.drain.isBegun;
      if (isReady) return worker;
    }
    return undefined;
  }

  /** Nothing happens any more. */
  stop(): void {
    for (const { process } of this.#workers.values()) process.isAlive = false;
  }

  #log(name: string): Logger {
    const { tell, wantsStory } = this.#options;
    const say = (fields: object | string, message = '') => {
      if (wantsStory)
        tell(name, typeof fields === 'string' ? fields : `${message} ${JSON.stringify(fields, errorsAsText)}`);
    };
    const log = { info: say, warn: say, error: say, debug: say, child: () => log };
    return log as unknown as Logger;
  }
}

function errorsAsText(_: string, value: unknown): unknown {
  return value instanceof Error ? value.message : value;
}
