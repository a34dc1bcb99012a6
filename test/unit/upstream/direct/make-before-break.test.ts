/** A direct live stream that hangs: its next source is opened beside it, and the first of the two that plays wins. */

import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import type { MovablePlace } from '../../../../services/proxy/src/upstream/provider/provider-connections.ts';
import { eventually, serve, type TestServer } from '../support.ts';
import { nullPackets, PLAYED_MS, proxy, streamPictures, watch } from './support.ts';

/** A source that has played for less than 5 s may be silent for all of this, and its next one is opened after half of it. */
const LIMIT_MS = 2_000;
const settings = { liveChunkTimeoutMs: LIMIT_MS };

type Then = (response: ServerResponse) => void;

/** Plays for a while on its first connections, and then does what `then` says, as it does on later ones. */
async function hanging(then: Then, first = 1): Promise<TestServer> {
  const server = await serve((_request, response) => {
    if (server.requests.length > first) {
      response.flushHeaders();
      then(response);
      return;
    }
    const stop = streamPictures(response);
    setTimeout(() => {
      stop();
      then(response);
    }, PLAYED_MS);
  });
  return server;
}

const playing = () => serve((_request, response) => void streamPictures(response));

/** Waits until a viewer gets media that comes after this call. */
async function goesOn(viewer: { body(): Buffer }): Promise<void> {
  const before = viewer.body().length;
  await eventually(() => viewer.body().length > before + 10_000);
}

/** What the worker counts at providers: the account of each place that is taken, in order, and what is held. */
function places(): { place: MovablePlace; events: string[] } {
  const events: string[] = [];
  const place: MovablePlace = {
    giveBack: () => void events.push('given back'),
    take: async () => void events.push('taken'),
    beside: async ({ url }) => {
      events.push(`beside ${new URL(url).pathname}`);
      return () => void events.push('freed');
    },
    become: () => void events.push('exchanged'),
  };
  return { place, events };
}

const nothing: Then = () => undefined;
const nulls: Then = (response) => {
  const timer = setInterval(() => response.write(nullPackets(20)), 20);
  response.once('close', () => clearInterval(timer));
};

