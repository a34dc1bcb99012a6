/** The routes of broadcasts on one worker, from a provider's MPEG-TS to the segments that a client downloads. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { until } from '../../../support/until.ts';
import { WebhookReceiver } from '../../../support/webhook-receiver.ts';
import { streamPictures } from '../../upstream/direct/support.ts';
import { serve } from '../../upstream/support.ts';
import { startApi, type TestApi } from '../support.ts';

async function startRecorder(env: Record<string, string> = {}): Promise<TestApi> {
  const folder = await mkdtemp(join(tmpdir(), 'recordings-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return startApi({ RECORDINGS: folder, HLS_SEGMENT_TIME: '1', ...env });
}

/** A provider of live pictures, and how many connections it has. */
async function provider() {
  const { origin, open } = await serve((_, response) => {
    response.writeHead(200, { 'content-type': 'video/mp2t' });
    streamPictures(response);
  });
  return { url: `${origin}/live.ts`, open };
}

const segmentsIn = (text: string): string[] => text.match(/^live\d+\.ts$/gm) ?? [];

async function playlistWith(api: TestApi, id: string, count: number): Promise<string> {
  return until(
    async () => {
      const { text } = await api.get(`/broadcast/${id}/live.m3u8`);
      return segmentsIn(text).length >= count && text;
    },
    { what: `${count} segments of ${id}`, timeoutMs: 10_000 },
  );
}

const recording = (url: string, more: object = {}) => ({
  ...{ stream_url: url, dvr_mode: true, hls_list_size: 0, segment_duration: 1, output_dir: '/somewhere' },
  ...more,
});

it('records a stream until it is stopped, and has it until it is deleted', async () => {
  const api = await startRecorder();
  const { url, open } = await provider();
  const begun = await api.post('/broadcast/rec_1/start', recording(url, { metadata: { title: 'News', live: true } }));
  expect(begun.body).toMatchObject({
    ...{ network_id: 'rec_1', status: 'running', stream_url: url, hls_dir: null, error_message: null },
    ...{ ffmpeg_pid: expect.any(Number), started_at: expect.stringMatching(/\+00:00$/) },
  });
  const growing = await playlistWith(api, 'rec_1', 2);
  expect(growing).toContain('#EXT-X-PLAYLIST-TYPE:EVENT\n');
  expect(growing).not.toMatch(/EXT-X-MAP|EXT-X-GAP|ENDLIST|\r|\?/);
  expect(segmentsIn(growing).slice(0, 2)).toEqual(['live000000.ts', 'live000001.ts']);
  const { body: list } = await api.get('/broadcast');
  expect(list).toMatchObject({
    count: 1,
    broadcasts: [{ network_id: 'rec_1', metadata: { title: 'News', live: 'True' }, bytes_written: expect.any(Number) }],
  });

  const stopped = await api.post('/broadcast/rec_1/stop', []);
  expect(stopped.body).toMatchObject({ message: 'Broadcast stopped', network_id: 'rec_1', status: 'stopped' });
  const { text, headers } = await api.get('/broadcast/rec_1/live.m3u8.tmp');
  expect(headers['content-type']).toContain('application/vnd.apple.mpegurl');
  expect(text.endsWith('\n#EXT-X-ENDLIST\n')).toBe(true);
  expect((await api.get('/broadcast/rec_1/segment/live.m3u8')).text).toBe(text);
  const all = segmentsIn(text);
  expect(stopped.body.final_segment_number).toBe(all.length - 1);
  for (const name of all) {
    const segment = await api.get(`/broadcast/rec_1/segment/${name}`);
    expect([segment.status, segment.headers['content-type'], segment.headers['cache-control']]).toEqual([
      ...[200, 'video/mp2t', 'max-age=86400'],
    ]);
    expect([segment.text.charCodeAt(0), Number(segment.headers['content-length']) % 188]).toEqual([0x47, 0]);
  }
  await until(() => open() === 0, { what: 'the provider to be left', timeoutMs: 8_000 });
  expect((await api.get('/broadcast/rec_1/status')).body).toMatchObject({ status: 'stopped', ffmpeg_pid: null });

  expect((await api.del('/broadcast/rec_1')).body).toEqual({ message: 'Broadcast rec_1 cleaned up successfully' });
  expect((await api.get('/broadcast/rec_1/live.m3u8')).status).toBe(404);
  expect((await api.get('/broadcast')).body).toEqual({ broadcasts: [], count: 0 });
});

