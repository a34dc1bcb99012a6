/** Reads what the first page of the console shows. */

import { type Clock, systemClock } from '../../../../shared/clock.ts';
import type { NowState } from '../../../../shared/console/live.ts';
import type { Services } from '../../worker/services.ts';
import { aboutOf } from './counts/about.ts';
import { EgressRate } from './counts/egress-rate.ts';
import type { Glance } from './counts/glance.ts';
import { nowState, shownStreams } from './now-state.ts';

export class NowBoard {
  readonly #services: Pick<Services, 'config' | 'registry'>;
  readonly #glance: Glance;
  readonly #clock: Clock;
  readonly #rate = new EgressRate();

  constructor(services: Pick<Services, 'config' | 'registry'>, glance: Glance, clock: Clock = systemClock) {
    this.#services = services;
    this.#glance = glance;
    this.#clock = clock;
  }

  async compose(): Promise<NowState> {
    const { summaries, workers } = await this.#glance.overview('board');
    // The record may be long: a page is shown first without what it says.
    const events = this.#glance.recentEventsSoFar();
    const records = await this.#glance.streams(shownStreams(summaries));
    const nowMs = this.#clock.wallMs();
    return nowState({
      about: aboutOf(this.#services, workers),
      summaries,
      workers,
      records,
      bitsPerSecond: this.#rate.next(summaries, this.#clock.monotonicMs()),
      joinsLastMinute: events?.joinsLastMinute(nowMs),
      failuresLastHour: events?.failuresLastHour(nowMs),
      areMore: events?.areMore === true,
      since: events?.since ?? new Map(),
    });
  }

  rest(): void {
    this.#rate.clear();
    this.#glance.rest();
  }
}
