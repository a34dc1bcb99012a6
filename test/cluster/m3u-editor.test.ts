/** m3u-editor against one worker, and against two of which each call reaches the other: what it sends works, what it reads is there. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startCluster } from '../support/cluster.ts';
import { finiteBytes, startFileSource } from '../support/file-source.ts';
import { M3uEditor, type Player } from '../support/m3u-editor.ts';
import {
  type Channel,
  channelBody,
  episodeBody,
  networkBody,
  PROFILES,
  REFERER,
  recordingBody,
  resolvedBody,
  TRANSCODED,
  transcodedBody,
  USER_AGENT,
} from '../support/m3u-editor-bodies.ts';
import { CallLog, callTable, documentedCalls } from '../support/m3u-editor-calls.ts';
import { refusal, webhookList } from '../support/m3u-editor-reads.ts';
import type { RecordingHandle } from '../support/recorder.ts';
import { allPlaying, poolingOf, type Stage, staged } from '../support/stage.ts';
import { until } from '../support/until.ts';
import { WebhookReceiver } from '../support/webhook-receiver.ts';
import { startWorker, type Worker } from '../support/worker.ts';

const TOKEN = 'the-token-of-both';
/** As the example for m3u-editor sets it. */
const SETTINGS = { API_TOKEN: TOKEN, SHARE_DIRECT_STREAMS: 'true' };
const PATH = (channel: number) => `/live/joe/s3cret/${channel}.ts`;
/** How long after a stop it counts again, at the earliest. */
const COUNTS_AGAIN_MS = 100;
/** Until the viewers of every worker have heard that their stream is gone: a renewal, and a busy machine. */
const REACH_MS = 3_000;
const ANN: Player = { address: '203.0.113.7', username: 'ann' };
const BOB: Player = { address: '203.0.113.8', username: 'bob', headers: { upgrade: 'h2c' } };

/** Of all tests here, by where they ran. */
const logs = new Map<string, CallLog>();

/** One without Redis, or several with it. */
async function startWorkers(count: number): Promise<{ workers: readonly Worker[]; stop(): Promise<unknown> }> {
  if (count > 1) return startCluster(count, SETTINGS);
  const worker = await startWorker(SETTINGS);
  return { workers: [worker], stop: () => worker.stop('SIGINT') };
}

