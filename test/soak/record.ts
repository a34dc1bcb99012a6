/** What the record of events says of a run of the soak: each beginning has one end, and every worker shows the same. */

import { expect } from 'vitest';
import { until } from '../support/until.ts';
import type { Delivery, WebhookReceiver } from '../support/webhook-receiver.ts';
import type { Worker } from '../support/worker.ts';
import type { Ground } from './ground.ts';

export interface Told {
  readonly event_id: string;
  readonly event_type: string;
  readonly stream_id: string | null;
  readonly timestamp: string;
  readonly late: boolean;
  readonly data: Readonly<Record<string, unknown>>;
}

const PAGE = 1_000;

/** What begins and ends, and of what. */
const PAIRS = [
  ['client_connected', 'client_disconnected', ({ data }: Told) => `viewer ${data.client_id}`],
  ['stream_started', 'stream_stopped', ({ stream_id }: Told) => `stream ${stream_id}`],
  ['worker_joined', 'worker_left', ({ data }: Told) => `worker ${data.worker_id}`],
] as const;

/** The whole record as a worker shows it, oldest first. */
async function recordOf(worker: Worker): Promise<Told[]> {
  const all: Told[] = [];
  for (;;) {
    const before = all.at(-1)?.event_id;
    const path = `/events?limit=${PAGE}${before === undefined ? '' : `&before=${encodeURIComponent(before)}`}`;
    const { status, body } = await worker.api.get<{ events: Told[] }>(path);
    expect(status).toBe(200);
    all.push(...body.events);
    if (body.events.length < PAGE) return all.reverse();
  }
}

/** The record of a cluster without viewers, once it says that they have gone. Workers that run do not end. */
export async function settledRecord({ up }: { readonly up: readonly Worker[] }): Promise<Told[]> {
  let record: Told[] = [];
  const wrong = async () => {
    const [first, ...others] = await Promise.all(up.map(recordOf));
    record = first ?? [];
    const differs = others.some((other) => JSON.stringify(other) !== JSON.stringify(record));
    return [...(differs ? ['workers show different records'] : []), ...wrongIn(record)];
  };
  await until(async () => (await wrong()).length === 0, {
    timeoutMs: 15_000,
    everyMs: 1_000,
    what: async () => `the record to be right:\n  ${(await wrong()).slice(0, 20).join('\n  ')}`,
  });
  return record;
}

/** Beginnings without an end, ends without a beginning, and what began or ended twice. */
export function wrongIn(record: readonly Told[]): string[] {
  return PAIRS.flatMap(([begins, ends, of]) => {
    const open = new Map<string, Told>();
    const wrong: string[] = [];
    for (const event of record) {
      const who = of(event);
      if (event.event_type === begins) {
        if (open.has(who)) wrong.push(`${who} begins twice: ${lineOf(event)}`);
        open.set(who, event);
      } else if (event.event_type === ends && !open.delete(who)) {
        wrong.push(`${who} ends without a beginning: ${lineOf(event)}`);
      }
    }
    // The workers are still there.
    const left = begins === 'worker_joined' ? [] : [...open];
    return [...wrong, ...left.map(([who, event]) => `${who} has no end: ${lineOf(event)}`)];
  });
}

/** Sessions that were told of several times: how often a viewer came, by its id. */
export function comingsOf(record: readonly Told[]): Map<string, number> {
  const comings = new Map<string, number>();
  for (const { event_type, data } of record) {
    const id = String(data.client_id);
    if (event_type === 'client_connected') comings.set(id, (comings.get(id) ?? 0) + 1);
  }
  return comings;
}

/**
 * What a webhook got that was there from the beginning: each event of the record, in its order, and one twice only where a worker has gone.
 * @param goings how often one has
 */
export async function expectDelivered(
  record: readonly Told[],
  { deliveries }: WebhookReceiver,
  goings: number,
): Promise<void> {
  const ids = () => new Set(deliveries.map(({ body }) => body.event_id));
  const missing = () => record.filter(({ event_id }) => !ids().has(event_id));
  await until(() => missing().length === 0, {
    timeoutMs: 30_000,
    what: () => `each event to be delivered; missing:\n  ${missing().slice(0, 20).map(lineOf).join('\n  ')}`,
  });
  expect(deliveries.length - ids().size, 'deliveries that came twice').toBeLessThanOrEqual(goings);
  const place = new Map(record.map(({ event_id }, at) => [event_id, at]));
  const firsts = [...new Set(deliveries.map(({ body }) => body.event_id))];
  const order = firsts.flatMap((id) => place.get(id) ?? []);
  const disorder = order.findIndex((at, n) => n > 0 && at < (order[n - 1] as number));
  if (disorder > 0) throw new Error(`out of order: ${lineOf(record[order[disorder] as number] as Told)}`);
}

/** From an event to its delivery, in ms: those that were told at once. */
export function latenciesOf(record: readonly Told[], deliveries: readonly Delivery[]): number[] {
  const toldAtMs = new Map(record.flatMap((each) => (each.late ? [] : [[each.event_id, Date.parse(each.timestamp)]])));
  return deliveries
    .flatMap(({ body, atMs }) => {
      const happened = toldAtMs.get(body.event_id);
      return happened === undefined ? [] : [performance.timeOrigin + atMs - happened];
    })
    .sort((one, other) => one - other);
}

export function lineOf({ event_id, event_type, timestamp, late, stream_id, data }: Told): string {
  return `${timestamp} ${event_id} ${event_type}${late ? ' (late)' : ''} ${stream_id ?? ''} ${JSON.stringify(data)}`;
}

/** The workers that are there, in the order of their names. */
export function workersOf(ground: Ground): Worker[] {
  return ground.places.map(({ worker }) => worker);
}
