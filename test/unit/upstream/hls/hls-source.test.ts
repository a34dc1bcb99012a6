/** What a source that is passed on does when its provider moves, expires, breaks, is hostile, or allows one connection. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { pino } from 'pino';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Sealer } from '../../../../services/proxy/src/sealer.ts';
import { CachedHls } from '../../../../services/proxy/src/upstream/hls/cached-hls.ts';
import { HlsCache } from '../../../../services/proxy/src/upstream/hls/hls-cache.ts';
import type { Directives, MediaPlaylist } from '../../../../services/proxy/src/upstream/hls/hls-playlists.ts';
import { HlsRequests, NotHlsError } from '../../../../services/proxy/src/upstream/hls/hls-requests.ts';
import { HlsSource } from '../../../../services/proxy/src/upstream/hls/hls-source.ts';
import type { Media } from '../../../../services/proxy/src/upstream/hls/shared-media.ts';
import { SourceMemories } from '../../../../services/proxy/src/upstream/http/source-memory.ts';
import { type HlsReference, openReference } from '../../../../services/proxy/src/upstream/playlists/hls-reference.ts';
import { eventually, openGuard, serve, streamSource, type TestServer } from '../support.ts';

const STREAM = 'a'.repeat(32);
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

interface Options {
  readonly failoverUrls?: string[];
  readonly isSticky?: boolean;
  readonly settings?: Partial<typeof SETTINGS>;
}

/** A source on a clock that the test moves. */
class Watched {
  readonly hls: HlsSource;
  readonly requests: HlsRequests;
  readonly failovers: readonly { readonly reason: string }[];
  /** The sources that were given back, and whether the stream has left them for another one. */
  readonly released: [string, boolean][] = [];
  nowMs = 0;

  private constructor(
    { source, failovers }: Awaited<ReturnType<typeof streamSource>>,
    { isSticky = true, settings: more }: Options,
  ) {
    const settings = { ...SETTINGS, ...more };
    this.failovers = failovers;
    this.requests = new HlsRequests({ guard: openGuard(), memories: new SourceMemories(), settings });
    const cache = new HlsCache(1024 ** 2);
    const now = () => this.nowMs;
    const agreed = new Map<string, string>();
    this.hls = new HlsSource({
      streamId: STREAM,
      source,
      isSticky,
      settings,
      open: (address) => {
        const { url: name } = address;
        const from = this.requests.of({ source: address });
        const shared = new CachedHls({ name, from, cache, now });
        return {
          name,
          isSingle: shared.isSingle,
          playlist: (ask) => shared.playlist(ask),
          media: (ask) => shared.media(ask),
          release: (isLeft) => void this.released.push([name, isLeft]),
        };
      },
      agree: async (name, offered) => {
        if (offered !== undefined && !agreed.has(name)) agreed.set(name, offered);
        return agreed.get(name);
      },
      sealer,
      log: pino({ level: 'silent' }),
      now,
    });
    onTestFinished(() => this.hls.close());
  }

  static async of(url: string, options: Options = {}): Promise<Watched> {
    const { failoverUrls = [] } = options;
    return new Watched(await streamSource({ url, failoverUrls }, openGuard()), options);
  }

  /** What the addresses of the entry stand for. */
  async references(): Promise<HlsReference[]> {
    const { pieces } = await this.hls.entry();
    return referencesIn(pieces.join(''));
  }

  /** The playlist when the last one is too old. */
  reloaded(reference: HlsReference | undefined, directives: Directives = {}): Promise<MediaPlaylist> {
    this.nowMs += 3_000;
    return this.hls.playlist(reference ?? none(), directives, none);
  }
}

function none(): never {
  throw new Error('The entry has no such playlist.');
}

function referencesIn(text: string): HlsReference[] {
  return [...text.matchAll(/\?r=([\w-]+)/g)].map(([, sealed = '']) => openReference(sealer, STREAM, sealed));
}

async function bytesOf({ body }: Media): Promise<string> {
  let all = '';
  for (let chunk = await body.read(); chunk !== undefined; chunk = await body.read()) all += chunk.toString();
  body.close();
  return all;
}

