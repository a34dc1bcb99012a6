/** An HLS source has one owner in the cluster: the provider sees one worker, whichever workers the viewers' requests reach. */

import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { startCluster, type TestCluster } from '../support/cluster.ts';
import { type HlsAnswer, HlsProvider, hlsForm } from '../support/hls-provider.ts';
import { record } from '../support/recorder.ts';
import { COPY } from '../support/stage.ts';
import { until } from '../support/until.ts';
import type { Worker, WorkerEnv } from '../support/worker.ts';

const ENV = { CLIENT_TIMEOUT: '3', CLEANUP_INTERVAL: '1', DRAIN_TIMEOUT: '3', STREAM_RETRY_DELAY: '0.1' };
const TARGET_S = 1;
const SEGMENT = Buffer.alloc(188 * 500, 0x47);

interface Channel {
  readonly provider: HlsProvider;
  /** Requests that came while another one was open: the provider allows one. */
  refused: number;
  isOut: boolean;
}

let cluster: TestCluster | undefined;
const providers: HlsProvider[] = [];

afterEach(async () => {
  await cluster?.stop();
  cluster = undefined;
  await Promise.all(providers.splice(0).map((provider) => provider.close()));
});

/** A live source of two variants, from a provider that allows one connection. @param behind what it adds to its numbers */
async function channel(behind = 0): Promise<Channel> {
  let busy = 0;
  const answer: HlsAnswer = async ({ path }, response) => {
    if (made.isOut) {
      response.writeHead(404).end();
      return true;
    }
    if (busy > 0) {
      made.refused += 1;
      response.writeHead(458).end();
      return true;
    }
    busy += 1;
    response.once('close', () => {
      busy -= 1;
    });
    // Long enough that requests of several workers would meet.
    await sleep(15);
    if (path.endsWith('/index.m3u8')) {
      response.end(
        '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000\nlow.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=5000\nhigh.m3u8\n',
      );
    } else if (path.endsWith('.m3u8')) {
      const first = Math.floor(Date.now() / 1000 / TARGET_S) - behind;
      const name = path.slice(1, -'.m3u8'.length);
      const segments = [0, 1, 2, 3].map((n) => `#EXTINF:${TARGET_S},\n/${name}-${first + n}.ts`);
      const head = ['#EXTM3U', `#EXT-X-TARGETDURATION:${TARGET_S}`, `#EXT-X-MEDIA-SEQUENCE:${first}`];
      response.end(`${[...head, ...segments].join('\n')}\n`);
    } else response.writeHead(200, { 'content-type': 'video/mp2t', 'content-length': SEGMENT.length }).end(SEGMENT);
    return true;
  };
  const provider = await HlsProvider.start(answer);
  providers.push(provider);
  const made: Channel = { provider, refused: 0, isOut: false };
  return made;
}

async function started(count: number, env: WorkerEnv = {}): Promise<TestCluster> {
  cluster = await startCluster(count, { ...ENV, ...env });
  return cluster;
}

function at(n: number): Worker {
  const worker = cluster?.workers[n];
  if (worker === undefined) throw new Error(`there is no worker ${n}`);
  return worker;
}

