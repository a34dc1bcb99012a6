/** Lets the faults of a schedule happen to a simulated cluster, and ends them. */

import { seeded } from '../seed.ts';
import type { Invariants } from './invariants.ts';
import { deleteStream, failOver } from './orders.ts';
import type { Happening } from './schedule.ts';
import type { SimulatedWorker } from './sim-worker.ts';
import type { SimulatedCluster } from './simulated-cluster.ts';
import { idOf, sourceUrl } from './streams.ts';

export type Fault = Exclude<Happening, { readonly kind: 'viewer' }>;

/** What a replica of Redis may lack, in ms. */
export const REDIS_LOST_MS = 1_000;

export class Faults {
  readonly #cluster: SimulatedCluster;
  readonly #invariants: () => Invariants;
  readonly #tell: (who: string, text: string) => void;
  readonly #random: () => number;
  /** When something last kept a worker from the registry, or the registry from its memory. */
  unrestMs = Number.NEGATIVE_INFINITY;

  constructor(
    cluster: SimulatedCluster,
    invariants: () => Invariants,
    tell: (who: string, text: string) => void,
    seed: number,
  ) {
    this.#cluster = cluster;
    this.#invariants = invariants;
    this.#tell = tell;
    this.#random = seeded(seed ^ 0xe71c7);
  }

  happens(fault: Fault): void {
    const { scheduler, redis, network } = this.#cluster;
    const lastsMs = 'ms' in fault ? fault.ms : 'downMs' in fault ? fault.downMs : 0;
    this.unrestMs = Math.max(this.unrestMs, scheduler.nowMs + lastsMs);
    const later = (then: () => void) => scheduler.after(lastsMs, undefined, then);
    switch (fault.kind) {
      case 'crash':
        this.#cluster.end(fault.worker);
        later(() => this.#cluster.begin(fault.worker));
        break;
      case 'power':
        this.#losePower(fault.worker, later);
        break;
      case 'pause':
        this.#pause(fault.worker, fault.ms, later);
        break;
      case 'cut': {
        const { from, to, isOneWay } = fault;
        network.cut(from, to);
        if (!isOneWay) network.cut(to, from);
        later(() => {
          network.heal(from, to);
          if (!isOneWay) network.heal(to, from);
        });
        break;
      }
      case 'slow': {
        const way = network.way(fault.from, fault.to);
        way.loss = fault.share;
        way.moreMs = fault.moreMs;
        later(() => {
          way.loss = 0;
          way.moreMs = 0;
        });
        break;
      }
      case 'hang':
        redis.hang();
        later(() => redis.goOn());
        break;
      case 'redis':
        if (!redis.isUp) break;
        redis.end();
        later(() => {
          redis.begin(fault.kept === 'all_but_a_second' ? { lostMs: REDIS_LOST_MS } : { kept: fault.kept });
          this.#invariants().lookAnew();
        });
        break;
      case 'evict':
        this.#evict(fault.keys, fault.only);
        break;
      case 'spoil':
        this.#spoil(idOf(fault.stream), later);
        break;
      case 'clock':
        this.#cluster.machine(fault.machine).wallOffMs += fault.byMs;
        break;
      case 'source': {
        const { provider } = this.#cluster;
        const url = sourceUrl(fault.stream, fault.isBackup);
        provider.breaks(url, fault.outage ?? 'refuses');
        later(() => provider.works(url));
        break;
      }
      case 'resolver': {
        const { resolver } = this.#cluster.provider;
        resolver.trouble = fault.trouble;
        later(() => {
          resolver.trouble = undefined;
        });
        break;
      }
      case 'failover':
        this.#order(fault.worker, failOver, fault.stream);
        break;
      case 'delete':
        this.#order(fault.worker, deleteStream, fault.stream);
        break;
      case 'drain':
        this.#drain(fault.worker, later);
        break;
    }
  }

  #losePower(name: string, later: (then: () => void) => void): void {
    const machine = this.#cluster.machine(name);
    machine.hasPower = false;
    this.#cluster.end(name);
    later(() => {
      machine.hasPower = true;
      this.#cluster.begin(name);
    });
  }

  #pause(name: string, ms: number, later: (then: () => void) => void): void {
    const worker = this.#cluster.worker(name);
    if (worker === undefined || worker.process.isStanding) return;
    worker.process.stand();
    later(() => {
      if (!worker.process.isAlive) return;
      this.#invariants().wentOn(worker, ms);
      worker.process.goOn();
    });
  }

  #drain(name: string, later: (then: () => void) => void): void {
    const worker = this.#cluster.worker(name);
    if (worker === undefined) return;
    const { scheduler } = this.#cluster;
    scheduler.after(0, worker.process, () => worker.drain.begin('told'));
    later(() => {
      scheduler.after(0, worker.process, () => worker.drain.takeBack('told'));
    });
  }

  /** Also when nobody is counted in them: then only the release of the feed looks there. */
  #spoil(streamId: string, later: (then: () => void) => void): void {
    const { store } = this.#cluster.redis;
    const key = `sp:slots:${streamId}`;
    store.perform('set', [key, 'no record']);
    later(() => {
      if (store.value(key)?.kind === 'string') store.evict(key);
    });
  }

  /** People ask a worker that takes requests. */
  #order(name: string, order: (worker: SimulatedWorker, id: string) => Promise<void>, stream: number): void {
    const worker = this.#cluster.worker(name);
    if (worker?.hasStarted !== true) return;
    this.#cluster.scheduler.after(0, worker.process, () => {
      order(worker, idOf(stream)).catch((error: unknown) => this.#tell(name, `answers: ${String(error)}`));
    });
  }

  #evict(count: number, only = ''): void {
    const { store } = this.#cluster.redis;
    const keys = store
      .keys()
      .filter((key) => key.startsWith(only))
      .sort();
    for (let n = 0; n < count && keys.length > 0; n++) {
      const [key = ''] = keys.splice(Math.floor(this.#random() * keys.length), 1);
      this.#tell('redis', `drops ${key}`);
      store.evict(key);
    }
    this.#invariants().lookAnew();
  }
}
