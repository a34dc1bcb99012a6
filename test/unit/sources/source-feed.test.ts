/** A source that goes to another worker and comes back: what was seen of it before says nothing of what comes then. */

import { once } from 'node:events';
import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { FeedPlace } from '../../../services/proxy/src/ownership/feed-place.ts';
import { Lease } from '../../../services/proxy/src/ownership/lease.ts';
import { SilentWorkers } from '../../../services/proxy/src/ownership/silent-workers.ts';
import { encodeFrame } from '../../../services/proxy/src/relay/relay-frames.ts';
import { systemWire } from '../../../services/proxy/src/relay/wire.ts';
import { SourceFeed } from '../../../services/proxy/src/sources/source-feed.ts';
import { SourceMemories } from '../../../services/proxy/src/upstream/http/source-memory.ts';
import { MemoryRegistry } from '../../../services/registry/memory/memory-registry.ts';
import { systemClock } from '../../../services/shared/clock.ts';
import { createLogger } from '../../../services/shared/log.ts';
import { until } from '../../support/until.ts';
import { TsBuilder } from '../mpegts/build-ts.ts';
import { openGuard, serve } from '../upstream/support.ts';

const SECOND = 90_000;
const ME = { workerId: 'w', incarnation: 'i', address: '127.0.0.1:1', zone: undefined };
/** `seconds` of one picture and two sounds each, none like another. */
function clip(seconds: number): Buffer {
  const ts = new TsBuilder();
  for (let n = 0; n < seconds; n++) {
    const at = (n + 1) * SECOND;
    ts.tables()
      .video(at, at, true, 1 + n)
      .audio(at)
      .audio(at + SECOND / 2);
  }
  return ts.take();
}

