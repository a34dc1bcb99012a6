import { createHash, randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { eventually, packetNumbers, packets, serve, streamPackets, type TestServer } from '../support.ts';
import { nullPackets, PLAYED_MS, proxy, SETTINGS, streamPictures, watch } from './support.ts';

/** A file server with ranges, an ETag, and a plan for where each transfer breaks off. */
async function fileServer(file: Buffer, cuts: number[] = [], more: { etag?: () => string; ranges?: boolean } = {}) {
  return serve((request, response) => {
    const etag = more.etag?.() ?? '"v1"';
    const [, from, to] = /^bytes=(\d*)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
    const isRange = more.ranges !== false && from !== undefined && (request.headers['if-range'] ?? etag) === etag;
    const suffix = from === '' ? file.length - Number(to) : undefined;
    const start = isRange ? (suffix ?? Number(from)) : 0;
    const end = isRange && to !== '' && suffix === undefined ? Math.min(Number(to), file.length - 1) : file.length - 1;
    if (isRange && start >= file.length) {
      response.writeHead(416, { 'content-range': `bytes */${file.length}` }).end();
      return;
    }
    const headers = { etag, 'accept-ranges': 'bytes', 'content-type': 'video/mp4', 'content-length': end - start + 1 };
    if (isRange) response.writeHead(206, { ...headers, 'content-range': `bytes ${start}-${end}/${file.length}` });
    else response.writeHead(200, headers);
    const cut = request.method === 'GET' ? cuts.shift() : undefined;
    if (request.method === 'HEAD') response.end();
    else if (cut === undefined) response.end(file.subarray(start, end + 1));
    else response.write(file.subarray(start, start + cut), () => setTimeout(() => response.destroy(), 20));
  });
}

const sha = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

describe('live', () => {
  it('streams whole packets with live headers and without Range, and closes the source when the viewer leaves', async () => {
    const server = await serve((_request, response) => {
      response.write(packets(2).subarray(100));
      streamPackets(response, 2);
    });
    // Only the viewer's leaving closes the source.
    const worker = await proxy(`${server.origin}/live/u/p/1.ts`, { settings: { liveChunkTimeoutMs: 60_000 } });
    const viewer = await watch(worker.origin, { range: 'bytes=0-' });
    expect(viewer.status).toBe(200);
    expect(viewer.headers).toMatchObject({
      'content-type': 'video/mp2t',
      'accept-ranges': 'none',
      'cache-control': 'no-cache, no-store, must-revalidate',
      'access-control-allow-origin': '*',
    });
    expect(viewer.headers).not.toHaveProperty('content-length');
    await eventually(() => viewer.body().length > 188 * 50);
    expect(server.requests[0]?.headers).toMatchObject({ 'x-stream': '1', 'user-agent': 'Tester/1' });
    expect(server.requests[0]?.headers).not.toHaveProperty('range');
    expect(packetNumbers(viewer.body())[0]).toBe(1);
    viewer.response.destroy();
    await eventually(() => server.open() === 0);
    await eventually(() => worker.results.length === 1);
    expect(worker.results[0]).toMatchObject({ outcome: 'client_left' });
    expect(server.requests).toHaveLength(1);
  });

  it.each([
    ['404', 502, (response: ServerResponse) => response.writeHead(404).end()],
    ['500', 502, (response: ServerResponse) => response.writeHead(500).end()],
    ['an empty body', 502, (response: ServerResponse) => response.end()],
    ['a web page', 502, (response: ServerResponse) => response.end('<html>expired</html>')],
    ['silence', 504, () => undefined],
    ['headers and silence', 504, (response: ServerResponse) => response.flushHeaders()],
    [
      'a redirect to metadata',
      502,
      (response: ServerResponse) => response.writeHead(302, { location: 'http://169.254.170.2/' }).end(),
    ],
    ['a playlist', 502, (response: ServerResponse) => response.end('#EXTM3U\n#EXT-X-VERSION:3\n')],
  ])('answers %s with %i, never with 200 and nothing', async (_what, status, answer) => {
    const server = await serve((_request, response) => void answer(response));
    const worker = await proxy(`${server.origin}/live/joe/hunter22/1.ts`, { settings: { retryAttempts: 1 } });
    const viewer = await watch(worker.origin);
    await viewer.over;
    expect(viewer.status).toBe(status);
    expect(viewer.body().toString()).toMatch(/detail/);
    expect(viewer.body().toString()).not.toContain('hunter22');
    await eventually(() => server.open() === 0);
  });

  it('answers 502 when nobody listens, after the tries that the setting allows', async () => {
    const server = await serve((_request, response) => response.writeHead(503).end());
    const worker = await proxy(`${server.origin}/1.ts`);
    expect((await watch(worker.origin)).status).toBe(502);
    expect(server.requests).toHaveLength(3);
    server.server.close();
    expect((await watch(worker.origin)).status).toBe(502);
  });

  it('fails over at the start, at once where trying again is no use', async () => {
    const dead = await serve((_request, response) => response.writeHead(403).end());
    const alive = await serve((_request, response) => void streamPackets(response));
    const worker = await proxy(`${dead.origin}/1.ts`, { failoverUrls: [`${alive.origin}/1.ts`] });
    const viewer = await watch(worker.origin);
    expect(viewer.status).toBe(200);
    expect(dead.requests).toHaveLength(1);
    expect(worker.failovers).toMatchObject([{ index: 0, reason: 'stream_error_http_status_after_retries' }]);
    expect(worker.source.state.attempts).toBe(1);
    viewer.response.destroy();
  });

  it('goes on at a packet boundary when the source breaks off or falls silent, on the same response', async () => {
    let connection = 0;
    const server = await serve((_request, response) => {
      connection += 1;
      const from = connection * 1000;
      response.write(packets(40, from));
      if (connection === 1)
        setTimeout(
          () => response.write(packets(1, 9999).subarray(0, 77), () => setTimeout(() => response.destroy(), 20)),
          20,
        );
      if (connection === 3) streamPackets(response, from + 40);
    });
    const worker = await proxy(`${server.origin}/1.ts`);
    const viewer = await watch(worker.origin);
    await eventually(() => viewer.body().length > 188 * 200, 4000);
    const numbers = packetNumbers(viewer.body());
    expect(numbers.slice(0, 121)).toEqual(
      [1000, 2000, 3000].flatMap((from) => Array.from({ length: 40 }, (_, i) => from + i)).concat(3040),
    );
    expect(connection).toBe(3);
    expect(server.open()).toBe(1);
    viewer.response.destroy();
  });

  it('fails over in the middle when the source does not come back, and cuts the viewer off when none is left', async () => {
    let answers = 0;
    const first = await serve((_request, response) => {
      answers += 1;
      if (answers > 1) response.writeHead(500).end();
      else response.write(packets(40), () => setTimeout(() => response.destroy(), 20));
    });
    let again = 0;
    const second = await serve((_request, response) => {
      again += 1;
      if (again > 1) response.writeHead(404).end();
      else response.write(packets(40, 500), () => setTimeout(() => response.destroy(), 20));
    });
    const worker = await proxy(`${first.origin}/1.ts`, { failoverUrls: [`${second.origin}/1.ts`] });
    const viewer = await watch(worker.origin);
    expect(await viewer.over).toBe(false);
    expect(packetNumbers(viewer.body()).slice(38, 42)).toEqual([38, 39, 500, 501]);
    await eventually(() => worker.results.length > 0);
    expect(worker.results).toMatchObject([{ outcome: 'failed', bytes: 188 * 80, error: { upstreamStatus: 404 } }]);
    expect(worker.failovers).toHaveLength(1);
  });

  describe('that has played', () => {
    it.each([
      ['sends nothing more', () => undefined],
      [
        'sends only null packets',
        (response: ServerResponse) => {
          const timer = setInterval(() => response.write(nullPackets(20)), 20);
          response.once('close', () => clearInterval(timer));
        },
      ],
    ] as const)(
      'and %s, on a new connection too: it is opened again once at the most, and the next source plays',
      async (_what, then) => {
        let connections = 0;
        const hung = await serve((_request, response) => {
          connections += 1;
          if (connections > 1) {
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
        const backup = await serve((_request, response) => void streamPictures(response));
        const worker = await proxy(`${hung.origin}/1.ts`, {
          failoverUrls: [`${backup.origin}/1.ts`],
          // No retry that waits is among those that are made.
          settings: { retryDelayMs: 60_000 },
        });
        const viewer = await watch(worker.origin);
        await eventually(() => worker.failovers.length === 1, 5_000);
        const before = viewer.body().length;
        await eventually(() => viewer.body().length > before + 10_000);
        expect(connections).toBeLessThanOrEqual(2);
        expect(backup.requests).toHaveLength(1);
        expect(worker.failovers).toMatchObject([{ reason: 'chunk_timeout_after_retries' }]);
        expect(worker.results).toEqual([]);
        await eventually(() => hung.open() === 0);
        viewer.response.destroy();
      },
    );

    it('and breaks off is opened again at once', async () => {
      let connections = 0;
      const server = await serve((_request, response) => {
        connections += 1;
        streamPictures(response);
        if (connections === 1) setTimeout(() => response.destroy(), PLAYED_MS);
      });
      const worker = await proxy(`${server.origin}/1.ts`, { settings: { retryDelayMs: 60_000 } });
      const viewer = await watch(worker.origin);
      await eventually(() => connections === 2, 5_000);
      viewer.response.destroy();
    });

    it('and is away for longer than STREAM_RETRY_ATTEMPTS last is waited for until STREAM_TOTAL_TIMEOUT', async () => {
      let connections = 0;
      const server = await serve((_request, response) => {
        connections += 1;
        if (connections > 1 && connections < 10) response.writeHead(503).end();
        else streamPictures(response);
        if (connections === 1) setTimeout(() => response.destroy(), PLAYED_MS);
      });
      const worker = await proxy(`${server.origin}/1.ts`);
      const viewer = await watch(worker.origin);
      await eventually(() => connections === 10, 5_000);
      const before = viewer.body().length;
      await eventually(() => viewer.body().length > before + 10_000);
      viewer.response.destroy();
    });
  });

  it('moves with the stream when somebody else moves it, a silent source too', async () => {
    const silent = await serve((_request, response) => void response.write(packets(40)));
    const second = await serve((_request, response) => void streamPackets(response, 700));
    const worker = await proxy(`${silent.origin}/1.ts`, {
      failoverUrls: [`${second.origin}/1.ts`],
      settings: { liveChunkTimeoutMs: 60_000 },
    });
    const viewer = await watch(worker.origin);
    await eventually(() => viewer.body().length === 188 * 40);
    await worker.source.advance(-1, { reason: 'manual' });
    await eventually(() => viewer.body().length > 188 * 50);
    expect(packetNumbers(viewer.body())[40]).toBe(700);
    expect(silent.open()).toBe(0);
    viewer.response.destroy();
  });

  it('fails over from a source that sends too little', async () => {
    const trickle = await serve((_request, response) => {
      response.write(packets(40));
      const timer = setInterval(() => response.write(packets(1)), 20);
      response.once('close', () => clearInterval(timer));
    });
    const second = await serve((_request, response) => void streamPackets(response, 700, 20));
    const worker = await proxy(`${trickle.origin}/1.ts`, {
      failoverUrls: [`${second.origin}/1.ts`],
      settings: { bitrateMonitoring: true },
    });
    const viewer = await watch(worker.origin);
    await eventually(() => worker.failovers.length === 1, 3000);
    await sleep(600);
    expect(worker.failovers).toMatchObject([{ reason: 'low_bitrate' }]);
    expect(worker.source.index).toBe(0);
    viewer.response.destroy();
  });

  it('holds the source back while the viewer pauses, and is not taken for a stall', async () => {
    let written = 0;
    let heldSinceMs = Number.POSITIVE_INFINITY;
    const moved = (): void => {
      heldSinceMs = performance.now();
    };
    const sources: ServerResponse[] = [];
    const server = await serve((_request, response) => {
      sources.push(response);
      const more = (): void => {
        moved();
        while (!response.destroyed) {
          const ok = response.write(packets(100, written / 188));
          written += 18_800;
          if (!ok) break;
        }
      };
      response.on('drain', more);
      more();
    });
    const worker = await proxy(`${server.origin}/1.ts`);
    const viewer = await watch(worker.origin);
    await eventually(() => viewer.body().length > 1_000_000);
    const [reply] = worker.replies;
    const [source] = sources;
    reply?.on('drain', moved);
    viewer.response.pause();
    // When the kernels are full, however long that takes, nothing moves for longer than a live source may be silent. A machine
    // that stands still moves nothing either.
    const isFull = () => source?.writableNeedDrain === true && reply?.writableNeedDrain === true;
    await eventually(() => isFull() && performance.now() - heldSinceMs > 2 * SETTINGS.liveChunkTimeoutMs, 10_000);
    expect(reply?.writableLength).toBeLessThan(1_000_000);
    expect(worker.results).toEqual([]);
    const held = written;
    viewer.response.resume();
    await eventually(() => viewer.chunks.reduce((bytes, { length }) => bytes + length, 0) > held + 1_000_000, 5000);
    expect(server.requests).toHaveLength(1);
    const numbers = packetNumbers(viewer.body());
    expect(numbers.findIndex((number, index) => number !== index)).toBe(-1);
    viewer.response.destroy();
    await eventually(() => server.open() === 0);
  });

  it('drops a viewer that takes nothing for good', async () => {
    const server = await serve((_request, response) => void streamPackets(response, 0, 500));
    const worker = await proxy(`${server.origin}/1.ts`, { settings: { clientStallTimeoutMs: 300 } });
    const viewer = await watch(worker.origin);
    viewer.response.pause();
    await eventually(() => worker.results.length === 1, 6000);
    expect(worker.results[0]?.outcome).toBe('client_left');
    await eventually(() => server.open() === 0);
    viewer.response.destroy();
  });

  it('ends on the signal', async () => {
    const server = await serve((_request, response) => void streamPackets(response));
    const abort = new AbortController();
    const worker = await proxy(`${server.origin}/1.ts`, { signal: abort.signal });
    const viewer = await watch(worker.origin);
    await eventually(() => viewer.body().length > 0);
    abort.abort();
    expect(await viewer.over).toBe(false);
    await eventually(() => server.open() === 0);
    await eventually(() => worker.results.length > 0);
    expect(worker.results).toMatchObject([{ outcome: 'stopped' }]);
  });

  it('does not play a file without a length for ever', async () => {
    const server = await serve((_request, response) => {
      response.write(packets(50));
      setTimeout(() => response.end(), 20);
    });
    const worker = await proxy(`${server.origin}/recording.ts`);
    const viewer = await watch(worker.origin);
    expect(await viewer.over).toBe(true);
    expect(server.requests).toHaveLength(2);
  });

  it("comes from where a redirect's cookie is asked for, for every viewer of the source", async () => {
    const server = await serve((request, response) => {
      if (request.url === '/live/1.ts') {
        response.writeHead(302, { location: '/edge/1.ts', 'set-cookie': 'pass=t0k; Path=/; HttpOnly' }).end();
      } else if (request.headers.cookie === 'pass=t0k') streamPackets(response);
      else response.writeHead(403).end();
    });
    const worker = await proxy(`${server.origin}/live/1.ts`);
    for (const viewer of [await watch(worker.origin), await watch(worker.origin)]) {
      expect(viewer.status).toBe(200);
      await eventually(() => viewer.body().length > 1_000);
      viewer.response.destroy();
    }
  });

  it.each(['9223372036854775807', '2147483647', '1000000001'])(
    'takes a transport stream with a made-up length of %s for live',
    async (length) => {
      const server = await serve((_request, response) => {
        response.setHeader('content-length', length);
        streamPackets(response);
      });
      const worker = await proxy(`${server.origin}/live/u/p/1.ts`);
      const viewer = await watch(worker.origin, { range: 'bytes=0-' });
      expect([viewer.status, viewer.headers['content-length']]).toEqual([200, undefined]);
      viewer.response.destroy();
    },
  );

  it('answers HEAD without asking the provider', async () => {
    const server = await serve((_request, response) => response.end());
    const worker = await proxy(`${server.origin}/live/u/p/1.ts`);
    const viewer = await watch(worker.origin, {}, 'HEAD');
    expect([viewer.status, viewer.headers['content-type'], viewer.headers['accept-ranges']]).toEqual([
      200,
      'video/mp2t',
      // It is not known: the URL may be that of a recording.
      undefined,
    ]);
    expect(server.requests).toHaveLength(0);
  });
});

describe('files', () => {
  const file = randomBytes(3_000_000);
  file[0] = 0;

  it('passes a whole file and its headers on', async () => {
    const server = await fileServer(file);
    const worker = await proxy(`${server.origin}/movie/u/p/1.mkv`);
    const viewer = await watch(worker.origin);
    expect(await viewer.over).toBe(true);
    expect(sha(viewer.body())).toBe(sha(file));
    expect(viewer.headers).toMatchObject({
      'content-length': '3000000',
      etag: '"v1"',
      'accept-ranges': 'bytes',
      'content-type': 'video/mp4',
    });
    await eventually(() => worker.results.length > 0);
    expect(worker.results).toMatchObject([{ outcome: 'ended', bytes: 3_000_000 }]);
  });

  it.each([
    ['bytes=1000-1999', 1000, 2000],
    ['bytes=2999000-', 2_999_000, 3_000_000],
    ['bytes=-10', 2_999_990, 3_000_000],
  ])('passes %s on', async (range, start, end) => {
    const server = await fileServer(file);
    const worker = await proxy(`${server.origin}/1.mp4`);
    const viewer = await watch(worker.origin, { range });
    await viewer.over;
    expect(viewer.status).toBe(206);
    expect(viewer.headers['content-range']).toBe(`bytes ${start}-${end - 1}/3000000`);
    expect(sha(viewer.body())).toBe(sha(file.subarray(start, end)));
  });

  it('ignores what is no single range, as HTTP allows', async () => {
    const server = await fileServer(file);
    const worker = await proxy(`${server.origin}/1.mp4`);
    const viewer = await watch(worker.origin, { range: 'bytes=0-1,5-6' });
    await viewer.over;
    expect([viewer.status, viewer.body().length]).toEqual([200, file.length]);
  });

  it('honours a range of a URL that only turns out to be a file', async () => {
    const recording = packets(2000);
    const server = await fileServer(recording);
    const worker = await proxy(`${server.origin}/timeshift/u/p/60/x/1.ts`);
    const viewer = await watch(worker.origin, { range: 'bytes=188000-' });
    await viewer.over;
    expect(viewer.status).toBe(206);
    expect(packetNumbers(viewer.body())[0]).toBe(1000);
    const whole = await watch(worker.origin, { range: 'bytes=0-' });
    await whole.over;
    expect(sha(whole.body())).toBe(sha(recording));
    expect(server.requests).toHaveLength(3);
  });

  it('resumes broken transfers at the right byte', async () => {
    const server = await fileServer(file, [700_000, 1, 900_000]);
    const worker = await proxy(`${server.origin}/1.mp4`);
    const viewer = await watch(worker.origin);
    expect(await viewer.over).toBe(true);
    expect(sha(viewer.body())).toBe(sha(file));
    expect(server.requests.map(({ headers }) => headers.range)).toEqual([
      undefined,
      'bytes=700000-2999999',
      'bytes=700001-2999999',
      'bytes=1600001-2999999',
    ]);
    expect(server.requests.at(-1)?.headers['if-range']).toBe('"v1"');
  });

  it('resumes within a range, and after a stall', async () => {
    let stall = true;
    const server = await serve((request, response) => {
      const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
      const [start, end] = [Number(from), Number(to)];
      response.writeHead(206, {
        'content-range': `bytes ${start}-${end}/${file.length}`,
        'content-length': end - start + 1,
      });
      if (stall) response.write(file.subarray(start, start + 100_000));
      else response.end(file.subarray(start, end + 1));
      stall = false;
    });
    const worker = await proxy(`${server.origin}/1.mp4`);
    const viewer = await watch(worker.origin, { range: 'bytes=500000-999999' });
    expect(await viewer.over).toBe(true);
    expect(sha(viewer.body())).toBe(sha(file.subarray(500_000, 1_000_000)));
    expect(server.requests.at(-1)?.headers.range).toBe('bytes=600000-999999');
    await eventually(() => server.open() === 0);
  });

  it.each([
    ['the file has changed', { etag: () => `"${Math.random()}"` }],
    ['the server knows no ranges', { ranges: false }],
  ])('cuts the viewer off rather than mix bytes: %s', async (_why, more) => {
    const server = await fileServer(file, [700_000], more);
    const worker = await proxy(`${server.origin}/1.mp4`, { failoverUrls: [`${server.origin}/2.mp4`] });
    const viewer = await watch(worker.origin);
    expect(await viewer.over).toBe(false);
    expect(viewer.body().length).toBeLessThanOrEqual(700_000);
    expect(sha(viewer.body())).toBe(sha(file.subarray(0, viewer.body().length)));
    await eventually(() => worker.results.length > 0);
    expect(worker.results).toMatchObject([{ outcome: 'failed' }]);
    expect(worker.failovers).toHaveLength(0);
    await eventually(() => server.open() === 0);
  });

  it('gives up after the tries that the setting allows', async () => {
    const server = await fileServer(file, [700_000]);
    const worker = await proxy(`${server.origin}/1.mp4`, { settings: { retryAttempts: 0 } });
    const viewer = await watch(worker.origin);
    expect(await viewer.over).toBe(false);
    expect(server.requests).toHaveLength(1);
  });

  it.each([401, 403, 404])('passes %i on, after the failover URLs', async (status) => {
    const server = await serve((_request, response) => response.writeHead(status).end('gone'));
    const worker = await proxy(`${server.origin}/1.mp4`, { failoverUrls: [`${server.origin}/2.mp4`] });
    for (const method of ['GET', 'HEAD']) expect((await watch(worker.origin, {}, method)).status).toBe(status);
    expect(server.requests[1]?.url).toBe('/2.mp4');
  });

  it('passes 416 on with the size, without trying again', async () => {
    const server = await fileServer(file);
    const worker = await proxy(`${server.origin}/1.mp4`, { failoverUrls: [`${server.origin}/2.mp4`] });
    const viewer = await watch(worker.origin, { range: 'bytes=9000000-' });
    expect([viewer.status, viewer.headers['content-range']]).toEqual([416, 'bytes */3000000']);
    expect(server.requests).toHaveLength(1);
  });

  it('refuses a web page in place of a file', async () => {
    const page = '<html><body>Account expired</body></html>';
    const server = await serve((_request, response) => response.setHeader('content-length', page.length).end(page));
    const worker = await proxy(`${server.origin}/1.mp4`);
    const viewer = await watch(worker.origin);
    await viewer.over;
    expect(viewer.status).toBe(502);
    expect(viewer.body().toString()).toContain('Account expired');
  });

  it('answers HEAD as the provider does, with and without Range', async () => {
    const server = await fileServer(file);
    const worker = await proxy(`${server.origin}/1.mp4`);
    const whole = await watch(worker.origin, {}, 'HEAD');
    expect([whole.status, whole.headers['content-length'], whole.headers['accept-ranges']]).toEqual([
      200,
      '3000000',
      'bytes',
    ]);
    const part = await watch(worker.origin, { range: 'bytes=0-99' }, 'HEAD');
    expect([part.status, part.headers['content-length'], part.headers['content-range']]).toEqual([
      206,
      '100',
      'bytes 0-99/3000000',
    ]);
    expect(server.requests.map(({ method }) => method)).toEqual(['HEAD', 'HEAD']);
    await eventually(() => server.open() === 0);
  });

  it('finds out with one byte what a server does not say to HEAD', async () => {
    const server = await serve((request, response) => {
      if (request.method === 'HEAD') response.writeHead(405).end();
      else response.writeHead(206, { 'content-range': 'bytes 0-0/3000000', 'content-length': 1 }).end('x');
    });
    const worker = await proxy(`${server.origin}/1.mp4`);
    const viewer = await watch(worker.origin, {}, 'HEAD');
    expect([viewer.status, viewer.headers['content-length'], viewer.headers['content-range']]).toEqual([
      200,
      '3000000',
      undefined,
    ]);
    expect(server.requests.at(-1)?.headers.range).toBe('bytes=0-0');
  });

  it('writes the beginning of the last bytes out for a server that refuses them', async () => {
    const server = await serve((request, response) => {
      const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? -1);
      if (from < 0) response.writeHead(416, { 'content-range': `bytes */${file.length}` }).end();
      else {
        const range = `bytes ${from}-${file.length - 1}/${file.length}`;
        response
          .writeHead(206, { 'content-range': range, 'content-length': file.length - from })
          .end(file.subarray(from));
      }
    });
    const worker = await proxy(`${server.origin}/1.mp4`);
    const viewer = await watch(worker.origin, { range: 'bytes=-10' });
    expect(await viewer.over).toBe(true);
    expect([viewer.status, viewer.headers['content-range']]).toEqual([206, 'bytes 2999990-2999999/3000000']);
    expect(viewer.body()).toEqual(file.subarray(-10));
  });

  it.each([
    ['no length', { 'content-type': 'video/x-matroska' }],
    ['an empty body', { 'content-length': '0' }],
    ['a page', { 'content-type': 'text/html', 'content-length': '310' }],
    ['that there are no ranges', { 'content-length': '3000000', 'accept-ranges': 'none' }],
  ])('believes GET where HEAD is answered with %s', async (_name, said) => {
    const server = await serve((request, response) => {
      if (request.method === 'HEAD') response.writeHead(200, said).end();
      else response.writeHead(206, { 'content-range': 'bytes 0-0/3000000', 'content-length': 1 }).end('x');
    });
    const worker = await proxy(`${server.origin}/1.mkv`);
    const { status, headers } = await watch(worker.origin, {}, 'HEAD');
    expect([status, headers['content-length'], headers['accept-ranges']]).toEqual([200, '3000000', 'bytes']);
    expect(headers['content-type']).toBe('video/x-matroska');
  });

  it.each([
    ['HEAD', 'bytes=100-', 'none'],
    ['GET', 'bytes=100-', 'none'],
    ['GET', 'bytes=0-', undefined],
    ['GET', undefined, undefined],
  ])('tells %s with Range %s of ranges what the provider has shown', async (method, range, expected) => {
    const server = await serve((_request, response) => response.setHeader('content-length', file.length).end(file));
    const worker = await proxy(`${server.origin}/1.mp4`);
    const viewer = await watch(worker.origin, range === undefined ? {} : { range }, method as 'GET' | 'HEAD');
    await viewer.over;
    expect([viewer.status, viewer.headers['content-length'], viewer.headers['accept-ranges']]).toEqual([
      200,
      '3000000',
      expected,
    ]);
  });

  describe('whose viewer takes nothing', () => {
    /** More than the sockets between provider and viewer hold. */
    const big = Buffer.alloc(30_000_000, Buffer.from(Array.from({ length: 251 }, (_, at) => at)));
    const settings = { clientStallTimeoutMs: 200 };

    /** Opens a file, reads nothing of it, and waits until the provider has no connection any more. */
    async function paused(origin: string, server: TestServer, headers: Record<string, string> = {}) {
      const viewer = await watch(origin, headers);
      viewer.response.pause();
      await eventually(() => server.requests.length > 0 && server.open() === 0, 5000);
      return viewer;
    }

    it.each([
      ['all of it', {}, 0, 30_000_000],
      ['its own range', { range: 'bytes=1000000-28999999' }, 1_000_000, 29_000_000],
    ])('hold no connection, and give the viewer %s when it reads on', async (_what, headers, from, to) => {
      const server = await fileServer(big);
      const worker = await proxy(`${server.origin}/1.mp4`, { settings });
      const viewer = await paused(worker.origin, server, headers);
      viewer.response.resume();
      expect(await viewer.over).toBe(true);
      expect(sha(viewer.body())).toBe(sha(big.subarray(from, to)));
      expect(server.requests).toHaveLength(2);
      expect(server.requests[1]?.headers).toMatchObject({
        range: expect.stringMatching(`^bytes=\\d+-${to - 1}$`),
        'if-range': '"v1"',
      });
      expect(worker.warnings).toEqual([]);
    });

    it('pause as often as they like', async () => {
      const server = await fileServer(big);
      const worker = await proxy(`${server.origin}/1.mp4`, { settings });
      const viewer = await paused(worker.origin, server);
      for (let times = 2; times <= 3; times++) {
        const before = viewer.body().length;
        viewer.response.resume();
        await eventually(() => viewer.body().length > before + 5_000_000 && server.requests.length === times, 5000);
        viewer.response.pause();
        await eventually(() => server.open() === 0, 5000);
      }
      viewer.response.resume();
      expect(await viewer.over).toBe(true);
      expect(sha(viewer.body())).toBe(sha(big));
    });

    it('hold none for 20 viewers that never read, and nothing once they have left', async () => {
      const server = await fileServer(big);
      const worker = await proxy(`${server.origin}/1.mp4`, { settings });
      const idle = async () => {
        const { response } = await watch(worker.origin);
        return response.pause();
      };
      const viewers = await Promise.all(Array.from({ length: 20 }, idle));
      await eventually(() => server.requests.length === 20 && server.open() === 0, 10_000);
      expect(worker.results).toEqual([]);
      for (const viewer of viewers) viewer.destroy();
      await eventually(() => worker.results.length === 20, 5000);
      expect(new Set(worker.results.map(({ outcome }) => outcome))).toEqual(new Set(['client_left']));
      expect(server.requests).toHaveLength(20);
    });

    it('end at their end where no length was told', async () => {
      const server = await serve((request, response) => {
        const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
        if (from >= big.length) return response.writeHead(416, { 'content-range': `bytes */${big.length}` }).end();
        const range = { 'content-range': `bytes ${from}-${big.length - 1}/*` };
        response.writeHead(from > 0 ? 206 : 200, { etag: '"v1"', ...(from > 0 ? range : {}) });
        return response.end(big.subarray(from));
      });
      const worker = await proxy(`${server.origin}/1.mp4`, { settings });
      const viewer = await paused(worker.origin, server);
      viewer.response.resume();
      expect(await viewer.over).toBe(true);
      expect(sha(viewer.body())).toBe(sha(big));
    });

    /** A provider that gives all at first, and then what `later` says. */
    async function changing(later: (request: IncomingMessage, response: ServerResponse, asked: number) => void) {
      const server = await serve((request, response) => {
        const asked = server.requests.length - 1;
        if (asked > 0) return later(request, response, asked);
        response.writeHead(200, { etag: '"v1"', 'content-length': big.length }).end(big);
      });
      return server;
    }

    it.each([429, 500, 503, 458])('ask again after %i', async (status) => {
      const server = await changing((request, response, asked) => {
        if (asked === 1) return response.writeHead(status).end('later');
        const from = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1]);
        const range = `bytes ${from}-${big.length - 1}/${big.length}`;
        response.writeHead(206, { etag: '"v1"', 'content-range': range }).end(big.subarray(from));
      });
      const worker = await proxy(`${server.origin}/1.mp4`, { settings });
      const viewer = await paused(worker.origin, server);
      viewer.response.resume();
      expect(await viewer.over).toBe(true);
      expect(sha(viewer.body())).toBe(sha(big));
      expect(server.requests).toHaveLength(3);
    });

    it.each<[string, number, { etag?: string; size?: string }, number, string]>([
      ['is refused', 403, {}, 1, 'answered 403'],
      ['is refused for long', 429, {}, 3, 'answered 429'],
      ['has gone', 404, {}, 1, 'answered 404'],
      ['comes without ranges', 200, { etag: '"v1"' }, 1, 'whole file and not the rest'],
      ['is another file now', 206, { etag: '"v2"' }, 1, 'not the rest of the same file'],
      ['is another size now', 206, { etag: '"v1"', size: '31000000' }, 1, 'not the rest of the same file'],
    ])('cut the viewer off and say why when the rest %s', async (_what, status, { size, ...headers }, tries, why) => {
      const server = await changing((request, response) => {
        const from = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1]);
        const range = status === 206 ? { 'content-range': `bytes ${from}-29999999/${size ?? 30_000_000}` } : {};
        response.writeHead(status, { ...headers, ...range }).end(Buffer.alloc(1_000_000, 0xee));
      });
      const worker = await proxy(`${server.origin}/1.mp4`, { settings });
      const viewer = await paused(worker.origin, server);
      viewer.response.resume();
      expect(await viewer.over).toBe(false);
      expect(sha(viewer.body())).toBe(sha(big.subarray(0, viewer.body().length)));
      await eventually(() => worker.results.length === 1);
      expect(worker.results).toMatchObject([{ outcome: 'failed' }]);
      expect(worker.warnings.at(-1)).toContain(why);
      expect(server.requests).toHaveLength(1 + tries);
      await eventually(() => server.open() === 0);
    });

    it('cut the viewer off at once where nothing could show that the rest is of the same file', async () => {
      const server = await serve((_request, response) => response.writeHead(200).end(big));
      const worker = await proxy(`${server.origin}/1.mp4`, { settings });
      const viewer = await paused(worker.origin, server);
      await eventually(() => worker.results.length === 1);
      expect(worker.results).toMatchObject([{ outcome: 'client_left' }]);
      expect(worker.warnings).toEqual([
        'A viewer of a direct stream took nothing for 0.2 s (CLIENT_STALL_TIMEOUT) and was dropped.',
      ]);
      viewer.response.destroy();
    });

    it('end on the signal', async () => {
      const server = await fileServer(big);
      const abort = new AbortController();
      const worker = await proxy(`${server.origin}/1.mp4`, { settings, signal: abort.signal });
      const viewer = await paused(worker.origin, server);
      abort.abort();
      await eventually(() => worker.results.length === 1);
      expect(worker.results).toMatchObject([{ outcome: 'stopped' }]);
      viewer.response.resume();
      expect(await viewer.over).toBe(false);
    });
  });
});
