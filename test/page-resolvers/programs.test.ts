/** streamlink and yt-dlp find the media of pages, in the real sandbox; what they find plays. */
import { describe, expect } from 'vitest';
import { decodeErrors } from '../support/judge/index.ts';
import { allPlaying, staged } from '../support/stage.ts';
import { serve } from '../unit/upstream/support.ts';

/** A page for each program: streamlink takes playlists by their names, yt-dlp reads the page. */
const PROGRAMS = [
  { resolver: 'streamlink', path: '/live.m3u8' },
  { resolver: 'ytdlp', path: '/watch' },
];

const PAGE = '<title>Live</title><video><source src="/live.m3u8" type="application/x-mpegURL"></video>';

describe('the real programs', () => {
  staged('find the media of a page, which plays, once for all its viewers', async ({ stage }) => {
    const source = await stage.source();
    const list = `#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000000,RESOLUTION=1280x720\n${source.url}\n`;
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
      await allPlaying(viewers);
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
});
