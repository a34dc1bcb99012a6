/** What has happened in a cluster, as the registry keeps it. */

import { z } from 'zod';

/** Those of m3u-proxy. */
export const M3U_PROXY_EVENTS = [
  'stream_started',
  'stream_stopped',
  'stream_failed',
  'client_connected',
  'client_disconnected',
  'failover_triggered',
] as const;

/** Those of m3u-proxy, then those of Streampool alone. */
export const EVENT_TYPES = [
  ...M3U_PROXY_EVENTS,
  'worker_joined',
  'worker_left',
  'worker_draining',
  'takeover',
  'handover',
  'ffmpeg_restarted',
  'source_lost',
  'source_back',
  'client_stalled',
  'limit_reached',
  'broadcast_started',
  'broadcast_ended',
  'broadcast_failed',
  'redis_lost',
  'redis_back',
] as const;

export type EventType = (typeof EVENT_TYPES)[number];

/** How many there have been of each type; a type that has not occurred is absent. */
export type EventCounts = Readonly<Partial<Record<EventType, number>>>;

/** These are kept apart, so that many viewers do not push the rest out. */
const CLIENT_EVENTS: ReadonlySet<string> = new Set<EventType>([
  'client_connected',
  'client_disconnected',
  'client_stalled',
]);

/** The two halves of the record. */
export type EventHalf = 'cluster' | 'clients';

export const EVENT_HALVES: readonly EventHalf[] = ['cluster', 'clients'];

export function halfOf(type: EventType): EventHalf {
  return CLIENT_EVENTS.has(type) ? 'clients' : 'cluster';
}

/** So many are kept in each half. */
export const EVENTS_KEPT = 10_000;

export interface RecordedEvent {
  /** Of one event in the cluster, and the same each time it is read; `eventId` makes it. */
  readonly id: string;
  readonly type: EventType;
  /** When it happened, in ms. */
  readonly atMs: number;
  /** Written after an outage. */
  readonly late: boolean;
  readonly streamId: string | undefined;
  /** As the API shows it, with credentials masked. */
  readonly data: Readonly<Record<string, unknown>>;
}

/** What a worker alone knows. */
export interface ToldEvent {
  readonly type: EventType;
  /** Told at most once a minute by a worker, of all that have this. */
  readonly kind?: string | undefined;
  readonly streamId?: string | undefined;
  readonly data: Readonly<Record<string, unknown>>;
}

/** What becomes of an event. @param clientsKept viewers that a takeover or handover has left where they were; undefined: unknown */
export type OnAnswer = (clientsKept: number | undefined) => void;

/** What `failover_triggered` says beside where the stream plays from then on. */
export interface FailoverNews {
  readonly reason: string;
  readonly oldUrl: string;
  readonly newUrl: string;
  /** Which of its sources the stream plays then, where that is not the index of the state: see `playedSource`. */
  readonly index?: number;
  /** The program that asks the stream's web page. */
  readonly page?: string;
}

/** The data of `failover_triggered`, without how many viewers see it. */
export function failoverData(
  next: { readonly index: number; readonly attempts: number },
  why: FailoverNews | undefined,
) {
  const { reason, oldUrl, newUrl, page, index = next.index } = why ?? {};
  const where = { old_url: oldUrl, new_url: newUrl, failover_index: index, attempt_number: next.attempts };
  return { reason, ...where, ...(page === undefined ? {} : { page }) };
}

/** The same, as a worker numbers what it tells: so a repetition is not a second event. */
export interface NumberedEvent extends ToldEvent {
  /** From 1 on, of this incarnation. */
  readonly n: number;
  readonly atMs: number;
  /** The registry could not be told at once: then its own time counts. */
  readonly late: boolean;
}

/** Where an entry stands in the record: by ms, and then by a count that both halves share. */
export interface EntryPosition {
  readonly ms: number;
  readonly seq: number;
  /** Its number in its half, from 1 on; 0: unknown. */
  readonly n: number;
}

/** Up to where somebody has read each half. */
export type EventPosition = Readonly<Record<EventHalf, EntryPosition>>;

