/** How a worker gets a playlist or media of an HLS source from the one that asks the provider, over real HTTP. */

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { pause } from '../../../services/proxy/src/async.ts';
import { SourceError, StreampoolError } from '../../../services/proxy/src/errors.ts';
import type { FetchedFeed } from '../../../services/proxy/src/relay/fetch-answer.ts';
import {
  type FetchAsk,
  type Fetched,
  type FetchedBody,
  fetchFromOwner,
} from '../../../services/proxy/src/relay/fetch-run.ts';
import { RelayServer } from '../../../services/proxy/src/relay/relay-server.ts';
import { RELAY_SILENCE_MS } from '../../../services/proxy/src/timing.ts';
import { createLogger } from '../../../services/shared/log.ts';
import { serve } from '../upstream/support.ts';

const ME = { workerId: 'mé', incarnation: 'mine', address: '127.0.0.1:1', zone: undefined };
const KEY = 'h:abc';

function body(...pieces: (Buffer | Error)[]): FetchedBody & { closed: number } {
  return {
    closed: 0,
    read: async () => {
      const piece = pieces.shift();
      if (piece instanceof Error) throw piece;
      return piece;
    },
    close() {
      this.closed += 1;
    },
  };
}

/** A worker that asks the provider, and how another one asks it. */
async function owner(fetching: FetchedFeed['fetch'] | undefined) {
  const asked: [string, boolean][] = [];
  const server = new RelayServer({
    incarnation: 'theirs',
    secret: () => 's',
    find: async () => undefined,
    findHls: async (key, via) => {
      asked.push([key, via]);
      return fetching && { fetch: fetching };
    },
    prepare: async () => false,
    placeAnswer: () => undefined,
    streamReport: () => ({}),
    log: createLogger('fatal'),
  });
  const port = await server.listen('127.0.0.1', 0);
  onTestFinished(() => server.close());
  const ask = (what: Partial<FetchAsk>, signal = new AbortController().signal, incarnation = 'theirs') => {
    const named = { workerId: 'w', incarnation, address: `127.0.0.1:${port}`, epoch: 3 };
    const request = { kind: 'playlist' as const, url: 'http://tv/1.m3u8', ...what };
    return fetchFromOwner({ feed: KEY, owner: named, via: undefined, me: ME, secret: 's', ask: request, signal });
  };
  return { server, asked, ask };
}

function fetched(answer: Awaited<ReturnType<typeof fetchFromOwner>>): Fetched {
  if (answer.kind !== 'fetched') throw new Error(`lost: ${JSON.stringify(answer)}`);
  return answer;
}

async function bytesOf({ body: from }: Fetched): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for (let chunk = await from.read(); chunk !== undefined; chunk = await from.read()) chunks.push(chunk);
  return Buffer.concat(chunks);
}

it('gets what the provider said and its bytes, however many', async () => {
  const pieces = [Buffer.alloc(3_000_000, 1), Buffer.alloc(5_000_000, 2), Buffer.from('end')];
  const seen: unknown[] = [];
  const sent = body(...pieces);
  const { ask, asked, server } = await owner(async (what, follower) => {
    seen.push(what, follower.workerId);
    return { head: { status: 206, headers: { 'content-range': 'bytes 0-1/2' } }, body: sent };
  });
  const what = { kind: 'media' as const, url: 'http://tv/a b', range: 'bytes=0-1', headers: { Referer: 'é' } };
  const answer = fetched(await ask(what));
  expect(answer.head).toEqual({ status: 206, headers: { 'content-range': 'bytes 0-1/2' } });
  // Nobody reads for a moment: then the other worker waits.
  await pause(50);
  expect((await bytesOf(answer)).equals(Buffer.concat(pieces))).toBe(true);
  expect([seen, asked]).toEqual([[what, 'mé'], [[KEY, false]]]);
  expect([server.sentBytes, sent.closed]).toEqual([8_000_003, 1]);
});

it('fails as the provider has failed, before its answer and in the middle of it', async () => {
  const gone = new SourceError('http_status', 'The source answered 404.', {
    upstreamStatus: 404,
    retryAfterSeconds: 7,
  });
  const { ask } = await owner(async ({ kind }) => {
    if (kind === 'playlist') throw gone;
    return { head: { status: 200 }, body: body(Buffer.from('half'), new SourceError('stalled', 'It is silent.')) };
  });
  const { reason, message, upstreamStatus, retryAfterSeconds } = gone;
  await expect(ask({})).rejects.toMatchObject({ status: 502, reason, message, upstreamStatus, retryAfterSeconds });
  const answer = fetched(await ask({ kind: 'media' }));
  expect(String(await answer.body.read())).toBe('half');
  await expect(answer.body.read()).rejects.toMatchObject({ status: 504, reason: 'stalled', message: 'It is silent.' });
});

it('keeps the status of a refusal that is not the source’s fault', async () => {
  const { ask } = await owner(async () => {
    throw new StreampoolError(503, 'All connections are in use.', { retryAfterSeconds: 5 });
  });
  const error = await ask({}).catch((reason: unknown) => reason);
  expect(error).not.toBeInstanceOf(SourceError);
  expect(error).toMatchObject({ status: 503, retryAfterSeconds: 5 });
});

it('waits as long as the provider takes, while the other worker says that it is there', async () => {
  const { ask } = await owner(async () => {
    await pause(RELAY_SILENCE_MS + 300);
    return { head: { url: 'u', ageMs: 3 }, body: body() };
  });
  expect(fetched(await ask({})).head).toEqual({ url: 'u', ageMs: 3 });
});

it('says how the other worker was lost', async () => {
  const nobody = createServer();
  await new Promise<void>((resolve) => nobody.listen(0, '127.0.0.1', resolve));
  const { port } = nobody.address() as AddressInfo;
  await new Promise((resolve) => nobody.close(resolve));
  const lost = async (address: string) => {
    const gone = { workerId: 'w', incarnation: 'theirs', address, epoch: 3 };
    const { signal } = new AbortController();
    const ask = { kind: 'playlist' as const, url: 'u' };
    return fetchFromOwner({ feed: KEY, owner: gone, via: undefined, me: ME, secret: 's', ask, signal });
  };
  expect(await lost(`127.0.0.1:${port}`)).toMatchObject({ kind: 'lost', why: 'refused' });
  const hangsUp = await serve((_request, response) => response.destroy());
  expect(await lost(`127.0.0.1:${hangsUp.port}`)).toMatchObject({ kind: 'lost', why: 'closed' });
  const { ask } = await owner(undefined);
  expect(await ask({})).toMatchObject({ kind: 'lost', why: 'not_there' });
  expect(await ask({}, undefined, 'before')).toMatchObject({ kind: 'lost', why: 'other_incarnation' });
});

it('breaks off in the middle when the other worker is gone, and closes what nobody reads', async () => {
  const endless: FetchedBody & { closed: number } = {
    closed: 0,
    read: async () => {
      await pause(5);
      return Buffer.alloc(1_000);
    },
    close() {
      this.closed += 1;
    },
  };
  const { ask, server } = await owner(async () => ({ head: { status: 200 }, body: endless }));
  const left = fetched(await ask({ kind: 'media' }));
  await left.body.read();
  left.body.close();
  await expect.poll(() => endless.closed).toBe(1);
  const cut = fetched(await ask({ kind: 'media' }));
  await cut.body.read();
  await server.close();
  await expect(bytesOf(cut)).rejects.toMatchObject({ reason: 'ended' });
});
