/** What a DASH source that is passed on does when its provider redirects, expires, breaks, or keeps another time. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { pino } from 'pino';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Sealer } from '../../../../services/proxy/src/sealer.ts';
import { DashSource } from '../../../../services/proxy/src/upstream/dash/dash-source.ts';
import { CachedHls } from '../../../../services/proxy/src/upstream/hls/cached-hls.ts';
import { HlsCache } from '../../../../services/proxy/src/upstream/hls/hls-cache.ts';
import { HlsRequests } from '../../../../services/proxy/src/upstream/hls/hls-requests.ts';
import type { Media } from '../../../../services/proxy/src/upstream/hls/shared-media.ts';
import { SourceMemories } from '../../../../services/proxy/src/upstream/http/source-memory.ts';
import { type HlsReference, openReference } from '../../../../services/proxy/src/upstream/playlists/hls-reference.ts';
import { openGuard, serve, streamSource, type TestServer } from '../support.ts';

const STREAM = 'a'.repeat(32);
const WALL_MS = Date.UTC(2026, 0, 1);
const SETTINGS = {
  connectTimeoutMs: 500,
  readTimeoutMs: 600,
  liveChunkTimeoutMs: 400,
  retryAttempts: 1,
  retryDelayMs: 10,
  retryExponentialBackoff: false,
  streamTotalTimeoutMs: 10_000,
  sourceMaxConnections: 0,
};
const sealer = new Sealer(() => ['secret']);

type Answer = (path: string, response: ServerResponse, request: IncomingMessage) => void;

const provider = (answer: Answer): Promise<TestServer> =>
  serve((request, response) => answer(request.url ?? '', response, request));

const mpd = (inside = '', id = '1') =>
  `<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="dynamic" minimumUpdatePeriod="PT2S">${inside}<Period id="${id}"><AdaptationSet mimeType="video/mp4"><SegmentTemplate media="v$Number%03d$.m4s" initialization="i.mp4"/><Representation id="1" bandwidth="1"/></AdaptationSet></Period></MPD>`;

/** A source on a clock that the test moves. */
async function watched(url: string, failoverUrls: string[] = []) {
  const { source, failovers } = await streamSource({ url, failoverUrls }, openGuard());
  const requests = new HlsRequests({ guard: openGuard(), memories: new SourceMemories(), settings: SETTINGS });
  const cache = new HlsCache(1024 ** 2);
  let nowMs = 0;
  const now = () => nowMs;
  const dash = new DashSource({
    streamId: STREAM,
    source,
    isSticky: true,
    settings: SETTINGS,
    open: (address) => {
      const shared = new CachedHls({ name: address.url, from: requests.of({ source: address }), cache, now });
      return {
        name: address.url,
        isSingle: false,
        playlist: (ask) => shared.playlist(ask),
        media: (ask) => shared.media(ask),
        release: () => undefined,
      };
    },
    sealer,
    log: pino({ level: 'silent' }),
    now,
    wallMs: () => WALL_MS + nowMs,
  });
  onTestFinished(() => dash.close());
  /** The manifest when the last one is too old. */
  const reloaded = async () => {
    nowMs += 3_000;
    return (await dash.manifest()).pieces.join('');
  };
  const later = (ms: number) => {
    nowMs += ms;
  };
  return { dash, failovers, requests, reloaded, later };
}

/** What the addresses of a manifest stand for. */
function references(text: string): HlsReference[] {
  return [...text.matchAll(/[?]r=([\w-]+)/g)].map(([, sealed = '']) => openReference(sealer, STREAM, sealed));
}

async function bytes({ body }: Media): Promise<string> {
  let text = '';
  for (let chunk = await body.read(); chunk !== undefined; chunk = await body.read()) text += chunk.toString();
  body.close();
  return text;
}

