/** What this worker itself tells the record of events: its outages too, and who came and went during one. */

import type { Clock } from '../../shared/clock.ts';
import type { OnAnswer, ToldEvent } from '../events/event.ts';
import { EventLimit } from '../events/event-limit.ts';
import type { ClientRecord, ClientReport } from '../types.ts';
import { type Tell, UntoldEvents } from './untold-events.ts';

export class OwnEvents {
  readonly #untold: UntoldEvents;
  readonly #limit: EventLimit;
  readonly #listeners: ((event: ToldEvent) => void)[] = [];
  readonly #workerId: string;
  readonly #clock: Clock;
  /** When the outage of now began, monotonic. */
  #lostMs: number | undefined;

  constructor(tell: Tell, workerId: string, clock: Clock) {
    this.#untold = new UntoldEvents(tell, clock);
    this.#limit = new EventLimit(clock);
    this.#workerId = workerId;
    this.#clock = clock;
  }

  /** As `EventTeller.tellEvent`. */
  tell(event: ToldEvent, onAnswer?: OnAnswer): void {
    if (event.kind !== undefined && !this.#limit.takes(event.kind)) return;
    for (const listener of this.#listeners) listener(event);
    void this.#untold.add(event, onAnswer);
  }

  /** As `ToldEvents.onTold`. */
  onTold(listener: (event: ToldEvent) => void): void {
    this.#listeners.push(listener);
  }

  /** Tells what waits. */
  flush(): Promise<void> {
    return this.#untold.flush();
  }

  /** A viewer that came and went without the registry: it learns of both afterwards. */
  tellVisit(
    client: ClientRecord,
    { streamId, clientId, connectedAtMs, bytesServed, segmentsServed }: ClientReport,
  ): void {
    const { workerId, slot, username, userAgent, ipAddress } = client;
    const about = { worker_id: workerId, client_id: clientId, slot, username };
    const seconds = Math.max(0, this.#clock.wallMs() - connectedAtMs) / 1000;
    const got = { bytes_served: bytesServed, segments_served: segmentsServed, seconds, reason: 'left' };
    this.tell({
      type: 'client_connected',
      streamId,
      data: { ...about, user_agent: userAgent, ip_address: ipAddress },
    });
    this.tell({ type: 'client_disconnected', streamId, data: { ...about, ...got } });
  }

  /** How long the outage of now has lasted, in ms; undefined when there is none. */
  get outageMs(): number | undefined {
    return this.#lostMs === undefined ? undefined : this.#clock.monotonicMs() - this.#lostMs;
  }

  /** The registry does not answer. */
  noteOutage(error: unknown): void {
    this.#lostMs ??= this.#clock.monotonicMs();
    const reason = error instanceof Error ? error.message : String(error);
    this.tell({ type: 'redis_lost', data: { worker_id: this.#workerId, reason } });
  }

  /** The registry answers. */
  noteReturn(): void {
    if (this.#lostMs === undefined) return;
    const outageMs = Math.round(this.#clock.monotonicMs() - this.#lostMs);
    this.#lostMs = undefined;
    const data = { worker_id: this.#workerId, outage_ms: outageMs, events_lost: this.#untold.takeDropped() };
    this.tell({ type: 'redis_back', data });
  }
}
