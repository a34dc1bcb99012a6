// HLS sources that want to harm, beside one that is well: each gets a clear error, memory stays bounded, and nobody else notices.
import { get, type IncomingMessage } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type HlsAnswer, HlsProvider } from '../support/hls-provider.ts';
import { until } from '../support/until.ts';
import { startWorker, type Worker } from '../support/worker.ts';

const MB = 1024 ** 2;
const SEGMENT = Buffer.alloc(188 * 1_000, 0x47);
const MEDIA = '#EXTM3U\n#EXT-X-TARGETDURATION:2\n';
/** What a worker may grow by: a few playlists of 5 MB as texts, and its cache of HLS. */
const MAX_GROWTH_BYTES = 200 * MB;

const HOSTILE: HlsAnswer = async ({ path }, response) => {
  const [, name = ''] = /^\/([a-z-]+)/.exec(path) ?? [];
  const said = (text: string): true => {
    response.end(text);
    return true;
  };
  const pour = async (piece: string | Buffer, times: number): Promise<true> => {
    const pieces = function* () {
      for (let n = 0; n < times; n++) yield piece;
    };
    // Whoever has seen enough of it leaves.
    await pipeline(pieces(), response).catch(() => undefined);
    return true;
  };
  switch (name) {
    case 'well':
      if (path.endsWith('.ts')) {
        response.end(SEGMENT);
        return true;
      }
      return said(
        `${MEDIA}#EXT-X-MEDIA-SEQUENCE:${Math.floor(Date.now() / 200)}\n#EXTINF:2,\n1.ts\n#EXTINF:2,\n2.ts\n`,
      );
    case 'endless':
      return pour(`${MEDIA}${'#x\n'.repeat(10_000)}`, Number.POSITIVE_INFINITY);
    case 'fifty':
      return pour(`${MEDIA}${'#x\n'.repeat(20_000)}`, 50 * (MB / 60_000));
    case 'variants':
      return said(`#EXTM3U\n${'#EXT-X-STREAM-INF:BANDWIDTH=1\na.m3u8\n'.repeat(10_000)}`);
    case 'circle':
      return said('#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nindex.m3u8?again\n');
    case 'inside':
      return said('#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nhttp://169.254.169.254/latest/meta-data/\n');
    case 'files':
      return said('#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nfile:///etc/passwd\n');
    case 'keys': {
      const uris = ['file:///etc/passwd', 'ftp://tv.test/a', 'http://[', 'http://169.254.169.254/', 'index.m3u8'];
      return said(
        `${MEDIA}${uris.map((uri) => `#EXT-X-KEY:METHOD=AES-128,URI="${uri}"\n#EXTINF:2,\n1.ts\n`).join('')}`,
      );
    }
    case 'segment':
      if (!path.endsWith('.ts')) return said(`${MEDIA}#EXTINF:2,\n1.ts\n`);
      return pour(SEGMENT, 100);
    default:
      return false;
  }
};

let provider: HlsProvider;
let worker: Worker;
let beforeBytes = 0;
let mostBytes = 0;
let looking: NodeJS.Timeout;
/** The longest wait, in ms, of a viewer of the source that is well. */
let longestMs = 0;
let looks = 0;
const over = new AbortController();
let watching: Promise<void>;

beforeAll(async () => {
  provider = await HlsProvider.start(HOSTILE);
  worker = await startWorker({
    ...{ CLIENT_TIMEOUT: '2', DRAIN_TIMEOUT: '1', STREAM_RETRY_ATTEMPTS: '0', HLS_CACHE_BYTES: '64M' },
  });
  watching = watch();
  await until(() => looks > 3, { what: 'the viewer of the source that is well' });
  beforeBytes = worker.rssBytes();
  looking = setInterval(() => {
    mostBytes = Math.max(mostBytes, worker.rssBytes());
  }, 50);
});
afterAll(async () => {
  clearInterval(looking);
  over.abort();
  await watching;
  await worker.stop();
  await provider.close();
});

