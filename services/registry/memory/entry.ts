/** What a registry in memory keeps of a stream. */

import type { StreamSummary } from '../registry.ts';
import type { ClientRecord, StreamRecord } from '../types.ts';
import type { StreamGroup } from './stream-groups.ts';

/** A stream, with those who watch it. */
export interface Entry {
  /** Replaced when it changes, never changed itself. */
  record: Readonly<Omit<StreamRecord, 'failover'>>;
  clients: Map<string, ClientRecord>;
  /** Client id of a session → when it is over unless it is seen again, monotonic. */
  sessions: Map<string, number>;
  /** What workers have agreed on, by name. */
  agreed: Map<string, string>;
  group: StreamGroup;
  /** What `remembered` has answered last, and what that was made from. */
  answered?: Answered | undefined;
}

interface Answered extends Pick<Entry, 'record'> {
  readonly state: StreamGroup['state'];
  readonly answer: Readonly<StreamRecord>;
}

/** Whether a client is an HLS session. */
export function isSession(client: ClientRecord | undefined): boolean {
  return client?.session === true;
}

/** Slot → how many are in it. */
export function countSlots(entry: Entry): Map<number, number> {
  const counts = new Map<number, number>();
  for (const { slot } of entry.clients.values()) if (slot !== undefined) counts.set(slot, (counts.get(slot) ?? 0) + 1);
  return counts;
}

export function summaryOf(entry: Entry, workerId: string): StreamSummary {
  const { record, clients } = entry;
  const current = [...clients.values()];
  const processes = countSlots(entry).size;
  return {
    viewers: clients.size,
    processes,
    watched: record.watched,
    bytesServed: current.reduce((sum, { bytesServed }) => sum + bytesServed, record.bytesServed),
    segmentsServed: current.reduce((sum, { segmentsServed }) => sum + segmentsServed, record.segmentsServed),
    lastAccessMs: current.reduce((last, { lastAccessMs }) => Math.max(last, lastAccessMs), record.lastAccessMs),
    owner: processes === 0 ? undefined : workerId,
  };
}

export function change(entry: Entry, changed: Partial<Entry['record']>): void {
  entry.record = { ...entry.record, ...changed };
}

/** The record of a stream, for whoever asks. */
export function copyOf({ record, group }: Entry): StreamRecord {
  return { ...record, failover: { ...group.state } };
}

/** The same without a copy: the same object until the stream changes. Nobody may change it. */
export function rememberedOf(entry: Entry): Readonly<StreamRecord> {
  const { record, group, answered } = entry;
  if (answered?.record === record && answered.state === group.state) return answered.answer;
  const answer = copyOf(entry);
  entry.answered = { record, state: group.state, answer };
  return answer;
}
