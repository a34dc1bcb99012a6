/** What other workers are asked while Redis is away, over real sockets: the living are heard, the dead wait for nobody. */

import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { gather } from '../../../services/proxy/src/async.ts';
import {
  makingReportOf,
  type Peer,
  type PlaceAnswer,
  peerPlaceOf,
  streamReportsOf,
} from '../../../services/proxy/src/relay/peers.ts';
import { RelayServer } from '../../../services/proxy/src/relay/relay-server.ts';
import { newStream } from '../../../services/registry/new-stream.ts';
import type { StreamReport } from '../../../services/registry/stream-report.ts';
import type { MakingReport } from '../../../services/registry/types.ts';
import { createLogger } from '../../../services/shared/log.ts';
import { freePort } from '../../support/free-port.ts';

const ID = 'a'.repeat(32);
const STREAM = newStream(
  {
    id: ID,
    url: 'http://user:secret@provider/1.ts',
    failoverUrls: ['http://backup/1.ts'],
    failoverResolverUrl: undefined,
    userAgent: 'test',
    headers: { cookie: 'a=b' },
    metadata: { name: 'one' },
    profile: undefined,
  },
  5,
);
const TIMEOUT_MS = 1_000;
/** What those who are silent would take: far longer than a machine that others share takes for the rest. */
const SILENT_MS = 10_000;

async function peer(
  incarnation: string,
  knows: StreamReport,
  place?: PlaceAnswer,
  makes?: MakingReport,
): Promise<Peer> {
  const server = new RelayServer({
    incarnation,
    secret: () => 'secret',
    find: async () => undefined,
    prepare: async () => false,
    placeAnswer: () => place,
    streamReport: () => knows,
    makingReport: (streamId) => (streamId === ID ? makes : undefined),
    log: createLogger('fatal'),
  });
  const port = await server.listen('127.0.0.1', 0);
  onTestFinished(() => server.close());
  return { workerId: incarnation, incarnation, address: `127.0.0.1:${port}` };
}

/** Nobody listens there any more. */
async function dead(): Promise<Peer> {
  return { workerId: 'dead', incarnation: 'dead', address: `127.0.0.1:${await freePort()}` };
}

/** Takes connections, and says nothing. */
async function silent(): Promise<Peer> {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { workerId: 'silent', incarnation: 'silent', address: `127.0.0.1:${port}` };
}

/** Answers like a worker that is not one. */
async function odd(listener: RequestListener): Promise<Peer> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { workerId: 'odd', incarnation: 'odd', address: `127.0.0.1:${port}` };
}

async function timed<T>(action: Promise<T>): Promise<[T, number]> {
  const startMs = performance.now();
  return [await action, performance.now() - startMs];
}

describe('what the maker of a stream tells', () => {
  it('is told by that worker alone, and to those who know the secret', async () => {
    const lines = ['[info] Input #0, mpegts', '[info] speed=1x'];
    const samples = [{ atMs: 60_000, viewers: 3, bitsPerSecond: 4_000_000 }];
    const relays = { 0: ['worker-2', 'worker-3'] };
    const maker = await peer('one', {}, undefined, { lines, samples, relays });
    const ask = (of: string, at: Peer, secret = 'secret') => makingReportOf(of, at, secret, TIMEOUT_MS);
    expect(await ask(ID, maker)).toEqual({ lines, samples, relays });
    expect(await ask('b'.repeat(32), maker)).toBeUndefined();
    expect(await ask(ID, await peer('two', {}))).toBeUndefined();
    expect(await ask(ID, maker, 'guessed')).toBeUndefined();
    expect(await ask(ID, await dead())).toBeUndefined();
    expect(await makingReportOf(ID, await silent(), 'secret', 50)).toBeUndefined();
    // A copy without FFmpeg.
    expect(await ask(ID, await peer('three', {}, undefined, {}))).toEqual({});
  });

  it('is believed only as far as it makes sense', async () => {
    const odd1 = await odd((_request, response) =>
      response.end('{"lines":"many","samples":[{"atMs":-1}],"relays":[1]}'),
    );
    expect(await makingReportOf(ID, odd1, 'secret', TIMEOUT_MS)).toEqual({ lines: undefined, samples: undefined });
    const odd2 = await odd((_request, response) => response.end('not JSON'));
    expect(await makingReportOf(ID, odd2, 'secret', TIMEOUT_MS)).toBeUndefined();
  });
});

