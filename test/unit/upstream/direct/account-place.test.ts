/** SOURCE_MAX_CONNECTIONS: a viewer of a direct stream counts at the account that its stream is read from. */

import type { ServerResponse } from 'node:http';
import { expect, it } from 'vitest';
import {
  type MovablePlace,
  ProviderConnections,
} from '../../../../services/proxy/src/upstream/provider/provider-connections.ts';
import { MemoryRegistry } from '../../../../services/registry/memory/memory-registry.ts';
import { eventually, serve } from '../support.ts';
import { PLAYED_MS, proxy, streamPictures, watch } from './support.ts';

const addressOf = (origin: string) => ({ url: `${origin}/1.ts`, headers: {}, userAgent: 'Tester/1' });

/** One connection for each account, and a viewer who has that of `origin`. */
async function oneEach(origin: string) {
  const registry = new MemoryRegistry({ workerId: 'w', incarnation: 'i', address: '', zone: undefined }, 0);
  const connections = new ProviderConnections({ max: 1, registry, reclaim: async () => undefined, waitMs: 50 });
  let free = await connections.acquire('stream', addressOf(origin));
  const place: MovablePlace = {
    giveBack: () => free(),
    take: async () => undefined,
    beside: (address, signal) => connections.acquire('stream', address, signal),
    become: (next) => {
      free();
      free = next;
    },
  };
  return { place, take: (at: string) => connections.acquire('other', addressOf(at)) };
}

async function twoSources(primary: (response: ServerResponse) => void) {
  const first = await serve((_request, response) => primary(response));
  const second = await serve((_request, response) => void streamPictures(response));
  const { place, take } = await oneEach(first.origin);
  const play = async (failoverUrls = [`${second.origin}/1.ts`]) => {
    const worker = await proxy(`${first.origin}/1.ts`, { failoverUrls, place });
    return { worker, viewer: await watch(worker.origin) };
  };
  return { first, second, take, play };
}

it('that of the next source, when the first one does not open', async () => {
  const { first, second, take, play } = await twoSources((response) => response.writeHead(404).end());
  const { viewer } = await play();
  expect(viewer.status).toBe(200);
  await expect(take(second.origin)).rejects.toMatchObject({ status: 503 });
  (await take(first.origin))();
  viewer.response.destroy();
});

it('is told before the first byte that it is at its limit', async () => {
  const { second, take, play } = await twoSources((response) => response.writeHead(404).end());
  await take(second.origin);
  const { viewer } = await play();
  expect(viewer.status).toBe(503);
  expect(second.requests).toHaveLength(0);
});

it('waits for the next one when that is at its limit, and is not cut off', async () => {
  let connections = 0;
  const { first, second, take, play } = await twoSources((response) => {
    connections++;
    if (connections > 1) response.writeHead(404).end();
    else setTimeout(streamPictures(response), PLAYED_MS);
    if (connections === 1) setTimeout(() => response.destroy(), PLAYED_MS);
  });
  const free = await take(second.origin);
  const { worker, viewer } = await play();
  await eventually(() => worker.failovers.length === 1, 5_000);
  await eventually(() => worker.warnings.some((warning) => warning.includes('SOURCE_MAX_CONNECTIONS')));
  expect([second.requests.length, worker.results]).toEqual([0, []]);
  free();
  await eventually(() => second.requests.length === 1);
  const before = viewer.body().length;
  await eventually(() => viewer.body().length > before + 10_000);
  (await take(first.origin))();
  await expect(take(second.origin)).rejects.toMatchObject({ status: 503 });
  viewer.response.destroy();
});
