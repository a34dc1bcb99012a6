/** Reads what the page Providers shows. */

import type { RecordedEvent } from '../../../../registry/events/event.ts';
import { isOutage } from '../../../../registry/outage.ts';
import { type Clock, systemClock } from '../../../../shared/clock.ts';
import type { ProvidersState } from '../../../../shared/console/live.ts';
import type { Services } from '../../worker/services.ts';
import { aboutOf } from './counts/about.ts';
import type { Glance } from './counts/glance.ts';
import { heldStreams, providersState } from './providers-state.ts';

/** Losses of sources that are read when somebody begins to look, and kept. */
const KEPT = 100;

export class ProvidersBoard {
  readonly #services: Services;
  readonly #glance: Glance;
  readonly #clock: Clock;
  /** The newest first. */
  #losses: readonly RecordedEvent[] = [];
  #stop: (() => void) | undefined;

  constructor(services: Services, glance: Glance, clock: Clock = systemClock) {
    this.#services = services;
    this.#glance = glance;
    this.#clock = clock;
  }

  async compose(): Promise<ProvidersState> {
    const { config } = this.#services;
    const { workers } = await this.#glance.overview('board');
    await this.#follow();
    const known = await this.#glance.streams(heldStreams(workers));
    return providersState({
      about: aboutOf(this.#services, workers),
      workers,
      limit: config.sourceMaxConnections,
      names: new Map([...known].map(([id, { name }]) => [id, name])),
      losses: this.#losses,
      nowMs: this.#clock.wallMs(),
    });
  }

  rest(): void {
    this.#unfollow();
    this.#glance.rest();
  }

  #unfollow(): void {
    this.#stop?.();
    this.#stop = undefined;
    this.#losses = [];
  }

  /** Reads which sources were lost, once, and takes note of those that are lost from then on. */
  async #follow(): Promise<void> {
    if (this.#stop !== undefined) return;
    const { registry, eventFeed } = this.#services;
    const event = (recorded: RecordedEvent): void => {
      if (recorded.type === 'source_lost') this.#losses = [recorded, ...this.#losses].slice(0, KEPT);
    };
    try {
      this.#stop = await eventFeed.read({ event, missed: () => undefined, isPatient: true }, undefined);
      const before = await registry.events({ types: ['source_lost'] }, KEPT);
      const known = new Set(this.#losses.map(({ id }) => id));
      this.#losses = [...this.#losses, ...before.filter(({ id }) => !known.has(id))].slice(0, KEPT);
    } catch (error) {
      this.#unfollow();
      if (!isOutage(error)) throw error;
    }
  }
}
