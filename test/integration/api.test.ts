// The API of the built worker: what only a real process, real FFmpegs and real sockets can show.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { processInfo } from '../support/processes.ts';
import { record } from '../support/recorder.ts';
import { allPlaying, COPY, ffmpegCount, Stage } from '../support/stage.ts';
import { until } from '../support/until.ts';

const stage = new Stage();
afterEach(() => stage.clear());

interface Stats {
  total_bytes_served: number;
  active_streams: number;
  pooling: {
    clients: number;
    processes: number;
    clients_per_process: number;
    processes_saved: number;
    feeds: { stream_id: string; slot: number; pid: number; clients: number; restarts: number }[];
  };
  clients: { client_id: string; username: string | null; bytes_served: number }[];
}

it('warns once at the start of what everybody may do without API_TOKEN', async () => {
  for (const [env, warnings] of [
    [{}, 1],
    [{ API_TOKEN: 'tok-en' }, 0],
  ] as const) {
    const worker = await stage.worker(env);
    const said = worker.logs.filter(
      ({ level, msg }) => String(level) === 'warn' && String(msg).startsWith('API_TOKEN is not set'),
    );
    expect(said).toHaveLength(warnings);
  }
});

describe('a transcoded stream through the API', () => {
  it('is counted, shown and ended', async () => {
    const source = await stage.source();
    const worker = await stage.worker({ API_TOKEN: 'tok-en' });
    const stream = await worker.api.createTranscode({ url: source.url, profile: COPY, metadata: { channel: 7 } });
    const playUrl = `${worker.url}/m3u-proxy/stream/${stream.stream_id}`;

    const head = await fetch(playUrl, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-type')]).toEqual([200, 'video/mp2t']);
    expect(worker.ffmpegPids()).toEqual([]);

    const viewers = ['ann', 'bob', 'cy'].map((name) => stage.viewer(`${playUrl}?username=${name}`));
    await allPlaying(viewers);
    const pids = await ffmpegCount(worker, 1);
    const stats = await until(
      async () => {
        const { body } = await worker.api.get<Stats>('/stats');
        return body.clients.every((client) => client.bytes_served > 0) && body;
      },
      { what: 'the bytes served to show' },
    );
    expect(stats.clients.map(({ username }) => username).sort()).toEqual(['ann', 'bob', 'cy']);
    expect(stats).toMatchObject({ active_streams: 1, total_bytes_served: expect.any(Number) });
    expect(stats.total_bytes_served).toBeGreaterThan(0);
    // FFmpeg itself, or the program that keeps it in its sandbox.
    const [ffmpeg = 0] = pids;
    const pid = expect.toSatisfy((shown) => shown === ffmpeg || shown === processInfo(ffmpeg)?.ppid);
    expect(stats.pooling).toMatchObject({
      clients: 3,
      processes: 1,
      clients_per_process: 3,
      processes_saved: 2,
      feeds: [{ stream_id: stream.stream_id, slot: 0, pid, clients: 3, restarts: 0 }],
    });
    const filter = '/streams/by-metadata?field=channel&value=7';
    expect((await worker.api.get(filter)).body).toMatchObject({ total_matching: 1, total_clients: 3 });
    expect((await worker.api.del(`${filter}&force=false`)).body).toMatchObject({
      skipped_streams: [{ reason: 'has_active_clients', active_clients: 3 }],
    });

    const ann = stats.clients.find(({ username }) => username === 'ann');
    await worker.api.del(`/hls/${stream.stream_id}/clients/${ann?.client_id}`);
    await until(() => viewers[0]?.ended, { what: 'the disconnected viewer to end' });
    expect(viewers.slice(1).map(({ ended }) => ended)).toEqual([false, false]);

    expect((await worker.api.del(`/streams/${stream.stream_id}`)).status).toBe(200);
    await until(() => viewers.every(({ ended }) => ended), { what: 'every viewer to end' });
    await ffmpegCount(worker, 0, 2000);
    expect((await worker.api.get('/streams')).body).toEqual({ streams: [], total: 0 });
    expect((await fetch(playUrl)).status).toBe(404);
    expect(worker.output).not.toContain('tok-en');
  });

  it('fails loudly, with the reason, before the first byte', async () => {
    const worker = await stage.worker({ STREAM_RETRY_ATTEMPTS: '0', STREAM_TOTAL_TIMEOUT: '3' });
    const stream = await worker.api.createTranscode({ url: 'http://127.0.0.1:1/live/joe/s3cret/1.ts', profile: COPY });
    const { status, body } = await worker.api.get<{ detail: string }>(stream.stream_endpoint);
    expect(status).toBe(502);
    expect(body.detail).toContain('refused');
    expect(JSON.stringify(body) + worker.output).not.toContain('s3cret');
    expect((await worker.api.get('/clients')).body).toMatchObject({ total_clients: 0 });
  });

  it('goes on for its viewers when it is failed over', async () => {
    const [primary, backup] = [await stage.source(), await stage.source()];
    const worker = await stage.worker();
    const stream = await worker.api.createTranscode({ url: primary.url, failover_urls: [backup.url], profile: COPY });
    const viewer = stage.viewer(stream.playUrl);
    await allPlaying([viewer]);
    const { status, body } = await worker.api.post(`/streams/${stream.stream_id}/failover`);
    expect([status, body]).toMatchObject([200, { new_url: backup.url, failover_index: 0, active_clients: 1 }]);
    await until(async () => (await primary.account()).open === 0, { what: 'the first source to be left' });
    const before = viewer.byteCount;
    await until(() => viewer.byteCount > before, { what: 'bytes from the second source' });
    expect(viewer.ended).toBe(false);
  });
});

describe('a direct stream through the API', () => {
  it('ends for its viewers when it is deleted', async () => {
    const source = await stage.source();
    const worker = await stage.worker();
    const stream = await worker.api.createStream({ url: source.url });
    const viewers = stage.viewers(2, stream.playUrl);
    await allPlaying(viewers);
    expect((await source.account()).open).toBe(2);
    await worker.api.del(`/streams/${stream.stream_id}`);
    await until(() => viewers.every(({ ended }) => ended), { what: 'both viewers to end' });
    await until(async () => (await source.account()).open === 0, { what: 'their connections to close' });
  });

  it('is one connection for all with SHARE_DIRECT_STREAMS', async () => {
    const source = await stage.source();
    const worker = await stage.worker({ SHARE_DIRECT_STREAMS: 'true' });
    const stream = await worker.api.createStream({ url: source.url });
    const viewers = stage.viewers(3, stream.playUrl);
    await allPlaying(viewers);
    expect(await source.account()).toMatchObject({ total: 1, maxConcurrent: 1 });
    expect(worker.ffmpegPids()).toEqual([]);
  });
});

describe('the built worker', () => {
  it('brings the pages of /docs with it', async () => {
    const worker = await stage.worker();
    const page = await fetch(`${worker.url}/m3u-proxy/docs`);
    expect(page.url).toBe(`${worker.url}/m3u-proxy/docs/`);
    expect(await page.text()).toContain('swagger-ui-bundle.js');
    for (const file of ['swagger-ui-bundle.js', 'swagger-ui.css', 'swagger-initializer.js']) {
      expect([file, (await fetch(`${page.url}static/${file}`)).status]).toEqual([file, 200]);
    }
    expect((await worker.api.get('/openapi.json')).body).toMatchObject({ info: { title: 'Streampool' } });
  });

  it('answers a body of 10 MB with 413, and lives on', async () => {
    const worker = await stage.worker();
    const { status } = await worker.api.post('/streams', { url: 'http://a.example/1.ts', x: 'x'.repeat(10 * 2 ** 20) });
    expect(status).toBe(413);
    expect((await worker.api.get('/livez')).status).toBe(200);
  });

  it('ends promptly although responses are under way that nobody reads', async () => {
    const worker = await stage.worker();
    const answers = await Promise.all([1, 2, 3].map(() => fetch(`${worker.url}/docs/static/swagger-ui-bundle.js`)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(await worker.stop('SIGINT')).toEqual({ code: 0, signal: null });
  });

  it('drains after SIGTERM: its viewers go on, new ones are sent away', async () => {
    const source = await stage.source();
    const worker = await stage.worker({ DRAIN_TIMEOUT: '2' });
    const stream = await worker.api.createTranscode({ url: source.url, profile: COPY });
    const viewer = stage.viewer(stream.playUrl);
    await allPlaying([viewer]);
    worker.signal('SIGTERM');
    await until(async () => (await worker.api.get('/readyz')).status === 503, { what: 'the worker to drain' });
    expect((await worker.api.get('/livez')).status).toBe(200);
    expect(await record(stream.playUrl)).toMatchObject({ status: 503 });
    const before = viewer.byteCount;
    await sleep(500);
    expect(viewer.byteCount).toBeGreaterThan(before);
    expect(await worker.exited).toEqual({ code: 0, signal: null });
    expect(viewer.ended).toBe(true);
  });
});
