/** What is told of the broadcasts that a worker makes: events when a programme begins and ends, and what it counts of them. */

import { type BroadcastKind, kindOfOrder } from '../../../registry/broadcasts/broadcast.ts';
import type { EventTeller } from '../../../registry/registry.ts';
import { bytesOf, type RecordingIndex } from './store/recording-index.ts';

/** How a programme is over. `next_programme`: another one was started. */
export type ProgrammeEnd = 'ended' | 'stopped' | 'next_programme' | 'failed';

export const PROGRAMME_ENDS: readonly ProgrammeEnd[] = ['ended', 'stopped', 'next_programme', 'failed'];

type Told = Pick<RecordingIndex, 'id' | 'order' | 'programmeSeconds' | 'segments'>;

export interface BroadcastNewsDeps {
  readonly registry: Pick<EventTeller, 'tellEvent'>;
  readonly workerId: string;
}

export function kindOf({ order }: Pick<RecordingIndex, 'order'>): BroadcastKind {
  return kindOfOrder(order);
}

export class BroadcastNews {
  readonly #deps: BroadcastNewsDeps;
  readonly #ends = new Map<ProgrammeEnd, number>(PROGRAMME_ENDS.map((end) => [end, 0]));
  #writtenBytes = 0;

  constructor(deps: BroadcastNewsDeps) {
    this.#deps = deps;
  }

  /** Programmes that were over here, by how. */
  get ends(): ReadonlyMap<ProgrammeEnd, number> {
    return this.#ends;
  }

  /** Media that was written. */
  get writtenBytes(): number {
    return this.#writtenBytes;
  }

  wrote(bytes: number): void {
    this.#writtenBytes += bytes;
  }

  /** A programme has media, and has had none before on another worker. */
  began(index: Told): void {
    this.#tell('broadcast_started', index, {});
  }

  /** @param error why it has failed */
  over(index: Told, end: ProgrammeEnd, error?: string): void {
    this.#ends.set(end, (this.#ends.get(end) ?? 0) + 1);
    const reason = end === 'failed' ? { error } : { reason: end };
    const kept = kindOf(index) === 'recording' ? { bytes: bytesOf(index) } : {};
    const seconds = Math.round(index.programmeSeconds);
    this.#tell(end === 'failed' ? 'broadcast_failed' : 'broadcast_ended', index, { ...reason, seconds, ...kept });
  }

  #tell(
    type: 'broadcast_started' | 'broadcast_ended' | 'broadcast_failed',
    index: Told,
    more: Readonly<Record<string, unknown>>,
  ): void {
    const { registry, workerId } = this.#deps;
    const { id, order } = index;
    const data = { worker_id: workerId, broadcast: id, kind: kindOf(index), programme: order.programme, ...more };
    registry.tellEvent({ type, streamId: order.streamId, data });
  }
}
