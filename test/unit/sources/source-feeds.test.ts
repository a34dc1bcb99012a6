/** The source feeds of a worker: one for each group, one connection for each URL, and what happens when a group moves. */

import type { ServerResponse } from 'node:http';
import { describe, expect, it, onTestFinished } from 'vitest';
import { pause } from '../../../services/proxy/src/async.ts';
import { SourceFeeds } from '../../../services/proxy/src/sources/source-feeds.ts';
import type { EarlierFeed } from '../../../services/proxy/src/sources/source-media.ts';
import { StreamSource } from '../../../services/proxy/src/streams/stream-source.ts';
import { SourceMemories } from '../../../services/proxy/src/upstream/http/source-memory.ts';
import { ProviderConnections } from '../../../services/proxy/src/upstream/provider/provider-connections.ts';
import { MemoryRegistry } from '../../../services/registry/memory/memory-registry.ts';
import { systemClock } from '../../../services/shared/clock.ts';
import { failoverGroups } from '../../support/failover-groups.ts';
import { SPEC } from '../../support/stream-spec.ts';
import { until } from '../../support/until.ts';
import { TsBuilder } from '../mpegts/build-ts.ts';
import { LOG, ME, placeOf } from '../processes/support.ts';
import { openGuard, serve } from '../upstream/support.ts';

const SECOND = 90_000;
const PICTURE_MS = 20;

/** Pictures and sound without end, none like another, from number `first` on. Returns what ends them. */
function play(response: ServerResponse, isNew = true, first = Math.floor(Math.random() * 1_000)): () => void {
  if (isNew) response.writeHead(200, { 'content-type': 'video/mp2t' });
  const ts = new TsBuilder();
  let n = first;
  const timer = setInterval(() => {
    const at = SECOND + n++ * 1_800;
    response.write(ts.tables().video(at, at, true, n).audio(at).take());
  }, PICTURE_MS);
  const stop = () => clearInterval(timer);
  response.once('close', stop);
  return stop;
}

/** Each connection has the pictures of now. */
const live: Channel = (response) => play(response, true, Math.ceil(performance.now() / PICTURE_MS));

type Channel = (response: ServerResponse) => unknown;

