/** Reads what the page Cluster shows. */

import type { EventType, RecordedEvent } from '../../../../registry/events/event.ts';
import { isOutage } from '../../../../registry/outage.ts';
import { type Clock, systemClock } from '../../../../shared/clock.ts';
import type { ClusterState } from '../../../../shared/console/live.ts';
import type { Services } from '../../worker/services.ts';
import { clusterState } from './cluster-state.ts';
import { aboutOf } from './counts/about.ts';
import type { Glance } from './counts/glance.ts';

/** Beginnings and ends of workers that are read when somebody begins to look, and kept. */
const TYPES: readonly EventType[] = ['worker_joined', 'worker_left'];
const KEPT = 200;

export class ClusterBoard {
  readonly #services: Services;
  readonly #glance: Glance;
  readonly #clock: Clock;
  /** The newest first. */
  #turnover: readonly RecordedEvent[] = [];
  #stop: (() => void) | undefined;

  constructor(services: Services, glance: Glance, clock: Clock = systemClock) {
    this.#services = services;
    this.#glance = glance;
    this.#clock = clock;
  }

  async compose(): Promise<ClusterState> {
    const { workers, leases, gone } = await this.#glance.overview('board');
    await this.#follow();
    const nowMs = this.#clock.wallMs();
    return clusterState({
      about: aboutOf(this.#services, workers),
      workers,
      leases,
      gone,
      turnover: this.#turnover,
      nowMs,
    });
  }

  rest(): void {
    this.#unfollow();
    this.#glance.rest();
  }

  #unfollow(): void {
    this.#stop?.();
    this.#stop = undefined;
    this.#turnover = [];
  }

  /** Reads who has come and left, once, and takes note of who does from then on. During an outage the next call tries again. */
  async #follow(): Promise<void> {
    if (this.#stop !== undefined) return;
    const { registry, eventFeed } = this.#services;
    const event = (recorded: RecordedEvent): void => {
      if (TYPES.includes(recorded.type)) this.#turnover = [recorded, ...this.#turnover].slice(0, KEPT);
    };
    try {
      const stop = await eventFeed.read({ event, missed: () => undefined, isPatient: true }, undefined);
      this.#stop = stop;
      const before = await registry.events({ types: TYPES }, KEPT);
      const known = new Set(this.#turnover.map(({ id }) => id));
      this.#turnover = [...this.#turnover, ...before.filter(({ id }) => !known.has(id))].slice(0, KEPT);
    } catch (error) {
      this.#unfollow();
      if (!isOutage(error)) throw error;
    }
  }
}
