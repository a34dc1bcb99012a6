/** Many HLS viewers on three workers in turn: what the provider sees of them, and what they notice of its troubles. */

import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { startCluster, type TestCluster } from '../support/cluster.ts';
import { type HlsAnswer, HlsProvider } from '../support/hls-provider.ts';
import { parseMetrics } from '../support/metrics.ts';
import { until } from '../support/until.ts';
import type { Worker, WorkerEnv } from '../support/worker.ts';

const CLIENTS = 200;
const VARIANTS = 12;
const TARGET_S = 2;
const SEGMENT = Buffer.alloc(188 * 40, 0x47);
/** Long titles, as some providers have them, so that a playlist is worth compressing. */
const TITLE = 'a title that some providers write behind each duration. '.repeat(12);

interface Channel {
  readonly provider: HlsProvider;
  /** What the addresses of the variants have to carry now. */
  token: string;
  /** The answer to media playlists in place of a playlist. */
  status: number | undefined;
}

let cluster: TestCluster | undefined;
let source: Channel | undefined;

afterEach(async () => {
  await cluster?.stop();
  await source?.provider.close();
  cluster = undefined;
  source = undefined;
});

/** A live source with so many variants. */
async function channel(): Promise<Channel> {
  const answer: HlsAnswer = async ({ path, query }, response) => {
    if (path === '/index.m3u8') {
      const variants = Array.from({ length: VARIANTS }, (_, n) => [
        `#EXT-X-STREAM-INF:BANDWIDTH=${(n + 1) * 1000}`,
        `v${n}.m3u8?token=${made.token}`,
      ]);
      response.end(`${['#EXTM3U', ...variants.flat()].join('\n')}\n`);
      return true;
    }
    const [, variant] = /^\/v(\d+)\.m3u8$/.exec(path) ?? [];
    if (variant === undefined) {
      response.writeHead(200, { 'content-type': 'video/mp2t', 'content-length': SEGMENT.length }).end(SEGMENT);
      return true;
    }
    if (made.status !== undefined) response.writeHead(made.status).end();
    else if (query !== `?token=${made.token}`) response.writeHead(403).end();
    else {
      const first = Math.floor(Date.now() / 1000 / TARGET_S);
      const segments = [0, 1, 2, 3, 4, 5].map((n) => `#EXTINF:${TARGET_S},${TITLE}\n/s${variant}-${first + n}.ts`);
      const head = ['#EXTM3U', `#EXT-X-TARGETDURATION:${TARGET_S}`, `#EXT-X-MEDIA-SEQUENCE:${first}`];
      response.end(`${[...head, ...segments].join('\n')}\n`);
    }
    return true;
  };
  const made: Channel = { provider: await HlsProvider.start(answer), token: 'a', status: undefined };
  source = made;
  return made;
}

async function started(env: WorkerEnv): Promise<readonly Worker[]> {
  cluster = await startCluster(3, { CLIENT_TIMEOUT: '4', DRAIN_TIMEOUT: '1', STREAM_RETRY_DELAY: '0.1', ...env });
  return cluster.workers;
}

async function created(worker: Worker, { provider }: Channel): Promise<string> {
  return (await worker.api.createStream({ url: `${provider.origin}/index.m3u8` })).stream_id;
}

interface Got {
  readonly failures: string[];
  looks: number;
  segments: number;
  zipped: number;
}

/** A viewer whose playlists come from the workers in turn, and whose segments do; it gets so many playlists and all new segments. */
async function watch(id: string, workers: readonly Worker[], client: number, looks: number, got = nothing()) {
  let turn = client;
  const get = async (path: string, at = turn): Promise<Response> => {
    turn += 1;
    const answer = await fetch((workers[at % workers.length] as Worker).url + path);
    if (answer.status !== 200) got.failures.push(`${answer.status} ${await answer.clone().text()}`);
    return answer;
  };
  const linesOf = (text: string): string[] => text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const pathOf = (line: string, base: string): string => {
    const { pathname, search } = new URL(line, `http://worker${base}`);
    return pathname + search;
  };
  const entry = `/hls/${id}/playlist.m3u8`;
  const variants = linesOf(await (await get(`${entry}?client_id=c${client}`)).text());
  const playlist = pathOf(variants[client % variants.length] ?? '', entry);
  const seen = new Set<string>();
  for (let look = 0; look < looks; look += 1) {
    const answer = await get(playlist, client + look);
    if (answer.headers.get('content-encoding') === 'gzip') got.zipped += 1;
    for (const line of linesOf(await answer.text())) {
      if (seen.has(line)) continue;
      seen.add(line);
      const segment = await (await get(pathOf(line, playlist))).arrayBuffer();
      if (segment.byteLength === SEGMENT.length) got.segments += 1;
    }
    got.looks += 1;
    if (look + 1 < looks) await sleep(1_000);
  }
  return got;
}

