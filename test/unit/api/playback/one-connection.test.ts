/** An account of one connection, which the provider or the worker counts: players that seek, and that change channels. */
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { PLAYED_MS, streamPictures } from '../../upstream/direct/support.ts';
import { eventually, packets, serve, streamPackets } from '../../upstream/support.ts';
import { startApi } from '../support.ts';

/** Larger than what the sockets between provider and player hold, so that a paused player keeps its connection open. */
const FILM = Buffer.alloc(48_000_000, Buffer.from(Array.from({ length: 251 }, (_, at) => at)));

/** Allows one connection, and notices late that it is closed. */
async function strictProvider(noticesAfterMs: number) {
  const refused: string[] = [];
  let busy = false;
  let most = 0;
  let open = 0;
  const server = await serve((request, response) => {
    const path = request.url ?? '';
    open += 1;
    most = Math.max(most, open);
    response.once('close', () => {
      open -= 1;
    });
    if (busy) {
      refused.push(path);
      response.writeHead(403).end('max connections');
      return;
    }
    busy = true;
    response.once('close', () => {
      setTimeout(() => {
        busy = false;
      }, noticesAfterMs);
    });
    if (path.startsWith('/live')) {
      response.write(packets(20));
      streamPackets(response, 20);
      return;
    }
    const [, from = '0'] = /bytes=(\d+)-/.exec(request.headers.range ?? '') ?? [];
    const part = FILM.subarray(Number(from));
    const range = `bytes ${from}-${FILM.length - 1}/${FILM.length}`;
    response.writeHead(206, { 'content-length': part.length, 'content-range': range, 'accept-ranges': 'bytes' });
    response.end(part);
  });
  return { origin: server.origin, refused, busy: () => busy, most: () => most };
}

/** One player: reads `wanted` bytes of a response and leaves it open. */
async function play(origin: string, path: string, range?: string, wanted = 1_000) {
  const request = httpRequest(`${origin}${path}`, { agent: false, headers: range === undefined ? {} : { range } });
  request.on('error', () => undefined);
  request.end();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  response.on('error', () => undefined);
  const chunks: Buffer[] = [];
  let length = 0;
  while (length < wanted && !response.readableEnded) {
    const chunk: Buffer | null = response.read();
    if (chunk === null) await Promise.race([once(response, 'readable'), once(response, 'end')]);
    else {
      chunks.push(chunk);
      length += chunk.length;
    }
  }
  /** Reads on to the end, be it a proper one or not. */
  const rest = async () => {
    const more: Buffer[] = [];
    response.on('data', (chunk: Buffer) => more.push(chunk));
    await new Promise((done) => response.once('close', done));
    return Buffer.concat(more);
  };
  return { status: response.statusCode, bytes: Buffer.concat(chunks), rest, leave: () => request.destroy() };
}

describe.each([
  ['the provider counts', {}],
  ['the worker counts', { SOURCE_MAX_CONNECTIONS: '1' }],
] as const)('one connection that %s', (_who, env) => {
  it('is enough for a player that reads the index at the end while its first request is open', async () => {
    const provider = await strictProvider(300);
    const api = await startApi(env);
    const origin = await api.app.listen({ port: 0, host: '127.0.0.1' });
    const { body } = await api.post('/streams', { url: `${provider.origin}/movie/u/p/1.mkv` });
    const path = `/stream/${body.stream_id}`;
    const first = await play(origin, path, 'bytes=0-');
    const index = await play(origin, path, `bytes=${FILM.length - 1_000}-`);
    first.leave();
    index.leave();
    const middle = await play(origin, path, 'bytes=2000000-');
    for (const [part, at] of [
      [first, 0],
      [index, FILM.length - 1_000],
      [middle, 2_000_000],
    ] as const) {
      expect(part.status).toBe(206);
      expect(part.bytes.equals(FILM.subarray(at, at + part.bytes.length))).toBe(true);
    }
    expect(provider.most()).toBeLessThanOrEqual(2);
    middle.leave();
  });

  it('is passed on to the next channel when the player opens it before it leaves the last one', async () => {
    const provider = await strictProvider(300);
    const api = await startApi(env);
    const origin = await api.app.listen({ port: 0, host: '127.0.0.1' });
    const [one, two] = await Promise.all(
      ['1', '2'].map(
        async (name) => (await api.post('/streams', { url: `${provider.origin}/live/u/p/${name}.ts` })).body,
      ),
    );
    const first = await play(origin, `/stream/${one?.stream_id}`);
    setTimeout(first.leave, 400);
    const next = await play(origin, `/stream/${two?.stream_id}`);
    expect([first.status, next.status]).toEqual([200, 200]);
    next.leave();
  });
});