const playlist = (first: number, name = 'seg', ...more: string[]): string =>
  ['#EXTM3U', '#EXT-X-TARGETDURATION:2', `#EXT-X-MEDIA-SEQUENCE:${first}`, ...more]
    .concat(
      [0, 1, 2].flatMap((n) => ['#EXTINF:2,', `${name}${first + n}.ts`]),
      '',
    )
    .join('\n');
const numbers = (text: string): number => Number(/MEDIA-SEQUENCE:(\d+)/.exec(text)?.[1]);

describe('a source that moves', () => {
  const balancer = async () => {
    const counts = { entry: 0, first: 0 };
    const tv = await provider((path, response) => {
      if (path === '/index.m3u8') {
        counts.entry += 1;
        response.writeHead(302, { location: counts.entry === 1 ? '/one/index.m3u8' : '/two/index.m3u8' }).end();
      } else if (path === '/one/index.m3u8') {
        counts.first += 1;
        if (counts.first > 3) response.writeHead(502).end();
        else response.end(playlist(counts.first));
      } else response.end(playlist(100));
    });
    return { tv, counts };
  };

  it('is reloaded where it moved to, and asked anew when that server fails', async () => {
    const { tv, counts } = await balancer();
    const watched = await Watched.of(`${tv.origin}/index.m3u8`);
    const [variant] = await watched.references();
    expect(numbers((await watched.reloaded(variant)).text)).toBe(2);
    expect(numbers((await watched.reloaded(variant)).text)).toBe(3);
    expect(counts.entry).toBe(1);
    expect(numbers((await watched.reloaded(variant)).text)).toBe(100);
    expect(counts.entry).toBe(2);
  });

  it('is asked anew each time when it is not to be sticky', async () => {
    const { tv, counts } = await balancer();
    const watched = await Watched.of(`${tv.origin}/index.m3u8`, { isSticky: false });
    const [variant] = await watched.references();
    expect(numbers((await watched.reloaded(variant)).text)).toBe(100);
    expect(counts.entry).toBe(2);
  });

  it('goes on with a new token in the address of the same variant', async () => {
    let token = 1;
    const tv = await provider((path, response) => {
      if (path === '/index.m3u8') {
        const low = ['#EXT-X-STREAM-INF:BANDWIDTH=1000', `low?t=${token}`];
        const high = ['#EXT-X-STREAM-INF:BANDWIDTH=2000', `high?t=${token}`];
        response.end(['#EXTM3U', ...low, ...high].join('\n'));
      } else if (path.endsWith(`?t=${token}`)) response.end(playlist(token, path.slice(1, 4)));
      else response.writeHead(403).end();
    });
    const watched = await Watched.of(`${tv.origin}/index.m3u8`);
    const [, high] = await watched.references();
    expect((await watched.reloaded(high)).facts.first).toBe(1);
    token = 2;
    watched.nowMs += 5_000;
    const renewed = await watched.reloaded(high);
    expect(renewed.facts.first).toBe(2);
    expect(referencesIn(renewed.text)[0]?.url).toMatch(/hig2\.ts$/);
    expect(watched.failovers).toEqual([]);
  });

  it('goes on with a new value that its playlists import from the entry', async () => {
    let token = 1;
    const tv = await provider((path, response) => {
      const value = `#EXT-X-DEFINE:NAME="token",VALUE="${token}"`;
      if (path === '/index.m3u8')
        response.end(['#EXTM3U', value, '#EXT-X-STREAM-INF:BANDWIDTH=1', 'low', ''].join('\n'));
      else response.end(playlist(1, 'seg?t={$token}&n=', '#EXT-X-DEFINE:IMPORT="token"'));
    });
    const watched = await Watched.of(`${tv.origin}/index.m3u8`);
    const [low] = await watched.references();
    const named = async () => referencesIn((await watched.reloaded(low)).text)[0]?.url;
    expect(await named()).toBe(`${tv.origin}/seg?t=1&n=1.ts`);
    token = 2;
    watched.nowMs += 5_000;
    // Another viewer opens the entry.
    await watched.references();
    expect(await named()).toBe(`${tv.origin}/seg?t=2&n=1.ts`);
  });
});