describe('the next source of a direct stream', () => {
  it.each([
    ['sends nothing', nothing],
    ['sends only null packets', nulls],
  ])('is open before the one that %s is given up', async (_what, then) => {
    const hung = await hanging(then);
    const backup = await playing();
    const { place, events } = places();
    const worker = await proxy(`${hung.origin}/1.ts`, {
      failoverUrls: [`${backup.origin}/2.ts`],
      settings,
      place,
    });
    const viewer = await watch(worker.origin);
    await eventually(() => backup.requests.length === 1, 5_000);
    expect([hung.open(), hung.requests.length, worker.failovers]).toEqual([1, 1, []]);
    expect(events).toEqual(['beside /2.ts']);
    await eventually(() => worker.failovers.length === 1, 2_000);
    await goesOn(viewer);
    expect(worker.failovers).toMatchObject([{ index: 0, reason: 'chunk_timeout_after_retries' }]);
    expect(worker.source.state).toMatchObject({ index: 0, attempts: 1 });
    expect(events).toEqual(['beside /2.ts', 'exchanged']);
    expect(backup.requests).toHaveLength(1);
    await eventually(() => hung.open() === 0);
    viewer.response.destroy();
    await eventually(() => backup.open() === 0 && worker.results.length === 1);
    expect(events).toEqual(['beside /2.ts', 'exchanged']);
  });

  it('is left when the one of now sends again', async () => {
    let sending = nothing;
    const hung = await hanging((response) => {
      sending = () => void streamPictures(response);
    });
    const backup = await serve((_request, response) => response.flushHeaders());
    const { place, events } = places();
    const worker = await proxy(`${hung.origin}/1.ts`, { failoverUrls: [`${backup.origin}/2.ts`], settings, place });
    const viewer = await watch(worker.origin);
    await eventually(() => backup.requests.length === 1, 5_000);
    sending(undefined as never);
    await eventually(() => backup.open() === 0);
    await eventually(() => events.length === 2);
    expect(events).toEqual(['beside /2.ts', 'freed']);
    await goesOn(viewer);
    expect([worker.failovers, hung.requests.length, hung.open()]).toEqual([[], 1, 1]);
    viewer.response.destroy();
  });

  it('is opened after the one of now when one account has both', async () => {
    const hung = await serve((request, response) => {
      const isHung = request.url?.endsWith('/1.ts') === true && hung.requests.length > 1;
      if (isHung) response.flushHeaders();
      else {
        const stop = streamPictures(response);
        if (request.url?.endsWith('/1.ts') === true) setTimeout(stop, PLAYED_MS);
      }
    });
    const { place, events } = places();
    const worker = await proxy(`${hung.origin}/live/user/word/1.ts`, {
      failoverUrls: [`${hung.origin}/live/user/word/2.ts`],
      settings: { liveChunkTimeoutMs: 400 },
      place,
    });
    const viewer = await watch(worker.origin);
    await eventually(() => worker.failovers.length === 1, 5_000);
    await goesOn(viewer);
    expect(hung.requests.map(({ url }) => url?.slice(-4)).slice(0, 2)).toEqual(['1.ts', '1.ts']);
    expect(events).toEqual([]);
    expect(worker.results).toEqual([]);
    viewer.response.destroy();
  });

  it('that somebody has moved the stream to delivers before the one of now is left', async () => {
    const before = await playing();
    let answer: Then = nothing;
    const backup = await serve((_request, response) => {
      response.flushHeaders();
      answer = () => void streamPictures(response);
    });
    const { place, events } = places();
    const worker = await proxy(`${before.origin}/1.ts`, { failoverUrls: [`${backup.origin}/2.ts`], settings, place });
    const viewer = await watch(worker.origin);
    await goesOn(viewer);
    await worker.source.advance(-1, { reason: 'manual' });
    await eventually(() => backup.requests.length === 1);
    // It does not deliver yet, and the viewer misses nothing.
    await goesOn(viewer);
    expect([before.open(), backup.open(), events]).toEqual([1, 1, ['beside /2.ts']]);
    answer(undefined as never);
    await eventually(() => before.open() === 0);
    await goesOn(viewer);
    expect(events).toEqual(['beside /2.ts', 'exchanged']);
    expect([before.requests.length, backup.requests.length]).toEqual([1, 1]);
    viewer.response.destroy();
    await eventually(() => backup.open() === 0 && worker.results.length === 1);
  });

  it('that somebody has moved the stream to comes after the one of now when one account has both', async () => {
    let mostOpen = 0;
    const provider = await serve((_request, response) => {
      mostOpen = Math.max(mostOpen, provider.open());
      streamPictures(response);
    });
    const worker = await proxy(`${provider.origin}/live/user/word/1.ts`, {
      failoverUrls: [`${provider.origin}/live/user/word/2.ts`],
      settings,
    });
    const viewer = await watch(worker.origin);
    await goesOn(viewer);
    await worker.source.advance(-1, { reason: 'manual' });
    await eventually(() => provider.requests.length === 2);
    await goesOn(viewer);
    expect(mostOpen).toBe(1);
    viewer.response.destroy();
  });

  it('that refuses beside the one of now gets it closed first', async () => {
    const before = await playing();
    const backup = await serve((_request, response) => {
      if (before.open() > 0) response.writeHead(403).end();
      else streamPictures(response);
    });
    const worker = await proxy(`${before.origin}/1.ts`, { failoverUrls: [`${backup.origin}/2.ts`], settings });
    const viewer = await watch(worker.origin);
    await goesOn(viewer);
    await worker.source.advance(-1, { reason: 'manual' });
    await eventually(() => backup.open() === 1, 8_000);
    await goesOn(viewer);
    expect([before.open(), worker.source.index]).toEqual([0, 0]);
    viewer.response.destroy();
  });

  it('is opened once by each viewer of the stream', async () => {
    const count = 10;
    const hung = await hanging(nothing, count);
    const backup = await playing();
    const worker = await proxy(`${hung.origin}/1.ts`, { failoverUrls: [`${backup.origin}/2.ts`], settings });
    const viewers = await Promise.all(Array.from({ length: count }, () => watch(worker.origin)));
    await eventually(() => worker.failovers.length === 1, 6_000);
    await Promise.all(viewers.map(goesOn));
    expect([backup.requests.length, backup.open(), worker.failovers.length]).toEqual([count, count, 1]);
    await eventually(() => hung.open() === 0);
    for (const { response } of viewers) response.destroy();
    await eventually(() => worker.results.length === count && backup.open() === 0);
  });

  it('that the viewer leaves while it is being opened is closed', async () => {
    const hung = await hanging(nothing);
    const backup = await serve((_request, response) => response.flushHeaders());
    const { place, events } = places();
    const worker = await proxy(`${hung.origin}/1.ts`, { failoverUrls: [`${backup.origin}/2.ts`], settings, place });
    const viewer = await watch(worker.origin);
    await eventually(() => backup.requests.length === 1, 5_000);
    viewer.response.destroy();
    await eventually(() => worker.results.length === 1);
    await eventually(() => backup.open() === 0 && hung.open() === 0);
    expect(events).toEqual(['beside /2.ts', 'freed']);
  });
});
