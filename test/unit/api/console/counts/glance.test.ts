// What people who look on cost Redis: counted, on a clock that the test moves, with the real registry and its scripts.
import { expect, it, onTestFinished, vi } from 'vitest';
import { boardsOf } from '../../../../../services/proxy/src/api/console/boards.ts';
import { Glance } from '../../../../../services/proxy/src/api/console/counts/glance.ts';
import { StreamIndex } from '../../../../../services/proxy/src/api/lists/stream-index.ts';
import { EventFeed } from '../../../../../services/proxy/src/events/event-feed.ts';
import { OpenPages } from '../../../../../services/proxy/src/worker/open-pages.ts';
import type { Services } from '../../../../../services/proxy/src/worker/services.ts';
import { RedisRegistry } from '../../../../../services/registry/redis/redis-registry.ts';
import type { LiveView, NowState } from '../../../../../services/shared/console/live.ts';
import { IDLE, IDLE_NUMBERS } from '../../../../support/idle-worker.ts';
import type { Network } from '../../../../support/simulation/redis/connection.ts';
import { SimulatedRedis } from '../../../../support/simulation/redis/simulated-redis.ts';
import { SPEC } from '../../../../support/stream-spec.ts';

const STREAMS = 110;
const SECONDS = 60;

const idOf = (n: number): string => n.toString(16).padStart(32, '0');

/** A worker of a cluster with so many streams, each with a viewer, and everything that it asks of Redis from then on. */
async function lookedAt(streams: number) {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const redis = new SimulatedRedis({ now: () => Date.now() });
  let asked: string[] = [];
  const network: Network = async ({ name, perform }) => {
    asked.push(name);
    return perform();
  };
  const me = { workerId: 'one', incarnation: 'i', address: 'one:9085', zone: undefined };
  const options = { leaseMs: 3_600_000, youngMs: 0, graceMs: 3_000, show: () => ({ url: '', profile: '' }) };
  const registry = new RedisRegistry(redis.connection(network), me, options);
  await registry.heartbeat({ startedAtMs: 1, lastSeenMs: 1, cpu: 0, ...IDLE_NUMBERS });
  await registry.renew(IDLE);
  for (let n = 0; n < streams; n++) {
    await registry.createStream({ ...SPEC, id: idOf(n), url: `http://provider.example/${n}.ts` }, 0);
    await join(n, 'first');
  }
  async function join(n: number, clientId: string): Promise<void> {
    const times = { connectedAtMs: Date.now(), lastAccessMs: Date.now(), bytesServed: 0, segmentsServed: 0 };
    const who = { workerId: 'one', userAgent: 'vlc', ipAddress: '192.0.2.1', username: undefined };
    await registry.join({ client: { streamId: idOf(n), ...who, ...times }, clientId, cap: 10, localSlots: [0] });
  }
  const services = {
    registry,
    eventFeed: new EventFeed(registry),
    pages: new OpenPages(),
    numbers: () => IDLE_NUMBERS,
    config: { workerId: 'one', sharedStreamGraceMs: 3_000, sourceMaxConnections: 0 },
    log: { error: (about: { err: Error }) => expect.unreachable(about.err.stack) },
    makingReport: async () => undefined,
  } as unknown as Services;
  const glance = new Glance(services);
  const index = new StreamIndex(services, glance);
  onTestFinished(() => glance.close());
  const boardOf = boardsOf(services, glance);
  const states = new Map<LiveView, string>();
  /** A page looks at a view; returns what closes it. */
  const open = (view: LiveView, streamId = ''): (() => void) => {
    const closed = services.pages.opened();
    const end = boardOf(view, streamId).show({ write: (text) => void states.set(view, text) });
    return () => {
      closed();
      end();
    };
  };
  /** What Redis is asked in a minute: name → how often. */
  const inOneMinute = async (each: () => unknown = () => undefined): Promise<Record<string, number>> => {
    await vi.advanceTimersByTimeAsync(2_000);
    asked = [];
    for (let second = 0; second < SECONDS; second++) {
      await each();
      await vi.advanceTimersByTimeAsync(1_000);
    }
    const counts: Record<string, number> = {};
    for (const name of asked) counts[name] = (counts[name] ?? 0) + 1;
    return counts;
  };
  return { open, inOneMinute, index, join, states };
}

const total = (counts: Record<string, number>): number => Object.values(counts).reduce((sum, count) => sum + count, 0);
const PAGE = { search: '', state: 'all', sort: 'viewers', limit: 50, after: undefined } as const;

it('fifty pages cost what one does: a command a second, however many streams there are', async () => {
  const { open, inOneMinute } = await lookedAt(STREAMS);
  const ends = [open('now')];
  const one = await inOneMinute();
  expect(one.overview).toBe(SECONDS);
  // The records are read anew once a minute.
  expect(total(one) - SECONDS).toBeLessThanOrEqual(4);
  while (ends.length < 50) ends.push(open('now'));
  expect(await inOneMinute()).toEqual(one);
  for (const end of ends) end();
  // They may have gone to another page.
  await vi.advanceTimersByTimeAsync(5_000);
  expect(total(await inOneMinute())).toBe(0);
});

it('all views read the cluster together, and lists read what pages have read', async () => {
  const { open, inOneMinute, index } = await lookedAt(STREAMS);
  const views: LiveView[] = ['now', 'cluster', 'providers', 'events'];
  for (const view of views) for (let n = 0; n < 10; n++) open(view);
  open('stream', idOf(1));
  open('stream', idOf(2));
  const pages: number[] = [];
  const counts = await inOneMinute(async () => {
    for (let n = 0; n < 10; n++)
      pages.push((await index.page({ ...PAGE, search: n % 2 === 0 ? '' : '1' })).streams.length);
  });
  expect(counts.overview).toBe(SECONDS);
  expect(total(counts)).toBeLessThanOrEqual(2 * SECONDS);
  expect(Math.max(...pages)).toBe(50);
});

it('no page gets more than a hundred rows, and an event comes with the next second', async () => {
  const { open, inOneMinute, join, states } = await lookedAt(STREAMS);
  open('now');
  await vi.advanceTimersByTimeAsync(2_000);
  await join(7, 'second');
  await vi.advanceTimersByTimeAsync(1_000);
  open('now');
  await vi.advanceTimersByTimeAsync(0);
  const [, data = '{}'] = /\ndata: (.*)\n/.exec(states.get('now') ?? '') ?? [];
  const { order, streams, numbers } = (JSON.parse(data) as { state: NowState }).state;
  expect([order.length, Object.keys(streams).length, order[0]]).toEqual([100, 100, idOf(7)]);
  expect(numbers).toMatchObject({ viewers: STREAMS + 1, playing: STREAMS, joinsLastMinute: STREAMS + 1 });
  // Those that have joined are counted no longer.
  expect(total(await inOneMinute())).toBeLessThanOrEqual(SECONDS + 4);
});
