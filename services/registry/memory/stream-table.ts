/** The streams of a registry in memory: which there are, which are idle, and which fail over together. */

import { groupOf } from '../groups.ts';
import { isIdle } from '../idle.ts';
import { begunAt, movedAtMs } from '../new-stream.ts';
import type { ClientRecord, StreamRecord } from '../types.ts';
import { change, type Entry } from './entry.ts';
import { StreamGroups } from './stream-groups.ts';

export class StreamTable {
  readonly #streams = new Map<string, Entry>();
  readonly #groups = new StreamGroups();
  readonly #graceMs: number;
  readonly #isRecorded: (streamId: string) => boolean;

  /**
   * @param graceMs how long a stream stays in use after its last viewer has left
   * @param isRecorded whether a broadcast is cut from its feed
   */
  constructor(graceMs: number, isRecorded: (streamId: string) => boolean) {
    this.#graceMs = graceMs;
    this.#isRecorded = isRecorded;
  }

  get(id: string): Entry | undefined {
    return this.#streams.get(id);
  }

  keys(): Iterable<string> {
    return this.#streams.keys();
  }

  values(): Iterable<Entry> {
    return this.#streams.values();
  }

  get size(): number {
    return this.#streams.size;
  }

  delete({ record, group }: Entry): void {
    this.#groups.leave(group, record.id);
    this.#streams.delete(record.id);
  }

  /** Enters a stream into its group. A group that is new here begins as the stream says, at `nowMs`. */
  put({ failover, ...record }: StreamRecord, nowMs?: number): Entry {
    const known = this.#streams.get(record.id);
    const hasOthers = groupOf(record) !== undefined;
    const state = nowMs === undefined || !hasOthers ? { ...failover } : begunAt(record.url, nowMs);
    const group = this.#groups.enter(record, state);
    // Not before: a group goes with its last stream, and this may be the only one.
    if (known !== undefined && known.group !== group) this.#groups.leave(known.group, record.id);
    const clients = known?.clients ?? new Map<string, ClientRecord>();
    const sessions = known?.sessions ?? new Map<string, number>();
    const agreed = known?.agreed ?? new Map<string, string>();
    const entry = { record: { ...record }, clients, sessions, agreed, group };
    this.#streams.set(record.id, entry);
    return entry;
  }

  /** Whether a stream of the group is in use, apart from `except`. */
  isPlayed({ group }: Entry, nowMs: number, except?: string): boolean {
    return [...group.streams].some((id) => {
      const other = this.#streams.get(id);
      return id !== except && other !== undefined && !this.isIdle(other, nowMs);
    });
  }

  /** Puts a group to its primary source. What a backup turned out to be does not count for that. */
  begin({ record, group }: Entry, nowMs: number): void {
    if (group.state.index === -1) return;
    group.state = begunAt(record.url, Math.max(nowMs, movedAtMs(group.state) + 1));
    for (const id of group.streams) {
      const entry = this.#streams.get(id);
      if (entry !== undefined) change(entry, { unshareable: false });
    }
  }

  isIdle({ record, clients }: Entry, nowMs: number): boolean {
    return !this.#isRecorded(record.id) && isIdle(record, clients.size, nowMs, this.#graceMs);
  }

  /** The one that has been idle longest. */
  idleLongest(nowMs: number): Entry | undefined {
    let oldest: Entry | undefined;
    for (const entry of this.#streams.values()) {
      const isOlder = oldest === undefined || entry.record.lastAccessMs < oldest.record.lastAccessMs;
      if (isOlder && this.isIdle(entry, nowMs)) oldest = entry;
    }
    return oldest;
  }
}