it('records a stream of its own over the connection that its viewers have', async () => {
  const api = await startRecorder({ SHARE_DIRECT_STREAMS: 'true' });
  const { url, open } = await provider();
  const { stream_id: id } = (await api.post('/streams', { url, metadata: { channel: '7' } })).body;
  const [one, two] = await Promise.all(
    ['https://tv.example/m3u-proxy/stream/', 'http://127.0.0.1:8085/stream/'].map((base, at) =>
      api.post(`/broadcast/own_${at}/start`, recording(`${base}${id}?username=me`)),
    ),
  );
  expect([one?.body.status, two?.body.status]).toEqual(['running', 'running']);
  await playlistWith(api, 'own_0', 1);
  expect(open()).toBe(1);
  const { body: listed } = await api.get('/streams');
  expect(listed).toMatchObject({ streams: [{ stream_id: id, client_count: 0, is_active: true }] });
  const found = await api.get('/streams/by-metadata?field=channel&value=7&active_only=1');
  expect(found.body).toMatchObject({ total_matching: 1, total_clients: 0, matching_streams: [{ is_active: true }] });
  const counts = await api.get('/streams/counts-by-metadata?field=channel&values=7&active_only=1');
  expect(counts.body.counts).toEqual({ 7: 1 });
  // As m3u-editor asks when the player in its page is closed.
  const closed = await api.del('/streams/by-metadata?field=channel&value=7&force=false&client_id=me');
  expect(closed.body).toMatchObject({ deleted_count: 0, skipped_streams: [{ stream_id: id, reason: 'is_recorded' }] });
  const oldest = await api.del('/streams/oldest-by-metadata?field=channel&value=7');
  expect(oldest.body).toMatchObject({ deleted_stream: id, was_recorded: true });
  await until(async () => String((await api.get('/broadcast/own_0/status')).body.status) === 'failed', {
    what: 'the recording to fail',
  });
  expect((await api.get('/broadcast/own_0/live.m3u8')).text).toContain('live000000.ts\n');
});

it('runs a window, whose next programme goes on with the numbers', async () => {
  const api = await startRecorder();
  const [first, second] = [await provider(), await provider()];
  const window = { segment_duration: 1, hls_list_size: 2, segment_start_number: 100 };
  await api.post('/broadcast/net-1/start', { stream_url: first.url, ...window });
  await until(async () => (await api.get('/broadcast/net-1/live.m3u8')).text.includes('live000102.ts'), {
    ...{ what: 'the window to move', timeoutMs: 10_000 },
  });
  const next = await api.post('/broadcast/net-1/start', { stream_url: second.url, ...window });
  expect(next.body.status).toBe('running');
  const playlist = await until(
    async () => {
      const { text } = await api.get('/broadcast/net-1/live.m3u8');
      return text.includes('#EXT-X-DISCONTINUITY\n') && text;
    },
    { what: 'the next programme', timeoutMs: 10_000 },
  );
  const numbers = segmentsIn(playlist).map((name) => Number(/\d+/.exec(name)?.[0]));
  expect(numbers).toHaveLength(2);
  expect(numbers[0]).toBeGreaterThan(100);
  expect(playlist).not.toMatch(/ENDLIST|PLAYLIST-TYPE/);
  await api.post('/broadcast/net-1/stop');
  expect((await api.get('/broadcast/net-1/live.m3u8')).text).not.toContain('ENDLIST');
});

it('says why a source does not open', async () => {
  const api = await startRecorder();
  const { origin } = await serve((_, response) => response.writeHead(404).end());
  const { status, body } = await api.post('/broadcast/gone/start', recording(`${origin}/live.ts`));
  expect([status, body.detail]).toEqual([502, expect.stringContaining('404')]);
  expect((await api.get('/broadcast/gone/status')).body).toMatchObject({
    status: 'failed',
    error_message: expect.any(String),
  });
});

