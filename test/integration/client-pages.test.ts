/** Pages of a stream's viewers: whoever stays is shown once, whoever else comes and goes; and a page costs what it shows. */

import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { isClientCursor } from '../../services/registry/redis/client-reads.ts';
import { keys } from '../../services/registry/redis/keys.ts';
import { RedisRegistry } from '../../services/registry/redis/redis-registry.ts';
import { IDLE } from '../support/idle-worker.ts';
import { startRedis } from '../support/redis.ts';
import { SPEC } from '../support/stream-spec.ts';

const ID = SPEC.id;
let server: Awaited<ReturnType<typeof startRedis>>;
let redis: Redis;
let registry: RedisRegistry;

async function worker(workerId: string): Promise<RedisRegistry> {
  const me = { workerId, incarnation: `incarnation-${workerId}`, address: `${workerId}:9085`, zone: undefined };
  const options = { leaseMs: 600_000, youngMs: 0, graceMs: 0, show: () => ({ url: '', profile: '' }) };
  const made = new RedisRegistry(redis, me, options);
  await made.renew(IDLE);
  return made;
}

beforeAll(async () => {
  server = await startRedis();
  redis = new Redis(server.url);
});

beforeEach(async () => {
  await redis.flushall();
  registry = await worker('w1');
  await registry.createStream(SPEC, 0);
});

afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

async function join(clientId: string, at = registry, workerId = 'w1'): Promise<void> {
  const client = {
    ...{ streamId: ID, workerId, userAgent: 'vlc', ipAddress: '192.0.2.1', username: undefined },
    ...{ connectedAtMs: 1, lastAccessMs: 1, bytesServed: 0, segmentsServed: 0 },
  };
  const answer = await at.join({ client, clientId, cap: undefined, localSlots: [] });
  if (answer.kind !== 'joined') throw new Error(`not joined: ${answer.kind}`);
}

const leave = (clientId: string) =>
  registry.leave({ streamId: ID, clientId, connectedAtMs: 1, bytesServed: 5, segmentsServed: 0, lastAccessMs: 1 });

/** The ids on all pages, in order; `between` runs after each page. */
async function pages(limit: number, between: (page: number) => Promise<void> = async () => undefined) {
  const shown: string[][] = [];
  let cursor: string | undefined;
  do {
    const { clients, nextCursor } = await registry.clientPage(ID, { limit, cursor });
    shown.push(clients.map(({ id }) => id));
    await between(shown.length);
    cursor = nextCursor;
  } while (cursor !== undefined);
  return shown;
}

describe('the pages of a stream', () => {
  it.each([1, 7, 100, 500])('of %i show everybody once, and never more than that', async (limit) => {
    const ids = Array.from({ length: 300 }, (_, n) => `client-${n}`);
    await Promise.all(ids.map((id) => join(id)));
    const shown = await pages(limit);
    expect(shown.every((page) => page.length <= limit)).toBe(true);
    expect(shown.flat().sort()).toEqual(ids.sort());
  });

  it('show whoever stays once while others come and go', async () => {
    const stays = Array.from({ length: 500 }, (_, n) => `stays-${n}`);
    const leaves = Array.from({ length: 500 }, (_, n) => `leaves-${n}`);
    await Promise.all([...stays, ...leaves].map((id) => join(id)));
    const shown = await pages(50, async (page) => {
      await Promise.all(leaves.splice(0, 20).map(leave));
      // So many that Redis makes its table larger meanwhile.
      await Promise.all(Array.from({ length: 60 }, (_, n) => join(`comes-${page}-${n}`)));
    });
    expect(
      shown
        .flat()
        .filter((id) => id.startsWith('stays'))
        .sort(),
    ).toEqual(stays.sort());
  });

  it('without viewers are one empty page', async () => {
    expect(await pages(10)).toEqual([[]]);
  });

  it('leave viewers of dead workers out', async () => {
    const other = await worker('w2');
    await join('dead', other, 'w2');
    await join('alive');
    await redis.del(`${keys.leasePrefix}incarnation-w2`);
    expect((await pages(10)).flat()).toEqual(['alive']);
  });

  it('say what their viewers have got, and read no others', async () => {
    await Promise.all(Array.from({ length: 2_000 }, (_, n) => join(`client-${n}`)));
    const counters = { streamId: ID, connectedAtMs: 1, bytesServed: 7, segmentsServed: 2, lastAccessMs: 9 };
    await registry.report(Array.from({ length: 2_000 }, (_, n) => ({ ...counters, clientId: `client-${n}` })));
    // A fifth with each.
    for (let renewals = 0; renewals < 5; renewals++) await registry.renew(IDLE);
    const output = async () => Number(/total_net_output_bytes:(\d+)/.exec(await redis.info('stats'))?.[1]);
    const before = await output();
    const { clients } = await registry.clientPage(ID, { limit: 10 });
    const read = (await output()) - before;
    expect(clients).toHaveLength(10);
    for (const client of clients) expect(client).toMatchObject({ bytesServed: 7, segmentsServed: 2, lastAccessMs: 9 });
    // Ten records of about 300 bytes, and what INFO itself says.
    expect(read).toBeLessThan(20_000);
  });

  it('begin at cursors of pages only', async () => {
    await Promise.all(Array.from({ length: 50 }, (_, n) => join(`client ${n}, "ü"`)));
    const { nextCursor = '' } = await registry.clientPage(ID, { limit: 10 });
    expect(isClientCursor(nextCursor)).toBe(true);
    const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    for (const wrong of ['', '0', 'client-1', encoded('0'), encoded([]), encoded(['-1']), encoded(['9'.repeat(20)])]) {
      expect(isClientCursor(wrong), wrong).toBe(false);
    }
  });
});

describe('the bytes of a stream', () => {
  const bytes = async () => (await registry.summaries([ID])).get(ID)?.bytesServed;

  it('are kept when a worker dies, and counted once when it was not dead', async () => {
    const other = await worker('w2');
    await join('a', other, 'w2');
    const report = { streamId: ID, clientId: 'a', connectedAtMs: 1, segmentsServed: 0, lastAccessMs: 1 };
    await other.report([{ ...report, bytesServed: 1_000 }]);
    await other.renew(IDLE);
    expect(await bytes()).toBe(1_000);
    await redis.del(`${keys.leasePrefix}incarnation-w2`);
    expect(await bytes()).toBe(1_000);
    await registry.cleanup(3_600_000);
    expect(await bytes()).toBe(1_000);
    expect((await registry.stream(ID))?.bytesServed).toBe(1_000);
    // It comes back, and its viewer has got more meanwhile.
    await other.renew(IDLE);
    const stream = await registry.stream(ID);
    if (stream === undefined) throw new Error('no stream');
    const held = { id: 'a', streamId: ID, slot: undefined, workerId: 'w2', userAgent: 'vlc', ipAddress: '192.0.2.1' };
    const client = { ...held, username: undefined, connectedAtMs: 1, lastAccessMs: 2, segmentsServed: 0, told: true };
    const own = {
      clients: [{ ...client, bytesServed: 1_500 }],
      feeds: [],
      connections: [],
      deleted: [],
      givenUp: { feeds: [], clients: [], connections: [] },
    };
    await other.restoring.restore({ ...own, streams: [{ ...stream, bytesServed: 0 }] });
    expect(await bytes()).toBe(1_500);
    expect((await registry.stream(ID))?.bytesServed).toBe(0);
    expect(await registry.clients(ID)).toMatchObject([{ id: 'a', bytesServed: 1_500 }]);
  });
});
