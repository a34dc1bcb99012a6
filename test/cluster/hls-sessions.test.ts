/** HLS viewers whose requests reach two workers in turn: each is one session, through everything that happens to the workers. */

import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { emptyCluster, startCluster, type TestCluster } from '../support/cluster.ts';
import { freePort } from '../support/free-port.ts';
import { type HlsAnswer, HlsProvider } from '../support/hls-provider.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';
import type { Worker } from '../support/worker.ts';

const ENV = {
  ...{ PLAYBACK_AUTH: 'signed', API_TOKEN: 's3cret-token' },
  ...{ CLIENT_TIMEOUT: '2', CLEANUP_INTERVAL: '1', DRAIN_TIMEOUT: '1' },
};
/** For what takes a second or two alone: five scenes start their workers at the same time. */
const SIDE_BY_SIDE_MS = 20_000;
const TARGET_S = 1;
const SEGMENT = Buffer.alloc(188 * 50, 0x47);

/** A live playlist of four segments that moves on by one a second. */
const LIVE: HlsAnswer = ({ path }, response) => {
  if (path.endsWith('.m3u8')) {
    const first = Math.floor(Date.now() / 1000 / TARGET_S);
    const segments = [0, 1, 2, 3].map((n) => `#EXTINF:${TARGET_S},\nsegment${first + n}.ts`);
    const head = ['#EXTM3U', `#EXT-X-TARGETDURATION:${TARGET_S}`, `#EXT-X-MEDIA-SEQUENCE:${first}`];
    response.writeHead(200, { 'content-type': 'application/vnd.apple.mpegurl' });
    response.end(`${[...head, ...segments].join('\n')}\n`);
    return true;
  }
  if (!path.includes('/segment')) return false;
  response.writeHead(200, { 'content-type': 'video/mp2t', 'content-length': SEGMENT.length }).end(SEGMENT);
  return true;
};

interface Listed {
  readonly client_id: string;
  readonly segments_served: number;
  readonly bytes_served: number;
  readonly username: string | null;
}

let provider: HlsProvider;
let streams = 0;

beforeAll(async () => {
  provider = await HlsProvider.start(LIVE);
});
afterAll(() => provider.close());

/** Two workers of a test, and what it asks them. */
class Scene {
  readonly cluster: TestCluster;

  constructor(cluster: TestCluster) {
    this.cluster = cluster;
  }

  at(n: number): Worker {
    const worker = this.cluster.workers[n];
    if (worker === undefined) throw new Error(`there is no worker ${n}`);
    return worker;
  }

  /** @param url unset: of a source that nobody else has */
  async created(
    worker = this.at(0),
    url = `${provider.origin}/live${++streams}/index.m3u8`,
  ): Promise<{ id: string; entry: string; url: string }> {
    const { stream_id: id, stream_endpoint: entry } = await worker.api.createStream({ url });
    return { id, entry, url };
  }

  /** The address of the media playlist that an entry leads to, as a path of any worker. */
  async opened(entry: string, worker = this.at(0)): Promise<string> {
    const base = worker.url + entry;
    const answer = await fetch(base);
    expect(answer.status).toBe(200);
    const line = (await answer.text()).split('\n').find((each) => each !== '' && !each.startsWith('#')) ?? '';
    const { pathname, search } = new URL(line, base);
    return pathname + search;
  }

  async clients(worker = this.at(1)): Promise<Listed[]> {
    const { body } = await worker.api.get<{ clients: Listed[] }>('/clients');
    return body.clients;
  }

  /** How often the workers have said this of a session. */
  said(message: string): number {
    return this.cluster.workers.reduce((sum, worker) => sum + worker.logged(message).length, 0);
  }
}

/** The scenes share nothing but the provider, so they play side by side. */
function scene(name: string, play: (scene: Scene) => Promise<void>, count = 2): void {
  test(name, async () => {
    const cluster = count === 0 ? await emptyCluster(ENV) : await startCluster(count, ENV);
    try {
      await play(new Scene(cluster));
    } finally {
      await cluster.stop();
    }
  });
}

/** Gets the media playlist and its newest segment. Returns both statuses. */
async function look(worker: Worker, playlist: string): Promise<number[]> {
  const base = worker.url + playlist;
  const answer = await fetch(base);
  if (answer.status !== 200) return [answer.status];
  const last = (await answer.text()).trim().split('\n').at(-1) ?? '';
  const segment = await fetch(new URL(last, base));
  await segment.arrayBuffer();
  return [answer.status, segment.status];
}

/** A player that a load balancer sends to the workers in turn. */
function play(playlist: string, workers: readonly Worker[]) {
  const statuses: number[] = [];
  let isOver = false;
  const playing = (async () => {
    for (let n = 0; !isOver; n++) {
      statuses.push(...(await look(workers[n % workers.length] as Worker, playlist)));
      await sleep(250);
    }
  })();
  const stop = async () => {
    isOver = true;
    await playing;
    return statuses;
  };
  return { statuses, stop };
}