describe('a DASH source', () => {
  it('is asked once for all who want the same, and a segment once for all numbers that name it', async () => {
    const asked: string[] = [];
    const { origin } = await provider((path, response) => {
      asked.push(path);
      response.end(path.endsWith('.mpd') ? mpd() : path);
    });
    const { dash } = await watched(`${origin}/live/a.mpd`);
    const manifests = await Promise.all([dash.manifest(), dash.manifest(), dash.manifest()]);
    const [first = ''] = manifests.map(({ pieces }) => pieces.join('../x/'));
    expect(first).toMatch(
      /<SegmentTemplate media="\.\.\/x\/segment\.m4s\?r=[\w-]+&amp;Number=\$Number\$" initialization="\.\.\/x\/segment\.m4s\?r=[\w-]+"\/>/,
    );
    expect(first).toContain('<Location>../x/manifest.mpd</Location>');
    const [media, init] = references(first);
    if (media === undefined || init === undefined) throw new Error('It names no media.');
    for (const number of ['7', '007']) {
      expect(await bytes(await dash.media(media, { Number: number }, undefined))).toBe('/live/v007.m4s');
    }
    expect(await bytes(await dash.media(init, {}, undefined))).toBe('/live/i.mp4');
    await expect(dash.media(media, { Number: '7/../../x' }, undefined)).rejects.toMatchObject({ status: 422 });
    expect(asked).toEqual(['/live/a.mpd', '/live/v007.m4s', '/live/i.mp4']);
  });

  it('has the same addresses in each manifest', async () => {
    const { origin } = await provider((_path, response) => response.end(mpd()));
    const { dash, reloaded } = await watched(`${origin}/a.mpd`);
    expect(await reloaded()).toBe((await dash.manifest()).pieces.join(''));
  });

  it('goes where Location says, with its addresses beside that, and back when that is over', async () => {
    const asked: string[] = [];
    let isOver = false;
    const { origin } = await provider((path, response) => {
      asked.push(path);
      if (path === '/a.mpd') response.writeHead(302, { location: '/eu/a.mpd' }).end();
      else if (path === '/eu/a.mpd') response.end(mpd('<Location>/token/a.mpd</Location>'));
      else if (isOver) response.writeHead(403).end();
      else response.end(mpd('<Location>/token/a.mpd</Location>'));
    });
    const { dash, reloaded } = await watched(`${origin}/a.mpd`);
    expect(references((await dash.manifest()).pieces.join('')).map(({ url }) => url)[0]).toBe(
      `${origin}/eu/v$Number%03d$.m4s`,
    );
    expect(references(await reloaded()).map(({ url }) => url)[0]).toBe(`${origin}/token/v$Number%03d$.m4s`);
    isOver = true;
    expect(references(await reloaded()).map(({ url }) => url)[0]).toBe(`${origin}/eu/v$Number%03d$.m4s`);
    expect(asked).toEqual(['/a.mpd', '/eu/a.mpd', '/token/a.mpd', '/token/a.mpd', '/a.mpd', '/eu/a.mpd']);
  });

  it('gives the last manifest in a short outage, and goes to the next source', async () => {
    let isOut = false;
    const { origin } = await provider((path, response) => {
      if (isOut && path.startsWith('/one')) response.writeHead(404).end();
      else response.end(mpd('', path.slice(1, 4)));
    });
    const { reloaded, failovers } = await watched(`${origin}/one/a.mpd`, [`${origin}/two/a.mpd`]);
    expect(await reloaded()).toContain('<Period id="one">');
    isOut = true;
    expect(await reloaded()).toContain('<Period id="one">');
    await expect.poll(() => failovers.length).toBe(1);
    expect(failovers[0]?.reason).toBe('playlist_fetch_error_404');
    expect(await reloaded()).toContain('<Period id="two">');
  });

  it('is left after three segments in a row that fail, but not for those that are not there yet', async () => {
    let status = 404;
    const { origin } = await provider((path, response) => {
      if (path.endsWith('.mpd')) response.end(mpd());
      else response.writeHead(status).end();
    });
    const { dash, failovers } = await watched(`${origin}/a.mpd`, [`${origin}/b.mpd`]);
    const [media] = references((await dash.manifest()).pieces.join(''));
    if (media === undefined) throw new Error('It names no media.');
    const fail = async (from: number) => {
      for (const n of [0, 1, 2]) {
        await expect(dash.media(media, { Number: String(from + n) }, undefined)).rejects.toMatchObject({
          upstreamStatus: status,
        });
      }
    };
    await fail(1);
    expect(failovers).toEqual([]);
    status = 500;
    await fail(4);
    expect(failovers.map(({ reason }) => reason)).toEqual(['segment_fetch_error']);
  });

  it('says why when there is no manifest: 502 for one that was promised, 404 for what may play otherwise', async () => {
    const { origin } = await provider((_path, response) => response.end('<html>login</html>'));
    const promised = await watched(`${origin}/a.mpd`);
    await expect(promised.dash.manifest()).rejects.toMatchObject({ status: 502, reason: 'not_media' });
    const other = await watched(`${origin}/a`, [`${origin}/b`]);
    await expect(other.dash.manifest()).rejects.toMatchObject({ status: 404 });
    expect(other.failovers).toEqual([]);
  });
});

describe('the time of a DASH source', () => {
  const AHEAD_MS = 90_000;
  const timing = (scheme: string, value: string) =>
    mpd(`<UTCTiming schemeIdUri="urn:mpeg:dash:utc:${scheme}:2014" value="${value}"/>`);

  it.each(['http-iso', 'http-head', 'direct'])(
    'is that of its clock, which is asked once in a minute: %s',
    async (scheme) => {
      const said = new Date(WALL_MS + AHEAD_MS);
      let asked = 0;
      const { origin } = await provider((path, response) => {
        if (path === '/time') {
          asked += 1;
          response.writeHead(200, { date: said.toUTCString() }).end(`${said.toISOString()}\n`);
        } else response.end(timing(scheme, scheme === 'direct' ? said.toISOString() : '/time'));
      });
      const { dash, later } = await watched(`${origin}/a.mpd`);
      expect(await dash.timeMs()).toBe(WALL_MS + AHEAD_MS);
      later(500);
      expect(await dash.timeMs()).toBe(WALL_MS + AHEAD_MS + 500);
      expect(asked).toBe(scheme === 'direct' ? 0 : 1);
    },
  );

  it('is that of the worker when its clock says none', async () => {
    const { origin } = await provider((path, response) =>
      response.end(path === '/time' ? 'soon' : timing('http-iso', '/time')),
    );
    const { dash } = await watched(`${origin}/a.mpd`);
    expect(await dash.timeMs()).toBe(WALL_MS);
  });
});
