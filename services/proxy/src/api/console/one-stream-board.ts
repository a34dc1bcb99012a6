/** Reads what the page of one stream shows. */

import type { RecordedEvent } from '../../../../registry/events/event.ts';
import { isOutage } from '../../../../registry/outage.ts';
import type { SlotSummary } from '../../../../registry/registry.ts';
import { SAMPLE_MS } from '../../../../registry/samples/sample.ts';
import type { MakingReport, WorkerRecord } from '../../../../registry/types.ts';
import { type Clock, systemClock } from '../../../../shared/clock.ts';
import type { OneStreamState } from '../../../../shared/console/one-stream.ts';
import type { Services } from '../../worker/services.ts';
import { makersOf } from '../views/media-views.ts';
import { aboutOf } from './counts/about.ts';
import type { Glance } from './counts/glance.ts';
import { oneStream, type ShownDefinition, shownDefinition } from './one-stream-state.ts';

/** Events tell when something of it is another. An outage may have kept one back. */
const READ_MS = 10_000;
/** Workers have their samples so long after the time of these. */
const SAMPLED_MS = 1_000;
/** So many owners of slots are asked. */
const MAX_OWNERS = 20;

interface Read {
  readonly definition: ShownDefinition;
  readonly slots: readonly SlotSummary[];
  readonly report: MakingReport | undefined;
  /** The workers that relay each slot, as its owner has told. */
  readonly relays: ReadonlyMap<number, readonly string[]>;
}

export class OneStreamBoard {
  readonly #services: Services;
  readonly #glance: Glance;
  readonly #id: string;
  readonly #clock: Clock;
  #read: Read | undefined;
  #readMs = Number.NEGATIVE_INFINITY;
  /** The number of the newest sample that can have been read. */
  #sampled = 0;
  #sinceMs: number | undefined;
  #hasLooked = false;
  #stop: (() => void) | undefined;

  constructor(services: Services, glance: Glance, id: string, clock: Clock = systemClock) {
    this.#services = services;
    this.#glance = glance;
    this.#id = id;
    this.#clock = clock;
  }

  async compose(): Promise<OneStreamState> {
    const { config, registry } = this.#services;
    await this.#follow();
    const { summaries: known, workers } = await this.#glance.overview('board');
    // Whoever has just made the stream looks at it at once.
    const summaries = this.#hasLooked || known.has(this.#id) ? known : await registry.summaries([this.#id]);
    this.#hasLooked = true;
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
    this.#hasLooked = false;
    this.#readMs = Number.NEGATIVE_INFINITY;
    this.#glance.rest();
  }

  /** What is read anew when an event is about the stream, and when there is a new sample of it. */
  async #definition(workers: readonly WorkerRecord[]): Promise<Read | undefined> {
    const nowMs = this.#clock.monotonicMs();
    const sampled = Math.floor((this.#clock.wallMs() - SAMPLED_MS) / SAMPLE_MS);
    if (this.#read !== undefined && nowMs - this.#readMs < READ_MS && sampled === this.#sampled) return this.#read;
    const { registry } = this.#services;
    const [[record], slots] = await Promise.all([registry.streamsOf([this.#id]), registry.slots(this.#id)]);
    if (record === undefined) return undefined;
    this.#readMs = nowMs;
    this.#sampled = sampled;
    const told = await this.#told(slots, workers);
    this.#read = { definition: shownDefinition(record), slots, ...told };
    return this.#read;
  }

  /** What the workers that make it tell of it. */
  async #told(
    slots: readonly SlotSummary[],
    workers: readonly WorkerRecord[],
  ): Promise<Pick<Read, 'report' | 'relays'>> {
    const maker = makersOf(workers).get(this.#id)?.worker;
    const names = slots.flatMap(({ viewers, owner }) => (viewers > 0 && owner !== undefined ? owner.workerId : []));
    const owners = workers.filter(({ workerId }) => names.includes(workerId)).slice(0, MAX_OWNERS);
    const asked = [...new Set(maker === undefined ? owners : [maker, ...owners])];
    const reports = new Map(
      await Promise.all(
        asked.map(async (worker) => [worker.workerId, await this.#services.makingReport(worker, this.#id)] as const),
      ),
    );
    const relays = slots.flatMap(({ slot, owner }) => {
      const told = reports.get(owner?.workerId ?? '')?.relays?.[slot];
      return told === undefined ? [] : [[slot, told] as const];
    });
    return { report: maker && reports.get(maker.workerId), relays: new Map(relays) };
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
      this.#stop = await eventFeed.read({ event, missed: () => undefined, isPatient: true }, undefined);
      const [started] = await registry.events({ types: ['stream_started'], streamId: this.#id }, 1);
      this.#sinceMs ??= started?.atMs;
    } catch (error) {
      this.#stop?.();
      this.#stop = undefined;
      if (!isOutage(error)) throw error;
    }
  }
}