it('calls back when a programme has ended, and takes the next start before the receiver answers', async () => {
  const api = await startRecorder();
  const { url } = await provider();
  const starts: Promise<unknown>[] = [];
  const window = { stream_url: url, segment_duration: 1, hls_list_size: 5 };
  const receiver = await WebhookReceiver.start((_, response) => {
    const next = api.post('/broadcast/net/start', window);
    starts.push(next);
    void next.then(() => response.writeHead(204).end());
  });
  onTestFinished(() => receiver.close());
  await api.post('/broadcast/net/start', { ...window, duration_seconds: 2, callback_url: receiver.url });
  await until(() => starts.length > 0, { what: 'the callback', timeoutMs: 10_000 });
  const [called] = receiver.deliveries;
  expect(called?.headers['user-agent']).toBe('M3U-Proxy-Broadcast/1.0');
  expect(called?.body).toMatchObject({
    ...{ network_id: 'net', event: 'programme_ended', dvr_mode: false, hls_dir: null },
    data: { exit_code: 0, final_segment_number: expect.any(Number), duration_streamed: expect.any(Number) },
  });
  expect(await starts[0]).toMatchObject({ status: 200, body: { status: 'running' } });
  expect(receiver.deliveries).toHaveLength(1);
});

it('goes on by itself with the programme that it was told, and tells so', async () => {
  const api = await startRecorder();
  const [first, second] = [await provider(), await provider()];
  const receiver = await WebhookReceiver.start();
  onTestFinished(() => receiver.close());
  const window = { segment_duration: 1, hls_list_size: 5, callback_url: receiver.url };
  await api.post('/broadcast/net/start', {
    ...{ ...window, stream_url: first.url, duration_seconds: 1, seek_seconds: 0 },
    next_stream_config: { stream_url: second.url, metadata: { title: 'Weather' } },
  });
  await until(() => receiver.deliveries.length > 0, { what: 'the callback', timeoutMs: 10_000 });
  const { body } = await api.get('/broadcast/net/status');
  expect(body).toMatchObject({ status: 'running', stream_url: second.url });
  expect(receiver.deliveries[0]?.body).toMatchObject({
    ...{ event: 'programme_ended', data: { exit_code: 0, auto_transitioned: true, new_pid: body.ffmpeg_pid } },
  });
  expect((await api.get('/broadcast')).body.broadcasts).toMatchObject([{ metadata: { title: 'Weather' } }]);
  expect((await api.post('/broadcast/net/stop')).body.status).toBe('stopped');
  expect(receiver.deliveries).toHaveLength(1);
});

it.each([
  ['an id with a dot', '/broadcast/a.b/start', { stream_url: 'http://provider.example/1.ts' }],
  ['an id that leads elsewhere', '/broadcast/..%2fetc/start', { stream_url: 'http://provider.example/1.ts' }],
  ['no stream_url', '/broadcast/a/start', {}],
  ['a segment of 0 s', '/broadcast/a/start', { stream_url: 'http://provider.example/1.ts', segment_duration: 0 }],
  [
    'an encoder that is none',
    '/broadcast/a/start',
    { stream_url: 'http://127.0.0.1/1.ts', transcode: true, video_codec: 'libx264 -y' },
  ],
  [
    'a next programme of a file',
    '/broadcast/a/start',
    { stream_url: 'http://127.0.0.1/1.ts', next_stream_config: { stream_url: 'file:///etc/passwd' } },
  ],
  [
    'a next programme that lasts for less than nothing',
    '/broadcast/a/start',
    {
      stream_url: 'http://127.0.0.1/1.ts',
      next_stream_config: { stream_url: 'http://127.0.0.1/2.ts', duration_seconds: -1 },
    },
  ],
  ['a file', '/broadcast/a/start', { stream_url: 'file:///etc/passwd' }],
  [
    'a header that cannot be sent',
    '/broadcast/a/start',
    { stream_url: 'http://127.0.0.1/1.ts', headers: { a: 'b\n' } },
  ],
])('answers 422 to %s', async (_, path, body) => {
  const api = await startRecorder();
  expect((await api.post(path, body)).status).toBe(422);
  expect((await api.get('/broadcast')).body.count).toBe(0);
});

