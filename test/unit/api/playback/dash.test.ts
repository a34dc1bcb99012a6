// DASH sources as players get them from one worker: addresses, sessions, refusals.
import { describe, expect, it } from 'vitest';
import { serve } from '../../upstream/support.ts';
import { startApi, type TestApi } from '../support.ts';

const MEDIA = 'media '.repeat(100);

const mpd = (origin: string) => `<?xml version="1.0"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="dynamic" minimumUpdatePeriod="PT2S" timeShiftBufferDepth="PT30S">
<UTCTiming schemeIdUri="urn:mpeg:dash:utc:http-iso:2014" value="/now"/>
<Period id="1"><AdaptationSet mimeType="video/mp4"><SegmentTemplate media="v$Number%03d$.m4s?key=s3cret" initialization="i.mp4"/>
<Representation id="1" bandwidth="1"/></AdaptationSet>
<AdaptationSet mimeType="text/vtt"><Representation id="2"><BaseURL>${origin}/gone.vtt</BaseURL></Representation></AdaptationSet>
<AdaptationSet mimeType="text/html"><Representation id="3"><BaseURL>page.html</BaseURL></Representation>
<Representation id="4"><BaseURL>file:///etc/passwd</BaseURL></Representation>
<Representation id="5"><BaseURL>http://10.1.2.3/x.mp4</BaseURL></Representation></AdaptationSet></Period></MPD>`;

interface Channel {
  readonly api: TestApi;
  readonly id: string;
  readonly asked: string[];
  /** The entry. */
  readonly text: string;
  /** The addresses in it, as paths, without what a player fills in. */
  readonly paths: readonly string[];
}

/** The path of an address in an entry. */
const pathOf = (address: string) => new URL(address.replaceAll('&amp;', '&'), 'http://x/dash/y/').pathname;

async function channel(query = ''): Promise<Channel> {
  const asked: string[] = [];
  const provider = await serve((request, response) => {
    const path = request.url ?? '';
    asked.push(path);
    if (path === '/a.mpd') response.writeHead(200, { 'content-type': 'text/html' }).end(mpd(provider.origin));
    else if (path === '/now') response.end('2030-01-01T00:00:00Z');
    else if (path === '/gone.vtt') response.writeHead(410).end();
    else if (path === '/page.html') response.writeHead(200, { 'content-type': 'text/html' }).end('<script>');
    else response.writeHead(200, { 'content-type': 'video/mp4', 'content-length': MEDIA.length }).end(MEDIA);
  });
  const api = await startApi();
  const { stream_id: id } = (await api.post('/streams', { url: `${provider.origin}/a.mpd` })).body;
  const answer = await api.get(`/dash/${id}/manifest.mpd${query}`);
  expect(answer.status).toBe(200);
  const paths = [...answer.text.matchAll(/(?:media=|initialization=|value=|>)"?(\.\.\/[^"<]+)/g)].map(
    ([, found = '']) => {
      const address = new URL(found.replaceAll('&amp;', '&'), `http://x/dash/${id}/`);
      return address.pathname + address.search;
    },
  );
  return { api, id: String(id), asked, text: answer.text, paths };
}

const meant = ({ paths }: Channel, pattern: RegExp): string => {
  const found = paths.find((path) => pattern.test(path));
  if (found === undefined) throw new Error(`no ${pattern} among ${paths.join('\n')}`);
  return found;
};
const segment = (from: Channel, number: string) => meant(from, /Number/).replace('$Number$', number);