describe.concurrent('a viewer on two workers in turn', () => {
  scene('is counted once, comes once, pauses unnoticed, and goes once', async (here) => {
    const { entry } = await here.created();
    const playlist = await here.opened(`${entry}&username=ann&client_id=tv`);
    expect(await here.clients()).toEqual([]);
    const player = play(playlist, here.cluster.workers);
    await until(() => player.statuses.length >= 20, { what: 'ten looks', timeoutMs: SIDE_BY_SIDE_MS });
    await until(async () => ((await here.clients())[0]?.segments_served ?? 0) >= 10, {
      what: 'the segments to be counted',
    });
    const [client, ...others] = await here.clients();
    expect([others, client?.client_id, client?.username]).toEqual([[], 'tv', 'ann']);
    expect(client?.bytes_served).toBeGreaterThanOrEqual(10 * SEGMENT.length);
    expect(new Set(await player.stop())).toEqual(new Set([200]));
    expect([here.said('viewer joined'), here.said('viewer left')]).toEqual([1, 0]);
    // Longer than CLIENT_TIMEOUT and three target durations.
    await until(async () => (await here.clients()).length === 0, { what: 'the session to end' });
    await until(() => here.said('viewer left') === 1, { what: 'one worker to say so' });
    expect(await look(here.at(1), playlist)).toEqual([200, 200]);
    expect(await here.clients()).toMatchObject([{ client_id: 'tv' }]);
  });

  scene('needs a signature for the entry alone, and nobody forges what comes after it', async (here) => {
    const [one, other] = [await here.created(), await here.created()];
    const playlist = await here.opened(one.entry);
    const foreign = playlist.replace(one.id, other.id);
    // The first worker of a cluster waits some seconds: another one may have a secret that Redis has lost.
    for (const worker of here.cluster.workers) {
      await until(async () => (await look(worker, foreign))[0] === 403, { what: 'it to be sure of its secret' });
    }
    for (const worker of here.cluster.workers) {
      const refused = await fetch(`${worker.url}/hls/${one.id}/playlist.m3u8`);
      expect([refused.status, refused.headers.get('cache-control')]).toEqual([401, 'no-store']);
      expect(await look(worker, playlist)).toEqual([200, 200]);
      expect(await look(worker, foreign)).toEqual([403]);
      const cut = playlist.replace(/-([0-9a-f]+)[0-9a-f]{2}\//, '-$1/');
      expect(cut).not.toBe(playlist);
      expect(await look(worker, cut)).toEqual([403]);
    }
    expect(await here.clients()).toHaveLength(1);
  });

  scene('stays away on both when it was disconnected, and may open the stream anew', async (here) => {
    const { id, entry } = await here.created();
    const playlist = await here.opened(`${entry}&client_id=tv`);
    const player = play(playlist, here.cluster.workers);
    await until(() => player.statuses.length >= 8, { what: 'four looks', timeoutMs: SIDE_BY_SIDE_MS });
    expect((await here.at(0).api.del(`/hls/${id}/clients/tv`)).status).toBe(200);
    await until(async () => (await look(here.at(1), playlist))[0] === 410, { what: 'the other worker to know' });
    const from = player.statuses.length;
    await until(() => player.statuses.length >= from + 8, { what: 'eight looks in vain', timeoutMs: SIDE_BY_SIDE_MS });
    expect(new Set((await player.stop()).slice(from))).toEqual(new Set([410]));
    expect(await here.clients()).toEqual([]);
    const again = await here.opened(`${entry}&client_id=tv`);
    for (const worker of here.cluster.workers) expect(await look(worker, again)).toEqual([200, 200]);
    expect(await here.clients()).toMatchObject([{ client_id: 'tv' }]);
  });
});

describe.concurrent('a session of two workers', () => {
  scene('survives the death of one of them, without a second beginning', async (here) => {
    const { entry } = await here.created();
    const playlist = await here.opened(`${entry}&client_id=tv`);
    const player = play(playlist, here.cluster.workers);
    await until(() => player.statuses.length >= 8, { what: 'four looks', timeoutMs: SIDE_BY_SIDE_MS });
    await player.stop();
    const survivor = here.at(1);
    here.at(0).signal('SIGKILL');
    const later = play(playlist, [survivor]);
    // Longer than the lease of the dead one, and than its cleanup.
    await until(async () => (await survivor.api.get<{ workers: unknown[] }>('/workers')).body.workers.length === 1, {
      what: 'the dead worker to be cleaned up',
      timeoutMs: 20_000,
    });
    expect(await here.clients(survivor)).toMatchObject([{ client_id: 'tv' }]);
    await later.stop();
    expect([here.said('viewer joined'), here.said('viewer left')]).toEqual([1, 0]);
    await until(async () => (await here.clients(survivor)).length === 0, { what: 'the session to end' });
  });

  scene('is given back by a cleanup when the only worker that saw it has died', async (here) => {
    const { entry } = await here.created();
    expect(await look(here.at(0), await here.opened(`${entry}&client_id=tv`))).toEqual([200, 200]);
    expect(await here.clients()).toHaveLength(1);
    here.at(0).signal('SIGKILL');
    await until(async () => (await here.clients()).length === 0, { what: 'a cleanup', timeoutMs: 20_000 });
  });

  scene('goes on while Redis is away, and is one when it is back', async (here) => {
    const { entry } = await here.created();
    const player = play(await here.opened(`${entry}&client_id=tv`), here.cluster.workers);
    await until(() => player.statuses.length >= 8, { what: 'four looks', timeoutMs: SIDE_BY_SIDE_MS });
    await here.cluster.redis.pause();
    const know = () => here.cluster.workers.every((worker) => worker.logged('Redis does not answer').length > 0);
    await until(know, { what: 'both to notice', timeoutMs: 20_000 });
    const from = player.statuses.length;
    await until(() => player.statuses.length >= from + 8, {
      what: 'four looks without Redis',
      timeoutMs: SIDE_BY_SIDE_MS,
    });
    here.cluster.redis.resume();
    const back = player.statuses.length;
    await until(() => player.statuses.length >= back + 16, {
      what: 'eight looks with Redis',
      timeoutMs: SIDE_BY_SIDE_MS,
    });
    expect(new Set(await player.stop())).toEqual(new Set([200]));
    await until(async () => (await here.clients()).length === 1, { what: 'both to know of one session' });
    expect(await here.clients(here.at(0))).toMatchObject([{ client_id: 'tv' }]);
    await until(async () => (await here.clients()).length === 0, { what: 'the session to end', timeoutMs: 20_000 });
  });

  scene('drains at once when the other one asks the provider, and its player goes on there', async (here) => {
    const { entry } = await here.created();
    const playlist = await here.opened(`${entry}&client_id=tv`);
    const [one, two] = [here.at(0), here.at(1)];
    for (const worker of [one, two, one]) expect(await look(worker, playlist)).toEqual([200, 200]);
    const sinceMs = performance.now();
    const later = play(playlist, [two]);
    one.signal('SIGTERM');
    await until(() => one.exit !== undefined, { what: 'the drained worker to end', timeoutMs: 20_000 });
    expect(one.logged('handed over')).toHaveLength(1);
    // Far sooner than CLIENT_TIMEOUT would let it go.
    expect(performance.now() - sinceMs).toBeLessThan(15_000);
    expect(new Set(await later.stop())).toEqual(new Set([200]));
    expect([here.said('viewer joined'), here.said('viewer left')]).toEqual([1, 0]);
  });
});

describe.concurrent('a worker that has started without Redis', () => {
  scene(
    'seals what every other worker can open, once it has joined',
    async (here) => {
      const port = await freePort();
      const other = await here.cluster.start('worker-1');
      const alone = await here.cluster.start('worker-2', { REDIS_SERVER_PORT: String(port) });
      const { id, entry, url } = await here.created(alone);
      const playlist = await here.opened(`${entry}&client_id=tv`, alone);
      expect(await look(alone, playlist)).toEqual([200, 200]);
      // Players end for good with a 403. It cannot tell that the other one has sealed and signed this.
      const there = await here.created(other, url);
      const foreign = await here.opened(there.entry, other);
      expect(await look(other, foreign)).toEqual([200, 200]);
      const signed = [there.entry, there.entry.replace('/hls/', '/stream/').replace('/playlist.m3u8', '')];
      for (const path of [foreign, ...signed]) {
        const refused = await fetch(alone.url + path);
        expect([path, refused.status, refused.headers.get('retry-after')]).toEqual([path, 503, '1']);
      }
      const proxy = await startTcpProxy({ port, target: { host: '127.0.0.1', port: here.cluster.redis.port } });
      try {
        await until(() => alone.logged('joined the cluster').length > 0, { what: 'it to join', timeoutMs: 20_000 });
        await until(async () => (await look(other, playlist))[0] === 200, {
          what: 'the other one to open what it sealed',
        });
        await until(async () => (await look(alone, foreign))[0] === 200, {
          what: 'it to open what the other one sealed',
        });
        expect((await fetch(alone.url + there.entry)).status).toBe(200);
        // What it has signed, too.
        for (const worker of [other, alone]) expect((await fetch(worker.url + entry)).status).toBe(200);
        // One that comes later knows the secret too.
        const third = await here.cluster.start('worker-3');
        expect(await look(third, playlist)).toEqual([200, 200]);
        expect((await fetch(third.url + entry)).status).toBe(200);
        expect((await fetch(third.url + entry.slice(0, -2))).status).toBe(403);
        expect(await look(alone, playlist)).toEqual([200, 200]);
        // What nobody has sealed stays refused.
        expect(await look(third, playlist.replace(id, 'f'.repeat(32)))).toEqual([404]);
        const counted = (await here.clients(third)).filter(({ client_id }) => client_id === 'tv');
        expect(counted).toHaveLength(1);
      } finally {
        await proxy.close();
      }
    },
    0,
  );
});
