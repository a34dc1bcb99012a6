/** What Redis keeps of events: reads of the record, without a script because they change nothing; and the webhooks. */

import type { Redis } from 'ioredis';
import {
  comparePositions,
  type Entry,
  type EntryPosition,
  EVENT_HALVES,
  EVENT_TYPES,
  type EventCounts,
  type EventFilter,
  type EventHalf,
  type EventPosition,
  eventId,
  halfOf,
  type NewEvents,
  parseEventId,
  passes,
  type RecordedEvent,
  readEntry,
} from '../events/event.ts';
import {
  DELIVERY,
  type KeptWebhook,
  MAX_WEBHOOKS,
  progressShape,
  type WebhookProgress,
  webhookShape,
} from '../events/webhook.ts';
import type { WebhookBook } from '../registry.ts';
import { parsed } from '../shapes.ts';
import { inBatch } from './batch.ts';
import { keys } from './keys.ts';
import { fieldsOf } from './records.ts';
import type { RunScript } from './scripts.ts';

const KEYS: Readonly<Record<EventHalf, string>> = { cluster: keys.events, clients: keys.clientEvents };

/** Entries of one half that are read at once. */
export const EVENTS_AT_ONCE = 500;

type RawEntry = [id: string, fields: string[]];
/** The answer of XREAD. */
export type RawEvents = [key: string, entries: RawEntry[]][];

/** Unreadable entries, and those of other types, are left out; `last` counts them too. */
function entriesIn(
  half: EventHalf,
  raw: readonly RawEntry[],
  types?: EventFilter['types'],
): { entries: Entry[]; last: EntryPosition | undefined } {
  const isWanted = (type: string | undefined): boolean => types?.some((each) => each === type) ?? true;
  const entries = raw.flatMap(([id, flat]) => {
    const fields = fieldsOf(flat);
    return isWanted(fields.type) ? (readEntry(half, id, fields) ?? []) : [];
  });
  const [id, fields] = raw.at(-1) ?? [];
  const last = id === undefined ? undefined : parseEventId(id);
  return { entries, last: last && { ...last, n: Number(fieldsOf(fields ?? []).n) || 0 } };
}

/** The entries of one half, the newest first. */
async function* backwards(
  redis: Redis,
  half: EventHalf,
  before: string,
  types: EventFilter['types'],
): AsyncGenerator<Entry> {
  for (let end = before; ; ) {
    const raw = await redis.xrevrange(KEYS[half], end, '-', 'COUNT', EVENTS_AT_ONCE);
    const { entries, last } = entriesIn(half, raw, types);
    yield* entries;
    if (last === undefined || raw.length < EVENTS_AT_ONCE) return;
    end = `(${eventId(last)}`;
  }
}

/**
 * Events, the newest first.
 *
 * @param before the id of an event: only older ones; one that is not kept any more names its place all the same
 */
export async function readEvents(
  redis: Redis,
  filter: EventFilter,
  limit: number,
  before: string | undefined,
): Promise<RecordedEvent[]> {
  const from = before === undefined ? undefined : parseEventId(before);
  if (before !== undefined && from === undefined) return [];
  const { types } = filter;
  // Half of the record need not be read by who wants nothing that is in it.
  const halves = EVENT_HALVES.filter((half) => types === undefined || types.some((type) => halfOf(type) === half));
  const start = from === undefined ? '+' : `(${eventId(from)}`;
  const walks = halves.map((half) => backwards(redis, half, start, types));
  const heads = await Promise.all(walks.map(async (walk) => (await walk.next()).value as Entry | undefined));
  const found: RecordedEvent[] = [];
  while (found.length < limit) {
    const [a, b] = heads;
    const isFirst = a !== undefined && (b === undefined || comparePositions(a.position, b.position) > 0);
    const at = isFirst ? 0 : 1;
    const entry = heads[at];
    if (entry === undefined) break;
    if (passes(filter, entry.event)) found.push(entry.event);
    heads[at] = (await walks[at]?.next())?.value as Entry | undefined;
  }
  return found;
}

