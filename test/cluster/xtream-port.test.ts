// Behind a port that lets only the addresses of Xtream players through, as m3u-editor's does, streams play by HLS.
import { expect } from 'vitest';
import { startFileSource } from '../support/file-source.ts';
import { HlsViewer } from '../support/hls-viewer.ts';
import { expectClean, judgeTs } from '../support/judge/index.ts';
import { PROFILES } from '../support/m3u-editor-bodies.ts';
import { startRoundRobin } from '../support/round-robin.ts';
import { staged } from '../support/stage.ts';

/** Below /m3u-proxy: a stream, and of HLS three names in a folder that is one component of letters, digits, `-` and `_`. */
const RULES = [
  'acl is_stream path_reg ^/m3u-proxy/stream/[A-Za-z0-9_-]+$',
  'acl is_hls path_reg ^/m3u-proxy/hls/[A-Za-z0-9_-]+/(playlist[.]m3u8|segment|segment[.]ts)$',
  'http-request deny deny_status 404 unless is_stream or is_hls',
  'http-request replace-path /m3u-proxy(/.*) \\1',
];

staged('plays a stock template of m3u-editor, and an HLS source, through two workers in turn', async ({ stage }) => {
  const { workers } = await stage.cluster(2, { CLIENT_TIMEOUT: '2', ROOT_PATH: '/m3u-proxy' });
  const [worker] = workers;
  if (worker === undefined) throw new Error('a cluster has workers');
  const port = await startRoundRobin(workers, RULES);
  stage.closeAfter(() => port.close());
  const files = await startFileSource();
  stage.closeAfter(() => files.close());
  const source = await stage.source({ fixture: 'bframes', join: 'keyframe', burstSeconds: 3 });
  const own = await worker.api.createTranscode({ url: source.url, profile: PROFILES.hls });
  const theirs = await worker.api.createStream({ url: files.url('hls/live.m3u8') });
  for (const path of ['/stats', '/m3u-proxy/stats', `/m3u-proxy/hls/${own.stream_id}/segment.m4s`]) {
    expect([path, (await fetch(port.url + path)).status]).toEqual([path, 404]);
  }
  const viewer = await HlsViewer.open(`${port.url}/m3u-proxy/hls/${own.stream_id}/playlist.m3u8?username=ann`);
  const { numbers } = await viewer.playlist();
  const [begin = 0] = numbers;
  const bytes: Buffer[] = [];
  for (let n = begin; n < begin + 4; n++) {
    await viewer.playlistWith(n);
    bytes.push(await viewer.segment(n));
  }
  expectClean(judgeTs(Buffer.concat(bytes)), { video: true, audio: true, minSeconds: 7, maxSignalled: 0 });
  const entry = await fetch(`${port.url}/m3u-proxy/hls/${theirs.stream_id}/playlist.m3u8`);
  const named = async (answer: Response): Promise<Response> => {
    const [line = ''] = (await answer.text()).split('\n').filter((each) => each !== '' && !each.startsWith('#'));
    return fetch(new URL(line, answer.url));
  };
  const segment = await named(await named(entry));
  expect([segment.status, segment.headers.get('content-type')]).toEqual([200, 'video/mp2t']);
});
