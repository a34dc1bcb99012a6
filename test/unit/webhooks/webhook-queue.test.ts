/** What one webhook gets: each event, in order, again after a failure, and after whoever has delivered before. */

import { createHmac } from 'node:crypto';
import { expect, it, onTestFinished } from 'vitest';
import { EventFeed } from '../../../services/proxy/src/events/event-feed.ts';

import { WebhookQueue } from '../../../services/proxy/src/webhooks/webhook-queue.ts';
import { WebhookSender } from '../../../services/proxy/src/webhooks/webhook-sender.ts';
import { positionText } from '../../../services/registry/events/event.ts';
import { EventLog } from '../../../services/registry/events/event-log.ts';
import {
  begunAtPosition,
  type KeptWebhook,
  type Webhook,
  type WebhookProgress,
} from '../../../services/registry/events/webhook.ts';
import { type Clock, systemClock } from '../../../services/shared/clock.ts';
import { until } from '../../support/until.ts';
import { WebhookReceiver } from '../../support/webhook-receiver.ts';
import { openGuard } from '../upstream/support.ts';

/** A hundred times as fast. */
const SPEED = 100;

function quickClock(): { clock: Clock; asked: number[] } {
  const asked: number[] = [];
  const setTimeout: Clock['setTimeout'] = (callback, ms) => {
    asked.push(ms);
    return systemClock.setTimeout(callback, ms / SPEED);
  };
  return { clock: { ...systemClock, setTimeout }, asked };
}

/** A record, and a queue for a webhook with this URL that begins where the record begins. */
function ground(url: string, more: Partial<Webhook> = {}) {
  const { clock, asked } = quickClock();
  const log = new EventLog(systemClock, 60_000);
  const record = {
    events: async () => [],
    newestEvent: async () => log.newest,
    newEvents: async (since: Parameters<EventLog['newEvents']>[0]) => log.newEvents(since),
  };
  const eventFeed = new EventFeed(record, clock);
  const guard = openGuard();
  const sender = new WebhookSender({ guard, clock });
  const settings = { url, events: ['worker_joined' as const], headers: {}, timeoutMs: 500_000, retryAttempts: 2 };
  const webhook: KeptWebhook = { ...settings, ...more, progress: undefined };
  const noted: WebhookProgress[] = [];
  const failures: string[] = [];
  const counted = new Map<string, number>();
  const begin = (progress = begunAtPosition(log.newest), isMine = () => true): WebhookQueue => {
    const queue = new WebhookQueue(webhook, progress, {
      eventFeed,
      send: (event, to, signal) => sender.send(event, to, signal),
      note: async (_, each) => isMine() && noted.push(each) > 0,
      count: (result, events) => void counted.set(result, (counted.get(result) ?? 0) + events),
      onFailure: (_, { id }, why) => failures.push(`${id}: ${why}`),
      clock,
    });
    onTestFinished(() => queue.stop());
    return queue;
  };
  const happen = (...names: string[]) => {
    for (const name of names) log.add({ type: 'worker_joined', data: { worker_id: name } });
  };
  return { begin, happen, noted, failures, counted, asked, log, eventFeed };
}

async function receiver(...args: Parameters<typeof WebhookReceiver.start>): Promise<WebhookReceiver> {
  const started = await WebhookReceiver.start(...args);
  onTestFinished(() => started.close());
  return started;
}

const names = ({ deliveries }: WebhookReceiver) => deliveries.map(({ body }) => body.data.worker_id);

it('gets its events in order, signed, and no others', async () => {
  const there = await receiver();
  const { begin, happen, noted, log } = ground(there.url, { secret: 'hush', headers: { 'x-mine': 'yes' } });
  begin();
  log.add({ type: 'worker_left', data: { worker_id: 'other' } });
  happen('a', 'b', 'c');
  await until(() => noted.length === 3, { what: 'three events to be delivered' });
  expect(names(there)).toEqual(['a', 'b', 'c']);
  expect(noted.at(-1)).toMatchObject({ delivered: 3, failed: 0, missed: 0 });
  const [first] = there.deliveries;
  expect(first?.body).toMatchObject({ event_type: 'worker_joined', stream_id: null });
  expect(first?.body.timestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$/);
  const signature = createHmac('sha256', 'hush').update(String(first?.text)).digest('hex');
  expect(first?.headers).toMatchObject({
    'user-agent': 'M3U-Proxy-Webhook/1.0',
    'content-type': 'application/json',
    'x-mine': 'yes',
    'x-streampool-signature': `sha256=${signature}`,
  });
});

