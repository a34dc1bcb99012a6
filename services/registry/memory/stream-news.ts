/** Tells what happens to streams and viewers of a worker without Redis, as the scripts do with it. */

import type { Clock } from '../../shared/clock.ts';
import type { EventLog } from '../events/event-log.ts';
import { factsOf } from '../events/stream-facts.ts';
import type { ClientRecord, StreamSpec } from '../types.ts';

export class StreamNews {
  readonly #log: EventLog;
  readonly #clock: Clock;
  /** Since when the streams play that have had a viewer and are not idle, monotonic. */
  readonly #playing = new Map<string, number>();

  constructor(log: EventLog, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  /** @param viewers how many watch the stream now */
  joined(stream: StreamSpec, client: ClientRecord, viewers: number): void {
    const facts = factsOf(stream);
    const about = { worker_id: client.workerId, client_id: client.id, slot: client.slot };
    if (!this.#playing.has(stream.id)) {
      this.#playing.set(stream.id, this.#clock.monotonicMs());
      this.#log.add({ type: 'stream_started', streamId: stream.id, data: about }, facts);
    }
    const { userAgent, ipAddress, username } = client;
    const data = { ...about, user_agent: userAgent, ip_address: ipAddress, username, stream_client_count: viewers };
    this.#log.add({ type: 'client_connected', streamId: stream.id, data }, facts);
  }

  /** @param got all that it has got */
  left(
    stream: StreamSpec,
    client: ClientRecord,
    got: { readonly bytesServed: number; readonly segmentsServed: number },
    viewers: number,
    reason: string,
  ): void {
    const { id, workerId, slot, username, connectedAtMs } = client;
    const seconds = Math.max(0, this.#clock.wallMs() - connectedAtMs) / 1000;
    const data = {
      client_id: id,
      username,
      worker_id: workerId,
      slot,
      bytes_served: got.bytesServed,
      segments_served: got.segmentsServed,
      seconds,
      reason,
      stream_client_count: viewers,
    };
    this.#log.add({ type: 'client_disconnected', streamId: stream.id, data }, factsOf(stream));
  }

  /** It is idle or gone, if it has played. */
  ended(stream: StreamSpec, reason: string): void {
    const sinceMs = this.#playing.get(stream.id);
    if (sinceMs === undefined) return;
    this.#playing.delete(stream.id);
    const seconds = (this.#clock.monotonicMs() - sinceMs) / 1000;
    this.#log.add({ type: 'stream_stopped', streamId: stream.id, data: { reason, seconds } }, factsOf(stream));
  }

  /** The streams that play. */
  get playing(): string[] {
    return [...this.#playing.keys()];
  }
}
