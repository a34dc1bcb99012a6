/** HLS sources that are passed on, in real players: renditions, subtitles, and low latency. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ODD } from '../support/hls-odd.ts';
import { type HlsAnswer, HlsProvider } from '../support/hls-provider.ts';
import { lowLatency, PART_SECONDS } from '../support/low-latency-provider.ts';
import { CHROMIUM, HlsPlayers } from '../support/players/hls-players.ts';
import { until } from '../support/until.ts';
import { startWorker, type Worker } from '../support/worker.ts';

let worker: Worker;
const providers: HlsProvider[] = [];

beforeAll(async () => {
  worker = await startWorker({ CLIENT_TIMEOUT: '3', DRAIN_TIMEOUT: '1', STREAM_RETRY_ATTEMPTS: '0' });
});
afterAll(async () => {
  await worker.stop();
  await Promise.all(providers.map((provider) => provider.close()));
});

async function provided(answer: HlsAnswer): Promise<HlsProvider> {
  const provider = await HlsProvider.start(answer);
  providers.push(provider);
  return provider;
}

async function created(url: string): Promise<string> {
  const { stream_id: id } = await worker.api.createStream({ url });
  return `${worker.url}/hls/${id}/playlist.m3u8`;
}

/** The address of the first media playlist. */
async function variantOf(entry: string): Promise<string> {
  const text = await (await fetch(entry)).text();
  return new URL(text.split('\n').find((line) => line !== '' && !line.startsWith('#')) ?? '', entry).href;
}

describe('a source with low latency', () => {
  it('lets all who wait for the same part wait at the provider, once', async () => {
    const held: string[] = [];
    const provider = await provided(await lowLatency((path) => held.push(path)));
    const playlist = await variantOf(await created(`${provider.origin}/low/index.m3u8`));
    const now = await (await fetch(playlist)).text();
    const first = Number(/MEDIA-SEQUENCE:(\d+)/.exec(now)?.[1]);
    const next = first + (now.match(/#EXTINF/g)?.length ?? 0);
    const before = provider.count('/low/index.m3u8');
    const waiting = Array.from({ length: 20 }, async () => {
      const answer = await fetch(`${playlist}&_HLS_msn=${next}&_HLS_part=4`);
      return `${answer.status} ${await answer.text()}`;
    });
    await until(() => held.length > 0, { what: 'the provider to be asked' });
    expect((await worker.api.get<string>('/metrics')).body).toMatch(/^streampool_hls_blocked_requests 20$/m);
    const answers = new Set(await Promise.all(waiting));
    expect([answers.size, provider.count('/low/index.m3u8') - before]).toEqual([1, 1]);
    const [answer = ''] = answers;
    expect(answer).toMatch(/^200 /);
    expect(Number(/MEDIA-SEQUENCE:(\d+)/.exec(answer)?.[1]) + (answer.match(/#EXTINF/g)?.length ?? 0)).toBe(next + 1);
    // The hint and the part that it announces have one address, else players fetch each part twice.
    const hint = /PRELOAD-HINT:TYPE=PART,URI="([^"]+)"/.exec(answer)?.[1] ?? '';
    const following = await fetch(`${playlist}&_HLS_msn=${next + 1}&_HLS_part=0`);
    expect(await following.text()).toContain(`#EXT-X-PART:DURATION=${PART_SECONDS},URI="${hint}"`);
    expect(provider.asked.at(-1)?.query).toBe(`?_HLS_msn=${next + 1}&_HLS_part=0`);
  });
});

describe.skipIf(CHROMIUM === undefined)('hls.js in Chromium', () => {
  let players: HlsPlayers;
  beforeAll(async () => {
    players = await HlsPlayers.start();
  });
  afterAll(() => players.close());

  it('plays pictures, the sound that it chooses, and subtitles', async () => {
    const provider = await provided(ODD);
    const played = await players.hlsjs({
      url: await created(`${provider.origin}/titled.m3u8`),
      seconds: 5,
      audio: 'two',
    });
    expect(played.fatal).toEqual([]);
    expect(played.advanced).toBeGreaterThan(0.95 * played.wall);
    expect(played.frames).toBeGreaterThan(80);
    expect(played.audioBytes).toBeGreaterThan(10_000);
    expect(played.cues).toEqual(expect.arrayContaining(['title 0', 'title 1']));
    expect(provider.asked.map(({ path, query }) => path + query)).toContain('/renditions/sound.m3u8?two');
    // Nothing that a player asked for twice was asked of the provider twice.
    const media = provider.asked.map(({ path }) => path).filter((path) => !path.endsWith('.m3u8'));
    expect(new Set(media).size).toBe(media.length);
  });

  it('plays low latency through the proxy, close to the live edge', async () => {
    const provider = await provided(await lowLatency());
    const url = await created(`${provider.origin}/low/index.m3u8`);
    const played = await players.hlsjs({ url, seconds: 8, lowLatency: true });
    expect([played.fatal, played.stalls]).toEqual([[], 0]);
    expect(played.advanced).toBeGreaterThan(0.95 * played.wall);
    // Without parts it would be three segments behind, which is 6 s.
    expect(played.latency).toBeLessThan(4);
    expect(provider.asked.some(({ query }) => query.includes('_HLS_msn='))).toBe(true);
    expect(provider.count(/-\d\.m4s$/)).toBeGreaterThan(10);
  });

  it('plays low latency without holding the one connection that a provider allows', async () => {
    const provider = await provided(await lowLatency());
    const single = await startWorker({ SOURCE_MAX_CONNECTIONS: '1', DRAIN_TIMEOUT: '0' });
    try {
      const { stream_id: id } = await single.api.createStream({ url: `${provider.origin}/low/index.m3u8` });
      const url = `${single.url}/hls/${id}/playlist.m3u8`;
      const played = await players.hlsjs({ url, seconds: 6, lowLatency: true });
      expect(played.fatal).toEqual([]);
      expect(played.advanced).toBeGreaterThan(0.9 * played.wall);
      expect(provider.asked.filter(({ query }) => query.includes('_HLS_'))).toEqual([]);
      expect(provider.mostOpen).toBe(1);
      // The player asks as often as it likes; the provider is asked once in half a target duration.
      expect(provider.count('/low/index.m3u8')).toBeLessThanOrEqual(14);
    } finally {
      await single.stop();
    }
  });
});
