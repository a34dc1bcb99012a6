// What the first page counts of the record of events.
import { expect, it } from 'vitest';
import { RecentEvents } from '../../../../../services/proxy/src/api/console/counts/recent-events.ts';
import { EventFeed } from '../../../../../services/proxy/src/events/event-feed.ts';
import type { EventType } from '../../../../../services/registry/events/event.ts';
import { EventLog } from '../../../../../services/registry/events/event-log.ts';
import type { EventRecord } from '../../../../../services/registry/registry.ts';
import type { Clock } from '../../../../../services/shared/clock.ts';
import { systemClock } from '../../../../../services/shared/clock.ts';

const HOUR_MS = 3_600_000;

/** A record of events on a clock that a test sets. */
function recorded() {
  let nowMs = 10 * HOUR_MS;
  const timers: (() => void)[] = [];
  const clock: Clock = {
    ...systemClock,
    wallMs: () => nowMs,
    setTimeout: (callback) => {
      timers.push(callback);
      return { unref: () => ({}) as never };
    },
    clearTimeout: () => undefined,
  };
  const log = new EventLog(clock, 24 * HOUR_MS);
  const record: EventRecord = {
    events: async (filter, limit, before) => log.events(filter, limit, before),
    newestEvent: async () => log.newest,
    newEvents: async (since) => log.newEvents(since),
  };
  const feed = new EventFeed(record, clock);
  const recent = new RecentEvents(record, feed);
  const add = (type: EventType, streamId?: string) => log.add({ type, streamId, data: {} });
  /** Lets the feed look once more. */
  const look = async (): Promise<void> => {
    for (const timer of timers.splice(0)) timer();
    await new Promise((resolve) => setImmediate(resolve));
  };
  const pass = (ms: number): void => {
    nowMs += ms;
  };
  const counts = () => [recent.joinsLastMinute(nowMs), recent.failuresLastHour(nowMs)];
  const follow = async (): Promise<void> => {
    await recent.follow(nowMs);
    // The feed begins where the record ends.
    await look();
    await look();
  };
  return { recent, feed, add, look, pass, counts, follow, now: () => nowMs };
}

it('counts what was before and what comes, each once, and forgets what is too old', async () => {
  const { add, follow, counts, look, pass } = recorded();
  add('client_connected', 's1');
  add('takeover', 's1');
  add('handover', 's1');
  pass(30_000);
  add('client_connected', 's1');
  add('source_lost', 's2');
  await follow();
  expect(counts()).toEqual([2, 2]);
  add('client_connected', 's2');
  add('limit_reached');
  await look();
  await look();
  expect(counts()).toEqual([3, 3]);
  pass(31_000);
  expect(counts()).toEqual([2, 3]);
  pass(HOUR_MS);
  expect(counts()).toEqual([0, 0]);
});

it('says that there were more than it has read', async () => {
  const { add, follow, recent, counts } = recorded();
  for (let n = 0; n < 1_200; n += 1) add('client_connected', 's1');
  await follow();
  expect([counts()[0], recent.areMore]).toEqual([1_000, true]);
});

it('knows since when a stream plays, and which records have changed', async () => {
  const { add, follow, recent, look, pass, now } = recorded();
  add('stream_started', 's1');
  pass(1_000);
  add('stream_stopped', 's1');
  add('stream_started', 's2');
  await follow();
  expect([...recent.since]).toEqual([['s2', now()]]);
  recent.takeChanged();
  add('failover_triggered', 's2');
  await look();
  await look();
  expect([recent.takeChanged(), recent.takeChanged()]).toEqual([['s2'], []]);
});

it('reads along only while somebody looks', async () => {
  const { feed, follow, recent, add, counts } = recorded();
  add('takeover', 's1');
  await follow();
  expect(feed.readers).toBe(1);
  recent.end();
  expect([feed.readers, counts()]).toEqual([0, [0, 0]]);
  await follow();
  expect([feed.readers, counts()]).toEqual([1, [0, 1]]);
});
