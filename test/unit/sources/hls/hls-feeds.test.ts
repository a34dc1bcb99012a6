/** Two workers that read one HLS source: which of them asks the provider, and what happens when that changes. */

import type { ServerResponse } from 'node:http';
import { expect, it, onTestFinished } from 'vitest';
import { FeedPlace } from '../../../../services/proxy/src/ownership/feed-place.ts';
import { Lease } from '../../../../services/proxy/src/ownership/lease.ts';
import { SilentWorkers } from '../../../../services/proxy/src/ownership/silent-workers.ts';
import { RelayServer } from '../../../../services/proxy/src/relay/relay-server.ts';
import { systemWire } from '../../../../services/proxy/src/relay/wire.ts';
import { HlsFeeds } from '../../../../services/proxy/src/sources/hls/hls-feeds.ts';
import { HlsCache } from '../../../../services/proxy/src/upstream/hls/hls-cache.ts';
import { HlsRequests, NotHlsError } from '../../../../services/proxy/src/upstream/hls/hls-requests.ts';
import type { Media } from '../../../../services/proxy/src/upstream/hls/shared-media.ts';
import { SourceMemories } from '../../../../services/proxy/src/upstream/http/source-memory.ts';
import { ProviderConnections } from '../../../../services/proxy/src/upstream/provider/provider-connections.ts';
import type {
  ConnectionLimits,
  FeedOwners,
  FeedStarts,
  Members,
  Peers,
} from '../../../../services/registry/registry.ts';
import type {
  Owner,
  Place,
  ProviderConnection,
  WorkerIdentity,
  WorkerRecord,
} from '../../../../services/registry/types.ts';
import { systemClock } from '../../../../services/shared/clock.ts';
import { createLogger } from '../../../../services/shared/log.ts';
import { eventually, openGuard, serve } from '../../upstream/support.ts';

const SETTINGS = { connectTimeoutMs: 500, readTimeoutMs: 1_000, liveChunkTimeoutMs: 1_000 };

/** Who owns a feed, for all workers of a test. */
class SharedOwners {
  readonly owners = new Map<string, Owner>();
  readonly dead = new Set<string>();
  /** Connections to providers, of all workers. */
  readonly connections = new Set<string>();

  claim(feed: string, { workerId, incarnation, address }: WorkerIdentity): Place {
    const known = this.owners.get(feed);
    if (known !== undefined && known.incarnation !== incarnation && !this.dead.has(known.incarnation)) {
      return { kind: 'relay', owner: known };
    }
    const epoch = (known?.epoch ?? 0) + 1;
    this.owners.set(feed, { workerId, incarnation, address, epoch });
    return { kind: 'own', epoch };
  }
}

/** What one worker is told by what they share. */
class SharedRegistry implements FeedOwners, FeedStarts, ConnectionLimits, Members, Peers {
  readonly #shared: SharedOwners;
  readonly #me: WorkerIdentity;

  constructor(shared: SharedOwners, me: WorkerIdentity) {
    this.#shared = shared;
    this.#me = me;
  }

  async acquire(feed: string): Promise<Place> {
    return this.#shared.claim(feed, this.#me);
  }

  locate = this.acquire;
  confirm = this.acquire;
  ownUnconfirmed = this.acquire;

  adopt(): void {
    // It always answers, so nothing is kept beside it.
  }

  async seize(feed: string, incarnation: string): Promise<Place> {
    this.#shared.dead.add(incarnation);
    return this.#shared.claim(feed, this.#me);
  }

