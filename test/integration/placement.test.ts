/** The rule that places a new process (placement.lua), as a table, against a real Redis. */

import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keys } from '../../services/registry/redis/keys.ts';
import { RedisRegistry } from '../../services/registry/redis/redis-registry.ts';
import type { Capacity } from '../../services/registry/types.ts';
import { startRedis } from '../support/redis.ts';
import { SPEC } from '../support/stream-spec.ts';

const SOURCE = 's:1';
/** How busy a worker is, and how many processes it runs; `dead`: its lease is gone. */
type Load = readonly [Capacity | 'dead', number];

interface Row {
  readonly rule: string;
  readonly asking: Capacity;
  /** The other workers, `two` and `three`. */
  readonly others: { readonly two: Load; readonly three: Load };
  /** Who has the source. */
  readonly source?: 'one' | 'two';
  /** Where the first process goes, and the next ones. */
  readonly placed: readonly string[];
}

const FREE: Load = ['free', 0];
const FULL: Load = ['full', 9];

const ROWS: readonly Row[] = [
  { rule: 'a free worker starts it itself', asking: 'free', others: { two: FREE, three: FREE }, placed: ['one'] },
  {
    rule: 'a free worker starts it itself, whoever has the source',
    asking: 'free',
    others: { two: FREE, three: FREE },
    source: 'two',
    placed: ['one'],
  },
  {
    rule: 'a full worker gives it to the one with the fewest processes',
    asking: 'full',
    others: { two: ['free', 5], three: ['free', 2] },
    placed: ['three'],
  },
  {
    rule: 'one that was placed counts at once',
    asking: 'full',
    others: { two: ['free', 3], three: ['free', 1] },
    placed: ['three', 'three', 'three', 'two'],
  },
  {
    rule: 'a busy worker gives it to a free one',
    asking: 'busy',
    others: { two: ['busy', 1], three: ['free', 2] },
    placed: ['three'],
  },
  {
    rule: 'a busy worker keeps it where nobody is free',
    asking: 'busy',
    others: { two: ['busy', 1], three: FULL },
    placed: ['one'],
  },
  {
    rule: 'a full worker gives it to a busy one where nobody is free',
    asking: 'full',
    others: { two: ['busy', 1], three: ['busy', 2] },
    placed: ['two'],
  },
  {
    rule: 'a free worker with many processes comes before a busy one with none',
    asking: 'full',
    others: { two: ['busy', 0], three: ['free', 90] },
    placed: ['three'],
  },
  {
    rule: 'the owner of the source comes first',
    asking: 'busy',
    others: { two: ['free', 9], three: ['free', 2] },
    source: 'two',
    placed: ['two'],
  },
  {
    rule: 'the owner of the source comes first for a full worker, even a busy one',
    asking: 'full',
    others: { two: ['busy', 9], three: FREE },
    source: 'two',
    placed: ['two'],
  },
  {
    rule: 'a busy owner of the source gets none of a busy worker',
    asking: 'busy',
    others: { two: ['busy', 1], three: ['free', 2] },
    source: 'two',
    placed: ['three'],
  },
  {
    rule: 'a full owner of the source gets none',
    asking: 'full',
    others: { two: FULL, three: FREE },
    source: 'two',
    placed: ['three'],
  },
  {
    rule: 'a full worker that has the source gives it away',
    asking: 'full',
    others: { two: FREE, three: FULL },
    source: 'one',
    placed: ['two'],
  },
  {
    rule: 'a dead worker gets none',
    asking: 'full',
    others: { two: ['dead', 0], three: ['free', 9] },
    placed: ['three'],
  },
  { rule: 'nobody starts it where all are full', asking: 'full', others: { two: FULL, three: FULL }, placed: ['full'] },
];

let server: Awaited<ReturnType<typeof startRedis>>;
let redis: Redis;

beforeAll(async () => {
  server = await startRedis();
  redis = new Redis(server.url);
});

afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

/** A worker that has told how much it runs. */
async function worker(workerId: string, [capacity, processes]: Load): Promise<RedisRegistry> {
  const incarnation = `${workerId}-incarnation`;
  const me = { workerId, incarnation, address: `${workerId}:9085`, zone: undefined };
  const show = () => ({ url: '', profile: '' });
  const registry = new RedisRegistry(redis, me, { leaseMs: 60_000, youngMs: 0, graceMs: 60_000, show });
  const numbers = { processes, clients: 0, processFeeds: 0, sourceFeeds: 0, bufferedBytes: 0, restarts: 0, skips: 0 };
  const load = { ...numbers, stalls: 0, draining: false };
  await registry.heartbeat({ startedAtMs: 1, lastSeenMs: 1, cpu: 0, ...load });
  await registry.renew({ ...load, capacity: capacity === 'dead' ? 'free' : capacity });
  return registry;
}

describe('a new process', () => {
  it.each(ROWS)('$rule', async ({ asking, others, source, placed }) => {
    await redis.flushall();
    const one = await worker('one', [asking, 0]);
    const two = await worker('two', others.two);
    await worker('three', others.three);
    await one.createStream(SPEC, 0);
    if (source !== undefined) await (source === 'one' ? one : two).acquire(SOURCE);
    for (const name of ['two', 'three'] as const) {
      if (others[name][0] === 'dead') await redis.del(`${keys.leasePrefix}${name}-incarnation`);
    }
    const given: string[] = [];
    for (const [at] of placed.entries()) {
      const viewer = {
        streamId: SPEC.id,
        workerId: 'one',
        userAgent: 'vlc',
        ipAddress: '192.0.2.1',
        username: undefined,
      };
      const client = { ...viewer, connectedAtMs: 0, lastAccessMs: 0, bytesServed: 0, segmentsServed: 0 };
      // With a cap of one client, each one needs a process of its own.
      const wanted = { client, clientId: `c${at}`, cap: 1, localSlots: [], capacity: asking, sourceFeed: SOURCE };
      const answer = await one.join(wanted);
      if (answer.kind !== 'joined') given.push(answer.kind);
      else given.push(answer.place?.kind === 'relay' ? answer.place.owner.workerId : 'one');
    }
    expect(given).toEqual(placed);
    // Whoever is refused is not counted in.
    expect(await redis.hlen(keys.clients(SPEC.id))).toBe(given.filter((name) => name !== 'full').length);
  });
});