it('answers within 8 s: that it begins when its source sends, though not a whole segment, and else why it does not', async () => {
  const api = await startRecorder();
  const { origin } = await serve(({ url }, response) => {
    response.writeHead(200, { 'content-type': 'video/mp2t' });
    // One keyframe, and no other for a long time.
    if (url === '/long.ts') streamPictures(response, 100_000);
    else response.flushHeaders();
  });
  const sinceMs = performance.now();
  const start = (id: string) => api.post(`/broadcast/${id}/start`, recording(`${origin}/${id}.ts`));
  const [long, silent] = await Promise.all([start('long'), start('silent')]);
  expect(performance.now() - sinceMs).toBeLessThan(10_000);
  expect([long.status, long.body]).toMatchObject([200, { status: 'starting', ffmpeg_pid: expect.any(Number) }]);
  expect([silent.status, silent.body.detail]).toEqual([504, 'Broadcast silent has no media after 8 s.']);
  expect((await api.get('/broadcast/long/status')).body.status).toBe('starting');
  const hasEnded = async () => String((await api.get('/broadcast/silent/status')).body.status) === 'stopped';
  await until(hasEnded, { what: 'the other one to end' });
});

it('does not turn a recording into a window while it runs, nor a window into a recording', async () => {
  const api = await startRecorder();
  const { url } = await provider();
  const window = { hls_list_size: 5, dvr_mode: false };
  const mixed = await api.post(
    '/broadcast/a/start',
    recording(url, { next_stream_config: { stream_url: url, ...window } }),
  );
  expect([mixed.status, mixed.body.detail]).toEqual([422, expect.stringContaining('next_stream_config')]);
  await api.post('/broadcast/a/start', recording(url));
  const turned = await api.post('/broadcast/a/start', recording(url, window));
  expect([turned.status, turned.body.detail]).toEqual([409, 'Broadcast a runs as a recording. Stop it first.']);
  await api.post('/broadcast/a/stop', []);
  expect((await api.post('/broadcast/a/start', recording(url, window))).status).toBe(200);
});

it('answers 422 to a transcode of a stream whose media a page resolver finds', async () => {
  const api = await startRecorder({ YTDLP_PATH: process.execPath });
  const { body } = await api.post('/transcode', { url: 'http://127.0.0.1/watch', resolver: 'ytdlp' });
  const start = { stream_url: `http://any.example/stream/${body.stream_id}`, transcode: true };
  const answer = await api.post('/broadcast/a/start', start);
  expect([answer.status, answer.body.detail]).toEqual([422, expect.stringContaining('plays a web page')]);
});

it('hides credentials in what it was told, while no token is set', async () => {
  const { url } = await provider();
  const secret = url.replace('//', '//some:body@').concat('?token=abc');
  for (const token of [undefined, 's3cret-token']) {
    const api = await startRecorder(token === undefined ? {} : { API_TOKEN: token });
    const own: Record<string, string> = token === undefined ? {} : { 'x-api-token': token };
    await api.post('/broadcast/b1/start', recording(secret, { metadata: { title: `News, ${secret}` } }), own);
    const { body: stream } = await api.post('/streams', { url: secret, metadata: { title: `From ${secret}` } }, own);
    await api.post(`/streams/${stream.stream_id}/record`, { segment_duration: 1 }, own);
    const answers = [
      await api.get('/broadcast', own),
      await api.get('/broadcast/b1/status', own),
      await api.get('/recordings', own),
      await api.get('/recordings?kind=all', own),
    ];
    for (const { text, status } of answers) {
      expect([status, text.includes('some:body'), text.includes('abc')]).toEqual([
        200,
        ...Array(2).fill(token !== undefined),
      ]);
    }
  }
});

it('answers 404 for what there is not', async () => {
  const api = await startRecorder();
  for (const path of ['status', 'live.m3u8', 'live.m3u8.tmp', 'segment/live000000.ts', 'segment/..%2findex.json']) {
    expect([path, (await api.get(`/broadcast/none/${path}`)).status]).toEqual([path, 404]);
  }
  expect((await api.post('/broadcast/none/stop', [])).status).toBe(404);
  expect((await api.del('/broadcast/none')).status).toBe(200);
});
