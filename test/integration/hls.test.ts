/** HLS sources that are passed on: what players get is what the provider sends, for one request to the provider. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ODD } from '../support/hls-odd.ts';
import { HlsProvider } from '../support/hls-provider.ts';
import { packetHashes } from '../support/packet-hashes.ts';
import { until } from '../support/until.ts';
import { startWorker, type Worker } from '../support/worker.ts';

describe('a source that is HLS', () => {
  let provider: HlsProvider;
  let worker: Worker;

  beforeAll(async () => {
    provider = await HlsProvider.start(ODD);
    worker = await startWorker({
      CLIENT_TIMEOUT: '2',
      DRAIN_TIMEOUT: '1',
      STREAM_RETRY_ATTEMPTS: '1',
      STREAM_RETRY_DELAY: '0.1',
    });
  });

  afterAll(async () => {
    await worker.stop();
    await provider.close();
  });

  let streams = 0;
  /** A stream of its own for each test. */
  const created = async (path: string): Promise<string> => {
    streams += 1;
    return (await worker.api.createStream({ url: `${provider.origin}${path}?test=${streams}` })).stream_id;
  };
  const entryOf = (id: string): string => `${worker.url}/hls/${id}/playlist.m3u8`;
  /** The addresses of a playlist, absolute. */
  const addressesIn = (text: string, base: string): string[] => [
    ...text
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => new URL(line, base).href),
    ...[...text.matchAll(/URI="([^"]*)"/g)].map(([, uri = '']) => new URL(uri, base).href),
  ];
  const variantOf = async (id: string): Promise<string> => {
    const entry = await fetch(entryOf(id));
    expect(entry.status).toBe(200);
    return addressesIn(await entry.text(), entry.url)[0] ?? '';
  };

  it('sends a player of /stream to where it plays, with its query', async () => {
    const id = await created('/ts/index.m3u8');
    for (const method of ['GET', 'HEAD']) {
      const answer = await fetch(`${worker.url}/stream/${id}?username=ann&client_id=tv-1`, {
        method,
        redirect: 'manual',
      });
      expect([method, answer.status, answer.headers.get('location')]).toEqual([
        method,
        302,
        `../hls/${id}/playlist.m3u8?username=ann&client_id=tv-1`,
      ]);
    }
    // No answer repeats a token.
    const withToken = await fetch(`${worker.url}/stream/${id}?api_token=s3cret&u=ann`, { redirect: 'manual' });
    expect(withToken.headers.get('location')).toBe(`../hls/${id}/playlist.m3u8?u=ann`);
    // Only the first bytes show that this one is HLS.
    const hidden = await created('/extensionless');
    for (const method of ['HEAD', 'GET']) {
      const { status, headers } = await fetch(`${worker.url}/stream/${hidden}`, { method, redirect: 'manual' });
      expect([method, status, headers.get('location')]).toEqual([method, 302, `../hls/${hidden}/playlist.m3u8`]);
    }
    expect((await packetHashes(`${worker.url}/stream/${hidden}`)).packets.length).toBeGreaterThan(100);
  });

  it('shows nothing of the provider, and is the same below ROOT_PATH', async () => {
    const id = await created('/aes/index.m3u8');
    const variant = await variantOf(id);
    const playlist = await fetch(variant);
    const text = await playlist.text();
    expect(text).not.toMatch(/127\.0\.0\.1|aes|seg0|m3u-proxy|\/hls\//);
    expect(text).toMatch(/#EXT-X-KEY:METHOD=AES-128,URI="segment\.ts\?r=[\w-]+",IV=0x[0-9a-f]{32}/);
    const below = await fetch(`${worker.url}/m3u-proxy/hls/${id}/playlist.m3u8`);
    const [address = ''] = addressesIn(await below.text(), below.url);
    expect(address).toContain('/m3u-proxy/hls/');
    expect(await (await fetch(address)).text()).toBe(text);
  });

  it('has the headers that players and caches need', async () => {
    const id = await created('/ts/index.m3u8');
    const entry = await fetch(`${entryOf(id)}?client_id=tv-7&username=ann`);
    const variant = addressesIn(await entry.text(), entry.url)[0] ?? '';
    const playlist = await fetch(variant);
    for (const { status, headers } of [entry, playlist]) {
      expect(status).toBe(200);
      expect(headers.get('content-type')).toBe('application/vnd.apple.mpegurl');
      expect(headers.get('cache-control')).toBe('no-cache');
      expect(headers.get('access-control-allow-origin')).toBe('*');
      expect([headers.get('x-client-id'), headers.get('x-stream-id')]).toEqual(['tv-7', id]);
    }
    const [segment = ''] = addressesIn(await playlist.text(), playlist.url);
    const whole = Buffer.from(await (await fetch(segment)).arrayBuffer());
    const head = await fetch(segment, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-type'), head.headers.get('content-length')]).toEqual([
      200,
      'video/mp2t',
      String(whole.length),
    ]);
    // As long as the playlist.
    expect(head.headers.get('cache-control')).toBe('private, max-age=8');
    const part = await fetch(segment, { headers: { range: 'bytes=188-375' } });
    expect([part.status, part.headers.get('content-range')]).toEqual([206, `bytes 188-375/${whole.length}`]);
    expect(Buffer.from(await part.arrayBuffer())).toEqual(whole.subarray(188, 376));
    type Clients = { clients: { client_id: string; username: string; segments_served: number }[] };
    const clients = async () => (await worker.api.get<Clients>(`/streams/${id}`)).body.clients;
    await until(async () => (await clients())[0]?.segments_served, { what: 'its segments to be counted' });
    // HEAD has brought none.
    expect(await clients()).toMatchObject([{ client_id: 'tv-7', username: 'ann', segments_served: 2 }]);
    const odd = `${entryOf(id)}?client_id=${encodeURIComponent('Jörg\u202e 7%')}`;
    const oddEntry = await fetch(odd);
    const oddPlaylist = await fetch(addressesIn(await oddEntry.text(), oddEntry.url)[0] ?? '');
    for (const { status, headers } of [oddEntry, oddPlaylist]) {
      expect([status, headers.get('x-client-id')]).toEqual([200, 'J%C3%B6rg%E2%80%AE 7%']);
    }
  });

  it('counts nobody for the entry, one viewer for all its requests, and none when it has gone', async () => {
    const id = await created('/fmp4/index.m3u8');
    const counted = async () => (await worker.api.get<{ client_count: number }>(`/streams/${id}`)).body.client_count;
    await fetch(entryOf(id));
    expect(await counted()).toBe(0);
    const variant = await variantOf(id);
    const text = await (await fetch(variant)).text();
    for (const address of addressesIn(text, variant)) await (await fetch(address)).arrayBuffer();
    expect(await counted()).toBe(1);
  });

  it('asks the provider once for all who want the same', async () => {
    const id = await created('/ts/index.m3u8');
    const viewers = await Promise.all(Array.from({ length: 20 }, () => variantOf(id)));
    expect(new Set(viewers).size).toBe(20);
    const before = provider.asked.length;
    const texts = await Promise.all(viewers.map(async (variant) => (await fetch(variant)).text()));
    expect(new Set(texts).size).toBe(1);
    const segments = addressesIn(texts[0] ?? '', viewers[0] ?? '');
    const sizes = await Promise.all(
      viewers.flatMap(() => segments.map(async (segment) => (await (await fetch(segment)).arrayBuffer()).byteLength)),
    );
    expect(new Set(sizes).size).toBe(new Set(sizes.slice(0, segments.length)).size);
    expect(provider.asked.length - before).toBeLessThanOrEqual(segments.length + 1);
    expect(provider.mostOpen).toBeLessThanOrEqual(12);
  });

  it.each([
    ['an unknown stream', (_id: string, r: string) => `/hls/${'0'.repeat(32)}/playlist.m3u8?x=${r}`, 404],
    ['what is no id', (_id: string) => '/hls/nothing/playlist.m3u8', 404],
    ['a forged ticket', (id: string, r: string) => `/hls/${id}-${'ab'.repeat(60)}/playlist.m3u8?r=${r}`, 403],
    ['a forged reference', (id: string, r: string) => `/hls/${id}/playlist.m3u8?url=${r.slice(0, -4)}AAAA`, 403],
    ['an address in the clear', (id: string) => `/hls/${id}/playlist.m3u8?url=http%3A%2F%2F127.0.0.1%2F`, 403],
    ['a segment without its parameters', (id: string) => `/hls/${id}/segment.ts?client_id=a`, 422],
    ['a container that there is not', (id: string) => `/hls/${id}/playlist.m3u8?container=avi`, 422],
    ['a segment of a forged reference', (id: string) => `/hls/${id}/segment.ts?client_id=a&url=abc`, 403],
  ] as const)('answers %s with an error that says what is wrong', async (_what, path, status) => {
    const id = await created('/ts/index.m3u8');
    const reference = new URL(await variantOf(id)).searchParams.get('r') ?? '';
    const answer = await fetch(worker.url + path(id, reference));
    expect(answer.status).toBe(status);
    expect(((await answer.json()) as { detail: unknown }).detail).toBeTruthy();
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });

  it('lets no reference of one stream be used for another', async () => {
    const [one, other] = [await created('/ts/index.m3u8'), await created('/aes/index.m3u8')];
    const [ofOne, ofOther] = [new URL(await variantOf(one)), new URL(await variantOf(other))];
    const swapped = new URL(ofOne);
    swapped.searchParams.set('r', ofOther.searchParams.get('r') ?? '');
    expect((await fetch(swapped)).status).toBe(403);
    const ticket = new URL(ofOne.href.replace(one, other));
    expect((await fetch(ticket)).status).toBe(403);
  });

  it('serves the form of m3u-proxy', async () => {
    const id = await created('/ts/index.m3u8');
    const reference = new URL(await variantOf(id)).searchParams.get('r') ?? '';
    const playlist = await fetch(`${worker.url}/hls/${id}/playlist.m3u8?url=${reference}&client_id=old-1&parent=${id}`);
    expect(playlist.status).toBe(200);
    const [segment = ''] = addressesIn(await playlist.text(), playlist.url);
    const url = new URL(segment).searchParams.get('r') ?? '';
    for (const name of ['segment', 'segment.ts', 'segment.m4s', 'segment.mp4']) {
      const answer = await fetch(`${worker.url}/hls/${id}/${name}?url=${url}&client_id=old-1`);
      expect([name, answer.status, (await answer.arrayBuffer()).byteLength > 1_000]).toEqual([name, 200, true]);
    }
  });

  it('passes the refusal of a segment on, and tells a broken provider by 502', async () => {
    let status = 404;
    provider.answers((asked, response) => {
      if (asked.path !== '/ts/seg1.ts') return ODD(asked, response);
      response.writeHead(status).end('no');
      return true;
    });
    const id = await created('/ts/index.m3u8');
    const variant = await variantOf(id);
    const segment = addressesIn(await (await fetch(variant)).text(), variant)[1] ?? '';
    for (const [theirs, ours] of [
      [404, 404],
      [410, 410],
      [403, 403],
      [500, 502],
      [503, 502],
    ] as const) {
      status = theirs;
      expect([theirs, (await fetch(segment)).status]).toEqual([theirs, ours]);
    }
    provider.answers(ODD);
    expect((await fetch(segment)).status).toBe(200);
  });

  it('says why a source does not play', async () => {
    const dead = await created('/none/index.m3u8');
    const answer = await fetch(entryOf(dead));
    expect(answer.status).toBe(502);
    expect(await answer.text()).toMatch(/answered 404/);
  });

  it('says before the first playlist that there is no room', async () => {
    const small = await startWorker({ MAX_CLIENTS: '1', SOURCE_MAX_CONNECTIONS: '1', DRAIN_TIMEOUT: '0' });
    try {
      const entry = async (path: string) => {
        const { stream_id: id } = await small.api.createStream({ url: provider.origin + path });
        return `${small.url}/hls/${id}/playlist.m3u8`;
      };
      const one = await entry('/ts/index.m3u8');
      const opened = async () => addressesIn(await (await fetch(one)).text(), one)[0] ?? '';
      const [first, second] = [await opened(), await opened()];
      expect((await fetch(first)).status).toBe(200);
      // A viewer too many, and a source too many for the provider.
      for (const refused of [second, await entry('/ts/index.m3u8?of=another')]) {
        const { status, headers } = await fetch(refused);
        expect([status, Number(headers.get('retry-after')) > 0, headers.get('cache-control')]).toEqual([
          503,
          true,
          'no-store',
        ]);
      }
      expect((await fetch(first)).status).toBe(200);
    } finally {
      await small.stop();
    }
  });

  it('serves the last playlist in a short outage, and goes on after it', async () => {
    let isOut = false;
    let first = 10;
    provider.answers((asked, response) => {
      if (asked.path !== '/live/index.m3u8') return ODD(asked, response);
      if (isOut) response.writeHead(404).end();
      else {
        const lines = ['#EXTM3U', '#EXT-X-TARGETDURATION:1', `#EXT-X-MEDIA-SEQUENCE:${first}`];
        for (const n of [0, 1, 2]) lines.push('#EXTINF:1,', `/ts/seg${n}.ts?n=${first + n}`);
        response.end(`${lines.join('\n')}\n`);
      }
      return true;
    });
    const id = await created('/live/index.m3u8');
    const variant = await variantOf(id);
    const number = async () => {
      const answer = await fetch(variant);
      expect(answer.status).toBe(200);
      return /MEDIA-SEQUENCE:(\d+)/.exec(await answer.text())?.[1];
    };
    expect(await number()).toBe('10');
    isOut = true;
    first = 20;
    for (let turn = 0; turn < 5; turn += 1) {
      await sleep(300);
      expect(await number()).toBe('10');
    }
    isOut = false;
    await until(async () => (await number()) === '20', {
      what: 'the playlist of the source that is back',
      timeoutMs: 10_000,
    });
    provider.answers(ODD);
  });
});