/** The media playlists that an entry leads to, as paths of any worker. */
async function variants(streamId: string, worker = at(0)): Promise<string[]> {
  const base = `${worker.url}/hls/${streamId}/playlist.m3u8`;
  const answer = await fetch(base);
  expect(answer.status).toBe(200);
  const lines = (await answer.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return lines.map((line) => {
    const { pathname, search } = new URL(line, base);
    return pathname + search;
  });
}

async function text(worker: Worker, playlist: string): Promise<string> {
  const answer = await fetch(worker.url + playlist);
  const said = await answer.text();
  expect([answer.status, said]).toEqual([200, said]);
  return said;
}

/** A player whose requests reach the workers in turn; it notes what it got. */
function player(playlist: string, workers: () => readonly Worker[]) {
  const got = { numbers: new Set<number>(), bytes: 0, failures: [] as string[], looks: 0 };
  let isOver = false;
  let turn = 0;
  const next = (): Worker => {
    const all = workers();
    turn += 1;
    return all[turn % all.length] as Worker;
  };
  const playing = (async () => {
    const seen = new Set<string>();
    while (!isOver) {
      const base = next().url + playlist;
      try {
        const answer = await fetch(base);
        const said = await answer.text();
        if (answer.status !== 200) got.failures.push(`${answer.status} ${said}`);
        got.looks += 1;
        const first = Number(/MEDIA-SEQUENCE:(\d+)/.exec(said)?.[1]);
        const lines = said.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
        for (const [n, line] of answer.status === 200 ? lines.entries() : []) {
          if (seen.has(line)) continue;
          seen.add(line);
          const { pathname, search } = new URL(line, base);
          const segment = await fetch(next().url + pathname + search);
          got.bytes += (await segment.arrayBuffer()).byteLength;
          got.numbers.add(first + n);
          if (segment.status !== 200) got.failures.push(`segment ${segment.status}`);
        }
      } catch (error) {
        got.failures.push(String(error));
      }
      await sleep(200);
    }
  })();
  const stop = async () => {
    isOver = true;
    await playing;
    return got;
  };
  return { got, stop };
}

/** The worker that owns the one HLS source there is. */
async function ownerOf({ redis, workers }: TestCluster): Promise<Worker> {
  const owners = (await redis.cli('KEYS', 'sp:owner:h:*')).split('\n').filter(Boolean);
  expect(owners).toHaveLength(1);
  const name = (await redis.cli('HGET', owners[0] ?? '', 'worker')).trim();
  return workers[Number(name.replace('worker-', '')) - 1] as Worker;
}

/** How often each segment was asked for. */
function askedTwice({ provider }: Pick<Channel, 'provider'>): string[] {
  const paths = provider.asked.map(({ path }) => path).filter((path) => path.endsWith('.ts'));
  return paths.filter((path, n) => paths.indexOf(path) !== n);
}

describe('an HLS source that three workers play', () => {
  it('is one connection and one place at the provider, and each segment is asked for once', async () => {
    const source = await channel();
    const { redis, workers } = await started(3, { SOURCE_MAX_CONNECTIONS: '1' });
    const { stream_id: id } = await at(0).api.createStream({ url: `${source.provider.origin}/index.m3u8` });
    const [low = '', high = ''] = await variants(id);
    const first = player(high, () => workers);
    await until(() => first.got.bytes > 0, { what: 'the first viewer to play' });
    // Who comes later gets the variant that the first one has chosen: another one would take as much again.
    const players = [first, player(low, () => workers), ...[0, 1, 2].map((n) => player(high, () => [at(n)]))];
    await until(() => players.every(({ got }) => got.looks >= 15), {
      what: 'fifteen looks of each',
      timeoutMs: 20_000,
    });
    const held = (await redis.cli('KEYS', 'sp:connections:*')).split('\n').filter(Boolean);
    expect(held).toHaveLength(1);
    expect((await redis.cli('HLEN', held[0] ?? '')).trim()).toBe('1');
    const results = await Promise.all(players.map((each) => each.stop()));
    for (const { failures, bytes } of results) {
      expect(failures).toEqual([]);
      expect(bytes).toBeGreaterThanOrEqual(4 * SEGMENT.length);
      expect(bytes % SEGMENT.length).toBe(0);
    }
    expect([source.refused, askedTwice(source), source.provider.count('/low.m3u8')]).toEqual([0, [], 0]);
    // Half a target duration apart, however many ask.
    const asked = source.provider.asked.filter(({ path }) => path === '/high.m3u8').map(({ atMs }) => atMs);
    const seconds = ((asked.at(-1) ?? 0) - (asked[0] ?? 0)) / 1000;
    expect(asked.length).toBeLessThanOrEqual(2 * seconds + 2);
    await until(async () => (await redis.cli('KEYS', 'sp:owner:h:*')).trim() === '', {
      what: 'the source to be given up',
      timeoutMs: 15_000,
    });
    expect((await redis.cli('KEYS', 'sp:connections:*')).trim()).toBe('');
  });

  it('goes on under the same addresses when its owner dies', async () => {
    const source = await channel();
    const here = await started(3, { SOURCE_MAX_CONNECTIONS: '1' });
    const { stream_id: id } = await at(0).api.createStream({ url: `${source.provider.origin}/index.m3u8` });
    const [low = ''] = await variants(id);
    const alive = () => here.workers.filter((worker) => worker.exit === undefined);
    const watching = player(low, alive);
    await until(() => watching.got.looks >= 8, { what: 'eight looks' });
    const owner = await ownerOf(here);
    owner.signal('SIGKILL');
    await until(() => owner.exit !== undefined, { what: 'the owner to be dead' });
    const { looks } = watching.got;
    await until(() => watching.got.looks >= looks + 10, { what: 'ten looks without it', timeoutMs: 20_000 });
    const { failures, numbers } = await watching.stop();
    // The request that the dead worker was answering.
    expect(failures.length).toBeLessThanOrEqual(1);
    const all = [...numbers].sort((a, b) => a - b);
    expect(all.length).toBe((all.at(-1) ?? 0) - (all[0] ?? 0) + 1);
    expect(await ownerOf(here)).not.toBe(owner);
    expect(source.refused).toBe(0);
  });

  it('goes to another worker when its owner drains, and nobody notices', async () => {
    const source = await channel();
    const here = await started(2, { SOURCE_MAX_CONNECTIONS: '1' });
    const { stream_id: id } = await at(0).api.createStream({ url: `${source.provider.origin}/index.m3u8` });
    const [low = ''] = await variants(id);
    const owner = await ownerOf(here);
    const [other] = here.workers.filter((worker) => worker !== owner) as [Worker];
    const watching = player(low, () => [other]);
    await until(() => watching.got.looks >= 8, { what: 'eight looks' });
    owner.signal('SIGTERM');
    await until(() => owner.logged('handed over').length > 0, { what: 'the source to be handed over' });
    await until(() => owner.exit !== undefined, { what: 'the owner to be gone', timeoutMs: 20_000 });
    const { looks } = watching.got;
    await until(() => watching.got.looks >= looks + 8, { what: 'eight looks without it' });
    expect((await watching.stop()).failures).toEqual([]);
    expect(await ownerOf(here)).toBe(other);
    expect([source.refused, askedTwice(source)]).toEqual([0, []]);
  });
});

it('has the same numbers and texts on all workers after a failover', async () => {
  const [one, two] = [await channel(), await channel(50_000)];
  const { workers } = await started(3);
  const { stream_id: id } = await at(0).api.createStream({
    url: `${one.provider.origin}/index.m3u8`,
    failover_urls: [`${two.provider.origin}/index.m3u8`],
  });
  const [low = ''] = await variants(id);
  const watching = player(low, () => workers.slice(0, 2));
  await until(() => watching.got.looks >= 8, { what: 'eight looks' });
  one.isOut = true;
  await until(() => two.provider.count('/low.m3u8') > 2, { what: 'the other source to play', timeoutMs: 20_000 });
  const sequence = /#EXT-X-MEDIA-SEQUENCE:(\d+)/;
  // The third worker has served nothing before.
  const texts = await until(
    async () => {
      const said = await Promise.all(workers.map((worker) => text(worker, low)));
      return new Set(said).size === 1 && said[0]?.includes('#EXT-X-DISCONTINUITY') ? said : undefined;
    },
    { what: 'all workers to say the same', timeoutMs: 20_000, everyMs: 100 },
  );
  const { numbers, failures } = await watching.stop();
  // The source that is out has no segments either.
  expect(failures.filter((failure) => failure !== 'segment 404')).toEqual([]);
  const firstBefore = Math.min(...numbers);
  expect(Number(sequence.exec(texts?.[0] ?? '')?.[1])).toBeGreaterThan(firstBefore);
  // It never goes back by what the other source is behind.
  expect(Math.max(...numbers) - firstBefore).toBeLessThan(200);
});

it('is asked once by FFmpegs on two workers and a viewer, over the one connection that the provider allows', async () => {
  const provider = await HlsProvider.start(async ({ path }, response) => {
    if (path !== '/ts/live.m3u8') return false;
    // Live: more may follow.
    const whole = await readFile(`${await hlsForm('ts')}/index.m3u8`, 'utf8');
    response.end(whole.replace(/#EXT-X-(?:ENDLIST|PLAYLIST-TYPE:VOD)\n/g, ''));
    return true;
  });
  providers.push(provider);
  const { workers } = await started(2, {
    SOURCE_MAX_CONNECTIONS: '1',
    STREAM_RETRY_ATTEMPTS: '0',
    SHARED_STREAM_GRACE: '20',
  });
  const url = `${provider.origin}/ts/live.m3u8`;
  const made = await Promise.all(
    workers.map((worker, n) =>
      worker.api.createTranscode({
        url,
        profile: n === 0 ? COPY : COPY.replace('{output_args}', '-metadata title=b {output_args}'),
      }),
    ),
  );
  const { stream_id: direct } = await at(1).api.createStream({ url });
  const recorded = await Promise.all([
    ...made.map(({ stream_id: id }, n) => record(`${at(n).url}/stream/${id}`, { untilBytes: 188 * 1_000 })),
    record(`${at(0).url}/stream/${made[1]?.stream_id}`, { untilBytes: 188 * 1_000 }),
  ]);
  expect(recorded.map(({ status }) => status)).toEqual([200, 200, 200]);
  const counts = async () =>
    Promise.all(
      made.map(async ({ stream_id: id }) => {
        const { body } = await at(0).api.get<{ stream: { connection_count: number } }>(`/streams/${id}`);
        return body.stream.connection_count;
      }),
    );
  await until(async () => (await counts()).every((count) => count === 1), { what: 'both to count the one connection' });
  const [variant = ''] = await variants(direct, at(1));
  for (const worker of workers) expect(await text(worker, variant)).toContain('#EXTINF');
  expect(provider.count(/seg2\.ts$/)).toBe(1);
  expect(askedTwice({ provider })).toEqual([]);
});