/** A worker that has the source for a moment and gives it back, or keeps it and sends nothing. */
async function otherWorker(onAsked: () => void = () => undefined, { keeps = false } = {}) {
  const lineage = { timeline: 't', epoch: 2, changes: [] };
  const server = createServer((_request, response) => {
    onAsked();
    response.writeHead(200, { 'x-incarnation': 'other' });
    response.write(encodeFrame({ type: 'hello', hello: { version: 2, incarnation: 'other', lineage } }));
    if (keeps) {
      const timer = setInterval(() => response.write(encodeFrame({ type: 'ping' })), 200);
      response.once('close', () => clearInterval(timer));
      return;
    }
    response.end(encodeFrame({ type: 'end', end: { kind: 'moved', owner: { ...ME, epoch: 3 } } }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { workerId: 'o', incarnation: 'other', address, epoch: 2 };
}

/** A provider whose connections begin with `media` and stay open, and a feed that reads it. `breaks`: the first one ends. */
async function readFeed(media: Buffer, { breaks = false, retryDelayMs = 0 } = {}) {
  let isFirst = true;
  const answer: RequestListener = (_request, response) => {
    response.writeHead(200, { 'content-type': 'video/mp2t' });
    if (breaks && isFirst) response.end(media);
    else response.write(media);
    isFirst = false;
  };
  const read = await readProvider(answer, { retryDelayMs });
  const { ring } = read;
  await until(() => ring.head > media.length * 0.7, { what: 'the media of the first connection' });
  return read;
}

interface Reading {
  readonly retryDelayMs?: number;
  readonly retryAttempts?: number;
  readonly liveChunkTimeoutMs?: number;
  readonly streamTotalTimeoutMs?: number;
}

/** A feed that reads a provider. */
async function readProvider(answer: RequestListener, settings: Reading = {}) {
  const { retryDelayMs = 0, retryAttempts = 1, liveChunkTimeoutMs = 10_000, streamTotalTimeoutMs = 0 } = settings;
  const provider = await serve(answer);
  /** Connections of the provider that are taken. */
  let taken = 0;
  const takeConnection = async () => {
    taken++;
    return () => void taken--;
  };
  const registry = new MemoryRegistry(ME, 0);
  const log = createLogger('fatal');
  const lease = new Lease();
  const place = new FeedPlace(
    's:a',
    { kind: 'own', epoch: 1 },
    {
      me: ME,
      registry,
      lease,
      leaseMs: 5_000,
      secret: () => 's',
      silentWorkers: new SilentWorkers(),
      wire: systemWire,
      isFull: () => false,
      log,
    },
  );
  const source = new SourceFeed(
    { url: `${provider.origin}/1.ts`, headers: {}, userAgent: 'test', sticky: false },
    place,
    {
      registry: { tellEvent: () => undefined },
      earlier: () => undefined,
      guard: openGuard(),
      memories: new SourceMemories(),
      clock: systemClock,
      settings: {
        connectTimeoutMs: 2_000,
        readTimeoutMs: 2_000,
        liveChunkTimeoutMs,
        streamTimeoutMs: 10_000,
        retry: { retryAttempts, retryDelayMs, retryExponentialBackoff: false, streamTotalTimeoutMs },
        segmentMs: 2_000,
        slowDetection: true,
        bitrate: {
          bitrateMonitoring: false,
          minBitrateBytesPerSecond: 0,
          bitrateCheckIntervalMs: 0,
          bitrateFailoverThreshold: 0,
          bitrateGraceMs: 0,
        },
      },
      ringLimits: () => ({ retainMs: 120_000, joinBufferMs: 0, maxBytes: 10_000_000 }),
      log,
      takeConnection,
      account: { opened: () => () => undefined, makeRoom: async () => undefined, refusalMayPass: () => false },
    },
  );
  onTestFinished(() => source.close());
  const { ring } = source.feed;
  return { provider, place, source, ring, taken: () => taken };
}

/** Pictures and sound without end; none like another. Returns what ends them. */
function streamMedia(response: ServerResponse, from: number): () => void {
  const ts = new TsBuilder();
  let n = from;
  const timer = setInterval(() => {
    const at = SECOND + n * 1_800;
    response.write(
      ts
        .tables()
        .video(at, at, true, 1 + (n % 100))
        .audio(at)
        .take(),
    );
    n++;
  }, 20);
  const stop = () => clearInterval(timer);
  response.once('close', stop);
  return stop;
}
/** A connection that delivers for this long has played. */
const PLAYED_MS = 1_200;

it('is read from what it begins with, though this worker had seen the same before another one read it', async () => {
  const media = clip(6);
  const { provider, place, ring } = await readFeed(media);
  const before = ring.head;
  place.set({ kind: 'relay', owner: await otherWorker() });
  await until(() => ring.head > before + media.length * 0.3, {
    what: () => `the same again; the feed has ${ring.head} bytes, ${before} of them before`,
  });
  expect(place.isOriginal).toBe(true);
  expect(provider.requests).toHaveLength(2);
});

it('is followed elsewhere at once, however far its provider is ahead', async () => {
  const { place } = await readFeed(clip(120));
  let asked = 0;
  const owner = await otherWorker(() => asked++);
  place.set({ kind: 'relay', owner });
  await until(() => asked > 0, { what: 'the other worker to be asked' });
  expect(asked).toBe(1);
});

it('leaves its place at the provider to the worker that takes it over while it waits for a retry', async () => {
  const { provider, place, taken } = await readFeed(clip(6), { breaks: true, retryDelayMs: 400 });
  await until(() => provider.open() === 0, { what: 'the end of the first connection' });
  const takenWhenLeft: number[] = [];
  place.onLeave(() => takenWhenLeft.push(taken()));
  expect(taken()).toBe(1);
  place.set({ kind: 'relay', owner: await otherWorker() });
  await until(() => takenWhenLeft.length > 0, { what: 'its followers to hear that it has moved' });
  expect(takenWhenLeft[0]).toBe(0);
});

describe('a source that has played', () => {
  it('is opened again at once when it breaks', async () => {
    let connections = 0;
    const { ring } = await readProvider(
      (_request, response) => {
        streamMedia(response, 1_000 * connections++);
        if (connections === 1) setTimeout(() => response.destroy(), PLAYED_MS);
      },
      { retryDelayMs: 600_000 },
    );
    await until(() => connections === 2, { what: 'the second connection' });
    const { head } = ring;
    await until(() => ring.head > head + 10_000, { what: 'the media of the second connection' });
  });

  it('is opened again when it is silent, and again while new connections are silent too', async () => {
    let connections = 0;
    const { ring } = await readProvider(
      (_request, response) => {
        connections++;
        if (connections === 1) setTimeout(streamMedia(response, 0), PLAYED_MS);
        else if (connections === 2) response.flushHeaders();
        else if (connections > 4) streamMedia(response, 1_000);
      },
      { liveChunkTimeoutMs: 300, streamTotalTimeoutMs: 60_000 },
    );
    await until(() => connections === 5, { what: 'the connection that answers' });
    const { head } = ring;
    await until(() => ring.head > head + 10_000, { what: 'its media' });
  });

  it('is worth leaving when another worker reads it and has nothing to pass on', async () => {
    const { place, source } = await readProvider((_request, response) => void streamMedia(response, 0), {
      liveChunkTimeoutMs: 100,
    });
    await until(() => source.arrivals.lastVideoMs !== undefined, { what: 'its pictures' });
    place.set({ kind: 'relay', owner: await otherWorker(undefined, { keeps: true }) });
    await until(() => place.current.kind === 'relay' && source.lost !== undefined, {
      what: 'the time to move to another source',
      timeoutMs: 15_000,
    });
    expect(source.lost).toMatchObject({ reason: 'stalled' });
  });

  it.each([
    ['in bursts', 800],
    ['after a pause that its rhythm does not explain, but LIVE_CHUNK_TIMEOUT_SECONDS allows', 1_600],
  ])('and sends %s, goes on over the same connection', async (_what, pauseMs) => {
    const media = clip(6);
    const third = Math.floor(media.length / 3 / 188) * 188;
    const { ring, provider } = await readProvider(
      (_request, response) => {
        response.write(media.subarray(0, third));
        setTimeout(() => response.write(media.subarray(third, 2 * third)), pauseMs);
        setTimeout(() => response.write(media.subarray(2 * third)), 2 * pauseMs);
      },
      { liveChunkTimeoutMs: 2_400 },
    );
    await until(() => ring.head > media.length * 0.8, { what: 'all of its media', timeoutMs: 15_000 });
    expect(provider.requests).toHaveLength(1);
  });
});