const START: EntryPosition = { ms: 0, seq: 0, n: 0 };
export const EVENTS_START: EventPosition = { cluster: START, clients: START };

/** What a reader gets that goes on from a position. */
export interface NewEvents {
  /** The oldest first. */
  readonly events: readonly { readonly event: RecordedEvent; readonly position: EventPosition }[];
  readonly position: EventPosition;
  /** How many since the position are no longer kept. */
  readonly missed: number;
}

/** An entry as it is kept; `positionOf` says where. */
export interface Entry {
  readonly half: EventHalf;
  readonly position: EntryPosition;
  readonly event: RecordedEvent;
}

const ID = /^(\d{1,16})-(\d{1,16})$/;

export function eventId({ ms, seq }: Pick<EntryPosition, 'ms' | 'seq'>): string {
  return `${ms}-${seq}`;
}

/** Undefined: no event has this id. */
export function parseEventId(id: string): EntryPosition | undefined {
  const [, ms, seq] = ID.exec(id) ?? [];
  return ms === undefined || seq === undefined ? undefined : { ms: Number(ms), seq: Number(seq), n: 0 };
}

/** Negative: `a` stands before `b` in the record. */
export function comparePositions(a: EntryPosition, b: EntryPosition): number {
  return a.ms - b.ms || a.seq - b.seq;
}

const POSITION = /^(\d{1,16})-(\d{1,16})\.(\d{1,16}),(\d{1,16})-(\d{1,16})\.(\d{1,16})$/;

/** A position as one word: what a reader sends as `Last-Event-ID`. */
export function positionText({ cluster, clients }: EventPosition): string {
  return [cluster, clients].map(({ ms, seq, n }) => `${ms}-${seq}.${n}`).join(',');
}

/** Undefined: no reader has got this. */
export function parsePosition(text: string): EventPosition | undefined {
  const numbers = POSITION.exec(text)?.slice(1).map(Number);
  if (numbers === undefined) return undefined;
  const [ms = 0, seq = 0, n = 0, clientMs = 0, clientSeq = 0, clientN = 0] = numbers;
  return { cluster: { ms, seq, n }, clients: { ms: clientMs, seq: clientSeq, n: clientN } };
}

const facts = z.looseObject({ name: z.string(), metadata: z.record(z.string(), z.string()) });
const sources = z.looseObject({});

function json(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    return undefined;
  }
}

/**
 * An entry of a Redis Stream; events.lua says what its fields are.
 *
 * @returns undefined for one of a type that a later version has added, or that nobody can have written
 */
export function readEntry(half: EventHalf, entryId: string, fields: Record<string, string>): Entry | undefined {
  const named = parseEventId(entryId);
  const type = EVENT_TYPES.find((each) => each === fields.type);
  const data = sources.safeParse(json(fields.data)).data;
  if (named === undefined || type === undefined || data === undefined) return undefined;
  const position = { ...named, n: Number(fields.n) || 0 };
  const { stream, about, sources: of, at } = fields;
  const { name, metadata } = facts.safeParse(json(about)).data ?? {};
  const atMs = Number(at);
  return {
    half,
    position,
    event: {
      id: eventId(position),
      type,
      atMs: at === undefined || !Number.isFinite(atMs) ? position.ms : atMs,
      late: fields.late === '1',
      streamId: stream,
      data: {
        ...data,
        ...sources.safeParse(json(of)).data,
        ...(stream === undefined ? {} : { stream_id: stream, name, metadata: metadata ?? {} }),
      },
    },
  };
}

/** What of the record somebody wants. */
export interface EventFilter {
  readonly types?: readonly EventType[] | undefined;
  readonly streamId?: string | undefined;
  readonly workerId?: string | undefined;
}

export function passes(
  { types, streamId, workerId }: EventFilter,
  { type, streamId: of, data }: RecordedEvent,
): boolean {
  if (types !== undefined && !types.includes(type)) return false;
  if (streamId !== undefined && of !== streamId) return false;
  return workerId === undefined || [data.worker_id, data.from, data.to].includes(workerId);
}
