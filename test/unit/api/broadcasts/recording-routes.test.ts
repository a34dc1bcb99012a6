/** What people do who record a stream without m3u-editor: begin, list, play, download in parts, stop and delete. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { until } from '../../../support/until.ts';
import { streamPictures } from '../../upstream/direct/support.ts';
import { serve } from '../../upstream/support.ts';
import { startApi, type TestApi } from '../support.ts';

const TOKEN = 's3cret-token';

/** A worker that keeps recordings, and a stream of live pictures on it. */
async function recorder(env: Record<string, string> = {}, headers: Record<string, string> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'recordings-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const api = await startApi({ RECORDINGS: folder, HLS_SEGMENT_TIME: '1', ...env });
  const { origin } = await serve((_, response) => {
    response.writeHead(200, { 'content-type': 'video/mp2t' });
    streamPictures(response);
  });
  const stream = { url: `${origin}/live.ts`, metadata: { title: 'Channel 7', group: 'news' } };
  const { body } = await api.post('/streams', stream, headers);
  return { api, streamId: String(body.stream_id) };
}

/** An answer with its bytes as they are. */
async function bytesOf(
  api: TestApi,
  url: string,
  headers: Record<string, string> = {},
  method: 'GET' | 'HEAD' = 'GET',
) {
  const { statusCode, headers: got, rawPayload } = await api.app.inject({ method, url, headers });
  return { status: statusCode, headers: got, bytes: rawPayload };
}

const linesIn = (text: string): string[] => text.match(/^segment\/.+$/gm) ?? [];

async function segmentsOf(api: TestApi, id: string, count: number): Promise<string[]> {
  return until(
    async () => {
      const lines = linesIn((await api.get(`/recordings/${id}/playlist.m3u8`)).text);
      return lines.length >= count && lines;
    },
    { what: `${count} segments`, timeoutMs: 10_000 },
  );
}

