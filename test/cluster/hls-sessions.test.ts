/** HLS viewers whose requests reach two workers in turn: each is one session, through everything that happens to the workers. */

import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startCluster, type TestCluster } from '../support/cluster.ts';
import { type HlsAnswer, HlsProvider } from '../support/hls-provider.ts';
import { until } from '../support/until.ts';
import type { Worker } from '../support/worker.ts';

const ENV = {
  ...{ PLAYBACK_AUTH: 'signed', API_TOKEN: 's3cret-token' },
  ...{ CLIENT_TIMEOUT: '2', CLEANUP_INTERVAL: '1', DRAIN_TIMEOUT: '1' },
};
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
let cluster: TestCluster;

beforeAll(async () => {
  provider = await HlsProvider.start(LIVE);
});
afterAll(() => provider.close());
beforeEach(async () => {
  cluster = await startCluster(2, ENV);
});
afterEach(() => cluster.stop());

let streams = 0;

async function created(): Promise<{ id: string; entry: string }> {
  streams += 1;
  const url = `${provider.origin}/live${streams}/index.m3u8`;
  const { stream_id: id, stream_endpoint: entry } = await at(0).api.createStream({ url });
  return { id, entry };
}

function at(n: number): Worker {
  const worker = cluster.workers[n];
  if (worker === undefined) throw new Error(`there is no worker ${n}`);
  return worker;
}

/** The address of the media playlist that an entry leads to, as a path of any worker. */
async function opened(entry: string): Promise<string> {
  const base = at(0).url + entry;
  const answer = await fetch(base);
  expect(answer.status).toBe(200);
  const line = (await answer.text()).split('\n').find((each) => each !== '' && !each.startsWith('#')) ?? '';
  const { pathname, search } = new URL(line, base);
  return pathname + search;
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
function play(playlist: string, workers = cluster.workers) {
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

async function clients(worker = at(1)): Promise<Listed[]> {
  const { body } = await worker.api.get<{ clients: Listed[] }>('/clients');
  return body.clients;
}

/** How often the workers have said this of a session. */
function said(message: string): number {
  return cluster.workers.reduce((sum, worker) => sum + worker.logged(message).length, 0);
}

describe('a viewer on two workers in turn', () => {
  it('is counted once, comes once, pauses unnoticed, and goes once', async () => {
    const { entry } = await created();
    const playlist = await opened(`${entry}&username=ann&client_id=tv`);
    expect(await clients()).toEqual([]);
    const player = play(playlist);
    await until(() => player.statuses.length >= 20, { what: 'ten looks' });
    await until(async () => ((await clients())[0]?.segments_served ?? 0) >= 10, { what: 'the segments to be counted' });
    const [client, ...others] = await clients();
    expect([others, client?.client_id, client?.username]).toEqual([[], 'tv', 'ann']);
    expect(client?.bytes_served).toBeGreaterThanOrEqual(10 * SEGMENT.length);
    expect(new Set(await player.stop())).toEqual(new Set([200]));
    expect([said('a session has begun'), said('a session has ended')]).toEqual([1, 0]);
    // Longer than CLIENT_TIMEOUT and three target durations.
    await until(async () => (await clients()).length === 0, { what: 'the session to end' });
    await until(() => said('a session has ended') === 1, { what: 'one worker to say so' });
    expect(await look(at(1), playlist)).toEqual([200, 200]);
    expect(await clients()).toMatchObject([{ client_id: 'tv' }]);
  });

  it('needs a signature for the entry alone, and nobody forges what comes after it', async () => {
    const [one, other] = [await created(), await created()];
    const playlist = await opened(one.entry);
    for (const worker of cluster.workers) {
      expect((await fetch(`${worker.url}/hls/${one.id}/playlist.m3u8`)).status).toBe(401);
      expect(await look(worker, playlist)).toEqual([200, 200]);
      expect(await look(worker, playlist.replace(one.id, other.id))).toEqual([403]);
      const cut = playlist.replace(/-([0-9a-f]+)[0-9a-f]{2}\//, '-$1/');
      expect(cut).not.toBe(playlist);
      expect(await look(worker, cut)).toEqual([403]);
    }
    expect(await clients()).toHaveLength(1);
  });

  it('stays away on both when it was disconnected, and may open the stream anew', async () => {
    const { id, entry } = await created();
    const playlist = await opened(`${entry}&client_id=tv`);
    const player = play(playlist);
    await until(() => player.statuses.length >= 8, { what: 'four looks' });
    expect((await at(0).api.del(`/hls/${id}/clients/tv`)).status).toBe(200);
    await until(async () => (await look(at(1), playlist))[0] === 410, { what: 'the other worker to know' });
    const from = player.statuses.length;
    await until(() => player.statuses.length >= from + 8, { what: 'eight looks in vain' });
    expect(new Set((await player.stop()).slice(from))).toEqual(new Set([410]));
    expect(await clients()).toEqual([]);
    const again = await opened(`${entry}&client_id=tv`);
    for (const worker of cluster.workers) expect(await look(worker, again)).toEqual([200, 200]);
    expect(await clients()).toMatchObject([{ client_id: 'tv' }]);
  });
});

describe('a session of two workers', () => {
  it('survives the death of one of them, without a second beginning', async () => {
    const { entry } = await created();
    const playlist = await opened(`${entry}&client_id=tv`);
    const player = play(playlist);
    await until(() => player.statuses.length >= 8, { what: 'four looks' });
    await player.stop();
    const survivor = at(1);
    at(0).signal('SIGKILL');
    const later = play(playlist, [survivor]);
    // Longer than the lease of the dead one, and than its cleanup.
    await until(async () => (await survivor.api.get<{ workers: unknown[] }>('/workers')).body.workers.length === 1, {
      what: 'the dead worker to be cleaned up',
      timeoutMs: 20_000,
    });
    expect(await clients(survivor)).toMatchObject([{ client_id: 'tv' }]);
    await later.stop();
    expect([said('a session has begun'), said('a session has ended')]).toEqual([1, 0]);
    await until(async () => (await clients(survivor)).length === 0, { what: 'the session to end' });
  });

  it('is given back by a cleanup when the only worker that saw it has died', async () => {
    const { entry } = await created();
    expect(await look(at(0), await opened(`${entry}&client_id=tv`))).toEqual([200, 200]);
    expect(await clients()).toHaveLength(1);
    at(0).signal('SIGKILL');
    await until(async () => (await clients()).length === 0, { what: 'a cleanup', timeoutMs: 20_000 });
  });

  it('goes on while Redis is away, and is one when it is back', async () => {
    const { entry } = await created();
    const player = play(await opened(`${entry}&client_id=tv`));
    await until(() => player.statuses.length >= 8, { what: 'four looks' });
    await cluster.redis.pause();
    const know = () => cluster.workers.every((worker) => worker.logged('Redis does not answer').length > 0);
    await until(know, { what: 'both to notice', timeoutMs: 20_000 });
    const from = player.statuses.length;
    await until(() => player.statuses.length >= from + 8, { what: 'four looks without Redis', timeoutMs: 20_000 });
    cluster.redis.resume();
    const back = player.statuses.length;
    await until(() => player.statuses.length >= back + 16, { what: 'eight looks with Redis' });
    expect(new Set(await player.stop())).toEqual(new Set([200]));
    await until(async () => (await clients()).length === 1, { what: 'both to know of one session' });
    expect(await clients(at(0))).toMatchObject([{ client_id: 'tv' }]);
    await until(async () => (await clients()).length === 0, { what: 'the session to end', timeoutMs: 20_000 });
  });
});
