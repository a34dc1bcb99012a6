// Behind a port that lets only the addresses of Xtream players through, as m3u-editor's does, streams play by HLS.
import { expect } from 'vitest';
import { startFileSource } from '../support/file-source.ts';
import { expectClean, judgeTs } from '../support/judge/index.ts';
import { PROFILES } from '../support/m3u-editor-bodies.ts';
import { watchWith } from '../support/players/programs.ts';
import { startRoundRobin } from '../support/round-robin.ts';
import { type Stage, staged } from '../support/stage.ts';
import type { Worker } from '../support/worker.ts';

/** Below /m3u-proxy: a stream, and of HLS these names in a folder that is one component of letters, digits, `-` and `_`. */
const rulesFor = (names: readonly string[]) => [
  'acl is_stream path_reg ^/m3u-proxy/stream/[A-Za-z0-9_-]+$',
  `acl is_hls path_reg ^/m3u-proxy/hls/[A-Za-z0-9_-]+/(${names.join('|').replaceAll('.', '[.]')})$`,
  'http-request deny deny_status 404 unless is_stream or is_hls',
  'http-request replace-path /m3u-proxy(/.*) \\1',
];
const STOCK = ['playlist.m3u8', 'segment', 'segment.ts'];
/** With what docs/hls.md says to add. */
const WIDENED = [...STOCK, 'segment.m4s', 'segment.mp4'];

/** The stock templates, with and without the time of day; how each is asked for; and the names that the port lets through. */
const PLAYED = [
  ['HLS', PROFILES.hls, 'container=ts', STOCK],
  ['HLS without program_date_time', PROFILES.hls.replace(' -hls_flags program_date_time', ''), '', STOCK],
  ['fragmented MP4 as MPEG-TS', PROFILES.fmp4, 'container=ts', STOCK],
  ['fragmented MP4', PROFILES.fmp4, '', WIDENED],
] as const;

async function port(stage: Stage, names: readonly string[]) {
  const { workers } = await stage.cluster(2, { CLIENT_TIMEOUT: '2', ROOT_PATH: '/m3u-proxy' });
  const balancer = await startRoundRobin(workers, rulesFor(names));
  stage.closeAfter(() => balancer.close());
  return { url: balancer.url, worker: workers[0] as Worker };
}

staged.concurrent('plays the stock templates of m3u-editor through two workers in turn', async ({ stage }) => {
  const source = await stage.source({ fixture: 'bframes', join: 'keyframe', burstSeconds: 3 });
  const ports = new Map([
    [STOCK, await port(stage, STOCK)],
    [WIDENED, await port(stage, WIDENED)],
  ]);
  await Promise.all(
    PLAYED.map(async ([what, profile, query, names]) => {
      const { url, worker } = ports.get(names) as Awaited<ReturnType<typeof port>>;
      const { stream_id } = await worker.api.createTranscode({ url: source.url, profile });
      const entry = `${url}/m3u-proxy/hls/${stream_id}/playlist.m3u8?username=ann&${query}`;
      const container = names === WIDENED ? 'fmp4' : 'ts';
      const faults = await watchWith('ffmpeg', { url: entry, seconds: 6, container });
      expect({ what, faults }).toEqual({ what, faults: [] });
      const { parsed, text } = await (await stage.hlsViewer(entry)).playlist();
      expect([what, parsed.targetDuration, text.includes('#EXT-X-MAP')]).toEqual([what, 2, container === 'fmp4']);
    }),
  );
  // Sessions would stay for three target durations. All templates but the container are one stream.
  for (const { worker } of ports.values()) {
    const { streams } = (await worker.api.get<{ streams: { stream_id: string }[] }>('/streams')).body;
    for (const { stream_id } of streams) expect((await worker.api.del(`/streams/${stream_id}`)).status).toBe(200);
  }
  const { url } = ports.get(STOCK) as Awaited<ReturnType<typeof port>>;
  for (const path of ['/stats', '/m3u-proxy/stats', '/m3u-proxy/hls/x/segment.m4s']) {
    expect([path, (await fetch(url + path)).status]).toEqual([path, 404]);
  }
});

staged.concurrent(
  'plays the bytes of a stock template, and an HLS source, through the stock port',
  async ({ stage }) => {
    const { url, worker } = await port(stage, STOCK);
    const files = await startFileSource();
    stage.closeAfter(() => files.close());
    const source = await stage.source({ fixture: 'bframes', join: 'keyframe', burstSeconds: 3 });
    const own = await worker.api.createTranscode({ url: source.url, profile: PROFILES.hls });
    const theirs = await worker.api.createStream({ url: files.url('hls/live.m3u8') });
    const viewer = await stage.hlsViewer(`${url}/m3u-proxy/hls/${own.stream_id}/playlist.m3u8?username=ann`);
    const { numbers } = await viewer.playlist();
    const [begin = 0] = numbers;
    const bytes: Buffer[] = [];
    for (let n = begin; n < begin + 4; n++) {
      await viewer.playlistWith(n);
      bytes.push(await viewer.segment(n));
    }
    expectClean(judgeTs(Buffer.concat(bytes)), { video: true, audio: true, minSeconds: 7, maxSignalled: 0 });
    const entry = await fetch(`${url}/m3u-proxy/hls/${theirs.stream_id}/playlist.m3u8`);
    const named = async (answer: Response): Promise<Response> => {
      const [line = ''] = (await answer.text()).split('\n').filter((each) => each !== '' && !each.startsWith('#'));
      return fetch(new URL(line, answer.url));
    };
    const segment = await named(await named(entry));
    expect([segment.status, segment.headers.get('content-type')]).toEqual([200, 'video/mp2t']);
  },
);