it('records a stream, and gives it as a list, a playlist and a file with ranges', async () => {
  const { api, streamId } = await recorder();
  const { body: begun } = await api.post(`/streams/${streamId}/record`, {
    name: 'Abendschau "ß" 1/2',
    duration_seconds: 60,
    segment_duration: 1,
  });
  const id = String(begun.recording_id);
  expect(begun).toMatchObject({
    ...{ name: 'Abendschau "ß" 1/2', stream_id: streamId, status: 'running', ended_at: null, error_message: null },
    ...{ playlist_url: `/recordings/${id}/playlist.m3u8`, download_url: `/recordings/${id}/file.ts` },
    ...{ urls_expire_at: null, metadata: { group: 'news' } },
  });
  const unnamed = await api.post(`/streams/${streamId}/record`);
  expect(unnamed.body).toMatchObject({ name: 'Channel 7', status: 'running' });
  await segmentsOf(api, id, 2);
  const stopped = await api.post(`/recordings/${id}/stop`);
  expect(stopped.body).toMatchObject({ status: 'stopped', ended_at: expect.stringMatching(/\+00:00$/) });

  const playlist = (await api.get(`/recordings/${id}/playlist.m3u8`)).text;
  const { body: list } = await api.get('/recordings');
  expect(list).toMatchObject({ total: 2, recordings: [{ name: 'Channel 7' }, { recording_id: id }] });
  const { body: shown } = await api.get(`/recordings/${id}`);
  expect(shown).toEqual(stopped.body);
  const { body: page } = await api.get(`/recordings?kind=all&state=ended&stream_id=${streamId}`);
  expect(page).toEqual({
    ...{ total: 1, next_cursor: null },
    recordings: [expect.objectContaining({ recording_id: id, kind: 'recording', stream_name: 'live.ts' })],
  });
  expect(page.recordings).toMatchObject([
    { worker_id: api.services.config.workerId, segments: linesIn(playlist).length, bytes: shown.bytes },
  ]);
  expect((await api.get('/stats')).body).toMatchObject({
    recordings: { total: 2, running: 1, failed: 0, bytes: expect.any(Number) },
    channels: { total: 0, running: 0, failed: 0, bytes: 0 },
  });

  const { text } = await api.get(String(shown.playlist_url));
  expect(text).toMatch(/#EXT-X-PLAYLIST-TYPE:EVENT\n(.*\n)+#EXT-X-ENDLIST\n$/);
  const pieces: Buffer[] = [];
  for (const line of linesIn(text)) {
    const whole = await bytesOf(api, `/recordings/${id}/${line}`);
    const part = await bytesOf(api, `/recordings/${id}/${line}`, { range: 'bytes=188-375' });
    expect([part.status, part.headers['content-range'], part.bytes]).toEqual([
      ...[206, `bytes 188-375/${whole.bytes.length}`, whole.bytes.subarray(188, 376)],
    ]);
    pieces.push(whole.bytes);
  }
  const joined = Buffer.concat(pieces);
  const file = await bytesOf(api, String(shown.download_url));
  expect(file.bytes.equals(joined)).toBe(true);
  expect(shown.bytes).toBe(joined.length);
  expect(file.headers).toMatchObject({
    ...{ 'content-type': 'video/mp2t', 'content-length': String(joined.length), 'accept-ranges': 'bytes' },
    'content-disposition': `attachment; filename="Abendschau ___ 1_2.ts"; filename*=UTF-8''Abendschau%20%22%C3%9F%22%201_2.ts`,
  });

  const first = pieces[0]?.length ?? 0;
  const across = await bytesOf(api, String(shown.download_url), { range: `bytes=${first - 10}-${first + 9}` });
  expect([across.status, across.headers['content-length'], across.headers['content-range']]).toEqual([
    ...[206, '20', `bytes ${first - 10}-${first + 9}/${joined.length}`],
  ]);
  expect(across.bytes).toEqual(joined.subarray(first - 10, first + 10));
  const tag = String(file.headers.etag);
  const range = `bytes=${first}-`;
  expect((await bytesOf(api, String(shown.download_url), { range, 'if-range': tag })).bytes).toEqual(
    joined.subarray(first),
  );
  expect((await bytesOf(api, String(shown.download_url), { range, 'if-range': '"another"' })).status).toBe(200);
  const beyond = await api.get(String(shown.download_url), { range: `bytes=${joined.length}-` });
  expect([beyond.status, beyond.headers['content-range']]).toEqual([416, `bytes */${joined.length}`]);
  const head = await bytesOf(api, String(shown.download_url), {}, 'HEAD');
  expect([head.status, head.headers['content-length'], head.bytes.length]).toEqual([200, String(joined.length), 0]);

  expect((await api.del(`/recordings/${id}`)).status).toBe(200);
  for (const path of ['', '/playlist.m3u8', '/file.ts', '/segment/live000000.ts']) {
    expect([path, (await api.get(`/recordings/${id}${path}`)).status]).toEqual([path, 404]);
  }
  expect((await api.del(`/recordings/${id}`)).status).toBe(404);
  expect((await api.post(`/recordings/${id}/stop`)).status).toBe(404);
  expect((await api.get('/recordings')).body.total).toBe(1);
});

it('signs the URLs of a recording, for this recording and nothing else', async () => {
  const own = { 'x-api-token': TOKEN };
  const { api, streamId } = await recorder({ PLAYBACK_AUTH: 'signed', API_TOKEN: TOKEN }, own);
  const bodies = [];
  for (const name of ['one', 'two'])
    bodies.push((await api.post(`/streams/${streamId}/record`, { name, segment_duration: 1 }, own)).body);
  const [one, two] = bodies;
  expect(Date.parse(String(one?.urls_expire_at))).toBeGreaterThan(Date.now());
  const playlist = String(one?.playlist_url);
  const line = await until(async () => linesIn((await api.get(playlist)).text)[0], {
    ...{ what: 'a segment', timeoutMs: 10_000 },
  });
  const [, query] = playlist.split('?');
  // The playlist gives no longer time than its own URL has.
  expect(line).toBe(`segment/live000000.ts?${query}`);
  const base = `/recordings/${one?.recording_id}`;
  expect((await api.get(`${base}/${line}`)).status).toBe(200);
  expect((await api.get(String(one?.download_url))).status).toBe(200);
  expect((await api.get(`${base}/file.ts`)).status).toBe(401);
  expect((await api.get(`${base}/file.ts`, own)).status).toBe(200);
  expect(linesIn((await api.get(`${base}/playlist.m3u8`, own)).text)[0]).toMatch(/\?signature=\d{10}\./);
  expect((await api.get(`/recordings/${two?.recording_id}/file.ts?${query}`)).status).toBe(403);
  expect((await api.get(`/stream/${streamId}?${query}`)).status).toBe(403);
  expect((await api.get('/recordings')).status).toBe(401);
  expect((await api.get(`${base}?${query}`)).status).toBe(401);
});

it('says why nothing can be recorded, and leaves nothing behind', async () => {
  const { api } = await recorder();
  const { origin } = await serve((_, response) => response.writeHead(404).end());
  const { body } = await api.post('/streams', { url: `${origin}/live.ts` });
  const refused = await api.post(`/streams/${body.stream_id}/record`);
  expect([refused.status, refused.body.detail]).toEqual([502, expect.stringContaining('404')]);
  expect((await api.post(`/streams/${'0'.repeat(32)}/record`)).status).toBe(404);
  for (const order of [{ duration_seconds: -1 }, { name: '' }, { name: 'x'.repeat(201) }]) {
    expect([order, (await api.post(`/streams/${body.stream_id}/record`, order)).status]).toEqual([order, 422]);
  }
  expect((await api.get('/recordings')).body).toEqual({ recordings: [], total: 0 });
});