async function entryOf(name: string): Promise<string> {
  const { stream_id: id } = await worker.api.createStream({ url: `${provider.origin}/${name}/index.m3u8` });
  return `${worker.url}/hls/${id}/playlist.m3u8`;
}

async function detailOf(answer: Response): Promise<string> {
  return ((await answer.json()) as { detail: string }).detail;
}

/** The addresses of a playlist: lines, and in tags. */
function addressesIn(text: string, base: string): string[] {
  return text.split('\n').flatMap((line) => {
    const uri = /URI="([^"]*)"/.exec(line)?.[1] ?? (line === '' || line.startsWith('#') ? undefined : line);
    return uri === undefined ? [] : [new URL(uri, base).href];
  });
}

/** What the first media playlist of an entry answers. */
async function opened(name: string): Promise<Response> {
  const entry = await fetch(await entryOf(name));
  expect(entry.status).toBe(200);
  return fetch(addressesIn(await entry.text(), entry.url)[0] ?? '');
}

async function watch(): Promise<void> {
  const entry = await fetch(await entryOf('well'));
  const [playlist = ''] = addressesIn(await entry.text(), entry.url);
  while (!over.signal.aborted) {
    const startMs = performance.now();
    const answer = await fetch(playlist);
    const [segment = ''] = addressesIn(await answer.text(), playlist);
    const media = await fetch(segment);
    expect([answer.status, media.status, (await media.arrayBuffer()).byteLength]).toEqual([200, 200, SEGMENT.length]);
    longestMs = Math.max(longestMs, performance.now() - startMs);
    looks += 1;
    await sleep(100);
  }
}

describe.concurrent('says what is wrong', () => {
  it.each([
    ['endless', 502, /larger than 5 MB/],
    ['fifty', 502, /larger than 5 MB/],
    ['variants', 502, /names more than 200 others/],
  ] as const)('with the entry of %s', async (name, status, detail) => {
    const answer = await fetch(await entryOf(name));
    expect([answer.status, answer.headers.get('cache-control')]).toEqual([status, 'no-store']);
    expect(await detailOf(answer)).toMatch(detail);
  });

  it.each([
    ['circle', 502, /names further playlists/],
    ['inside', 502, /169\.254\.169\.254/],
    ['files', 403, /is not an http or https URL/],
  ] as const)('with the playlist of %s', async (name, status, detail) => {
    const answer = await opened(name);
    expect(answer.status).toBe(status);
    expect(await detailOf(answer)).toMatch(detail);
  });

  it('with keys that are none', async () => {
    const playlist = await opened('keys');
    const addresses = addressesIn(await playlist.text(), playlist.url).filter((_, at) => at % 2 === 0);
    const statuses = await Promise.all(addresses.map(async (address) => (await fetch(address)).status));
    expect(statuses).toEqual([403, 403, 403, 403, 502]);
  });
});

it('gives a viewer a segment at its own speed, while another one takes nothing of it', async () => {
  const entry = await entryOf('segment');
  const [quick, slow] = await Promise.all(
    [0, 1].map(async () => {
      const answer = await fetch(entry);
      const playlist = await fetch(addressesIn(await answer.text(), entry)[0] ?? '');
      return addressesIn(await playlist.text(), playlist.url)[0] ?? '';
    }),
  );
  const stalled = await new Promise<IncomingMessage>((resolve) => get(slow ?? '', resolve));
  stalled.on('error', () => undefined);
  const startMs = performance.now();
  const whole = await fetch(quick ?? '');
  expect((await whole.arrayBuffer()).byteLength).toBe(100 * SEGMENT.length);
  // Long before the other one is given up.
  expect(performance.now() - startMs).toBeLessThan(10_000);
  stalled.destroy();
  expect(provider.count(/segment\/1\.ts$/)).toBe(1);
});

it('leaves the viewer of another source alone, and needs little memory', async () => {
  const before = looks;
  await until(() => looks > before + 3, { what: 'it to play on' });
  expect(longestMs).toBeLessThan(2_000);
  expect(mostBytes - beforeBytes).toBeLessThan(MAX_GROWTH_BYTES);
});
