/** A provider's HLS for many viewers: what it costs beside nginx with a cache, and what the provider sees of three workers. */
import { stat } from 'node:fs/promises';
import { startCluster } from '../../support/cluster.ts';
import { fixture } from '../../support/fixtures.ts';
import { processInfo } from '../../support/processes.ts';
import { startWorker } from '../../support/worker.ts';
import type { Bench } from '../main.ts';
import { type Remote, startRemote } from '../remote.ts';
import type { Row } from '../table.ts';
import { cacheOf } from './nginx.ts';
import type { ProviderReport } from './provider.ts';
import { cheapest, perGbit, type Served, serve, warmUp } from './sessions.ts';

const COUNT = 200;
const ROUNDS = 2;

export async function passThrough({ quick, say }: Bench): Promise<Row[]> {
  const provider = startRemote('hls/provider.ts');
  try {
    const { path: file, loopTicks } = await fixture('heavy');
    const { size } = await stat(file);
    const origin = await provider.call<string>('start', { file, bytesPerSecond: size / (loopTicks / 90_000) });
    const { ours, floor } = await besideNginx(origin, quick, say);
    const cluster = await overWorkers(origin, provider, say);
    const part = 'hls';
    const [bestOurs, bestFloor] = [cheapest(ours), cheapest(floor)];
    return [
      {
        ...{ part, what: `a provider's HLS passed on to ${COUNT} viewers at 4 Mbit/s: CPU per Gbit`, unit: 's' },
        ...{ ours: perGbit(bestOurs), floor: perGbit(bestFloor), floorIs: 'nginx with proxy_cache' },
        goal: { of: 'ratio', max: 2 },
        note: 'the least of all rounds on both sides',
      },
      {
        ...{ part, what: `the same over three workers: requests of a segment at the provider`, unit: '' },
        ...{ ours: cluster.requests / cluster.segments, goal: { of: 'ours', max: 1 } },
        note: `${cluster.segments} segments`,
      },
      {
        ...{ part, what: 'the same: requests of viewers that failed', unit: '', goal: { of: 'ours', max: 0 } },
        ours: [...ours, cluster].reduce((sum, { failures }) => sum + failures, 0),
      },
    ];
  } finally {
    await provider.end();
  }
}

async function besideNginx(origin: string, quick: boolean, say: Bench['say']) {
  const worker = await startWorker({});
  const nginx = await cacheOf(origin);
  const [ours, floor]: [Served[], Served[]] = [[], []];
  try {
    const { stream_id: id } = await worker.api.createStream({ url: `${origin}/index.m3u8` });
    const url = `${worker.url}/hls/${id}/playlist.m3u8`;
    say('HLS passed on: the worker warms up');
    await warmUp(url, quick);
    for (let round = 1; round <= (quick ? 1 : ROUNDS); round++) {
      say(`HLS passed on to ${COUNT} viewers: nginx, round ${round}`);
      floor.push(await serve([`${nginx.origin}/index.m3u8`], COUNT, () => nginx.cpuSeconds()));
      say(`HLS passed on to ${COUNT} viewers: the worker, round ${round}`);
      ours.push(await serve([url], COUNT, () => processInfo(worker.pid)?.cpuSeconds ?? 0));
    }
  } finally {
    await nginx.stop();
    await worker.stop('SIGINT');
  }
  return { ours, floor };
}

async function overWorkers(origin: string, provider: Remote, say: Bench['say']): Promise<Served & ProviderReport> {
  say(`HLS passed on to ${COUNT} viewers by three workers`);
  const cluster = await startCluster(3, { LOG_LEVEL: 'info' });
  try {
    const [first] = cluster.workers;
    const id = (await first?.api.createStream({ url: `${origin}/index.m3u8` }))?.stream_id;
    await provider.call('mark');
    const urls = cluster.workers.map((worker) => `${worker.url}/hls/${id}/playlist.m3u8`);
    const served = await serve(urls, COUNT, () => 0);
    return { ...served, ...(await provider.call<ProviderReport>('report')) };
  } finally {
    await cluster.stop();
  }
}