describe('a stream whose source is DASH', () => {
  it('is announced, and plays at /dash/ alone', async () => {
    const api = await startApi();
    const url = 'http://tv.example/x/index.mpd?t=1';
    const { body } = await api.post('/streams', { url });
    const endpoint = `/dash/${body.stream_id}/manifest.mpd`;
    expect(body).toMatchObject({
      stream_type: 'dash',
      stream_endpoint: endpoint,
      playlist_url: endpoint,
      direct_url: endpoint,
    });
    expect((await api.get(`/streams/${body.stream_id}`)).body.stream?.stream_type).toBe('DASH');
    for (const method of ['GET', 'HEAD'] as const) {
      const moved = await api.call({ method, url: `/stream/${body.stream_id}?username=ann` });
      expect([moved.status, moved.headers.location]).toEqual([302, `..${endpoint}?username=ann`]);
    }
    const hls = await api.get(`/hls/${body.stream_id}/playlist.m3u8`);
    expect([hls.status, hls.body.detail]).toEqual([422, expect.stringContaining(endpoint)]);
    const transcoded = await api.post('/transcode', { url });
    expect([transcoded.status, transcoded.body.detail]).toEqual([400, expect.stringContaining('POST /streams')]);
  });

  it.each([
    ['/stream/', true],
    ['/stream/', false],
    ['/hls/', false],
    ['/dash/', false],
  ])('is recognised by its first bytes where its name does not say it: at %s, shared: %j', async (way, share) => {
    let isDash = true;
    const asked: string[] = [];
    const provider = await serve((request, response) => {
      asked.push(request.url ?? '');
      const type = request.method === 'HEAD' ? 'application/dash+xml' : 'text/xml';
      response.writeHead(200, { 'content-type': type }).end(isDash ? mpd(provider.origin) : 'now a page');
    });
    const api = await startApi();
    const order = { url: `${provider.origin}/live/channel`, share };
    const { body } = await api.post('/streams', order);
    expect(body.stream_type).toBe('direct');
    const endpoint = `/dash/${body.stream_id}/manifest.mpd`;
    const at = (path: string, method: 'GET' | 'HEAD' = 'GET') =>
      api.call({ method, url: path === '/hls/' ? `/hls/${body.stream_id}/playlist.m3u8` : `${path}${body.stream_id}` });
    const redirected = [302, `..${endpoint}`];
    if (way === '/stream/') {
      for (const method of ['GET', 'HEAD'] as const) {
        const moved = await at(way, method);
        expect([moved.status, moved.headers.location]).toEqual(redirected);
      }
    } else if (way === '/hls/') {
      const { status, body: refusal } = await at(way);
      expect([status, refusal.detail]).toEqual([422, expect.stringContaining(endpoint)]);
      expect((await api.get(`/streams/${body.stream_id}`)).body.stream?.error_count ?? 0).toBe(0);
    } else {
      // Players ask for it as soon as somebody has told them.
      await at('/stream/');
      expect((await api.get(endpoint)).status).toBe(200);
    }
    expect((await api.get(`/streams/${body.stream_id}`)).body.stream?.stream_type).toBe('DASH');
    expect((await api.post('/streams', order)).body).toMatchObject({ stream_type: 'dash', stream_endpoint: endpoint });
    // Whoever comes now is sent on without a look at the source.
    asked.length = 0;
    const next = await at('/stream/');
    expect([next.status, next.headers.location]).toEqual(redirected);
    expect((await at('/hls/')).status).toBe(422);
    expect(asked).toEqual([]);
    isDash = false;
    if (way === '/dash/') return;
    expect((await api.get(endpoint)).status).toBe(404);
    expect((await api.get(`/streams/${body.stream_id}`)).body.stream?.stream_type).toBe('Live Continuous');
  });

  it('has no address of its provider in the manifest, and nothing that runs as a page', async () => {
    const from = await channel();
    const { headers } = await from.api.call({ method: 'HEAD', url: `/dash/${from.id}/manifest.mpd` });
    expect(headers['content-type']).toBe('application/dash+xml');
    expect(headers['content-security-policy']).toContain('sandbox');
    expect(headers['x-content-type-options']).toBe('nosniff');
    expect(from.text).not.toMatch(/127\.0\.0\.1|s3cret|passwd|10\.1\.2\.3|gone|page/);
    for (const path of from.paths) expect(path).toMatch(new RegExp(`^/dash/${from.id}-[0-9a-f]+/`));
  });

  it('is asked once for a segment that two viewers want, and each is counted once', async () => {
    const from = await channel('?client_id=ann&username=ann');
    const second = (await from.api.get(`/dash/${from.id}/manifest.mpd?client_id=bob`)).text;
    const [folder = ''] = /\.\.\/[0-9a-f]{32}-[0-9a-f]+/.exec(second) ?? [];
    expect((await from.api.get('/clients')).body.clients).toEqual([]);
    const ann = segment(from, '7');
    const bob = ann.replace(/^\/dash\/[^/]+/, `/dash/${folder.slice('../'.length)}`);
    for (const path of [ann, bob, ann]) {
      const got = await from.api.get(path);
      expect([got.status, got.text, got.headers['content-type']]).toEqual([200, MEDIA, 'video/mp4']);
    }
    expect(from.asked.filter((path) => path !== '/a.mpd')).toEqual(['/v007.m4s?key=s3cret']);
    const { clients } = (await from.api.get('/clients')).body as unknown as { clients: Record<string, unknown>[] };
    expect(clients.map(({ client_id, username }) => [client_id, username])).toEqual([
      ['ann', 'ann'],
      ['bob', null],
    ]);
    const location = meant(from, /manifest\.mpd$/);
    expect((await from.api.get(location)).text).toBe(from.text);
  });

  it('has the time of its provider', async () => {
    const from = await channel();
    const { text } = await from.api.get(meant(from, /\/time$/));
    expect(Math.abs(Date.parse(text) - Date.UTC(2030, 0, 1))).toBeLessThan(5_000);
  });

  it('answers what the provider refuses with its status, and never with a page', async () => {
    const from = await channel();
    const files = from.paths.filter((path) => path.includes('/segment.') && !/Number/.test(path));
    const answers = await Promise.all(files.map((path) => from.api.get(path)));
    const seen = answers.map(({ status, headers }) => [status, String(headers['content-type']).split(';', 1)[0]]);
    expect(seen).toEqual([
      [200, 'video/mp4'],
      [410, 'application/json'],
      [200, 'video/mp4'],
      [403, 'application/json'],
      [403, 'application/json'],
    ]);
  });

  it('refuses what it has not made', async () => {
    const from = await channel();
    const good = segment(from, '1');
    expect((await from.api.get(segment(from, '1%2F..%2Fx'))).status).toBe(422);
    expect((await from.api.get(good.replace(/&Number.*/, ''))).status).toBe(422);
    expect((await from.api.get(good.replace(/r=.{5}/, 'r=AAAAA'))).status).toBe(403);
    expect((await from.api.get(pathOf(good))).status).toBe(422);
    const other = (await from.api.post('/streams', { url: 'http://tv.example/other.mpd' })).body.stream_id;
    expect((await from.api.get(good.replace(from.id, String(other)))).status).toBe(403);
    const film = (await from.api.post('/streams', { url: 'http://tv.example/film.mp4' })).body.stream_id;
    expect((await from.api.get(`/dash/${film}/manifest.mpd`)).status).toBe(404);
    expect((await from.api.get(`/dash/${'0'.repeat(32)}/manifest.mpd`)).status).toBe(404);
  });

  it('takes a sealed address in url=, as clients of m3u-proxy send it', async () => {
    const from = await channel();
    const [, sealed = ''] = /[?]r=([\w-]+)/.exec(segment(from, '1')) ?? [];
    const file = (query: string) => from.api.get(`/dash/${from.id}/file?${query}`);
    expect((await file(`client_id=a&url=${sealed}&Number=3`)).text).toBe(MEDIA);
    expect((await file(`url=${sealed}&Number=3`)).status).toBe(422);
    expect((await file('client_id=a&url=http%3A%2F%2Ftv.example%2Fx')).status).toBe(403);
  });
});