function nothing(): Got {
  return { failures: [], looks: 0, segments: 0, zipped: 0 };
}

async function crowd(id: string, workers: readonly Worker[], looks: number) {
  const all = await Promise.all(Array.from({ length: CLIENTS }, (_, n) => watch(id, workers, n, looks)));
  return {
    failures: all.flatMap(({ failures }) => failures),
    segments: Math.min(...all.map(({ segments }) => segments)),
    zipped: Math.min(...all.map(({ zipped }) => zipped)),
  };
}

/** Paths that were asked for more than once. */
function askedTwice({ provider }: Channel): string[] {
  const paths = provider.asked.map(({ path }) => path).filter((path) => path.endsWith('.ts'));
  return paths.filter((path, n) => paths.indexOf(path) !== n);
}

it.each([
  ['is one connection to a provider that allows one, and one variant', '1', 1, 1],
  ['is at most six connections to any other, and each segment is asked for once', '0', 6, VARIANTS],
] as const)('a crowd of 200 on twelve variants %s', async (_what, limit, connections, variants) => {
  const channelOfTest = await channel();
  const { provider } = channelOfTest;
  const workers = await started({ SOURCE_MAX_CONNECTIONS: limit });
  const id = await created(workers[0] as Worker, channelOfTest);
  const { failures, segments, zipped } = await crowd(id, workers, 3);
  expect(failures).toEqual([]);
  expect(segments).toBeGreaterThanOrEqual(6);
  // Each viewer's playlists were compressed, though the provider's were not.
  expect(zipped).toBe(3);
  expect(provider.mostOpen).toBeLessThanOrEqual(connections);
  expect(askedTwice(channelOfTest)).toEqual([]);
  const asked = new Set(provider.asked.map(({ path }) => path).filter((path) => /^\/v\d+/.test(path)));
  expect(asked.size).toBe(variants);
  expect(provider.asked.every(({ headers }) => headers.via !== undefined)).toBe(true);
  // One session each, however many workers have served it.
  const { body } = await (workers[1] as Worker).api.get<{ total_clients: number }>('/clients');
  expect(body.total_clients).toBe(CLIENTS);
  const counted = await Promise.all(
    workers.map(async ({ api }) => parseMetrics((await api.get<string>('/metrics')).body).streampool_clients),
  );
  // What scaling averages.
  expect(counted.reduce((sum, count) => sum + count, 0)).toBeCloseTo(CLIENTS);
});

it('notices neither expired tokens nor a broken provider, on whatever worker its requests are', async () => {
  const channelOfTest = await channel();
  const workers = await started({ STREAM_RETRY_ATTEMPTS: '1' });
  const id = await created(workers[0] as Worker, channelOfTest);
  const all = [nothing(), nothing(), nothing()];
  const players = Promise.all(all.map((got, n) => watch(id, workers, n, 14, got)));
  const { provider } = channelOfTest;
  // From then on each worker has a last playlist for each of them.
  await until(() => all.every(({ looks }) => looks >= 3), { what: 'all three to play', timeoutMs: 15_000 });
  channelOfTest.token = 'b';
  const renewed = () => provider.asked.filter(({ query }) => query === '?token=b').length;
  await until(() => renewed() >= 6, { what: 'the new addresses to be used', timeoutMs: 15_000 });
  channelOfTest.status = 503;
  const before = provider.asked.length;
  await until(() => provider.asked.length > before + 3, { what: 'the provider to be asked in vain' });
  channelOfTest.status = undefined;
  for (const { failures, segments } of await players) {
    expect(failures).toEqual([]);
    expect(segments).toBeGreaterThanOrEqual(8);
  }
});