describe('a source that breaks', () => {
  const sources = async () => {
    const state = { first: 10, isOut: false };
    const one = await provider((path, response) => {
      if (state.isOut) response.writeHead(404).end();
      else if (path === '/index.m3u8') {
        response.end('#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000\nlow\n#EXT-X-STREAM-INF:BANDWIDTH=5000\nhigh\n');
      } else response.end(playlist(state.first));
    });
    let other = 3;
    const two = await provider((path, response) => {
      if (path === '/index.m3u8') {
        response.end('#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=4000\nfine\n#EXT-X-STREAM-INF:BANDWIDTH=900\ncoarse\n');
      } else {
        response.end(playlist(other, path.slice(1)));
        other += 1;
      }
    });
    return { one, two, state };
  };

  it('is followed by the next one under the same address: numbers go on, with a discontinuity', async () => {
    const { one, two, state } = await sources();
    const watched = await Watched.of(`${one.origin}/index.m3u8`, { failoverUrls: [`${two.origin}/index.m3u8`] });
    const [low, high] = await watched.references();
    expect(numbers((await watched.reloaded(high)).text)).toBe(10);
    state.isOut = true;
    // The last playlist counts while the worker looks for something better.
    expect(numbers((await watched.reloaded(high)).text)).toBe(10);
    await eventually(() => watched.failovers.length === 1);
    expect(watched.failovers).toMatchObject([{ reason: 'playlist_fetch_error_404' }]);
    const next = (await watched.reloaded(high)).text;
    expect(next).toMatch(/MEDIA-SEQUENCE:22\n#EXT-X-DISCONTINUITY\n#EXTINF:2,/);
    expect(referencesIn(next)[0]?.url).toBe(`${two.origin}/fine3.ts`);
    const later = (await watched.reloaded(high)).text;
    expect(later).toMatch(/MEDIA-SEQUENCE:23\n#EXT-X-DISCONTINUITY-SEQUENCE:1\n#EXTINF:2,/);
    expect(referencesIn((await watched.reloaded(low)).text)[0]?.url).toMatch(/coarse\d\.ts$/);
    // Its connection is free for the next source, which may be of the same account.
    expect(watched.released).toEqual([[`${one.origin}/index.m3u8`, true]]);
    // A new viewer gets the new source's own entry.
    expect((await watched.references()).map(({ url }) => url)).toEqual([`${two.origin}/fine`, `${two.origin}/coarse`]);
  });

  it('is not left again because what the source before it named does not come any more', async () => {
    const { one, two, state } = await sources();
    const failoverUrls = [`${two.origin}/index.m3u8`, `${one.origin}/again.m3u8`];
    const watched = await Watched.of(`${one.origin}/index.m3u8`, { failoverUrls });
    const [, high] = await watched.references();
    const named = referencesIn((await watched.reloaded(high)).text);
    state.isOut = true;
    await watched.reloaded(high);
    await eventually(() => watched.failovers.length === 1);
    // Players have the last playlist still.
    for (const segment of [...named, ...named]) await expect(watched.hls.media(segment, undefined)).rejects.toThrow();
    expect(referencesIn((await watched.reloaded(high)).text)[0]?.url).toContain(two.origin);
    expect(watched.failovers).toHaveLength(1);
  });

  it('does not wait at the next one for a number of its own', async () => {
    const { one, state } = await sources();
    const asked: string[] = [];
    const two = await provider((path, response) => {
      asked.push(path);
      response.end(playlist(3 + asked.length, 'fine'));
    });
    const watched = await Watched.of(`${one.origin}/index.m3u8`, { failoverUrls: [`${two.origin}/index.m3u8`] });
    const [, high] = await watched.references();
    const directives = (msn: number) => ({ _HLS_msn: String(msn), _HLS_skip: 'YES' });
    await watched.reloaded(high, directives(13));
    state.isOut = true;
    await watched.reloaded(high, directives(13));
    await eventually(() => watched.failovers.length === 1);
    const { text } = await watched.reloaded(high, directives(13));
    expect(asked.filter((path) => path.includes('_HLS'))).toEqual([]);
    // It has seen the new one by now.
    await watched.reloaded(high, directives(numbers(text) + 3));
    expect(asked.at(-1)).toMatch(/\?_HLS_msn=\d+&_HLS_skip=YES$/);
    expect(Number(/_HLS_msn=(\d+)/.exec(asked.at(-1) ?? '')?.[1])).toBeLessThan(20);
  });

  it('serves, while it is out, nobody a playlist that leaves out what only another viewer has', async () => {
    let isOut = false;
    const one = await provider((path, response) => {
      if (isOut) response.writeHead(404).end();
      else if (path.includes('_HLS_skip')) response.end(playlist(12, 'seg', '#EXT-X-SKIP:SKIPPED-SEGMENTS=2'));
      else response.end(playlist(11));
    });
    const watched = await Watched.of(`${one.origin}/index.m3u8`);
    const [variant] = await watched.references();
    await watched.reloaded(variant);
    const skipping = { _HLS_msn: '14', _HLS_skip: 'YES' };
    expect((await watched.reloaded(variant, skipping)).text).toContain('EXT-X-SKIP');
    isOut = true;
    expect((await watched.reloaded(variant)).text).not.toContain('EXT-X-SKIP');
    expect((await watched.reloaded(variant, skipping)).text).toContain('EXT-X-SKIP');
  });

  it('has no fewer discontinuities before it than viewers have seen', async () => {
    let isOut = false;
    const one = await provider((_, response) => {
      if (isOut) response.writeHead(404).end();
      else response.end(playlist(11, 'seg', '#EXT-X-DISCONTINUITY-SEQUENCE:57', '#EXT-X-DISCONTINUITY'));
    });
    const { two } = await sources();
    const watched = await Watched.of(`${one.origin}/index.m3u8`, { failoverUrls: [`${two.origin}/index.m3u8`] });
    const [variant] = await watched.references();
    await watched.reloaded(variant);
    isOut = true;
    await watched.reloaded(variant);
    await eventually(() => watched.failovers.length === 1);
    expect((await watched.reloaded(variant)).text).toMatch(/DISCONTINUITY-SEQUENCE:58\n#EXT-X-DISCONTINUITY\n/);
    expect((await watched.reloaded(variant)).text).toMatch(/DISCONTINUITY-SEQUENCE:59\n#EXTINF/);
  });

  it('is left when three segments in a row fail', async () => {
    const { one, two } = await sources();
    const watched = await Watched.of(`${one.origin}/index.m3u8`, { failoverUrls: [`${two.origin}/index.m3u8`] });
    await watched.references();
    const gone: HlsReference = { role: 'segment', url: 'http://127.0.0.1:1/x.ts' };
    for (let turn = 0; turn < 2; turn += 1) await expect(watched.hls.media(gone, undefined)).rejects.toThrow();
    expect(watched.failovers).toEqual([]);
    await expect(watched.hls.media(gone, undefined)).rejects.toThrow();
    expect(watched.failovers).toMatchObject([{ reason: 'segment_fetch_error' }]);
  });

  it('is left when its playlist does not change', async () => {
    const { one, two } = await sources();
    const watched = await Watched.of(`${one.origin}/index.m3u8`, { failoverUrls: [`${two.origin}/index.m3u8`] });
    const [low] = await watched.references();
    for (let turn = 0; turn < 3; turn += 1) await watched.reloaded(low);
    expect(watched.failovers).toMatchObject([{ reason: 'playlist_stalled' }]);
  });

  it('serves its last playlist for a while, then the reason why it does not play', async () => {
    const { one, state } = await sources();
    const watched = await Watched.of(`${one.origin}/index.m3u8`);
    const [low] = await watched.references();
    await watched.reloaded(low);
    state.isOut = true;
    for (let turn = 0; turn < 4; turn += 1) expect(numbers((await watched.reloaded(low)).text)).toBe(10);
    await expect(watched.reloaded(low)).rejects.toMatchObject({ status: 502, upstreamStatus: 404 });
    state.isOut = false;
    state.first = 20;
    expect(numbers((await watched.reloaded(low)).text)).toBe(20);
  });
});

it('is offered with the bit rate that was measured, when it does not say one', async () => {
  const tv = await provider((path, response) => {
    if (path.endsWith('.m3u8')) response.end(playlist(1));
    else response.end(Buffer.alloc(path === '/seg2.ts' ? 300_000 : 100_000));
  });
  const watched = await Watched.of(`${tv.origin}/index.m3u8`);
  const said = async () => Number(/BANDWIDTH=(\d+)/.exec((await watched.hls.entry()).pieces.join(''))?.[1]);
  expect(await said()).toBe(1);
  const [variant] = await watched.references();
  const segments = referencesIn((await watched.reloaded(variant)).text);
  const get = async (n: number, range?: string) => bytesOf(await watched.hls.media(segments[n] ?? none(), range));
  await get(0);
  expect(await said()).toBe(400_000);
  await get(1);
  await get(2);
  expect(await said()).toBe(1_200_000);
  // The addresses that viewers have stay valid.
  expect((await watched.references())[0]).toEqual(variant);
});

describe('a hostile source', () => {
  const entryOf = async (answer: Answer, settings: Partial<typeof SETTINGS> = {}) => {
    const tv = await provider(answer);
    return Watched.of(`${tv.origin}/index.m3u8`, { settings: { retryAttempts: 0, ...settings } });
  };

  it.each([
    [
      'a playlist of 6 MB',
      (response: ServerResponse) => response.end(`#EXTM3U\n${'#x\n'.repeat(2 * 1024 ** 2)}`),
      /larger than 5 MB/,
    ],
    ['a web page', (response: ServerResponse) => response.end('<html>no</html>'), /a web page/],
    [
      'more playlists than a player can use',
      (response: ServerResponse) => response.end(`#EXTM3U\n${'#EXT-X-STREAM-INF:BANDWIDTH=1\na\n'.repeat(10_000)}`),
      /names more than 200 others/,
    ],
    [
      'an address that players cannot read',
      (response: ServerResponse) => response.end(`#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n${'a'.repeat(3_000)}\n`),
      /longer than players can read/,
    ],
    [
      'a redirect without end',
      (response: ServerResponse) => response.writeHead(302, { location: '/again' }).end(),
      /redirects more than 5 times/,
    ],
  ] as const)('%s: says what is wrong', async (_what, answer, message) => {
    // A machine that others share takes its time for 6 MB.
    const watched = await entryOf((_path, response) => void answer(response), { readTimeoutMs: 10_000 });
    await expect(watched.hls.entry()).rejects.toThrow(message);
  });

  it('that never ends its playlist has not answered in time', async () => {
    const watched = await entryOf((_path, response) => {
      response.write('#EXTM3U\n');
      const timer = setInterval(() => response.write('#x\n'.repeat(1_000)), 50);
      response.once('close', () => clearInterval(timer));
    });
    await expect(watched.hls.entry()).rejects.toMatchObject({ status: 504 });
  });

  it('that sends media is no HLS', async () => {
    const watched = await entryOf((_path, response) => {
      const packet = Buffer.alloc(188, 0xff);
      packet.writeUInt32BE(0x471fff10);
      response.end(Buffer.concat(Array.from({ length: 50 }, () => packet)));
    });
    await expect(watched.hls.entry()).rejects.toBeInstanceOf(NotHlsError);
  });

  it('cannot lead in circles, nor to what the guard refuses', async () => {
    const watched = await entryOf((path, response) => {
      if (path === '/index.m3u8') response.end('#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nindex.m3u8?again\n');
      else response.end('#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nindex.m3u8?again\n');
    });
    const [variant] = await watched.references();
    await expect(watched.reloaded(variant)).rejects.toThrow(/names further playlists/);
    await expect(watched.hls.media({ role: 'segment', url: variant?.url ?? '' }, undefined)).rejects.toThrow(
      /a playlist instead of media/,
    );
    for (const url of ['http://169.254.169.254/latest', 'file:///etc/passwd', 'http://[', 'ftp://tv.test/x']) {
      await expect(watched.hls.media({ role: 'key', url }, undefined)).rejects.toMatchObject({ name: 'SourceError' });
    }
  });
});

describe('requests', () => {
  it('for one playlist are one, with what players append', async () => {
    const asked: string[] = [];
    const tv = await provider((path, response) => {
      asked.push(path);
      response.end(playlist(7));
    });
    const watched = await Watched.of(`${tv.origin}/index.m3u8?token=a%2Bb`);
    const [variant] = await watched.references();
    watched.nowMs += 3_000;
    const many = Array.from({ length: 50 }, () => watched.hls.playlist(variant ?? none(), {}, none));
    expect(new Set((await Promise.all(many)).map(({ text }) => text)).size).toBe(1);
    expect(asked).toHaveLength(2);
    await watched.reloaded(variant, { _HLS_msn: '10', _HLS_part: '2' });
    expect(asked[2]).toBe('/index.m3u8?token=a%2Bb&_HLS_msn=10&_HLS_part=2');
  });

  it('are one at a time where the provider allows one, and wait for nothing there', async () => {
    let open = 0;
    let most = 0;
    const asked: string[] = [];
    const tv = await provider((path, response) => {
      open += 1;
      most = Math.max(most, open);
      asked.push(path);
      response.once('close', () => {
        open -= 1;
      });
      setTimeout(() => response.end(path.endsWith('.ts') ? path : playlist(7)), 10);
    });
    const watched = await Watched.of(`${tv.origin}/index.m3u8`, { settings: { sourceMaxConnections: 1 } });
    const [variant] = await watched.references();
    const text = (await watched.reloaded(variant, { _HLS_msn: '10' })).text;
    const segments = referencesIn(text);
    const media = await Promise.all(
      [...segments, ...segments].map(async (segment) => bytesOf(await watched.hls.media(segment, undefined))),
    );
    expect(media).toEqual(['/seg7.ts', '/seg8.ts', '/seg9.ts', '/seg7.ts', '/seg8.ts', '/seg9.ts']);
    expect(most).toBe(1);
    expect(asked.some((path) => path.includes('_HLS_'))).toBe(false);
  });

  it('carry the headers that the playlist asks for, and those of the stream to its own server alone', async () => {
    const tv = await provider((_path, response, request) => {
      if (request.url === '/index.m3u8')
        response.end(`${playlist(1)}#EXTINF:2,\n1.ts|User-Agent=Box%2F1&Referer=http%3A%2F%2Fs\n`);
      else response.end(`${request.headers['user-agent']} ${request.headers.referer}`);
    });
    const watched = await Watched.of(`${tv.origin}/index.m3u8`);
    const [variant] = await watched.references();
    const last = referencesIn((await watched.reloaded(variant)).text).at(-1);
    expect(await bytesOf(await watched.hls.media(last ?? none(), undefined))).toBe('Box/1 http://s');
  });

  it('for the same part of a file are one, and each part is another', async () => {
    const tv = await provider((_path, response, request) => {
      const { range = 'all' } = request.headers;
      response.writeHead(
        range === 'all' ? 200 : 206,
        range === 'all' ? {} : { 'content-range': `${range.replace('=', ' ')}/100` },
      );
      response.end(range);
    });
    const watched = await Watched.of(`${tv.origin}/index.m3u8`);
    const segment: HlsReference = { role: 'segment', url: `${tv.origin}/all.mp4` };
    const get = async (range?: string) => {
      const media = await watched.hls.media(segment, range);
      return [media.head.status, await bytesOf(media)];
    };
    expect(await Promise.all([get('bytes=0-9'), get('bytes=0-9'), get('bytes=10-19'), get()])).toEqual([
      [206, 'bytes=0-9'],
      [206, 'bytes=0-9'],
      [206, 'bytes=10-19'],
      [200, 'all'],
    ]);
    expect(tv.requests).toHaveLength(3);
  });
});
