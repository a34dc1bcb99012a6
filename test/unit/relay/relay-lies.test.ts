/** Whatever another worker says, in frames, answers or questions: this one goes on, and believes nothing that cannot be. */
import { once } from 'node:events';
import { createServer as createHttpServer, get, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { deferred } from '../../../services/proxy/src/async.ts';
import { SourceError } from '../../../services/proxy/src/errors.ts';
import { Feed } from '../../../services/proxy/src/feed/feed.ts';
import { FeedHistory } from '../../../services/proxy/src/feed/feed-history.ts';
import { peerPlaceOf, streamReportsOf } from '../../../services/proxy/src/relay/peers.ts';
import {
  agreedVersion,
  dataHeader,
  encodeFrame,
  FrameReader,
  RELAY_VERSION,
  type RelayFrame,
} from '../../../services/proxy/src/relay/relay-frames.ts';
import { startRelayRun } from '../../../services/proxy/src/relay/relay-run.ts';
import { RelayServer } from '../../../services/proxy/src/relay/relay-server.ts';
import { relayedError } from '../../../services/proxy/src/relay/relayed-failure.ts';
import type { RelayedFeed } from '../../../services/proxy/src/relay/relayed-feed.ts';
import { newStream } from '../../../services/registry/new-stream.ts';
import { createLogger } from '../../../services/shared/log.ts';
import { TEST_SEED } from '../../support/seed.ts';
import { SPEC } from '../../support/stream-spec.ts';
import { wrongInOnePlace } from '../../support/wrong-values.ts';

const OWNER = { workerId: 'w', incarnation: 'i', address: '127.0.0.1:1', epoch: 3 };
const HELLO: RelayFrame & { type: 'hello' } = {
  type: 'hello',
  hello: { version: 2, incarnation: 'i', lineage: { timeline: 't', epoch: 3, changes: [{ epoch: 3, afterDts: 9 }] } },
};
const FRAMES: Exclude<RelayFrame, { type: 'data' }>[] = [
  HELLO,
  { type: 'clock', clock: { timeline: 's', shift: 900 } },
  {
    type: 'segments',
    segments: {
      anew: true,
      marks: [5, 6].map((n) => ({
        list: 'source' as const,
        n,
        pts: n * 180_000,
        pdtMs: n * 2_000,
        discontinuities: 1,
        discontinuity: n === 5,
      })),
      source: { openInARow: 1, openCounts: false },
    },
  },
  { type: 'ping' },
  { type: 'end', end: { kind: 'moved', owner: OWNER } },
  { type: 'end', end: { kind: 'failed', status: 502, reason: 'dns', message: 'no such host' } },
];
const RUNS = { seed: TEST_SEED, numRuns: 300 };

function frame(type: number, body: Buffer): Buffer {
  const header = Buffer.from([type, 0, 0, 0, 0]);
  header.writeUInt32BE(body.length, 1);
  return Buffer.concat([header, body]);
}

function framesOf(...pieces: Buffer[]): RelayFrame[] {
  const frames: RelayFrame[] = [];
  const reader = new FrameReader();
  for (const piece of pieces) reader.push(piece, (each) => frames.push(each));
  return frames;
}

describe('frames', () => {
  it('of an unknown type are skipped, in whatever pieces they come', () => {
    const bytes = Buffer.concat([
      frame(77, Buffer.alloc(5_000, 1)),
      encodeFrame({ type: 'ping' }),
      frame(200, Buffer.alloc(0)),
    ]);
    const pieces = Array.from({ length: bytes.length }, (_, at) => bytes.subarray(at, at + 1));
    expect(framesOf(...pieces)).toEqual([{ type: 'ping' }]);
  });

  it('agree on the lower version, and on 1 with a worker that says none', () => {
    expect([undefined, '', 'x', '-1', '1', '2', '99'].map(agreedVersion)).toEqual([1, 1, 1, 1, 1, 2, RELAY_VERSION]);
  });

  it('with a field that is wrong are not believed, and the ones behind them are read', () => {
    const types = ['hello', 'data', 'end', 'ping', 'clock', 'whole', 'segments'];
    const lies = fc
      .constantFrom(...FRAMES)
      .chain((each) => wrongInOnePlace(each).map((said) => [each.type, said] as const));
    fc.assert(
      fc.property(lies, ([type, said]) => {
        const wrong = frame(types.indexOf(type), Buffer.from(JSON.stringify(said) ?? ''));
        const frames = framesOf(Buffer.concat([wrong, encodeFrame(HELLO)]));
        expect(frames.at(-1)).toEqual(HELLO);
        for (const each of frames) {
          if (each.type === 'end' && each.end.kind === 'failed')
            expect(relayedError(each.end).status).toBeGreaterThan(399);
          if (each.type === 'end' && each.end.kind === 'moved' && each.end.owner !== undefined)
            expect(URL.canParse(`http://${each.end.owner.address}/feeds/p:a:0`)).toBe(true);
          if (each.type === 'segments') {
            const [first, second] = each.segments.marks.filter(({ list }) => list === 'source');
            for (const mark of each.segments.marks)
              expect(Number.isSafeInteger(mark.n + mark.pts + 2 ** 33)).toBe(true);
            if (first && second) expect([second.n > first.n, second.pts > first.pts]).toEqual([true, true]);
          }
          if (each.type === 'hello')
            expect(each.hello.lineage.changes.every(({ epoch }) => Number.isFinite(epoch))).toBe(true);
        }
      }),
      RUNS,
    );
  });

  it.each([
    ['an end of a kind that does not exist yet', { kind: 'paused' }, { kind: 'moved' }],
    ['a failure without a reason', { kind: 'failed' }, { kind: 'failed', status: 502, reason: 'ffmpeg' }],
  ])('%s is still an end', (_, end, expected) => {
    expect(framesOf(frame(2, Buffer.from(JSON.stringify({ type: 'end', end }))))).toMatchObject([{ end: expected }]);
  });

  it('say why a source failed, also for a reason that is not known here', () => {
    const error = relayedError({ kind: 'failed', status: 502, reason: 'moon', message: 'full' });
    expect(error).toBeInstanceOf(SourceError);
    expect((error as SourceError).reason).toBe('ffmpeg');
  });
});

async function odd(listener: RequestListener) {
  const server = createHttpServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('a relay', () => {
  const me = { workerId: 'büro', incarnation: 'm', address: '127.0.0.1:2', zone: undefined };
  const run = (address: string) =>
    startRelayRun({
      feed: 'p:a:0',
      owner: { ...OWNER, address },
      via: undefined,
      me,
      secret: 's',
      afterTicks: undefined,
      onLineage: () => undefined,
      signal: new AbortController().signal,
    });

  it.each([
    ['bytes that are no frames', Buffer.alloc(64, 0xff)],
    ['media without a hello', Buffer.concat([dataHeader(188, false), Buffer.alloc(188)])],
    [
      'a hello that says nothing',
      Buffer.concat([frame(0, Buffer.from('null')), dataHeader(188, true), Buffer.alloc(188)]),
    ],
  ])('of %s is lost, and nothing else', async (_, bytes) => {
    const address = await odd((_request, response) => {
      response.writeHead(200, { 'x-incarnation': 'i' });
      response.write(bytes);
    });
    const { hello, ended } = run(address);
    expect(await hello).toBeUndefined();
    expect(await ended).toMatchObject({ kind: 'lost', why: 'closed' });
  });

  it('from a worker with another secret is refused, which proves nothing about the owner', async () => {
    const address = await odd((_request, response) => void response.writeHead(403).end());
    expect(await run(address).ended).toMatchObject({ kind: 'lost', why: 'not_there' });
  });

  it('says its version and its name, whatever letters that has', async () => {
    const asked = deferred<unknown>();
    const address = await odd((request, response) => {
      asked.resolve([JSON.parse(String(request.headers['x-worker'])).workerId, request.headers['x-relay-version']]);
      response.writeHead(404, { 'x-incarnation': 'i' }).end();
    });
    expect(await run(address).ended).toMatchObject({ why: 'not_there' });
    expect(await asked.promise).toEqual(['büro', String(RELAY_VERSION)]);
  });
});

async function relayPort(find: () => Promise<RelayedFeed | undefined>) {
  const server = new RelayServer({
    incarnation: 'now',
    secret: () => 'secret',
    find,
    prepare: async () => {
      throw new Error('no');
    },
    placeAnswer: () => {
      throw new Error('a fault here');
    },
    streamReport: () => ({}),
    log: createLogger('fatal'),
  });
  const port = await server.listen('127.0.0.1', 0);
  onTestFinished(() => server.close());
  const ask = (path: string, headers: Record<string, string> = {}) =>
    get({ port, path, agent: false, headers: { authorization: 'Bearer secret', ...headers } });
  return { server, ask };
}

describe('the relay port', () => {
  const status = async (call: ReturnType<typeof get>): Promise<number> => {
    const [response] = await once(call, 'response');
    response.resume();
    return response.statusCode;
  };

  it.each([
    ['//', {}, 404],
    ['//host:port:port/', {}, 404],
    ['http://[', {}, 404],
    ['x:y', {}, 400],
    ['/feeds/p:a:0', {}, 400],
    ['/feeds/p:a:0', { 'x-worker': '{"workerId":1}' }, 400],
    ['/feeds/p:a:0', { 'x-worker': '{"workerId":"a","incarnation":"b","address":"no port"}' }, 400],
    ['/places/p:a:0', {}, 500],
    ['/feeds/p:a:0/prepare', {}, 409],
  ])('answers %s %j with %i and goes on', async (path, headers, expected) => {
    const { ask } = await relayPort(async () => undefined);
    expect(await status(ask(path, headers))).toBe(expected);
    expect(await status(ask('/ping'))).toBe(200);
  });

  it('lets go of a feed whose follower hung up while it was looked for', async () => {
    const found = deferred<RelayedFeed>();
    const looking = deferred<void>();
    const { server, ask } = await relayPort(() => {
      looking.resolve();
      return found.promise;
    });
    const call = ask('/feeds/p:a:0', { 'x-worker': JSON.stringify(OWNER) });
    call.on('error', () => undefined);
    await looking.promise;
    call.destroy();
    const released = deferred<void>();
    await new Promise((resolve) => setTimeout(resolve, 50));
    found.resolve({
      feed: new Feed({ retainMs: 1_000, joinBufferMs: 0, maxBytes: 1_000_000 }),
      place: {
        onLeave: () => () => undefined,
        onOwner: () => () => undefined,
        goesOnAt: undefined,
        placeAnswer: undefined,
      },
      marks: () => ({ source: undefined, own: undefined }),
      history: new FeedHistory(),
      sourceClock: () => undefined,
      release: released.resolve,
    });
    await released.promise;
    expect(server.connections).toBe(0);
  });
});

describe('answers of other workers', () => {
  it('with a field that is wrong are no answers', async () => {
    let body = '';
    const address = await odd((_, response) => void response.writeHead(200, { 'x-incarnation': 'i' }).end(body));
    const peers = [{ workerId: 'w', incarnation: 'i', address }];
    const stream = newStream(SPEC, 5);
    const place = { owner: OWNER, relayed: false };
    await fc.assert(
      fc.asyncProperty(wrongInOnePlace({ stream }), wrongInOnePlace(place), async (streamReport, placeAnswer) => {
        body = JSON.stringify(streamReport) ?? '';
        for (const told of await streamReportsOf(SPEC.id, peers, 's', 1_000)) {
          expect(typeof (told.stream ?? stream).failover.currentUrl).toBe('string');
        }
        body = JSON.stringify(placeAnswer) ?? '';
        const offered = await peerPlaceOf('p:a:0', peers, 's', 1_000);
        if (offered !== undefined) expect(URL.canParse(`http://${offered.owner.address}/`)).toBe(true);
      }),
      { ...RUNS, numRuns: 100 },
    );
  });
});
