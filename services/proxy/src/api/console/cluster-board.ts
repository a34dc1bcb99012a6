/** Reads what the page Cluster shows. */

import type { RecordedEvent } from '../../../../registry/events/event.ts';
import { isOutage } from '../../../../registry/outage.ts';
import { type Clock, systemClock } from '../../../../shared/clock.ts';
import type { ClusterState } from '../../../../shared/console/live.ts';
import type { Services } from '../../worker/services.ts';
import { withOwnNumbers } from '../views/snapshot.ts';
import { aboutOf } from './about.ts';
import { clusterState } from './cluster-state.ts';

/** Ends of workers that are read when somebody begins to look, and kept. */
const KEPT = 100;

export class ClusterBoard {
  readonly #services: Services;
  readonly #clock: Clock;
  /** The newest first. */
  #left: readonly RecordedEvent[] = [];
  #stop: (() => void) | undefined;

  constructor(services: Services, clock: Clock = systemClock) {
    this.#services = services;
    this.#clock = clock;
  }

  async compose(): Promise<ClusterState> {
    const { workers: records, leases, gone } = await this.#services.registry.overview();
    const workers = withOwnNumbers(this.#services, records);
    await this.#follow();
    const nowMs = this.#clock.wallMs();
    return clusterState({ about: aboutOf(this.#services, workers), workers, leases, gone, left: this.#left, nowMs });
  }

  rest(): void {
    this.#stop?.();
    this.#stop = undefined;
    this.#left = [];
  }

  /** Reads who has left, once, and takes note of who leaves from then on. During an outage the next call tries again. */
  async #follow(): Promise<void> {
    if (this.#stop !== undefined) return;
    const { registry, eventFeed } = this.#services;
    const event = (recorded: RecordedEvent): void => {
      if (recorded.type === 'worker_left') this.#left = [recorded, ...this.#left].slice(0, KEPT);
    };
    try {
      const stop = await eventFeed.read({ event, missed: () => undefined }, undefined);
      this.#stop = stop;
      const before = await registry.events({ types: ['worker_left'] }, KEPT);
      const known = new Set(this.#left.map(({ id }) => id));
      this.#left = [...this.#left, ...before.filter(({ id }) => !known.has(id))].slice(0, KEPT);
    } catch (error) {
      this.rest();
      if (!isOutage(error)) throw error;
    }
  }
}
