/** Settings that no other test names: each of these would fail if its setting did nothing. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker as Thread } from 'node:worker_threads';
import { describe, expect } from 'vitest';
import { finiteBytes, startFileSource } from '../support/file-source.ts';
import { freePort } from '../support/free-port.ts';
import { expectClean, judgeTs } from '../support/judge/index.ts';
import { startRedis } from '../support/redis.ts';
import { allPlaying, COPY, LIGHT, poolingOf, staged } from '../support/stage.ts';
import { until } from '../support/until.ts';
import { runWorkerToExit, type Worker } from '../support/worker.ts';

const MIB = 1024 ** 2;
const TICKS_PER_S = 90_000;
const FRAME_TICKS = 3_600;
const brief = { SHARED_STREAM_GRACE: '1' };

async function streamIds(worker: Worker): Promise<string[]> {
  const { body } = await worker.api.get<{ streams: { stream_id: string }[] }>('/streams');
  return body.streams.map(({ stream_id }) => stream_id);
}

async function failoverIndex(worker: Worker, streamId: string): Promise<number> {
  const { body } = await worker.api.get<{ stream: { current_failover_index: number } }>(`/streams/${streamId}`);
  return body.stream.current_failover_index;
}

describe.concurrent('shared streams', () => {
  staged('STREAM_IDLE_TTL and CLEANUP_INTERVAL: a stream is forgotten when nobody watches it', async ({ stage }) => {
    const source = await stage.source();
    const worker = await stage.worker({ ...brief, STREAM_IDLE_TTL: '1', CLEANUP_INTERVAL: '1' });
    const watched = await worker.api.createTranscode({ url: source.url, profile: COPY });
    const unwatched = await worker.api.createTranscode({ url: `${source.url}?other`, profile: COPY });
    await allPlaying([stage.viewer(watched.playUrl)]);
    await until(async () => !(await streamIds(worker)).includes(unwatched.stream_id), {
      timeoutMs: 5_000,
      what: 'the unwatched stream to be forgotten',
    });
    await sleep(1_500);
    expect(await streamIds(worker)).toEqual([watched.stream_id]);
  });

  staged('JOIN_BUFFER: what a joiner of a running stream gets at once', async ({ stage }) => {
    const source = await stage.source();
    const atOnce = async (seconds: number): Promise<number> => {
      const worker = await stage.worker({ ...brief, JOIN_BUFFER: String(seconds) });
      const { playUrl } = await worker.api.createTranscode({ url: source.url, profile: COPY });
      const first = stage.viewer(playUrl);
      await allPlaying([first]);
      await until(() => judgeTs(first.snapshot()).durationSeconds > 7, {
        everyMs: 250,
        timeoutMs: 15_000,
        what: 'media',
      });
      const { durationSeconds } = judgeTs(await stage.viewer(playUrl, { seconds: 0.3 }).done);
      return durationSeconds;
    };
    const [none, four] = await Promise.all([atOnce(0), atOnce(4)]);
    // At most one GOP of 2 s more than asked for, and the time of the recording.
    expect(none).toBeLessThan(2.6);
    expect(four).toBeGreaterThan(3.8);
    expect(four).toBeLessThan(6.6);
  });

  staged('HLS_SEGMENT_TIME: keyframes at its multiples, whatever the source has', async ({ stage }) => {
    const source = await stage.source({
      fixture: 'gop10',
      clockStarts: 'first-connection',
      channels: { '/unset.ts': {}, '/one.ts': {} },
    });
    const keyframes = async (path: string, env: Record<string, string>): Promise<number[]> => {
      const worker = await stage.worker({ ...brief, ...env });
      const stream = await worker.api.createTranscode({ url: source.channel(path).url, profile: LIGHT });
      const viewer = stage.viewer(stream.playUrl);
      await until(() => judgeTs(viewer.snapshot()).durationSeconds > 5.5, {
        everyMs: 250,
        timeoutMs: 30_000,
        what: '5.5 s of media',
      });
      const verdict = judgeTs(await viewer.stop());
      expectClean(verdict, { video: true, audio: true, maxSignalled: 0 });
      return verdict.video?.keyframePts ?? [];
    };
    const [unset, one] = await Promise.all([
      keyframes('/unset.ts', {}),
      keyframes('/one.ts', { HLS_SEGMENT_TIME: '1' }),
    ]);
    expect(unset.length).toBeGreaterThanOrEqual(3);
    expect(one.length).toBeGreaterThanOrEqual(5);
    for (const [all, seconds] of [[unset, 2] as const, [one, 1] as const]) {
      // The first one is where FFmpeg began.
      for (const pts of all.slice(1)) expect(pts % (seconds * TICKS_PER_S)).toBeLessThan(FRAME_TICKS);
    }
  });

  staged(
    'HW_ACCEL_TYPE and HW_ACCEL_DEVICE: without the device the CPU encodes, and the log says why',
    async ({ stage }) => {
      const device = '/dev/dri/no-such-device';
      const source = await stage.source();
      const worker = await stage.worker({ ...brief, HW_ACCEL_TYPE: 'vaapi', HW_ACCEL_DEVICE: device });
      const [fallback] = worker.logged('hardware encoding does not work; encoding on the CPU instead');
      expect(fallback).toMatchObject({ type: 'vaapi' });
      expect(fallback?.reason).toMatch(/\S/);
      const { body } = await worker.api.get('/info');
      expect(body).toMatchObject({ hardware_acceleration: { enabled: false, type: 'cpu', device: null } });
      const stream = await worker.api.createTranscode({ url: source.url, profile: 'lowlatency' });
      const viewer = stage.viewer(stream.playUrl);
      await allPlaying([viewer], 30_000);
      await sleep(2_000);
      expect(judgeTs(await viewer.stop()).video?.codec).toBe('h264');
    },
  );
});

describe.concurrent('limits', () => {
  staged('MAX_PROCESSES: who would need one more is told to come back, the others play on', async ({ stage }) => {
    const source = await stage.source({ channels: { '/a.ts': {}, '/b.ts': {} } });
    const worker = await stage.worker({ ...brief, MAX_PROCESSES: '1' });
    const [a, b] = await Promise.all(
      ['/a.ts', '/b.ts'].map((path) => worker.api.createTranscode({ url: source.channel(path).url, profile: COPY })),
    );
    const first = stage.viewer(a?.playUrl ?? '');
    await allPlaying([first]);
    const refused = await fetch(b?.playUrl ?? '');
    expect(refused.status).toBe(503);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await refused.text()).toContain('MAX_PROCESSES');
    await sleep(2_000);
    expect(worker.ffmpegPids()).toHaveLength(1);
    expectClean(judgeTs(await first.stop()), { video: true, audio: true, minSeconds: 2, maxSignalled: 0 });
  });

  staged('KEEP_ALIVE_TIMEOUT: an idle connection is closed after it, and not before', async ({ stage }) => {
    const worker = await stage.worker({ KEEP_ALIVE_TIMEOUT: '2' });
    const { hostname, port } = new URL(worker.url);
    const connection = connect(Number(port), hostname);
    connection.write('GET /livez HTTP/1.1\r\nHost: worker\r\n\r\n');
    await once(connection, 'data');
    const answered = performance.now();
    await once(connection.resume(), 'close');
    const idleMs = performance.now() - answered;
    // Node adds a second of its own, so that a client that goes by the announced 2 s never meets a closing socket.
    expect(idleMs).toBeGreaterThan(1_900);
    expect(idleMs).toBeLessThan(6_000);
  });

  staged('MEMORY_LIMIT: the media in memory stays within 40 % of it', async ({ stage }) => {
    const limitBytes = 64 * MIB;
    const source = await stage.sourceProcess({ fixture: 'heaviest', channels: { '/a.ts': {}, '/b.ts': {} } });
    const worker = await stage.worker({ ...brief, MEMORY_LIMIT: '64M' });
    const streams = await Promise.all(
      ['/a.ts', '/b.ts'].map((path) => worker.api.createTranscode({ url: source.channel(path).url, profile: COPY })),
    );
    const viewers = streams.map(({ playUrl }) => stage.viewer(playUrl, { keep: false }));
    await allPlaying(viewers);
    let mostBuffered = 0;
    // Without the limit 20 s of it would be kept.
    await until(
      async () => {
        const { feeds } = await poolingOf(worker);
        mostBuffered = Math.max(
          mostBuffered,
          feeds.reduce((sum, feed) => sum + feed.buffered_bytes, 0),
        );
        return viewers.reduce((sum, viewer) => sum + viewer.byteCount, 0) > 0.55 * limitBytes;
      },
      { everyMs: 250, timeoutMs: 25_000, what: () => `bytes; there are ${viewers.map((viewer) => viewer.byteCount)}` },
    );
    expect(mostBuffered).toBeGreaterThan(0);
    expect(mostBuffered).toBeLessThanOrEqual(0.4 * limitBytes);
  });
});

describe.concurrent('sources', () => {
  staged(
    'ENABLE_BITRATE_MONITORING and its four settings: a source that is too slow is failed over',
    async ({ stage }) => {
      // About 130 kB/s and 500 kB/s, both above the default threshold.
      const source = await stage.source({
        channels: { '/slow.ts': { fixture: '640x360' }, '/fast.ts': { fixture: 'heavy' } },
      });
      const [slow, fast] = [source.channel('/slow.ts'), source.channel('/fast.ts')];
      const worker = await stage.worker({
        ...brief,
        ENABLE_BITRATE_MONITORING: 'true',
        MIN_BITRATE_THRESHOLD: '250000',
        BITRATE_CHECK_INTERVAL: '1.5',
        BITRATE_FAILOVER_THRESHOLD: '1',
        BITRATE_MONITORING_GRACE_PERIOD: '0.5',
      });
      const stream = await worker.api.createTranscode({ url: slow.url, failover_urls: [fast.url], profile: COPY });
      const viewer = stage.viewer(stream.playUrl);
      await allPlaying([viewer]);
      await until(async () => (await failoverIndex(worker, stream.stream_id)) === 0, { what: 'the failover' });
      await until(async () => (await fast.stats()).open === 1, { what: 'the faster source to be used' });
      const opened = async (channel: typeof slow) => (await channel.stats()).connections[0]?.openedAt ?? 0;
      const afterMs = (await opened(fast)) - (await opened(slow));
      // 2 s; with any one of the defaults it is more than 4.5 s, or never.
      expect(afterMs).toBeGreaterThan(1_500);
      expect(afterMs).toBeLessThan(4_500);
      // The faster one is fast enough to stay.
      await sleep(2_500);
      expect(await failoverIndex(worker, stream.stream_id)).toBe(0);
      expect(await slow.stats()).toMatchObject({ total: 1, open: 0 });
    },
  );

  staged('SLOW_DETECTION is on: a source at 0.9 of its speed is left for one in real time', async ({ stage }) => {
    const source = await stage.source({ channels: { '/slow.ts': { speed: 0.9 }, '/next.ts': {} } });
    const [slow, next] = [source.channel('/slow.ts'), source.channel('/next.ts')];
    const worker = await stage.worker(brief);
    const stream = await worker.api.createTranscode({ url: slow.url, failover_urls: [next.url], profile: COPY });
    const viewer = stage.viewer(stream.playUrl);
    await allPlaying([viewer]);
    await until(async () => (await failoverIndex(worker, stream.stream_id)) === 0, {
      timeoutMs: 60_000,
      what: 'the failover',
    });
    await until(async () => (await slow.stats()).open === 0, { what: 'the slow source to be left' });
    expect(await next.stats()).toMatchObject({ open: 1, total: 1 });
    const { body } = await worker.api.get<{ events: unknown[] }>('/events?type=failover_triggered');
    expect(body.events).toMatchObject([{ data: { reason: 'too_slow', failover_index: 0 } }]);
    expect((await worker.api.get<string>('/metrics')).body).toContain(
      'streampool_source_failovers_total{reason="too_slow"} 1',
    );
    expectClean(judgeTs(await viewer.stop()), { video: true, audio: true, minSeconds: 12, maxSignalled: 1 });
  });

  staged('DEFAULT_CONNECTION_TIMEOUT: an address that never answers is given up', async ({ stage }) => {
    const deaf = await startDeafListener();
    try {
      const worker = await stage.worker({ DEFAULT_CONNECTION_TIMEOUT: '0.5', STREAM_RETRY_ATTEMPTS: '0' });
      const stream = await worker.api.createTranscode({ url: deaf.url, profile: COPY });
      const startMs = performance.now();
      const { status } = await fetch(stream.playUrl);
      expect(status).toBe(504);
      expect(performance.now() - startMs).toBeGreaterThan(400);
      expect(performance.now() - startMs).toBeLessThan(5_000);
    } finally {
      await deaf.close();
    }
  });

  staged('VOD_READ_TIMEOUT: a file that falls silent is resumed', async ({ stage }) => {
    const source = await startFileSource();
    try {
      const whole = await finiteBytes('movie.mp4');
      source.stallNextAfter(Math.floor(whole.length / 2));
      const worker = await stage.worker({ VOD_READ_TIMEOUT: '1', STREAM_RETRY_DELAY: '0' });
      const stream = await worker.api.createStream({ url: source.url('movie.mp4') });
      const startMs = performance.now();
      const { bytes, endedBy } = await stage.viewer(stream.playUrl).done;
      const tookMs = performance.now() - startMs;
      expect(endedBy).toBe('end');
      expect(bytes.equals(whole)).toBe(true);
      expect(source.requests.filter(({ method }) => method === 'GET')).toHaveLength(2);
      expect(tookMs).toBeGreaterThan(900);
      expect(tookMs).toBeLessThan(8_000);
    } finally {
      await source.close();
    }
  });

  staged('STREAM_RETRY_EXPONENTIAL_BACKOFF: the delay doubles with each try', async ({ stage }) => {
    const source = await stage.source({ answer: { kind: 'status', status: 500 } });
    const worker = await stage.worker({
      STREAM_RETRY_ATTEMPTS: '3',
      STREAM_RETRY_DELAY: '0.4',
      STREAM_RETRY_EXPONENTIAL_BACKOFF: 'true',
    });
    const stream = await worker.api.createTranscode({ url: source.url, profile: COPY });
    expect((await fetch(stream.playUrl)).status).toBeGreaterThanOrEqual(500);
    const times = (await source.stats()).connections.map(({ openedAt }) => openedAt);
    const gaps = times.slice(1).map((time, index) => time - (times[index] ?? 0));
    // 0.4, 0.8 and 1.6 s, and what a busy machine adds.
    expect(gaps).toHaveLength(3);
    for (const [index, leastMs] of [380, 780, 1_580].entries()) {
      expect(gaps[index]).toBeGreaterThanOrEqual(leastMs);
      expect(gaps[index]).toBeLessThan(leastMs + 1_500);
    }
  });

  staged('MAX_FAILOVER_ATTEMPTS: no more than that many other sources are tried', async ({ stage }) => {
    const dead = { answer: { kind: 'status', status: 404 } } as const;
    const source = await stage.source({ channels: { '/a.ts': dead, '/b.ts': dead, '/c.ts': {} } });
    const [a, b, c] = ['/a.ts', '/b.ts', '/c.ts'].map((path) => source.channel(path).url);
    const play = async (env: Record<string, string>) => {
      const worker = await stage.worker({ ...brief, STREAM_RETRY_ATTEMPTS: '0', ...env });
      const stream = await worker.api.createTranscode({
        url: a ?? '',
        failover_urls: [b ?? '', c ?? ''],
        profile: COPY,
      });
      return stage.viewer(stream.playUrl, { untilBytes: 188 }).done;
    };
    expect((await play({ MAX_FAILOVER_ATTEMPTS: '1' })).status).toBeGreaterThanOrEqual(500);
    expect((await source.channel('/b.ts').stats()).refused).toBe(1);
    expect((await source.channel('/c.ts').stats()).total).toBe(0);
    expect((await play({})).status).toBe(200);
  });
});

describe.concurrent('workers and Redis', () => {
  staged('REDIS_URL wins over the other settings, REDIS_DB and REDIS_PASSWORD count without it', async ({ stage }) => {
    const redis = await startRedis({ password: 'a password' });
    try {
      const worker = async (env: Record<string, string>) =>
        stage.worker({ ...env, REDIS_ENABLED: 'true', RELAY_PORT: String(await freePort()) });
      await Promise.all([
        worker({ WORKER_ID: 'by-url', REDIS_URL: `${redis.url}/3`, REDIS_HOST: 'nowhere.invalid', REDIS_DB: '4' }),
        worker({ ...redis.env, WORKER_ID: 'by-settings', REDIS_DB: '5' }),
      ]);
      const workersIn = (db: number) => redis.cli('-n', String(db), 'hkeys', 'workers');
      expect(await Promise.all([0, 3, 4, 5].map(workersIn))).toEqual(['', 'by-url', '', 'by-settings']);
      await stage.clear();
    } finally {
      await redis.stop();
    }
  });

  staged(
    'RELAY_PORT, CLUSTER_SECRET and WORKER_ADDRESS: where others reach a worker, and with what',
    async ({ stage }) => {
      const redis = await startRedis();
      try {
        const secret = 'sixteen characters or more';
        const relayPort = await freePort();
        await stage.worker({
          ...redis.env,
          WORKER_ID: 'one',
          RELAY_PORT: String(relayPort),
          CLUSTER_SECRET: secret,
          WORKER_ADDRESS: 'worker-one.internal',
        });
        const ping = async (given: string) =>
          (await fetch(`http://127.0.0.1:${relayPort}/ping`, { headers: { authorization: `Bearer ${given}` } })).status;
        expect(await ping(secret)).toBe(200);
        expect(await ping('not the secret of this cluster')).toBe(403);
        expect(await redis.cli('hget', 'workers', 'one')).toContain(`worker-one.internal:${relayPort}`);
        // A secret that people keep is not put where all who see Redis read it.
        expect(await redis.cli('get', 'sp:cluster-secret')).toBe('');
        await stage.clear();
      } finally {
        await redis.stop();
      }
    },
  );

  staged('REDIS_TLS: Redis is greeted in TLS', async () => {
    const redis = createServer().listen(0, '127.0.0.1');
    const greeting = new Promise<Buffer>((resolve) => {
      redis.on('connection', (socket) =>
        socket
          .on('error', () => undefined)
          .once('data', (data) => {
            resolve(data);
            socket.destroy();
          }),
      );
    });
    await once(redis, 'listening');
    const { port } = redis.address() as AddressInfo;
    const env = { REDIS_ENABLED: 'true', REDIS_HOST: '127.0.0.1', REDIS_SERVER_PORT: String(port), RELAY_PORT: '0' };
    const [first] = await Promise.all([greeting, runWorkerToExit({ ...env, REDIS_TLS: 'true' })]);
    redis.close();
    // TLS record type 22, a handshake.
    expect(first[0]).toBe(22);
  });
});

/** A TCP port whose owner accepts nothing and whose backlog is full: the kernel answers no further SYN. */
async function startDeafListener(): Promise<{ url: string; close(): Promise<void> }> {
  // The thread blocks, so that libuv cannot accept.
  const thread = new Thread(
    `const { parentPort } = require('node:worker_threads');
     const server = require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
       parentPort.postMessage(server.address().port);
       setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));
     });`,
    { eval: true },
  );
  const [port] = (await once(thread, 'message')) as [number];
  await sleep(100);
  const sockets: Socket[] = [];
  for (let isFull = false; !isFull && sockets.length < 20; ) {
    const socket = connect(port, '127.0.0.1').on('error', () => undefined);
    sockets.push(socket);
    isFull = await Promise.race([once(socket, 'connect').then(() => false), sleep(400, true)]);
  }
  return {
    url: `http://127.0.0.1:${port}/live.ts`,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await thread.terminate();
    },
  };
}
