/** A provider that redirects to this worker itself: few connections, an error that says so, and nobody else notices. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { record } from '../support/recorder.ts';
import { allPlaying, LIGHT, type Stage, staged } from '../support/stage.ts';
import type { Worker, WorkerEnv } from '../support/worker.ts';

const idOf = (url: string) => createHash('md5').update(url).digest('hex');
/** Time for a flood to show after the viewer's answer, in ms. Unbounded, a loop makes hundreds of requests in it. */
const WATCHED_MS = 1_500;

/** A server that counts its requests. */
async function server(stage: Stage, answer: (message: IncomingMessage, response: ServerResponse) => void) {
  let requests = 0;
  const http = createServer((message, response) => {
    requests += 1;
    answer(message, response);
  }).listen(0, '127.0.0.1');
  await once(http, 'listening');
  stage.closeAfter(async () => {
    http.close();
    http.closeAllConnections();
    await once(http, 'close');
  });
  return { origin: `http://127.0.0.1:${(http.address() as AddressInfo).port}`, requests: () => requests };
}

function redirecting(stage: Stage, to: (path: string) => string) {
  return server(stage, (message, response) => response.writeHead(302, { location: to(message.url ?? '/') }).end());
}

/** A worker on which somebody watches a channel that is well. */
async function withViewer(stage: Stage, env: WorkerEnv = {}) {
  const well = await stage.source();
  const worker = await stage.worker({ SHARED_STREAM_GRACE: '0', ...env });
  const stream = await worker.api.createStream({ url: well.url });
  const viewer = stage.viewer(stream.playUrl);
  await allPlaying([viewer]);
  return { worker, viewer, well };
}

/** Plays what loops. @returns what its viewer was told */
async function toldOf(url: string): Promise<string> {
  const { status, bytes } = await record(url, { seconds: 20 });
  await sleep(WATCHED_MS);
  return `${status} ${bytes.toString()}`;
}

const LOOP = /^502 .*leads back to this proxy/;

describe.concurrent('a source that redirects to this worker', () => {
  const ways: readonly (readonly [string, WorkerEnv, boolean])[] = [
    ['passed on to each viewer', {}, false],
    ['shared', { SHARE_DIRECT_STREAMS: 'true' }, false],
    ['transcoded', {}, true],
  ];
  for (const [name, env, transcoded] of ways) {
    staged(`to the stream itself, ${name}`, async ({ stage }) => {
      const { worker, viewer, well } = await withViewer(stage, env);
      const source = await redirecting(stage, (path) => `${worker.url}/stream/${idOf(source.origin + path)}`);
      const url = `${source.origin}/x.ts`;
      const direct = await worker.api.createStream({ url });
      const stream = transcoded ? await worker.api.createTranscode({ url, profile: LIGHT }) : direct;
      expect(await toldOf(stream.playUrl)).toMatch(LOOP);
      expect(source.requests()).toBe(1);
      const played = viewer.byteCount;
      await sleep(500);
      expect(viewer.byteCount).toBeGreaterThan(played);
      expect((await well.account()).total).toBe(1);
    });
  }

  staged('from one stream to another and back', async ({ stage }) => {
    const { worker } = await withViewer(stage);
    const other = (path: string) => `${source.origin}${path === '/a.ts' ? '/b.ts' : '/a.ts'}`;
    const source = await redirecting(stage, (path) => `${worker.url}/stream/${idOf(other(path))}`);
    const a = await worker.api.createStream({ url: `${source.origin}/a.ts` });
    await worker.api.createStream({ url: `${source.origin}/b.ts` });
    expect(await toldOf(a.playUrl)).toMatch(/^502 /);
    // Each stream may try its source again.
    expect(source.requests()).toBeLessThan(10);
  });

  staged('to ever new streams', async ({ stage }) => {
    const { worker } = await withViewer(stage);
    let made = 0;
    const source = await redirecting(stage, () => {
      made += 1;
      return `${worker.url}/stream/x?url=${encodeURIComponent(`${source.origin}/${made}.ts`)}`;
    });
    const stream = await worker.api.createStream({ url: `${source.origin}/x.ts` });
    expect(await toldOf(stream.playUrl)).toMatch(LOOP);
    expect(source.requests()).toBe(1);
  });

  staged('through a load balancer, as a failover of itself', async ({ stage }) => {
    const { worker } = await withViewer(stage);
    const balancer = await server(stage, (message, response) => pass(worker, message, response));
    const dead = await server(stage, (_, response) => response.writeHead(404).end());
    const url = `${dead.origin}/x.ts`;
    const own = `${balancer.origin}/stream/${idOf(url)}`;
    const stream = await worker.api.createStream({ url, failover_urls: [own] });
    expect(await toldOf(stream.playUrl)).toMatch(LOOP);
    expect(balancer.requests()).toBe(1);
    expect(dead.requests()).toBeLessThan(10);
  });
});

describe('a source that redirects to another worker', () => {
  staged('which knows the marker of its cluster', async ({ stage }) => {
    const { workers } = await stage.cluster(2);
    const [one, two] = workers as [Worker, Worker];
    const source = await redirecting(stage, (path) => `${two.url}/stream/${idOf(source.origin + path)}`);
    const stream = await one.api.createStream({ url: `${source.origin}/x.ts` });
    expect(await toldOf(stream.playUrl)).toMatch(LOOP);
    expect(source.requests()).toBe(1);
  });
});

describe.concurrent('what is no loop', () => {
  staged('a stream whose source is another stream of this worker plays', async ({ stage }) => {
    const { worker, viewer } = await withViewer(stage);
    const [first] = (await worker.api.get<{ streams: { stream_id: string }[] }>('/streams')).body.streams;
    const again = await worker.api.createTranscode({
      url: `${worker.url}/stream/${first?.stream_id}`,
      profile: LIGHT,
      headers: { Via: '1.0 fred' },
    });
    await allPlaying([stage.viewer(again.playUrl), viewer]);
  });

  staged('a source that redirects to itself ends after its redirects, in its own words', async ({ stage }) => {
    const { worker } = await withViewer(stage);
    const source = await redirecting(stage, (path) => path);
    const stream = await worker.api.createStream({ url: `${source.origin}/x.ts` });
    expect(await toldOf(stream.playUrl)).toMatch(/^502 .*redirects more than 10 times/);
    expect(source.requests()).toBe(11);
  });
});

function pass(worker: Worker, message: IncomingMessage, response: ServerResponse): void {
  const onward = request(worker.url + (message.url ?? ''), { headers: message.headers, agent: false }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  onward.once('error', () => response.destroy());
  onward.end();
}
