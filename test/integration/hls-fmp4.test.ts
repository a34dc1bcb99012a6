// Segments of fragmented MP4, cut from the feed that viewers of MPEG-TS read: beside those of MPEG-TS, for HEVC, and in real players.
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { expect } from 'vitest';
import type { HlsViewer, MediaPlaylist } from '../support/hls-viewer.ts';
import { CHROMIUM, HlsPlayers } from '../support/players/hls-players.ts';
import { allPlaying, LIGHT, staged } from '../support/stage.ts';

const ENV = { SHARED_STREAM_GRACE: '1', CLIENT_TIMEOUT: '4', HLS_SEGMENT_TIME: '1', HLS_WAIT_TIME: '30' };
const FFMPEG = process.env.FFMPEG_PATH ?? 'ffmpeg';
const SOURCE = { fixture: 'bframes', join: 'keyframe', burstSeconds: 3 } as const;
const HEVC = LIGHT.replace('libx264 -preset ultrafast', 'libx265 -preset ultrafast -x265-params log-level=none');

/** The hashes of all decoded frames of one kind, and what FFmpeg says beside them. */
async function decoded(input: string | Buffer, kind: 'v' | 'a'): Promise<{ hashes: string[]; says: string }> {
  const from = typeof input === 'string' ? input : 'pipe:0';
  const map = ['-map', `0:${kind}`, '-fps_mode', 'passthrough', '-f', 'framemd5', 'pipe:1'];
  const limit = typeof input === 'string' ? ['-t', '4'] : [];
  const ffmpeg = spawn(FFMPEG, ['-v', 'warning', '-i', from, ...limit, ...map]);
  ffmpeg.stdin.on('error', () => undefined).end(typeof input === 'string' ? '' : input);
  const [frames, says] = await Promise.all([text(ffmpeg.stdout), text(ffmpeg.stderr)]);
  // FFmpeg reads the initialisation again now and then, and says so.
  const rest = says.replace(/^.*(Found duplicated MOOV Atom|Last message repeated).*\n/gm, '');
  const lines = frames.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return { hashes: lines.map((line) => line.split(',').at(-1)?.trim() ?? ''), says: rest };
}

/** Six segments from a number on, behind the initialisation that the playlist names. */
async function sixOf(viewer: HlsViewer, first: number): Promise<{ bytes: Buffer; playlist: MediaPlaylist }> {
  const playlist = await viewer.playlistWith(first + 5);
  const whole = playlist.parsed.segments.filter(({ uri }) => uri !== '');
  const maps = new Set(whole.map(({ map }) => map?.uri ?? ''));
  expect(maps.size).toBe(1);
  const [uri = ''] = maps;
  const parts = uri === '' ? [] : [await viewer.init(uri)];
  for (let n = first; n < first + 6; n++) parts.push(await viewer.segment(n));
  return { bytes: Buffer.concat(parts), playlist };
}

staged.concurrent(
  'plays one feed as fragmented MP4 and as MPEG-TS at once: the same numbers, the same frames',
  async ({ stage }) => {
    const source = await stage.source(SOURCE);
    const worker = await stage.worker(ENV);
    const census = stage.census(worker);
    const { stream_id } = await worker.api.createTranscode({ url: source.url, profile: LIGHT });
    const entry = `${worker.url}/hls/${stream_id}/playlist.m3u8`;
    const [ts, mp4] = [await stage.hlsViewer(entry), await stage.hlsViewer(`${entry}?container=fmp4`)];
    const { numbers } = await ts.playlist();
    const first = numbers.at(-1) ?? 0;
    // Its playlist is there at once, because the ring still has what it needs.
    const begun = await mp4.playlist();
    expect(begun.numbers.at(-1)).toBeGreaterThanOrEqual(first);
    const [ofTs, ofMp4] = await Promise.all([sixOf(ts, first), sixOf(mp4, first)]);
    expect([ofTs.playlist.parsed.version, ofMp4.playlist.parsed.version]).toEqual([3, 9]);
    expect(ofMp4.playlist.parsed).toMatchObject({ independentSegments: true, endlist: false });
    expect(ofMp4.playlist.text).toMatch(/#EXT-X-MAP:URI="segment\.mp4\?k=[0-9a-f]{8}"/);
    for (const kind of ['v', 'a'] as const) {
      const [one, other] = await Promise.all([decoded(ofTs.bytes, kind), decoded(ofMp4.bytes, kind)]);
      expect([one.says, other.says]).toEqual(['', '']);
      expect(one.hashes.length).toBeGreaterThan(140);
      expect(other.hashes).toEqual(one.hashes);
    }
    const answer = await mp4.answerOf(first + 5);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'video/mp4']);
    expect((await fetch(new URL('segment.mp4?k=00000000', worker.url + mp4.path))).status).toBe(404);
    const played = await decoded(`${entry}?container=fmp4`, 'v');
    expect([played.says, played.hashes.length]).toEqual(['', 100]);
    type Feeds = { pooling: { feeds: { hls: { containers: string[] } | null }[] } };
    expect((await worker.api.get<Feeds>('/stats')).body.pooling.feeds).toMatchObject([
      { hls: { containers: ['ts', 'fmp4'] } },
    ]);
    expect(census.most).toBe(1);
    expect((await fetch(`${entry}?container=webm`)).status).toBe(422);
  },
);

