/** The broadcasts of a worker alone, in its memory. It does what the scripts of Redis do. */

import {
  type Asked,
  type BroadcastBook,
  type BroadcastProgress,
  hasEnded,
  type KeptBroadcast,
  MAX_BROADCASTS,
  type NoteAnswer,
  type ShownBroadcast,
} from '../broadcasts/broadcast.ts';

export class MemoryBroadcasts implements BroadcastBook {
  readonly #broadcasts = new Map<string, ShownBroadcast>();
  /** Broadcasts that are cut from the feed of a stream, by its id. */
  readonly #recorders = new Map<string, Set<string>>();
  readonly #onLeft: (streamId: string) => void;
  readonly #workerId: string | undefined;

  /** @param onLeft called when a broadcast needs a stream no longer */
  constructor(onLeft: (streamId: string) => void, workerId?: string) {
    this.#onLeft = onLeft;
    this.#workerId = workerId;
  }

  /** Whether a stream is in use, although it may have no viewer. */
  isRecorded(streamId: string): boolean {
    return this.#recorders.has(streamId);
  }

  async begin(id: string, order: Asked, after?: number): Promise<number | undefined> {
    const before = this.#broadcasts.get(id);
    if (after !== undefined && (before?.order.programme !== after || before.isStopped)) return undefined;
    if (before === undefined && this.#broadcasts.size >= MAX_BROADCASTS) return undefined;
    const programme = (before?.order.programme ?? 0) + 1;
    this.#put({ id, order: { ...order, programme }, isStopped: false, progress: before?.progress });
    return programme;
  }

  async restore(broadcast: KeptBroadcast): Promise<void> {
    if (!this.#broadcasts.has(broadcast.id)) this.#put({ ...broadcast, progress: undefined });
  }

  #put(broadcast: ShownBroadcast): void {
    this.#leaveStream(broadcast.id);
    this.#broadcasts.set(broadcast.id, broadcast);
    const { streamId } = broadcast.order;
    this.#recorders.set(streamId, (this.#recorders.get(streamId) ?? new Set()).add(broadcast.id));
  }

  #leaveStream(id: string): void {
    const streamId = this.#broadcasts.get(id)?.order.streamId ?? '';
    const recorders = this.#recorders.get(streamId);
    if (recorders?.delete(id) !== true) return;
    if (recorders.size === 0) this.#recorders.delete(streamId);
    this.#onLeft(streamId);
  }

  async end(id: string): Promise<boolean> {
    const known = this.#broadcasts.get(id);
    if (known !== undefined) this.#broadcasts.set(id, { ...known, isStopped: true });
    return known !== undefined;
  }

  async remove(id: string): Promise<boolean> {
    this.#leaveStream(id);
    return this.#broadcasts.delete(id);
  }

  async list(): Promise<ShownBroadcast[]> {
    return [...this.#broadcasts.values()].sort((one, other) => (one.id < other.id ? -1 : 1));
  }

  async find(id: string): Promise<ShownBroadcast | undefined> {
    return this.#broadcasts.get(id);
  }

  async recorded(): Promise<ReadonlySet<string>> {
    return new Set(this.#recorders.keys());
  }

  async note(id: string, progress: BroadcastProgress): Promise<NoteAnswer> {
    const known = this.#broadcasts.get(id);
    // A worker alone owns every broadcast, and it has lost none that it has not removed.
    if (known === undefined || (known.progress?.epoch ?? 0) > progress.epoch) return 'lost';
    this.#broadcasts.set(id, { ...known, progress: { ...progress, worker: this.#workerId } });
    if (hasEnded(progress.state) && known.order.programme === progress.programme) this.#leaveStream(id);
    return 'mine';
  }
}