it('repeats what failed after 1, 2, 4 s, with the same id, and gives it up after the last try', async () => {
  let refused = 0;
  const there = await receiver(({ body }, response) => {
    const isRefused = body.data.worker_id === 'never' || (body.data.worker_id === 'late' && refused++ < 2);
    response.writeHead(isRefused ? 500 : 200).end();
  });
  const { begin, happen, noted, failures, counted, asked } = ground(there.url, { retryAttempts: 3 });
  begin();
  happen('late', 'never', 'good');
  await until(() => noted.length === 3, { what: 'three events to be dealt with' });
  expect(names(there)).toEqual(['late', 'late', 'late', 'never', 'never', 'never', 'never', 'good']);
  expect(new Set(there.deliveries.map(({ body }) => body.event_id)).size).toBe(3);
  expect(noted.at(-1)).toMatchObject({ delivered: 2, failed: 1 });
  expect(failures).toEqual([expect.stringContaining('it answered 500')]);
  expect(counted).toEqual(
    new Map([
      ['delivered', 2],
      ['failed', 1],
    ]),
  );
  expect(asked.filter((ms) => [1_000, 2_000, 4_000].includes(ms))).toEqual([1_000, 2_000, 1_000, 2_000, 4_000]);
});

it('is given up when it does not answer in time, and delays nobody else', async () => {
  const hanging = await receiver(() => undefined);
  const { begin, happen, noted, failures, log, eventFeed } = ground(hanging.url, {
    retryAttempts: 0,
    timeoutMs: 5_000,
  });
  begin();
  const seen: string[] = [];
  const stop = await eventFeed.read({ event: ({ id }) => void seen.push(id), missed: () => undefined }, log.newest);
  onTestFinished(stop);
  happen('a', 'b');
  await until(() => seen.length === 2, { what: 'another reader to have got both' });
  await until(() => noted.length === 2, { what: 'both to be given up' });
  expect(failures).toEqual([expect.stringMatching(/in time/), expect.stringMatching(/in time/)]);
});

it('goes on behind what the registry knows, and gets again what was under way', async () => {
  let isHeld = true;
  const there = await receiver((_, response) => {
    if (there.deliveries.length < 3 || !isHeld) response.writeHead(200).end();
  });
  const { begin, happen, noted } = ground(there.url);
  const first = begin();
  happen('a', 'b', 'c', 'd');
  await until(() => there.deliveries.length === 3, { what: 'the third to be under way' });
  await first.stop();
  isHeld = false;
  begin(noted.at(-1));
  await until(() => noted.length === 4, { what: 'the rest to be delivered' });
  expect(names(there)).toEqual(['a', 'b', 'c', 'c', 'd']);
  const [one, two] = there.deliveries.slice(2);
  expect(one?.body.event_id).toBe(two?.body.event_id);
});

it('ends when another worker delivers', async () => {
  const there = await receiver();
  const { begin, happen } = ground(there.url);
  begin(undefined, () => false);
  happen('a', 'b');
  await until(() => there.deliveries.length > 0, { what: 'the first event' });
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(names(there)).toEqual(['a']);
});

it('says now and then how far it has read, although nothing was for it', async () => {
  const there = await receiver();
  const { begin, noted, log } = ground(there.url);
  begin();
  log.add({ type: 'worker_left', data: { worker_id: 'other' } });
  await until(() => noted.length === 1, { what: 'the position to be noted' });
  expect(noted[0]).toMatchObject({ position: positionText(log.newest), delivered: 0, failed: 0 });
  expect(there.deliveries).toEqual([]);
});

it('may have more events than wait in memory', async () => {
  const there = await receiver();
  const { begin, happen, noted } = ground(there.url);
  begin();
  const all = Array.from({ length: 150 }, (_, n) => `w${n}`);
  happen(...all);
  await until(() => noted.length === all.length, { what: 'all to be delivered', timeoutMs: 10_000 });
  expect(names(there)).toEqual(all);
});

it('is told of none that is too large, and that is counted', async () => {
  const there = await receiver();
  const { begin, happen, noted, failures } = ground(there.url);
  begin();
  happen('x'.repeat(70_000), 'b');
  await until(() => noted.length === 2, { what: 'both to be dealt with' });
  expect(names(there)).toEqual(['b']);
  expect(failures).toEqual([expect.stringContaining('too large')]);
});