staged.concurrent(
  'plays HEVC as fragmented MP4 and the rest as MPEG-TS, unless the profile or the viewer says otherwise',
  async ({ stage }) => {
    const source = await stage.source(SOURCE);
    const worker = await stage.worker(ENV);
    const open = async (profile: string, query = '') => {
      const { stream_id } = await worker.api.createTranscode({ url: source.url, profile });
      return stage.hlsViewer(`${worker.url}/hls/${stream_id}/playlist.m3u8${query}`);
    };
    const hevc = await open(HEVC);
    const { parsed, numbers } = await hevc.playlist();
    const init = await hevc.init(parsed.segments[0]?.map?.uri ?? '');
    expect(init.includes('hvc1')).toBe(true);
    const frames = await decoded(Buffer.concat([init, await hevc.segment(numbers[0] ?? 0)]), 'v');
    expect([frames.says, frames.hashes.length]).toEqual(['', 25]);
    const mapOf = async (viewer: HlsViewer) => (await viewer.playlist()).parsed.segments[0]?.map?.uri;
    expect(await mapOf(await open(HEVC, '?container=ts'))).toBeUndefined();
    const muxed = LIGHT.replace('-f mpegts', '-hls_time 1 -hls_segment_type fmp4 -f hls');
    expect(await mapOf(await open(muxed))).toMatch(/^segment\.mp4\?k=/);
    expect(await mapOf(await open(LIGHT.replace('200k', '210k')))).toBeUndefined();
  },
);

staged.concurrent(
  'leaves out what fragmented MP4 cannot carry, and refuses pictures of MPEG-2 with an advice',
  async ({ stage }) => {
    const source = await stage.source(SOURCE);
    const worker = await stage.worker(ENV);
    const entryOf = async (profile: string) => {
      const { stream_id } = await worker.api.createTranscode({ url: source.url, profile });
      return `${worker.url}/hls/${stream_id}/playlist.m3u8`;
    };
    const mp2 = await stage.hlsViewer(`${await entryOf(LIGHT.replace('-c:a aac', '-c:a mp2'))}?container=fmp4`);
    const { parsed } = await mp2.playlist();
    const init = await mp2.init(parsed.segments[0]?.map?.uri ?? '');
    expect([init.includes('avc1'), init.includes('soun')]).toEqual([true, false]);
    expect(worker.logged('fragmented mp4 leaves out tracks of this stream; ?container=ts has them')).toHaveLength(1);
    const radio = await entryOf('-i {input_url} -vn -c:a aac -f mpegts {output_args}');
    for (const [container, type] of [
      ['fmp4', 'audio/mp4'],
      ['ts', 'video/mp2t'],
    ]) {
      const listener = await stage.hlsViewer(`${radio}?container=${container}`);
      const [n = 0] = (await listener.playlist()).numbers;
      expect((await listener.answerOf(n)).headers.get('content-type')).toBe(type);
    }
    expect((await mp2.answerOf(parsed.mediaSequenceBase ?? 0)).headers.get('content-type')).toBe('video/mp4');
    const mpeg2 = await entryOf(LIGHT.replace('libx264 -preset ultrafast', 'mpeg2video'));
    const viewer = await stage.hlsViewer(`${mpeg2}?container=fmp4`);
    const answer = await fetch(worker.url + viewer.path);
    expect([answer.status, await answer.text()]).toEqual([422, expect.stringContaining('container=ts')]);
    expect((await (await stage.hlsViewer(mpeg2)).playlist()).numbers.length).toBeGreaterThan(0);
  },
);

staged.skipIf(CHROMIUM === undefined)(
  'plays in hls.js, warm, on the worker that makes the feed and on one that follows',
  { concurrent: true },
  async ({ stage }) => {
    const cluster = await stage.cluster(2, ENV);
    const source = await stage.source(SOURCE);
    const [owner, follower] = cluster.workers;
    if (owner === undefined || follower === undefined) throw new Error('a cluster of two');
    const { stream_id } = await owner.api.createTranscode({ url: source.url, profile: LIGHT });
    await allPlaying([stage.viewer(`${owner.url}/stream/${stream_id}`)]);
    const players = await HlsPlayers.start();
    try {
      for (const { url } of [owner, follower]) {
        const played = await players.hlsjs({ url: `${url}/hls/${stream_id}/playlist.m3u8?container=fmp4`, seconds: 6 });
        expect([played.fatal, played.stalls]).toEqual([[], 0]);
        // On a busy machine the first picture stays for a while.
        expect(played.advanced).toBeGreaterThan(played.wall - 1);
        expect(played.frames).toBeGreaterThan(100);
        expect(played.audioBytes).toBeGreaterThan(1_000);
      }
    } finally {
      await players.close();
    }
  },
);