  async transfer(feed: string, epoch: number, to: WorkerIdentity): Promise<number | undefined> {
    if (this.#shared.owners.get(feed)?.epoch !== epoch) return undefined;
    this.#shared.owners.set(feed, { ...to, epoch: epoch + 1 });
    return epoch + 1;
  }

  async release(feed: string): Promise<void> {
    if (this.#shared.owners.get(feed)?.incarnation === this.#me.incarnation) this.#shared.owners.delete(feed);
  }

  async takeConnection({ id }: ProviderConnection): Promise<boolean> {
    this.#shared.connections.add(id);
    return true;
  }

  async returnConnection({ id }: ProviderConnection): Promise<void> {
    this.#shared.connections.delete(id);
  }

  async workers(): Promise<WorkerRecord[]> {
    return [];
  }

  async send(): Promise<void> {
    // Nobody has anything to give back.
  }

  peers(): readonly WorkerIdentity[] {
    return [];
  }
}

async function worker(shared: SharedOwners, workerId: string, sourceMaxConnections = 1) {
  const me = { workerId, incarnation: `${workerId}-1`, address: '', zone: undefined };
  const registry = new SharedRegistry(shared, me);
  const guard = openGuard();
  const memories = new SourceMemories();
  const log = createLogger('fatal');
  const lease = new Lease();
  const feeds = new HlsFeeds({
    requests: new HlsRequests({ guard, memories, settings: { ...SETTINGS, sourceMaxConnections } }),
    cache: new HlsCache(1024 ** 2),
    connections: new ProviderConnections({ max: sourceMaxConnections, registry, reclaim: async () => undefined }),
    registry,
    clientTimeoutMs: 10_000,
    // What is kept stays new, however long a test takes.
    clock: { ...systemClock, monotonicMs: () => 0 },
    placeOf: (feed, first) =>
      new FeedPlace(feed, first, {
        me,
        registry,
        lease,
        leaseMs: 5_000,
        secret: () => 's',
        silentWorkers: new SilentWorkers(),
        wire: systemWire,
        isFull: () => false,
        log,
      }),
  });
  const relay = new RelayServer({
    incarnation: me.incarnation,
    secret: () => 's',
    find: async () => undefined,
    findHls: (key, via) => feeds.find(key, via),
    prepare: (key) => feeds.prepare(key),
    placeAnswer: (key) => feeds.placeOf(key)?.placeAnswer,
    streamReport: () => ({}),
    log,
  });
  me.address = `127.0.0.1:${await relay.listen('127.0.0.1', 0)}`;
  lease.renewed(performance.now() + 60_000);
  let isDead = false;
  const end = async () => {
    if (isDead) return;
    isDead = true;
    await relay.close();
  };
  onTestFinished(async () => {
    await feeds.close();
    await end();
  });
  return { me, feeds, kill: end };
}

const MEDIA = '#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:1\n#EXTINF:1,\n1.ts\n';

async function provider(answer?: (path: string, response: ServerResponse) => boolean) {
  const asked: string[] = [];
  const connections = { accepted: 0, most: 0 };
  const server = await serve((request, response) => {
    const path = request.url ?? '';
    asked.push(path);
    if (answer?.(path, response) === true) return;
    if (path.endsWith('.ts')) response.end(`media ${path}`);
    else response.end(MEDIA);
  });
  server.server.on('connection', () => {
    connections.accepted += 1;
    connections.most = Math.max(connections.most, server.open());
  });
  const address = { url: `${server.origin}/index.m3u8`, headers: {}, userAgent: 'Tester/1' };
  return { server, connections, asked, address, url: (name: string) => `${server.origin}/${name}` };
}

async function bytesOf({ body }: Media): Promise<string> {
  let all = '';
  for (let chunk = await body.read(); chunk !== undefined; chunk = await body.read()) all += String(chunk);
  body.close();
  return all;
}

it('has one that asks the provider, and the other one asks that', async () => {
  const tv = await provider();
  const shared = new SharedOwners();
  const [one, two] = [await worker(shared, 'w1'), await worker(shared, 'w2')];
  const [here, there] = [one.feeds.of(tv.address), two.feeds.of(tv.address)];
  expect((await here.playlist({ url: tv.address.url })).text).toBe(MEDIA);
  const relayed = await there.playlist({ url: tv.address.url });
  expect([relayed.text, relayed.url]).toEqual([MEDIA, tv.address.url]);
  const segments = [here, there, there].map(async (each) => bytesOf(await each.media({ url: tv.url('1.ts') })));
  expect(new Set(await Promise.all(segments))).toEqual(new Set(['media /1.ts']));
  await expect(there.media({ url: 'file:///etc/passwd' })).rejects.toMatchObject({ name: 'SourceError' });
  expect(tv.asked).toEqual(['/index.m3u8', '/1.ts']);
  expect([one.feeds.owned.length, two.feeds.owned.length, shared.connections.size]).toEqual([1, 0, 1]);
  expect([one.feeds.fetchedCount, two.feeds.fetchedCount]).toEqual([0, 1]);
  expect(one.feeds.followersOf(here.name).map(({ workerId }) => workerId)).toEqual(['w2']);
  // It stays for the other worker, and ends with it at the latest.
  here.release(false);
  expect(one.feeds.owned).toHaveLength(1);
  await one.feeds.endIdle('another account');
  expect(await bytesOf(await there.media({ url: tv.url('2.ts') }))).toBe('media /2.ts');
});

it('passes the provider’s own status on, and that the source is no HLS', async () => {
  const tv = await provider((path, response) => {
    if (path === '/gone.ts') response.writeHead(410).end();
    else if (path === '/index.m3u8')
      response.end(Buffer.alloc(188 * 50, Buffer.from([0x47, ...Array(187).fill(0xff)])));
    else return false;
    return true;
  });
  const shared = new SharedOwners();
  const [one, two] = [await worker(shared, 'w1'), await worker(shared, 'w2')];
  const [here, there] = [one.feeds.of(tv.address), two.feeds.of(tv.address)];
  await expect(here.media({ url: tv.url('gone.ts') })).rejects.toMatchObject({ upstreamStatus: 410 });
  await expect(there.media({ url: tv.url('gone.ts') })).rejects.toMatchObject({ upstreamStatus: 410 });
  await expect(there.playlist({ url: tv.address.url })).rejects.toBeInstanceOf(NotHlsError);
  // Whoever plays it as what it is needs the connection.
  await eventually(() => shared.connections.size === 0);
});

it('is asked by the other one when its owner dies', async () => {
  const tv = await provider();
  const shared = new SharedOwners();
  const [one, two] = [await worker(shared, 'w1'), await worker(shared, 'w2')];
  await one.feeds.of(tv.address).playlist({ url: tv.address.url });
  const there = two.feeds.of(tv.address);
  await there.playlist({ url: tv.address.url });
  await one.kill();
  expect(await bytesOf(await there.media({ url: tv.url('1.ts') }))).toBe('media /1.ts');
  expect([two.feeds.owned.length, tv.asked]).toEqual([1, ['/index.m3u8', '/1.ts']]);
});

it('is handed over when what its owner asks has ended, and the owner follows then', async () => {
  let finish = (): void => undefined;
  const tv = await provider((path, response) => {
    if (path !== '/slow.ts') return false;
    response.write('half ');
    finish = () => response.end('whole');
    return true;
  });
  const shared = new SharedOwners();
  const [one, two] = [await worker(shared, 'w1'), await worker(shared, 'w2')];
  const [here, there] = [one.feeds.of(tv.address), two.feeds.of(tv.address)];
  await here.playlist({ url: tv.address.url });
  await there.playlist({ url: tv.address.url });
  const slow = here.media({ url: tv.url('slow.ts') }).then(bytesOf);
  await eventually(() => tv.asked.includes('/slow.ts'));
  const [owned] = one.feeds.owned;
  const handing = owned?.handOver(two.me);
  // Both wait until the provider sees nobody.
  const waiting = [here, there].map(async (each, n) => bytesOf(await each.media({ url: tv.url(`${n}.ts`) })));
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(tv.asked).toEqual(['/index.m3u8', '/slow.ts']);
  finish();
  expect([await slow, await handing]).toEqual(['half whole', true]);
  expect(await Promise.all(waiting)).toEqual(['media /0.ts', 'media /1.ts']);
  expect([one.feeds.owned.length, two.feeds.owned.length]).toEqual([0, 1]);
  await eventually(() => shared.connections.size === 1);
  // One after the other, each of them for all that its worker asked.
  expect(tv.connections).toEqual({ accepted: 2, most: 1 });
});

it('leaves a request that it has not answered to the worker that asks', async () => {
  let waiting = 0;
  const tv = await provider((path, response) => {
    if (path !== '/1.ts') return false;
    waiting += 1;
    if (waiting > 1) response.end('the other one');
    return true;
  });
  const shared = new SharedOwners();
  const [one, two] = [await worker(shared, 'w1'), await worker(shared, 'w2')];
  const [here, there] = [one.feeds.of(tv.address), two.feeds.of(tv.address)];
  await here.playlist({ url: tv.address.url });
  const media = there.media({ url: tv.url('1.ts') }).then(bytesOf);
  await eventually(() => waiting === 1);
  here.release(true);
  expect(await media).toBe('the other one');
  expect(two.feeds.owned).toHaveLength(1);
});

it('ends when the last reader has left, on whatever worker it was', async () => {
  const tv = await provider();
  const shared = new SharedOwners();
  const [one, two] = [await worker(shared, 'w1'), await worker(shared, 'w2')];
  const [here, there] = [one.feeds.of(tv.address), two.feeds.of(tv.address)];
  await here.playlist({ url: tv.address.url });
  await there.playlist({ url: tv.address.url });
  here.release(false);
  expect([one.feeds.owned.length, shared.connections.size]).toEqual([1, 1]);
  there.release(false);
  // Far sooner than CLIENT_TIMEOUT.
  await eventually(() => shared.connections.size === 0 && shared.owners.size === 0, 4_000);
  await eventually(() => tv.server.open() === 0);
});

it('gives its connection back at once when its stream has left it', async () => {
  const tv = await provider();
  const shared = new SharedOwners();
  const [one, two] = [await worker(shared, 'w1'), await worker(shared, 'w2')];
  const [here, there] = [one.feeds.of(tv.address), two.feeds.of(tv.address)];
  await here.playlist({ url: tv.address.url });
  await there.playlist({ url: tv.address.url });
  here.release(true);
  await eventually(() => shared.connections.size === 0 && shared.owners.size === 0);
  // Who still reads it asks the provider from now on.
  expect(await bytesOf(await there.media({ url: tv.url('1.ts') }))).toBe('media /1.ts');
  expect(two.feeds.owned).toHaveLength(1);
});

it('gives all viewers of both workers the variant that the first one chose, where there is one connection', async () => {
  const tv = await provider();
  const shared = new SharedOwners();
  const [one, two] = [await worker(shared, 'w1'), await worker(shared, 'w2')];
  const low = { url: tv.url('low.m3u8'), variant: 'low' };
  const high = { url: tv.url('high.m3u8'), variant: 'high' };
  await one.feeds.of(tv.address).playlist(high);
  const relayed = await two.feeds.of(tv.address).playlist(low);
  expect([relayed.url, relayed.isInstead]).toEqual([high.url, true]);
  expect(tv.asked).toEqual(['/high.m3u8']);
  const many = await worker(new SharedOwners(), 'w3', 2);
  const wide = many.feeds.of(tv.address);
  expect((await Promise.all([wide.playlist(low), wide.playlist(high)])).map(({ url }) => url)).toEqual([
    low.url,
    high.url,
  ]);
});