/** Where the record ends. */
export async function newestPosition(redis: Redis): Promise<EventPosition> {
  const answers = await inBatch<RawEntry[][]>(redis, (batch) => {
    for (const half of EVENT_HALVES) batch.xrevrange(KEYS[half], '+', '-', 'COUNT', 1);
    return batch;
  });
  const [cluster, clients] = EVENT_HALVES.map((half, at) => entriesIn(half, answers[at] ?? []).last);
  return { cluster: cluster ?? { ms: 0, seq: 0, n: 0 }, clients: clients ?? { ms: 0, seq: 0, n: 0 } };
}

/** As write_event in events.lua counts them. */
const COUNT = 'type ';

/** How many events of each type there have been. */
export async function readEventCounts(redis: Redis): Promise<EventCounts> {
  const counted = await redis.hmget(keys.eventCounts, ...EVENT_TYPES.map((type) => COUNT + type));
  const known = EVENT_TYPES.map((type, at) => [type, Number(counted[at] ?? 0)] as const);
  return Object.fromEntries(known.filter(([, count]) => count > 0));
}

/** What has come since a position: at most some hundreds; the rest with the next question. */
export async function readNewEvents(redis: Redis, since: EventPosition): Promise<NewEvents> {
  const answer = await redis.xread(
    'COUNT',
    EVENTS_AT_ONCE,
    'STREAMS',
    ...EVENT_HALVES.map((half) => KEYS[half]),
    ...EVENT_HALVES.map((half) => eventId(since[half])),
  );
  return newEventsIn((answer ?? []) as RawEvents, since);
}

export function newEventsIn(answer: RawEvents, since: EventPosition): NewEvents {
  const raw = new Map(answer);
  let position = since;
  let missed = 0;
  const entries: Entry[] = [];
  for (const half of EVENT_HALVES) {
    const read = entriesIn(half, raw.get(KEYS[half]) ?? []);
    if (read.last === undefined) continue;
    // Those between are not kept any more. A Redis that has lost everything counts anew.
    const firstN = Number(fieldsOf(raw.get(KEYS[half])?.[0]?.[1] ?? []).n) || 0;
    const before = since[half];
    if (before.n > 0 && firstN > before.n + 1) missed += firstN - before.n - 1;
    entries.push(...read.entries);
    position = { ...position, [half]: read.last };
  }
  let reached = since;
  const events = entries
    .sort((a, b) => comparePositions(a.position, b.position))
    .map((entry) => {
      reached = { ...reached, [entry.half]: entry.position };
      return { event: entry.event, position: reached };
    });
  return { events, position, missed };
}

/** The webhooks of a cluster. */
export class RedisWebhooks implements WebhookBook {
  readonly #redis: Redis;
  readonly #run: RunScript;
  readonly #incarnation: string;

  constructor(redis: Redis, run: RunScript, incarnation: string) {
    this.#redis = redis;
    this.#run = run;
    this.#incarnation = incarnation;
  }

  async put(webhooks: readonly KeptWebhook[], isRestoring = false): Promise<boolean> {
    const given = webhooks.map(({ progress, ...webhook }) => ({
      url: webhook.url,
      text: JSON.stringify(webhook),
      progress: JSON.stringify(progress ?? {}),
    }));
    return (await this.#run('put-webhooks', JSON.stringify(given), isRestoring ? '1' : '', MAX_WEBHOOKS)) === 1;
  }

  async list(): Promise<KeptWebhook[] | undefined> {
    type Hash = Record<string, string>;
    const [webhooks, progress] = await inBatch<[Hash, Hash]>(this.#redis, (batch) =>
      batch.hgetall(keys.webhooks).hgetall(keys.webhookProgress),
    );
    if (webhooks[''] === undefined) return undefined;
    return Object.entries(webhooks)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([url, text]) => {
        const webhook = parsed(webhookShape, text);
        if (webhook === undefined || webhook.url !== url) return [];
        return { ...webhook, progress: parsed(progressShape, progress[url] ?? '') };
      });
  }

  async remove(url: string): Promise<boolean> {
    const [removed] = await inBatch<[number, number]>(this.#redis, (batch) =>
      batch.hdel(keys.webhooks, url).hdel(keys.webhookProgress, url),
    );
    return removed === 1;
  }

  async note(url: string, progress: WebhookProgress, epoch: number): Promise<boolean> {
    const text = JSON.stringify(progress);
    return (await this.#run('note-webhook', DELIVERY, this.#incarnation, epoch, url, text)) === 1;
  }
}
