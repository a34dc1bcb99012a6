/** A viewer of a simulation: it asks a worker for a stream, reads units, and comes back to another worker when its response ends. */

import type { ServerResponse } from 'node:http';
import type { StreamSpec } from '../../../services/registry/types.ts';
import { type Sent, SimulatedResponse } from './http-server-model.ts';
import type { Rule } from './invariants.ts';
import { liveUnitsIn } from './providers/live-media.ts';
import { type UnitSeen, UnitsGot, type UnitsSent } from './providers/units-got.ts';
import type { Scheduler } from './scheduler.ts';
import type { SimulatedWorker } from './sim-worker.ts';
import { type Unit, unitsIn } from './unit-media.ts';

/** How soon a player connects again, in ms. */
const AGAIN_MS = [100, 600] as const;
/** The way between a viewer and a worker, in ms. */
const WAY_MS = [0.1, 3] as const;

export interface ViewerWorld {
  readonly scheduler: Scheduler;
  /** A worker that a load balancer would send a viewer to. */
  readonly chooseWorker: (wanted: number) => SimulatedWorker | undefined;
  readonly broken: (rule: Rule, what: string) => void;
  readonly provider: UnitsSent;
  /** Called when its response has ended although its worker lives. */
  readonly onCut: (what: string) => void;
  readonly tell: (text: string) => void;
}

/** One connection of a viewer. */
interface Visit {
  readonly worker: SimulatedWorker;
  readonly response: SimulatedResponse;
  readonly units: UnitsGot;
  /** When its last packet arrives. */
  lastMs: number;
}

export class SimulatedViewer {
  readonly #name: string;
  readonly #stream: StreamSpec;
  readonly #world: ViewerWorld;
  readonly #wanted: number;
  #visit: Visit | undefined;
  #visits = 0;
  #hasLeft = false;
  lastUnitMs: number | undefined;

  constructor(name: string, stream: StreamSpec, wanted: number, world: ViewerWorld) {
    this.#name = name;
    this.#stream = stream;
    this.#wanted = wanted;
    this.#world = world;
  }

  get streamId(): string {
    return this.#stream.id;
  }

  get worker(): SimulatedWorker | undefined {
    return this.#visit?.worker;
  }

  come(): void {
    if (this.#hasLeft) return;
    const { scheduler, chooseWorker } = this.#world;
    const worker = chooseWorker(this.#wanted + this.#visits++);
    if (worker === undefined) {
      this.#comeAgain();
      return;
    }
    const { process } = worker;
    const response = new SimulatedResponse(process, (sent) => this.#sent(visit, sent));
    const got = new UnitsGot(this.#name, this.#world.provider, this.#world.broken);
    const visit: Visit = { worker, response, units: got, lastMs: 0 };
    this.#visit = visit;
    process.onEnd(() => this.#isOver(visit));
    scheduler.after(scheduler.between(...WAY_MS), process, () => void this.#ask(visit));
  }

  /** Closes its connection; the worker notices a moment later. */
  leave(): void {
    this.#hasLeft = true;
    const visit = this.#visit;
    if (visit === undefined) return;
    const { scheduler } = this.#world;
    scheduler.after(scheduler.between(...WAY_MS), visit.worker.process, () => visit.response.closed());
  }

  #comeAgain(): void {
    this.#visit = undefined;
    if (this.#hasLeft) return;
    const { scheduler } = this.#world;
    scheduler.after(scheduler.between(...AGAIN_MS), undefined, () => this.come());
  }

  #isOver(visit: Visit): void {
    if (this.#visit === visit) this.#comeAgain();
  }

  /** As the routes do it: creates the stream, and plays it. */
  async #ask({ worker, response }: Visit): Promise<void> {
    const { process, registry, playback, name } = worker;
    const nowMs = process.wallMs();
    const viewer = {
      streamId: this.#stream.id,
      workerId: name,
      userAgent: 'player',
      ipAddress: '127.0.0.1',
      username: undefined,
      connectedAtMs: nowMs,
      lastAccessMs: nowMs,
      bytesServed: 0,
      segmentsServed: 0,
    };
    try {
      const created = await registry.createStream(this.#stream, 0);
      if (created === 'full') throw new Error('there are too many streams');
      await playback.serve(created.stream, viewer, this.#name, response as unknown as ServerResponse, {});
    } catch (error) {
      this.#world.tell(`${this.#name} gets no seat at ${name}: ${(error as Error).message}`);
      response.end();
    }
  }

  /** A part of the response is on its way. */
  #sent(visit: Visit, sent: Sent | 'reset'): void {
    const { scheduler } = this.#world;
    visit.lastMs = Math.max(visit.lastMs + 0.001, scheduler.nowMs + scheduler.between(...WAY_MS));
    scheduler.at(visit.lastMs, undefined, () => this.#got(visit, sent));
  }

  #got(visit: Visit, sent: Sent | 'reset'): void {
    if (this.#visit !== visit || this.#hasLeft) return;
    if (sent === 'reset') {
      this.#cut(visit);
      return;
    }
    for (const chunk of sent.chunks) {
      visit.response.acknowledged(chunk.length);
      const units = this.#stream.profile === undefined ? liveUnitsIn(chunk) : unitsIn(chunk).map(withoutTime);
      for (const unit of units) visit.units.got(unit);
      if (units.length > 0) this.lastUnitMs = this.#world.scheduler.nowMs;
    }
    if (sent.isEnd) this.#cut(visit);
  }

  #cut(visit: Visit): void {
    if (!visit.units.isEmpty) this.#world.onCut(`${this.#name} was cut at ${visit.worker.name}`);
    this.#isOver(visit);
  }
}

/** What FFmpeg has made is on the feed's timeline, not on that of its source. */
function withoutTime({ number, connection }: Unit): UnitSeen {
  return { number, connection };
}
