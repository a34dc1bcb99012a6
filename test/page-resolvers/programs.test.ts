/** streamlink and yt-dlp find the media of pages, in the real sandbox; what they find plays. */
import { createReadStream } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect } from 'vitest';
import { startFileSource } from '../support/file-source.ts';
import { cached, FINITE_SECONDS, finiteFile } from '../support/fixtures.ts';
import { decodeErrors, judgeTs } from '../support/judge/index.ts';
import { allPlaying, staged } from '../support/stage.ts';
import { serve } from '../unit/upstream/support.ts';

/** Programs in Python take seconds to begin, on a busy machine more. */
const PYTHON_MS = 60_000;

/** A page for each program: streamlink takes playlists by their names, yt-dlp reads the page. */
const PROGRAMS = [
  { resolver: 'streamlink', path: '/live.m3u8' },
  { resolver: 'ytdlp', path: '/watch' },
] as const;

const PAGE = '<title>Live</title><video><source src="/live.m3u8" type="application/x-mpegURL"></video>';

describe('the real programs', () => {
  staged('find the media of a page, which plays, once for all its viewers', async ({ stage }) => {
    const source = await startFileSource();
    stage.closeAfter(() => source.close());
    const media = source.url('hls/live.m3u8');
    const list = `#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000000,RESOLUTION=1280x720\n${media}\n`;
    const page = await serve((request, response) => {
      const path = request.url?.split('?', 1)[0];
      if (path === '/away' || path === '/away.m3u8') {
        response.writeHead(302, { location: 'http://169.254.169.254/live.m3u8' }).end();
        return;
      }
      const isList = path === '/live.m3u8';
      response.writeHead(200, { 'content-type': isList ? 'application/vnd.apple.mpegurl' : 'text/html' });
      response.end(isList ? list : PAGE);
    });
    const worker = await stage.worker();
    const { body: info } = await worker.api.get<Record<string, string>>('/info');
    for (const { resolver, path } of PROGRAMS) {
      expect(info[`${resolver}_version`]).toMatch(/^\d/);
      const stream = await worker.api.createTranscode({ url: `${page.origin}${path}`, resolver });
      expect(stream.stream_type).toBe('resolver');
      const viewers = stage.viewers(2, stream.playUrl);
      await allPlaying(viewers, PYTHON_MS);
      const [recording] = await Promise.all(viewers.map((viewer) => viewer.stop()));
      expect(await decodeErrors(recording?.bytes ?? Buffer.alloc(0))).toEqual([]);
      const asked = page.requests.splice(0).length;
      expect(asked, resolver).toBeGreaterThan(0);
      expect(asked, resolver).toBeLessThan(5);
      // A page may lead anywhere.
      const away = await worker.api.createTranscode({
        url: `${page.origin}${path === '/watch' ? '/away' : '/away.m3u8'}`,
        resolver,
      });
      const answer = await fetch(away.playUrl);
      expect([answer.status, await answer.text()]).toEqual([502, expect.stringContaining('169.254.169.254')]);
      page.requests.splice(0);
    }
  });

  staged('find pictures and sound that are apart in HLS, at the quality that is asked for', async ({ stage }) => {
    const movie = await finiteFile('movie.mp4');
    const list = (to: string, name: string, map: string) => [
      ...['-map', map, '-c', 'copy', '-f', 'hls', '-hls_time', '2', '-hls_playlist_type', 'vod', '-hls_list_size', '0'],
      ...['-hls_segment_filename', join(to, `${name}%d.ts`), join(to, `${name}.m3u8`)],
    ];
    const folder = await cached(
      'apart',
      (to) => ['-i', movie, ...list(to, 'pictures', '0:v'), ...list(to, 'sound', '0:a')],
      true,
    );
    const variant = (height: number) =>
      `#EXT-X-STREAM-INF:BANDWIDTH=${height}000,RESOLUTION=${height * 2}x${height},CODECS="avc1.64001f,mp4a.40.2",AUDIO="a"\npictures.m3u8?${height}`;
    const sound = '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="a",DEFAULT=YES,AUTOSELECT=YES,URI="sound.m3u8"';
    const master = ['#EXTM3U', sound, variant(720), variant(480)].join('\n');
    const page = await serve((request, response) => {
      const name = basename(request.url?.split('?', 1)[0] ?? '');
      const isList = name.endsWith('.m3u8');
      response.writeHead(200, {
        'content-type': isList ? 'application/vnd.apple.mpegurl' : name === 'watch' ? 'text/html' : 'video/mp2t',
      });
      if (name === 'live.m3u8') response.end(master);
      else if (name === 'watch') response.end(PAGE);
      else createReadStream(join(folder, name)).pipe(response);
    });
    const worker = await stage.worker();
    const asked = { streamlink: '480p', ytdlp: 'bestvideo[height<=480]+bestaudio' };
    for (const { resolver, path } of PROGRAMS) {
      const order = { url: `${page.origin}${path}`, resolver, resolver_args: asked[resolver] };
      const { playUrl } = await worker.api.createTranscode(order);
      page.requests.splice(0);
      const { status, bytes } = await stage.viewer(playUrl).done;
      const { video, audio } = judgeTs(bytes);
      expect([resolver, status, video?.pesCount]).toEqual([resolver, 200, FINITE_SECONDS * 25]);
      expect(((audio?.audioFrames ?? 0) * (audio?.audioFrameTicks ?? 0)) / 90_000).toBeCloseTo(FINITE_SECONDS, 0);
      const lists = new Set(page.requests.map(({ url }) => url).filter((url) => url?.startsWith('/pictures.m3u8')));
      expect([resolver, ...lists]).toEqual([resolver, '/pictures.m3u8?480']);
    }
  });
});