describe.each([
  { where: 'one worker', count: 1 },
  { where: 'two workers in turn', count: 2 },
])('m3u-editor on $where', ({ where, count }) => {
  let running: Awaited<ReturnType<typeof startWorkers>>;
  let lists = 0;
  const log = new CallLog();
  logs.set(where, log);

  beforeAll(async () => {
    running = await startWorkers(count);
  });

  afterAll(() => running?.stop());

  /** One for each test: what others ask in between would change whose turn it is. */
  function newEditor(): M3uEditor {
    return new M3uEditor(
      running.workers.map(({ url }) => url),
      TOKEN,
      log,
    );
  }

  const newList = (): string => `0b7c3f6e-0000-4000-8000-00000000000${++lists}`;

  function play(stage: Stage, editor: M3uEditor, streamId: string, player: Player): RecordingHandle {
    const { url, headers } = editor.playback(streamId, 'ts', player);
    return stage.viewer(url, { headers });
  }

  /** Asks as often as there are workers, so that each of them has answered. */
  async function ofEach<T>(ask: () => Promise<T>): Promise<T[]> {
    const answers: T[] = [];
    for (const _ of running.workers) answers.push(await ask());
    return answers;
  }

  const each = <T>(value: T): T[] => running.workers.map(() => value);

  async function isOver(viewer: RecordingHandle, what: string): Promise<void> {
    await until(() => viewer.ended, { timeoutMs: REACH_MS, what });
  }

  staged.concurrent('plays a channel to several, finds it again, and counts one connection', async ({ stage }) => {
    const editor = newEditor();
    const source = await stage.source({ channels: { [PATH(1007)]: {} } });
    const list = newList();
    const channel: Channel = {
      id: 1007,
      url: source.url,
      playlistUuid: list,
      failoverUrls: [`${source.origin}/backup/1007.ts`],
      providerProfileId: 3,
      playlistAuthId: 12,
    };
    expect(await editor.findPooled(1007, list)).toBeUndefined();
    expect(await editor.connections('playlist_uuid', list)).toBe(0);
    const id = await editor.createStream(channelBody(channel));
    await allPlaying([play(stage, editor, id, ANN), play(stage, editor, id, BOB)]);
    expect(await ofEach(() => editor.findPooled(1007, list))).toEqual(each(id));
    expect(await ofEach(() => editor.findPooled(1007, list, 5))).toEqual(each(undefined));
    for (const [field, value] of [
      ['playlist_uuid', list],
      ['playlist_auth_id', '12'],
      ['provider_profile_id', '3'],
    ] as const) {
      expect([field, await ofEach(() => editor.connections(field, value))]).toEqual([field, each(1)]);
    }
    const counts = await ofEach(() => editor.countsOf('provider_profile_id', ['3', '4']));
    expect(counts).toEqual(each({ 3: 1, 4: 0 }));
    expect(await ofEach(() => editor.createStream(channelBody(channel)))).toEqual(each(id));
    const { connections, maxConcurrent } = await source.stats();
    expect(maxConcurrent).toBe(1);
    expect(connections[0]?.headers).toMatchObject({ 'user-agent': USER_AGENT, referer: REFERER });
  });

  staged.concurrent('plays a channel through its default profile, with one FFmpeg', async ({ stage }) => {
    const editor = newEditor();
    const source = await stage.source({ channels: { [PATH(1008)]: {} } });
    const list = newList();
    const channel: Channel = { id: 1008, url: source.url, playlistUuid: list };
    expect(await editor.findPooled(1008, list, 5)).toBeUndefined();
    const id = await editor.createTranscoded(transcodedBody(channel, PROFILES.ts, 5));
    await allPlaying([play(stage, editor, id, ANN), play(stage, editor, id, BOB)]);
    expect(await ofEach(() => editor.findPooled(1008, list, 5))).toEqual(each(id));
    expect(await ofEach(() => editor.findPooled(1008, list, 6))).toEqual(each(undefined));
    expect(await ofEach(() => editor.findPooled(1008, list))).toEqual(each(undefined));
    expect(await ofEach(() => editor.connections('profile_id', '5'))).toEqual(each(1));
    // Of this channel: the tests beside it run processes too.
    const feeds = (await Promise.all(running.workers.map(poolingOf))).flatMap((pooling) => pooling.feeds);
    const processes = feeds.flatMap(({ stream_id, pid }) => (stream_id === id && pid !== null ? [pid] : []));
    expect(processes).toHaveLength(1);
    const { connections, maxConcurrent } = await source.stats();
    expect(maxConcurrent).toBe(1);
    expect(connections[0]?.headers).toMatchObject({ 'user-agent': USER_AGENT, referer: REFERER });
  });

  staged.concurrent(
    'plays an episode from where its player seeks to, and ends it when that is closed',
    async ({ stage }) => {
      const editor = newEditor();
      const files = await startFileSource({ bytesPerSecond: 100_000 });
      stage.closeAfter(() => files.close());
      const list = newList();
      const id = await editor.createStream(episodeBody(1041, files.url('movie.mp4'), list));
      const player = { address: ANN.address, clientId: 'web-41', headers: { range: 'bytes=5000-' } };
      const viewer = play(stage, editor, id, player);
      await allPlaying([viewer]);
      expect(await ofEach(() => editor.connections('original_episode_id', '1041'))).toEqual(each(1));
      expect(await editor.playerClosed('episode_id', '1041', 'web-41')).toEqual({
        deleted_count: 1,
        deleted_streams: [id],
      });
      await isOver(viewer, 'the player to be closed');
      const { status, headers, bytes } = viewer.snapshot();
      const film = await finiteBytes('movie.mp4');
      expect([status, headers['content-range']]).toEqual([206, `bytes 5000-${film.length - 1}/${film.length}`]);
      expect(film.subarray(5000, 5000 + bytes.length).equals(bytes)).toBe(true);
      expect(await ofEach(() => editor.connections('playlist_uuid', list))).toEqual(each(0));
    },
  );

  staged.concurrent('ends a channel with its last player, and not before', async ({ stage }) => {
    const editor = newEditor();
    const source = await stage.source({ channels: { [PATH(1009)]: {} } });
    const list = newList();
    // The editor on the same machine: its resolver cannot be asked, which is no reason not to play.
    const resolverUrl = 'http://127.0.0.1:9/api/m3u-proxy/failover-resolver';
    const id = await editor.createStream(channelBody({ id: 1009, url: source.url, playlistUuid: list, resolverUrl }));
    const first = play(stage, editor, id, { address: ANN.address, clientId: 'web-1' });
    const second = play(stage, editor, id, { address: ANN.address, clientId: 'web-2' });
    await allPlaying([first, second]);
    expect(await editor.playerClosed('channel_id', '1009', 'web-1')).toEqual({ deleted_count: 0, deleted_streams: [] });
    await isOver(first, 'the first player to be closed');
    expect(second.ended).toBe(false);
    expect(await ofEach(() => editor.connections('playlist_uuid', list))).toEqual(each(1));
    expect(await editor.playerClosed('channel_id', '1009', 'web-2')).toEqual({
      deleted_count: 1,
      deleted_streams: [id],
    });
    await isOver(second, 'the second player to be closed');
  });

  staged.concurrent(
    'makes room on an account of two connections, and plays the next channel on it',
    async ({ stage }) => {
      const editor = newEditor();
      const source = await stage.source({
        channels: { [PATH(1001)]: {}, [PATH(1002)]: {}, [PATH(1003)]: {} },
        accountLimit: { limit: 2, mode: 'refuse' },
      });
      const list = newList();
      const bodyOf = (id: number) => channelBody({ id, url: source.channel(PATH(id)).url, playlistUuid: list });
      expect(await editor.stopOldest('playlist_uuid', list)).toEqual({ deleted_count: 0, deleted_stream: null });
      const one = await editor.createStream(bodyOf(1001));
      const first = play(stage, editor, one, ANN);
      await allPlaying([first]);
      const two = await editor.createStream(bodyOf(1002));
      await allPlaying([play(stage, editor, two, BOB)]);
      expect(await ofEach(() => editor.connections('playlist_uuid', list))).toEqual(each(2));

      const stopped = await editor.stopOldest('playlist_uuid', list, '1003');
      expect(stopped).toEqual({ deleted_count: 1, deleted_stream: one, stream_age_seconds: expect.any(Number) });
      await sleep(COUNTS_AGAIN_MS);
      expect(await ofEach(() => editor.connections('playlist_uuid', list))).toEqual(each(1));
      const three = await editor.createStream(bodyOf(1003));
      await allPlaying([play(stage, editor, three, ANN)]);
      await isOver(first, 'the viewer of the oldest to be closed');
      expect(await source.account()).toMatchObject({ maxConcurrent: 2 });
      // The channel that is asked for is never the one that is stopped.
      expect(await editor.stopOldest('playlist_uuid', list, '1002')).toMatchObject({ deleted_stream: three });
    },
  );

  staged.concurrent(
    'changes channels on an account of one connection, with and without a profile',
    async ({ stage }) => {
      const editor = newEditor();
      const list = newList();
      const paths = [PATH(1061), PATH(1062), PATH(1063), PATH(1064)];
      const source = await stage.source({
        channels: Object.fromEntries(paths.map((path) => [path, {}])),
        accountLimit: { limit: 1, mode: 'refuse' },
      });
      for (const [n, path] of paths.entries()) {
        const channel = { id: 1061 + n, url: source.channel(path).url, playlistUuid: list };
        // It does not ask to have room made: nobody watches the last channel any more.
        await until(async () => (await editor.connections('playlist_uuid', list)) === 0, {
          what: 'the viewer to be gone',
        });
        const id =
          n % 2 === 0
            ? await editor.createStream(channelBody(channel))
            : await editor.createTranscoded(transcodedBody(channel, PROFILES.ts, 9));
        const viewer = play(stage, editor, id, ANN);
        await allPlaying([viewer]);
        await viewer.stop();
      }
      expect(await source.account()).toMatchObject({ total: paths.length, maxConcurrent: 1 });
    },
  );

  staged.concurrent('lists who watches what, moves a stream to its backup, and stops it', async ({ stage }) => {
    const editor = newEditor();
    const source = await stage.source({ channels: { [PATH(1005)]: {}, '/backup/1005.ts': {} } });
    const backup = source.channel('/backup/1005.ts').url;
    const channel = { id: 1005, url: source.url, playlistUuid: newList(), failoverUrls: [backup] };
    const id = await editor.createStream(channelBody(channel));
    const viewers = [play(stage, editor, id, ANN), play(stage, editor, id, BOB)];
    await allPlaying(viewers);
    for (const { streams, clients } of await ofEach(() => editor.monitor())) {
      expect(streams.filter(({ stream_id }) => stream_id === id)).toMatchObject([
        {
          original_url: source.url,
          current_url: source.url,
          stream_type: 'Live Continuous',
          is_active: true,
          client_count: 2,
          error_count: 0,
          has_failover: true,
          failover_urls: [backup],
          failover_resolver_url: null,
          current_failover_index: -1,
          failover_attempts: 0,
          last_failover_time: null,
          metadata: { id: '1005', type: 'channel', is_failover: 'False', strict_live_ts: 'True' },
        },
      ]);
      const watching = clients.filter(({ stream_id }) => stream_id === id);
      const who = watching.map(({ ip_address, username, is_connected }) => [ip_address, username, is_connected]);
      expect(who.toSorted()).toEqual([ANN, BOB].map(({ address, username }) => [address, username, true]));
    }
    await editor.failOver(id);
    for (const { streams } of await ofEach(() => editor.monitor())) {
      expect(streams.find(({ stream_id }) => stream_id === id)).toMatchObject({
        original_url: source.url,
        current_url: backup,
        current_failover_index: 0,
        failover_attempts: 1,
        last_failover_time: expect.any(String),
      });
    }
    expect(viewers.map(({ ended }) => ended)).toEqual([false, false]);
    await editor.stopStream(id);
    for (const viewer of viewers) await isOver(viewer, 'the viewers to be closed');
    for (const { streams } of await ofEach(() => editor.monitor())) {
      expect(streams.map(({ stream_id }) => stream_id)).not.toContain(id);
    }
  });

  staged.concurrent('answers a list of 300 channels, and the next create', async ({ stage }) => {
    const editor = newEditor();
    const source = await stage.source({ channels: { [PATH(150)]: {} } });
    const channel = { id: 150, url: source.url, playlistUuid: newList() };
    const id = await editor.createStream(channelBody(channel));
    await allPlaying([play(stage, editor, id, ANN)]);
    const active: string[] = [];
    const channels = Array.from({ length: 300 }, (_, n) => String(n)).values();
    // As many processes of PHP as there are requests of players at a time.
    const ask = async (): Promise<void> => {
      for (const next of channels) if (await editor.isChannelActive(next)) active.push(next);
    };
    await Promise.all(Array.from({ length: 6 }, ask));
    expect(active).toEqual(['150']);
    expect(await editor.createStream(channelBody(channel))).toBe(id);
  });

  staged.concurrent('says how it is, and whether it reaches the editor', async ({ stage }) => {
    const editor = newEditor();
    const source = await stage.source();
    for (const { health, info } of await ofEach(() => editor.status())) {
      expect(health.version).toBe(info.version);
      expect([info.worker.multi_worker_mode, info.redis.pooling_enabled]).toEqual([count > 1, true]);
    }
    expect(await editor.testConnection(source.url)).toMatchObject({ success: true, url_tested: source.url });
    expect(await editor.testConnection('http://127.0.0.1:1/up')).toMatchObject({ success: false });
  });

  staged.concurrent('plays HLS sources and HLS profiles', async ({ stage }) => {
    const editor = newEditor();
    const files = await startFileSource();
    stage.closeAfter(() => files.close());
    const list = newList();
    const urlOf = (id: number, end: string) => `http://tv.example/live/joe/s3cret/${id}.${end}`;
    const channel = (id: number, end = 'ts'): Channel => ({ id, url: urlOf(id, end), playlistUuid: list });
    const live = (await stage.source({ fixture: 'bframes', join: 'keyframe', burstSeconds: 3 })).url;
    const played = [
      [await editor.createTranscoded(transcodedBody({ ...channel(1021), url: live }, PROFILES.hls, 6)), 'm3u8'],
      [await editor.createTranscoded(transcodedBody({ ...channel(1022), url: live }, PROFILES.fmp4, 7)), 'm3u8'],
    ] as const;
    const sources = [
      [await editor.createStream(channelBody({ ...channel(1023), url: files.url('hls/live.m3u8') })), 'm3u8'],
      // Films are played from /stream whatever their URL ends with.
      [await editor.createStream(episodeBody(1024, files.url('hls/vod.m3u8'), list)), 'ts'],
    ] as const;
    for (const [id, format] of [...played, ...sources]) {
      const { url, headers } = editor.playback(id, format, { ...ANN, clientId: 'web-9' });
      // fetch speaks for itself about its connection.
      const { connection: _connection, ...sent } = headers;
      const entry = await fetch(url, { headers: sent });
      expect([format, entry.status, entry.headers.get('content-type')]).toEqual([
        format,
        200,
        'application/vnd.apple.mpegurl',
      ]);
      const [address = ''] = (await entry.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
      const playlist = await fetch(new URL(address, entry.url));
      const text = await playlist.text();
      expect(text).toMatch(/#EXTINF/);
      expect(playlist.headers.get('x-client-id')).toBe('web-9');
      const [segment = ''] = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
      const media = await fetch(new URL(segment, playlist.url));
      expect(media.status).toBe(200);
      expect(Buffer.from(await media.arrayBuffer()).readUInt8(188)).toBe(0x47);
      expect((await editor.ask({ method: 'DELETE', path: `/hls/${id}/clients/web-9` })).status).toBe(200);
    }
  });

  staged.concurrent('registers its webhook at each start, and is told of each viewer once', async ({ stage }) => {
    const editor = newEditor();
    const receiver = await WebhookReceiver.start();
    stage.closeAfter(() => receiver.close());
    const source = await stage.source({ channels: { [PATH(1051)]: {} } });
    const body = {
      url: receiver.url,
      events: ['client_connected', 'client_disconnected', 'stream_started', 'stream_stopped'],
      timeout: 5,
      retry_attempts: 2,
    };
    const registered = async () => {
      const there = await editor.ask({ method: 'GET', path: '/webhooks' });
      const remove = { method: 'DELETE', path: '/webhooks', body: { webhook_url: receiver.url } } as const;
      const removed = await editor.ask(remove);
      const added = await editor.ask({ method: 'POST', path: '/webhooks', body });
      const { webhooks } = webhookList.parse(there.body);
      const isThere = webhooks.some(({ url }) => url === receiver.url);
      return { isThere, removed: removed.status, added: added.status };
    };
    expect(await registered()).toEqual({ isThere: false, removed: 404, added: 200 });
    // It starts again.
    expect(await registered()).toEqual({ isThere: true, removed: 200, added: 200 });
    const channel: Channel = { id: 1051, url: source.channel(PATH(1051)).url, playlistUuid: newList() };
    const id = await editor.createStream(channelBody(channel));
    const viewer = play(stage, editor, id, ANN);
    await allPlaying([viewer]);
    await viewer.stop();
    await editor.ask({ method: 'DELETE', path: `/streams/${id}` });
    const ofStream = () => receiver.deliveries.filter((each) => each.body.stream_id === id);
    await until(() => ofStream().length === 4, { what: 'the four events', timeoutMs: 15_000 });
    const types = ofStream().map((each) => each.body.event_type);
    expect(types).toEqual(['stream_started', 'client_connected', 'client_disconnected', 'stream_stopped']);
    for (const { data } of ofStream().map((each) => each.body)) expect(data.metadata).toMatchObject({ id: '1051' });
    await editor.ask({ method: 'DELETE', path: '/webhooks', body: { webhook_url: receiver.url } });
  });

  staged.concurrent(
    'records a channel that is watched, and fetches the recording when it has stopped',
    async ({ stage }) => {
      const editor = newEditor();
      const source = await stage.source({ channels: { [PATH(1071)]: {} } });
      const list = newList();
      const id = await editor.createStream(channelBody({ id: 1071, url: source.url, playlistUuid: list }));
      const viewer = play(stage, editor, id, ANN);
      await allPlaying([viewer]);
      const network = '0b7c3f6e-1111-4000-8000-000000000071';
      expect(await editor.startBroadcast(network, recordingBody(id))).toMatchObject({ status: 'running' });
      await viewer.stop();
      for (const { broadcasts } of await ofEach(() => editor.monitor())) {
        expect(broadcasts.find(({ network_id }) => network_id === network)).toMatchObject({ status: 'running' });
      }
      // Nobody watches any more: what is recorded still has its connection.
      expect(await ofEach(() => editor.connections('playlist_uuid', list))).toEqual(each(1));
      await until(async () => (await editor.recordedSegments(network)).length >= 2, {
        ...{ what: 'two segments', timeoutMs: 15_000, everyMs: 200 },
      });
      expect(await ofEach(() => editor.broadcastStatus(network))).toMatchObject(each({ status: 'running' }));
      const { status } = await editor.stopBroadcast(network);
      expect(status).toBe('stopped');
      for (const name of ['live.m3u8.tmp', 'segment/live.m3u8']) {
        expect(await editor.recordedPlaylist(network, name)).toBe(await editor.recordedPlaylist(network));
      }
      const subtitles = { method: 'GET', path: `/broadcast/${network}/segment/live_vtt.m3u8` } as const;
      expect(await editor.ask(subtitles)).toMatchObject({ status: 404 });
      const names = await editor.recordedSegments(network);
      expect(await ofEach(() => editor.recordedSegments(network))).toEqual(each(names));
      for (const name of names) {
        for (const bytes of await ofEach(() => editor.recordedSegment(network, name))) {
          expect([name, bytes.readUInt8(0), bytes.length % 188]).toEqual([name, 0x47, 0]);
        }
      }
      expect((await source.stats()).maxConcurrent).toBe(1);
      expect((await editor.ask({ method: 'DELETE', path: `/broadcast/${network}` })).status).toBe(200);
      const isGone = async () => {
        const answers = await ofEach(() => editor.ask({ method: 'GET', path: `/broadcast/${network}/live.m3u8` }));
        return answers.every((answer) => answer.status === 404);
      };
      await until(isGone, { what: 'every worker to have heard of the deletion', timeoutMs: REACH_MS });
    },
  );

  // Alone: a start waits for 8 s, and this one encodes.
  staged(
    'runs a network channel: the end of a film, and a programme that it starts before it answers that the film is over',
    async ({ stage }) => {
      const editor = newEditor();
      const source = await stage.source({ channels: { [PATH(1073)]: {} } });
      const films = await startFileSource();
      stage.closeAfter(() => films.close());
      const network = '0b7c3f6e-1111-4000-8000-000000000072';
      const started: unknown[] = [];
      const receiver = await WebhookReceiver.start(async ({ body }, response) => {
        const programme = { ...networkBody(source.url, 600, receiver.url), ...TRANSCODED };
        const next = await editor.startBroadcast(network, programme).catch(String);
        started.push([body, next]);
        response.writeHead(200).end();
      });
      stage.closeAfter(() => receiver.close());
      // It has 20 s.
      const film = { ...networkBody(films.url('movie.mp4'), 600, receiver.url), seek_seconds: 14 };
      expect(await editor.startBroadcast(network, film)).toMatchObject({ status: 'running' });
      const sinceMs = performance.now();
      await until(() => started.length > 0, { what: 'the next programme', timeoutMs: 20_000 });
      const data = { exit_code: 0, final_segment_number: 2, duration_streamed: expect.closeTo(6, 0) };
      expect(started).toMatchObject([[{ network_id: network, event: 'programme_ended', data }, { status: 'running' }]]);
      // All but the last segment, as it plays.
      expect(performance.now() - sinceMs).toBeGreaterThan(3_500);
      expect(receiver.deliveries).toHaveLength(1);
      expect((await editor.stopBroadcast(network)).status).toBe('stopped');
      expect((await editor.ask({ method: 'DELETE', path: `/broadcast/${network}` })).status).toBe(200);
    },
  );

  staged.concurrent('says why it cannot play a page with cookies from where it may not read', async () => {
    const editor = newEditor();
    const channel = { id: 1031, url: 'http://portal.example/watch/31', playlistUuid: newList() };
    // The cookies of its profile are not below COOKIES_DIR, which is not set here.
    for (const resolver of ['streamlink', 'ytdlp'] as const) {
      const { status, body } = await editor.ask({
        method: 'POST',
        path: '/transcode',
        body: resolvedBody(channel, resolver, 8),
      });
      expect([400, 503]).toContain(status);
      expect(refusal.parse(body).detail).toMatch(/COOKIES_DIR|is not installed/);
    }
    const asked = { method: 'GET', path: '/validate-cookies-file', query: { path: '/cookies/portal.txt' } } as const;
    expect(await editor.ask(asked)).toMatchObject({ status: 200, body: { valid: false } });
  });
});

/** As docs/moving-from-m3u-proxy.md has them. Nothing is built for one form of use alone. */
it.each([...logs])('m3u-editor on %s gets the answers of the docs to all of its calls', (where, log) => {
  console.log(callTable(where, log.calls));
  const page = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'moving-from-m3u-proxy.md'), 'utf8');
  const documented = documentedCalls(page);
  expect([...log.calls.keys()]).toEqual([...documented.keys()].sort());
  for (const [call, statuses] of log.calls) {
    expect([call, [...statuses].filter((status) => documented.get(call)?.has(status) !== true)]).toEqual([call, []]);
  }
});