/** A worker, and a provider that has the given channels. */
async function workerWith(channels: Record<string, Channel>, liveChunkTimeoutMs = 10_000) {
  const open = new Map<string, ServerResponse[]>();
  const asked: string[] = [];
  const provider = await serve((request, response) => {
    const path = request.url ?? '';
    asked.push(path);
    open.set(path, [...(open.get(path) ?? []), response]);
    response.once('close', () => {
      open.set(
        path,
        (open.get(path) ?? []).filter((each) => each !== response),
      );
    });
    channels[path]?.(response);
  });
  const registry = new MemoryRegistry(ME, 0);
  const connections = new ProviderConnections({ max: 0, registry, reclaim: async () => undefined });
  const sources = new SourceFeeds(
    {
      guard: openGuard(),
      memories: new SourceMemories(),
      clock: systemClock,
      registry,
      log: LOG,
      placeOf: (feed, first) => placeOf(feed, first, registry),
      ringLimits: () => ({ retainMs: 120_000, joinBufferMs: 0, maxBytes: 10_000_000 }),
      settings: {
        connectTimeoutMs: 2_000,
        readTimeoutMs: 2_000,
        liveChunkTimeoutMs,
        streamTimeoutMs: 2_000,
        retry: {
          retryAttempts: 1,
          retryDelayMs: 0,
          retryExponentialBackoff: false,
          streamTotalTimeoutMs: 30_000,
        },
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
    },
    connections,
  );
  onTestFinished(() => sources.close());
  const groupOf = failoverGroups({ registry, onMoved: (group) => sources.switchSource(group) });
  /** A stream and its lease. The first path is its primary source. */
  const read = async (id: string, ...paths: string[]) => {
    const [url = '', ...failoverUrls] = paths.map((path) => `${provider.origin}${path}`);
    const answer = await registry.createStream({ ...SPEC, id, url, failoverUrls }, 0);
    if (answer === 'full') throw new Error('no limit');
    const source = new StreamSource(answer.stream, groupOf);
    const lease = await sources.acquire(id, source, new AbortController().signal);
    const { feed } = lease;
    if (feed === undefined) throw new Error('no live MPEG-TS');
    return { source, lease, feed, ring: feed.feed.ring };
  };
  const opened = (path: string) => (open.get(path) ?? []).length;
  const isOpen = (...paths: string[]) =>
    until(() => paths.every((path) => opened(path) === 1) && [...open.values()].flat().length === paths.length, {
      what: () =>
        `only ${paths} to be open; asked: ${asked}; open: ${[...open].map(([p, all]) => `${p} ${all.length}`)}`,
    });
  return { sources, registry, read, isOpen, opened, asked, cut: (path: string) => open.get(path)?.[0]?.destroy() };
}

type Reading = Awaited<ReturnType<Awaited<ReturnType<typeof workerWith>>['read']>>;

/** Waits for media after this moment. */
async function goesOn({ feed, ring }: Reading): Promise<void> {
  const { head } = ring;
  await until(() => ring.head > head + 20_000, {
    what: () => `more media; the feed has ended: ${feed.feed.end?.kind}`,
  });
}

/** What a reader of a feed knows of it. */
function knownOf({ feed }: Reading): EarlierFeed {
  return { timeline: feed.history.current.timeline, origin: feed.sourceClock?.origin, marks: feed.marks };
}

describe('a source that another worker has read', () => {
  it('goes on as the feed knows that heard of it last, whichever opens it', async () => {
    const { sources, read } = await workerWith({ '/1.ts': live });
    const stale = await read('stale', '/1.ts');
    await goesOn(stale);
    const former = knownOf(stale);
    stale.lease.release();
    await sources.settle();

    const last = await read('last', '/1.ts');
    await goesOn(last);
    const known = knownOf(last);
    expect(known.timeline).not.toBe(former.timeline);
    const { headMs } = last.ring;
    last.lease.release();
    await sources.settle();

    sources.learnFrom(() => [undefined, former, known, { ...known, origin: undefined }]);
    const next = await read('next', '/1.ts');
    await goesOn(next);
    expect(next.feed.history.current.timeline).toBe(known.timeline);
    expect(next.ring.entries[0]?.mediaMs).toBeGreaterThanOrEqual(headMs);
  });
});

describe('a group that moves', () => {
  it('has one source feed, which goes on inside on its clock', async () => {
    const { read, isOpen, asked, opened } = await workerWith({ '/1.ts': play, '/2.ts': play });
    const a = await read('a', '/1.ts', '/2.ts');
    const b = await read('b', '/1.ts', '/2.ts');
    expect(b.feed).toBe(a.feed);
    await goesOn(a);
    const { timeline } = a.feed.history.current;
    const { headMs } = a.ring;
    let bothOpen = false;
    const watch = setInterval(() => {
      bothOpen ||= opened('/1.ts') + opened('/2.ts') === 2;
    }, 1);
    await b.source.moveOn();
    await isOpen('/2.ts');
    clearInterval(watch);
    await goesOn(a);
    expect(bothOpen).toBe(true);
    expect(asked).toEqual(['/1.ts', '/2.ts']);
    expect(a.feed.history.current.timeline).toBe(timeline);
    expect(a.ring.headMs - headMs).toBeGreaterThan(0);
    expect(a.ring.headMs - headMs).toBeLessThan(10_000);
  });

  it('is joined where it plays by a stream that wakes', async () => {
    const { read, isOpen, asked } = await workerWith({ '/1.ts': play, '/2.ts': play });
    const a = await read('a', '/1.ts', '/2.ts');
    await goesOn(a);
    await a.source.moveOn();
    await isOpen('/2.ts');
    const b = await read('b', '/1.ts', '/2.ts');
    expect(b.feed).toBe(a.feed);
    expect(b.source.index).toBe(0);
    // Also when nobody of the group has been there for a moment.
    a.lease.release();
    b.lease.release();
    await isOpen();
    await read('c', '/1.ts', '/2.ts');
    await isOpen('/2.ts');
    expect(asked).toEqual(['/1.ts', '/2.ts', '/2.ts']);
  });

  it('moves when its source breaks for good, and asks for the next one once', async () => {
    let isBroken = false;
    const { read, isOpen, cut, asked } = await workerWith({
      '/1.ts': (response) => {
        if (isBroken) response.writeHead(404).end();
        else play(response);
      },
      '/2.ts': (response) => response.writeHead(404).end(),
      '/3.ts': play,
    });
    const a = await read('a', '/1.ts', '/2.ts', '/3.ts');
    await goesOn(a);
    isBroken = true;
    cut('/1.ts');
    await isOpen('/3.ts');
    await goesOn(a);
    expect(a.source.state).toMatchObject({ index: 1, attempts: 2 });
    expect(asked).toEqual(['/1.ts', '/1.ts', '/2.ts', '/3.ts']);
  });

  it('opens the first source that answers', async () => {
    const { read, isOpen } = await workerWith({ '/1.ts': (response) => response.writeHead(404).end(), '/2.ts': play });
    const a = await read('a', '/1.ts', '/2.ts');
    await isOpen('/2.ts');
    expect(a.source.index).toBe(0);
  });

  it('stays when nothing else delivers, and whoever wakes joins it there', async () => {
    const { read, isOpen, asked } = await workerWith({
      '/1.ts': play,
      '/2.ts': (response) => response.writeHead(404).end(),
    });
    const a = await read('a', '/1.ts', '/2.ts');
    await goesOn(a);
    await a.source.moveOn();
    await until(() => asked.length > 1 && a.source.index === -1, { what: 'the group to go back' });
    await goesOn(a);
    await isOpen('/1.ts');
    expect(a.feed.feed.end).toBeUndefined();
    const b = await read('b', '/1.ts', '/2.ts');
    expect(b.feed).toBe(a.feed);
    expect(asked).toEqual(['/1.ts', '/2.ts']);
  });

  it('closes the only connection that the provider allows, before it opens the next', async () => {
    let used = 0;
    const once = (response: ServerResponse) => {
      if (used > 0) return void response.writeHead(458).end();
      used++;
      response.once('close', () => used--);
      play(response);
    };
    const { read, isOpen } = await workerWith({ '/u/p/1.ts': once, '/u/p/2.ts': once });
    const a = await read('a', '/u/p/1.ts', '/u/p/2.ts');
    await goesOn(a);
    await a.source.moveOn();
    await isOpen('/u/p/2.ts');
    await goesOn(a);
  });

  it('ends with a recording that has been sent to its end', async () => {
    const path = '/timeshift/u/p/1/1.ts';
    const { read, asked } = await workerWith({
      [path]: (response) => {
        const stop = play(response);
        setTimeout(() => {
          stop();
          response.end();
        }, 500);
      },
      '/2.ts': play,
    });
    const a = await read('a', path, '/2.ts');
    const end = await until(() => a.feed.feed.end, { what: 'the end of the recording' });
    expect(end).toMatchObject({ kind: 'failed', error: { reason: 'over' } });
    expect(asked).toEqual([path]);
  });

  it('fails when all its sources have failed, and says so', async () => {
    let isBroken = false;
    const channel = (response: ServerResponse) => {
      if (isBroken) response.writeHead(404).end();
      else play(response);
    };
    const { read, cut } = await workerWith({ '/1.ts': channel, '/2.ts': channel });
    const a = await read('a', '/1.ts', '/2.ts');
    await goesOn(a);
    isBroken = true;
    cut('/1.ts');
    const end = await until(() => a.feed.feed.end, { what: 'the end of the feed' });
    expect(end).toMatchObject({ kind: 'failed', error: { upstreamStatus: 404, isLast: true } });
  });
});

describe('a source that goes silent', () => {
  /** Sends for a moment on the first connection, and nothing after that until `resumes`. */
  function silentChannel(afterMs = 500) {
    let stop: (() => void) | undefined;
    let resumes = (): void => undefined;
    const channel: Channel = (response) => {
      if (stop !== undefined) return void response.writeHead(200, { 'content-type': 'video/mp2t' }).flushHeaders();
      stop = play(response);
      setTimeout(stop, afterMs);
      resumes = () => void play(response, false);
    };
    return { channel, resumes: () => resumes() };
  }

  it('is read until the next one plays, and the group moves then', async () => {
    const { read, isOpen, asked, opened } = await workerWith(
      { '/a/1.ts': silentChannel().channel, '/b/2.ts': play },
      2_000,
    );
    const a = await read('a', '/a/1.ts', '/b/2.ts');
    await until(() => asked.length === 2, { what: 'the next source to be asked' });
    expect(asked).toEqual(['/a/1.ts', '/b/2.ts']);
    expect([opened('/a/1.ts'), a.source.index]).toEqual([1, -1]);
    await until(() => a.source.index === 0, { what: 'the group to move' });
    await isOpen('/b/2.ts');
    await goesOn(a);
    expect(a.source.state).toMatchObject({ index: 0, attempts: 1 });
    expect(asked.filter((path) => path === '/b/2.ts')).toHaveLength(1);
  });

  it('is kept when it plays again before that', async () => {
    const silent = silentChannel();
    const next: Channel = (response) => response.writeHead(200, { 'content-type': 'video/mp2t' }).flushHeaders();
    const { read, isOpen, asked } = await workerWith({ '/a/1.ts': silent.channel, '/b/2.ts': next }, 4_000);
    const a = await read('a', '/a/1.ts', '/b/2.ts');
    await until(() => asked.length === 2, { what: 'the next source to be asked' });
    silent.resumes();
    await isOpen('/a/1.ts');
    await goesOn(a);
    expect(asked).toEqual(['/a/1.ts', '/b/2.ts']);
    expect(a.source.state).toMatchObject({ index: -1, attempts: 0 });
  });

  it('is asked again before the next one, when one account has both', async () => {
    const { read, isOpen, asked } = await workerWith({ '/1.ts': silentChannel().channel, '/2.ts': play }, 1_000);
    const a = await read('a', '/1.ts', '/2.ts');
    await isOpen('/2.ts');
    await goesOn(a);
    expect(asked).toEqual(['/1.ts', '/1.ts', '/2.ts']);
  });

  it('leaves a source that it only holds to a group that reads it', async () => {
    const next: Channel = (response) => response.writeHead(200, { 'content-type': 'video/mp2t' }).flushHeaders();
    let isWell = false;
    const { read, asked, opened } = await workerWith(
      { '/a/1.ts': silentChannel().channel, '/b/2.ts': (response) => (isWell ? void play(response) : next(response)) },
      8_000,
    );
    await read('a', '/a/1.ts', '/b/2.ts');
    await until(() => asked.length === 2, { what: 'the next source to be asked' });
    isWell = true;
    const b = await read('b', '/b/2.ts');
    await goesOn(b);
    expect([opened('/b/2.ts'), b.feed.isLed]).toEqual([1, false]);
  });
});

describe('two groups', () => {
  it('share the connection to one URL, and part when one of them moves', async () => {
    const { read, isOpen, asked } = await workerWith({ '/1.ts': play, '/2.ts': play });
    const a = await read('a', '/1.ts', '/2.ts');
    const b = await read('b', '/1.ts');
    await goesOn(b);
    expect(asked).toEqual(['/1.ts']);
    expect(b.feed).not.toBe(a.feed);
    expect(b.feed.history.current.timeline).toBe(a.feed.history.current.timeline);
    await a.source.moveOn();
    await isOpen('/1.ts', '/2.ts');
    await Promise.all([goesOn(a), goesOn(b)]);
    expect([a.source.index, b.source.index]).toEqual([0, -1]);
  });

  it('share the connection to the URL to which one of them moves', async () => {
    const { read, isOpen, asked, sources } = await workerWith({ '/1.ts': play, '/2.ts': play });
    const a = await read('a', '/1.ts', '/2.ts');
    const b = await read('b', '/2.ts');
    await Promise.all([goesOn(a), goesOn(b)]);
    const { timeline } = a.feed.history.current;
    await a.source.moveOn();
    await isOpen('/2.ts');
    await Promise.all([goesOn(a), goesOn(b)]);
    expect(asked).toEqual(['/1.ts', '/2.ts']);
    expect(a.feed.history.current.timeline).toBe(timeline);
    expect(sources.owned).toEqual([b.feed]);
    // The one that has opened it goes: the other one opens it.
    b.lease.release();
    await pause(50);
    await isOpen('/2.ts');
    await goesOn(a);
    a.lease.release();
    await isOpen();
  });

  it('that move to one URL at the same time open it once', async () => {
    const { read, isOpen, asked } = await workerWith({ '/1.ts': play, '/2.ts': play, '/3.ts': play });
    const a = await read('a', '/1.ts', '/3.ts');
    const b = await read('b', '/2.ts', '/3.ts');
    await Promise.all([goesOn(a), goesOn(b)]);
    await Promise.all([a.source.moveOn(), b.source.moveOn()]);
    await isOpen('/3.ts');
    await Promise.all([goesOn(a), goesOn(b)]);
    expect(asked.filter((path) => path === '/3.ts')).toHaveLength(1);
  });

  it('that change places end with one connection each', async () => {
    const { read, isOpen } = await workerWith({ '/1.ts': play, '/2.ts': play });
    const a = await read('a', '/1.ts', '/2.ts');
    const b = await read('b', '/2.ts', '/1.ts');
    await Promise.all([goesOn(a), goesOn(b)]);
    await Promise.all([a.source.moveOn(), b.source.moveOn()]);
    await pause(500);
    await isOpen('/1.ts', '/2.ts');
    await Promise.all([goesOn(a), goesOn(b)]);
    expect([a, b].map(({ feed }) => feed.address.url.slice(-5))).toEqual(['/2.ts', '/1.ts']);
  });
});
