/** Reads what the page of one stream shows. */

import type { RecordedEvent } from '../../../../registry/events/event.ts';
import { isOutage } from '../../../../registry/outage.ts';
import type { SlotSummary } from '../../../../registry/registry.ts';
import type { WorkerRecord } from '../../../../registry/types.ts';
import { type Clock, systemClock } from '../../../../shared/clock.ts';
import type { OneStreamState } from '../../../../shared/console/one-stream.ts';
import type { Services } from '../../worker/services.ts';
import { makersOf } from '../views/media-views.ts';
import { workersNow } from '../views/snapshot.ts';
import { aboutOf } from './about.ts';
import { oneStream, type ShownDefinition, shownDefinition } from './one-stream-state.ts';

/** Events tell when something of it is another. An outage may have kept one back. */
const READ_MS = 10_000;

interface Read {
  readonly definition: ShownDefinition;
  readonly slots: readonly SlotSummary[];
  /** What its FFmpeg has said. */
  readonly lines: readonly string[] | undefined;
}

export class OneStreamBoard {
  readonly #services: Services;
  readonly #id: string;
  readonly #clock: Clock;
  #read: Read | undefined;
  #readMs = Number.NEGATIVE_INFINITY;
  #sinceMs: number | undefined;
  #stop: (() => void) | undefined;

  constructor(services: Services, id: string, clock: Clock = systemClock) {
    this.#services = services;
    this.#id = id;
    this.#clock = clock;
  }

  async compose(): Promise<OneStreamState> {
    const { registry, config } = this.#services;
    await this.#follow();
    const [summaries, workers] = await Promise.all([registry.summaries([this.#id]), workersNow(this.#services)]);
    const about = aboutOf(this.#services, workers);
    const summary = summaries.get(this.#id);
    const read = summary && (await this.#definition(workers));
    if (summary === undefined || read === undefined) return { about };
    const facts = { id: this.#id, ...read, summary, workers, sinceMs: summary.viewers > 0 ? this.#sinceMs : undefined };
    const stream = oneStream({ ...facts, nowMs: this.#clock.wallMs(), graceMs: config.sharedStreamGraceMs });
    return { about, stream };
  }

  rest(): void {
    this.#stop?.();
    this.#stop = undefined;
    this.#read = undefined;
    this.#sinceMs = undefined;
    this.#readMs = Number.NEGATIVE_INFINITY;
  }

  /** What is read anew when an event is about the stream, and now and then. */
  async #definition(workers: readonly WorkerRecord[]): Promise<Read | undefined> {
    const nowMs = this.#clock.monotonicMs();
    if (this.#read !== undefined && nowMs - this.#readMs < READ_MS) return this.#read;
    const { registry } = this.#services;
    const maker = makersOf(workers).get(this.#id)?.worker;
    const [[record], slots, report] = await Promise.all([
      registry.streamsOf([this.#id]),
      registry.slots(this.#id),
      maker && this.#services.makingReport(maker, this.#id),
    ]);
    if (record === undefined) return undefined;
    this.#readMs = nowMs;
    this.#read = { definition: shownDefinition(record), slots, lines: report?.lines };
    return this.#read;
  }

  async #follow(): Promise<void> {
    if (this.#stop !== undefined) return;
    const { registry, eventFeed } = this.#services;
    const event = ({ type, streamId, atMs }: RecordedEvent): void => {
      if (streamId !== this.#id) return;
      this.#readMs = Number.NEGATIVE_INFINITY;
      if (type === 'stream_started') this.#sinceMs = atMs;
    };
    try {
      this.#stop = await eventFeed.read({ event, missed: () => undefined }, undefined);
      const [started] = await registry.events({ types: ['stream_started'], streamId: this.#id }, 1);
      this.#sinceMs ??= started?.atMs;
    } catch (error) {
      this.#stop?.();
      this.#stop = undefined;
      if (!isOutage(error)) throw error;
    }
  }
}