describe('a stream', () => {
  it('is told as it is, by those who know it', async () => {
    const peers = [
      await peer('one', {}),
      await peer('two', { stream: STREAM }),
      await peer('three', { deletedAtMs: 3 }),
    ];
    const told = await streamReportsOf(ID, peers, 'secret', TIMEOUT_MS);
    expect(told).toHaveLength(2);
    expect(told).toEqual(expect.arrayContaining([{ stream: STREAM }, { deletedAtMs: 3 }]));
  });

  it('is not waited for from the dead and the silent when another one knows it', async () => {
    const peers = [await dead(), await silent(), await peer('two', { stream: STREAM })];
    const [told, tookMs] = await timed(streamReportsOf(ID, peers, 'secret', SILENT_MS));
    expect(told).toEqual([{ stream: STREAM }]);
    expect(tookMs).toBeLessThan(SILENT_MS);
  });

  it('is unknown when nobody says anything, in bounded time', async () => {
    const [told, tookMs] = await timed(streamReportsOf(ID, [await dead(), await silent()], 'secret', 300));
    expect(told).toEqual([]);
    expect(tookMs).toBeGreaterThan(290);
    expect(await streamReportsOf(ID, [], 'secret', TIMEOUT_MS)).toEqual([]);
  });

  it('is no business of strangers, and not learnt from half an answer', async () => {
    const one = await peer('one', { stream: STREAM });
    expect(await streamReportsOf(ID, [one], 'wrong', TIMEOUT_MS)).toEqual([]);
    const broken = await odd((_, response) => {
      response.writeHead(200, { 'Content-Length': 100 }).write('{"stream":');
      setTimeout(() => response.destroy(), 20);
    });
    expect(await streamReportsOf(ID, [broken], 'secret', TIMEOUT_MS)).toEqual([]);
    expect(await streamReportsOf('../ping', [one], 'secret', TIMEOUT_MS)).toEqual([]);
  });
});

describe('a feed', () => {
  const owner = { workerId: 'two', incarnation: 'two', address: '127.0.0.1:1', epoch: 7 };

  it('is had from its owner rather than from who relays it, whoever is silent', async () => {
    const relaying = await peer('one', {}, { owner, relayed: true });
    const making = await peer('two', {}, { owner, relayed: false });
    const peers = [await dead(), await silent(), relaying, making];
    const [found, tookMs] = await timed(peerPlaceOf('p:a:0', peers, 'secret', SILENT_MS));
    expect(found).toEqual({ owner, via: undefined });
    expect(tookMs).toBeLessThan(SILENT_MS);
    expect(await peerPlaceOf('p:a:0', [await dead(), relaying], 'secret', 300)).toEqual({ owner, via: relaying });
    expect(await peerPlaceOf('p:a:0', [await dead()], 'secret', 300)).toBeUndefined();
  });

  it.each([
    ['made', false],
    ['relayed', true],
  ])('a feed is %s by a worker that has begun anew since it was last known', async (_, relayed) => {
    const owner = { workerId: 'two', incarnation: 'two', address: 'a:1', epoch: 5 };
    const anew = await peer('new', {}, { owner, relayed });
    const found = await peerPlaceOf('p:a:0', [{ ...anew, incarnation: 'old' }], 'secret', 300);
    expect(found).toEqual({ owner, via: relayed ? anew : undefined });
  });

  it.each([
    ['it is the one that asks', 'new', false],
    ['it relays through the one that asks', 'new', true],
    ['it relays from the one that asks', 'two', true],
  ])('a worker that has a feed does not count when %s', async (_, me, relayed) => {
    const owner = { workerId: 'w', incarnation: relayed ? 'two' : 'new', address: 'a:1', epoch: 5 };
    const anew = await peer('new', {}, { owner, relayed });
    expect(await peerPlaceOf('p:a:0', [{ ...anew, incarnation: 'old' }], 'secret', 300, undefined, me)).toBeUndefined();
  });
});

describe('answers are gathered', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it.each<[string, number[], number, number[], number]>([
    ['all, when none is enough', [10, 20, 30], 99, [10, 20, 30], 30],
    ['until the grace after the first that is enough is over', [10, 50, 900], 50, [10, 50], 150],
    ['no longer than the last one takes', [10, 50, 60], 10, [10, 50, 60], 60],
    ['none of nobody', [], 1, [], 0],
  ])('%s', async (_, delays, enough, values, atMs) => {
    vi.useFakeTimers();
    const promises = delays.map((ms) => new Promise<number>((resolve) => setTimeout(() => resolve(ms), ms)));
    const done = vi.fn();
    void gather(promises, (value) => value >= enough, 100).then((found) => done(found));
    if (atMs > 0) await vi.advanceTimersByTimeAsync(atMs - 1);
    expect(done).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(done).toHaveBeenCalledWith(values);
  });
});