describe('a viewer whose source hangs', () => {
  it('gives its connection to others when it goes on at another provider', async () => {
    const hung = await serve((request, response) => {
      const stop = streamPictures(response);
      if (request.url === '/live/u/p/1.ts') setTimeout(stop, PLAYED_MS);
    });
    const backup = await serve((_request, response) => void streamPictures(response));
    const api = await startApi({ SOURCE_MAX_CONNECTIONS: '1', LIVE_CHUNK_TIMEOUT_SECONDS: '2' });
    const origin = await api.app.listen({ port: 0, host: '127.0.0.1' });
    const order = { url: `${hung.origin}/live/u/p/1.ts`, failover_urls: [`${backup.origin}/live/u/p/1.ts`] };
    const [one, two] = await Promise.all(
      [order, { url: `${hung.origin}/live/u/p/2.ts` }].map(async (body) => (await api.post('/streams', body)).body),
    );
    const first = await play(origin, `/stream/${one?.stream_id}`);
    void first.rest();
    const { connections } = api.services;
    await eventually(() => backup.requests.length === 1, 6_000);
    // Both are counted while both are open.
    expect([hung.open(), connections.held]).toEqual([1, { [String(one?.stream_id)]: 2 }]);
    await eventually(() => hung.open() === 0, 6_000);
    const state = (await api.get(`/streams/${one?.stream_id}`)).body.stream;
    expect(state).toMatchObject({ current_failover_index: 0, failover_attempts: 1, client_count: 1 });
    const second = await play(origin, `/stream/${two?.stream_id}`);
    expect(second.status).toBe(200);
    expect(connections.held).toEqual({ [String(one?.stream_id)]: 1, [String(two?.stream_id)]: 1 });
    first.leave();
    second.leave();
    await eventually(() => Object.keys(connections.held).length === 0);
    expect([hung.open(), backup.open()]).toEqual([0, 0]);
  }, 20_000);
});

describe('a viewer that pauses', () => {
  it('leaves its connection to others, and goes on when they have left', async () => {
    const provider = await strictProvider(0);
    const api = await startApi({ SOURCE_MAX_CONNECTIONS: '1', CLIENT_STALL_TIMEOUT: '1' });
    const origin = await api.app.listen({ port: 0, host: '127.0.0.1' });
    const [one, two] = await Promise.all(
      ['1', '2'].map(
        async (name) => (await api.post('/streams', { url: `${provider.origin}/movie/u/p/${name}.mkv` })).body,
      ),
    );
    const first = await play(origin, `/stream/${one?.stream_id}`);
    await eventually(() => !provider.busy(), 5_000);
    const second = await play(origin, `/stream/${two?.stream_id}`, 'bytes=5-');
    expect([second.status, second.bytes.equals(FILM.subarray(5, 5 + second.bytes.length))]).toEqual([206, true]);
    second.leave();
    const rest = await first.rest();
    expect(Buffer.concat([first.bytes, rest]).equals(FILM)).toBe(true);
    expect(provider.refused).toEqual([]);
  });

  it('is cut off when it reads on and others have the connection, and leaves nothing behind', async () => {
    const provider = await strictProvider(0);
    const api = await startApi({ SOURCE_MAX_CONNECTIONS: '1', CLIENT_STALL_TIMEOUT: '1' });
    const origin = await api.app.listen({ port: 0, host: '127.0.0.1' });
    const { body } = await api.post('/streams', { url: `${provider.origin}/movie/u/p/1.mkv` });
    const path = `/stream/${body.stream_id}`;
    const first = await play(origin, path);
    await eventually(() => !provider.busy(), 5_000);
    const live = (await api.post('/streams', { url: `${provider.origin}/live/u/p/2.ts` })).body;
    const other = await play(origin, `/stream/${live.stream_id}`);
    expect(other.status).toBe(200);
    const rest = await first.rest();
    expect(Buffer.concat([first.bytes, rest]).equals(FILM.subarray(0, first.bytes.length + rest.length))).toBe(true);
    expect(first.bytes.length + rest.length).toBeLessThan(FILM.length);
    other.leave();
    await eventually(() => !provider.busy());
    const again = await play(origin, path, 'bytes=9-');
    expect(again.status).toBe(206);
    again.leave();
  }, 15_000);
});

describe('a provider that refuses for good', () => {
  it('is not asked for longer than a closed connection may count', async () => {
    const provider = await serve((_request, response) => response.writeHead(403).end());
    const api = await startApi();
    const { body } = await api.post('/streams', { url: `${provider.origin}/movie/u/p/1.mkv` });
    expect((await api.get(`/stream/${body.stream_id}`)).status).toBe(403);
    expect(provider.requests).toHaveLength(1);
  });
});
