/** Reads what the page Providers shows. */

import type { RecordedEvent } from '../../../../registry/events/event.ts';
import { factsOf } from '../../../../registry/events/stream-facts.ts';
import { isOutage } from '../../../../registry/outage.ts';
import { type Clock, systemClock } from '../../../../shared/clock.ts';
import type { ProvidersState } from '../../../../shared/console/live.ts';
import type { Services } from '../../worker/services.ts';
import { withOwnNumbers } from '../views/snapshot.ts';
import { aboutOf } from './about.ts';
import { heldStreams, providersState } from './providers-state.ts';

/** Losses of sources that are read when somebody begins to look, and kept. */
const KEPT = 100;
/** A stream may get another name. */
const NAMES_MS = 60_000;

export class ProvidersBoard {
  readonly #services: Services;
  readonly #clock: Clock;
  /** The newest first. */
  #losses: readonly RecordedEvent[] = [];
  #stop: (() => void) | undefined;
  /** Stream → its name; empty where it does not exist. */
  #names = new Map<string, string>();
  #namesMs = 0;

  constructor(services: Services, clock: Clock = systemClock) {
    this.#services = services;
    this.#clock = clock;
  }

  async compose(): Promise<ProvidersState> {
    const { registry, config } = this.#services;
    const workers = withOwnNumbers(this.#services, (await registry.overview()).workers);
    await this.#follow();
    await this.#name(heldStreams(workers));
    return providersState({
      about: aboutOf(this.#services, workers),
      workers,
      limit: config.sourceMaxConnections,
      names: this.#names,
      losses: this.#losses,
      nowMs: this.#clock.wallMs(),
    });
  }

  rest(): void {
    this.#stop?.();
    this.#stop = undefined;
    this.#losses = [];
    this.#names.clear();
  }

  async #name(ids: readonly string[]): Promise<void> {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#namesMs > NAMES_MS) {
      this.#names.clear();
      this.#namesMs = nowMs;
    }
    const unknown = ids.filter((id) => !this.#names.has(id));
    if (unknown.length === 0) return;
    for (const stream of await this.#services.registry.streamsOf(unknown)) {
      this.#names.set(stream.id, factsOf(stream).about.name);
    }
  }

  /** Reads which sources were lost, once, and takes note of those that are lost from then on. */
  async #follow(): Promise<void> {
    if (this.#stop !== undefined) return;
    const { registry, eventFeed } = this.#services;
    const event = (recorded: RecordedEvent): void => {
      if (recorded.type === 'source_lost') this.#losses = [recorded, ...this.#losses].slice(0, KEPT);
    };
    try {
      this.#stop = await eventFeed.read({ event, missed: () => undefined }, undefined);
      const before = await registry.events({ types: ['source_lost'] }, KEPT);
      const known = new Set(this.#losses.map(({ id }) => id));
      this.#losses = [...this.#losses, ...before.filter(({ id }) => !known.has(id))].slice(0, KEPT);
    } catch (error) {
      this.rest();
      if (!isOutage(error)) throw error;
    }
  }
}
