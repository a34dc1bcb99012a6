// The pages Providers, Add a stream and Settings in Chromium, on one real worker.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { keys } from '../../services/registry/redis/keys.ts';
import { samplesText } from '../../services/registry/redis/reads.ts';
import { KEPT_SAMPLES, SAMPLE_MS } from '../../services/registry/samples/sample.ts';
import type { TestCluster } from '../support/cluster.ts';
import { CHROMIUM, ConsoleBrowser } from '../support/console-browser.ts';
import { allPlaying, LIGHT, staged } from '../support/stage.ts';
import { until } from '../support/until.ts';
import type { Worker } from '../support/worker.ts';

const ENV = { SHARED_STREAM_GRACE: '1', WORKER_ID: 'worker-1', SOURCE_MAX_CONNECTIONS: '2', RELOAD: 'true' };
const HOSTILE = '<img src=x onerror=alert(1)>\u202e"\'</script><script>alert(2)</script>';

let browser: ConsoleBrowser;

/** The hour of a worker that is gone, as it has left it in Redis: an hour takes an hour. */
async function keepHour({ redis }: TestCluster, workerId: string): Promise<void> {
  const newest = Math.floor(Date.now() / SAMPLE_MS) - 8;
  const samples = Array.from({ length: KEPT_SAMPLES - 10 }, (_, at) => ({
    ...{ n: newest - (KEPT_SAMPLES - 11) + at, viewers: 20 + Math.round(15 * Math.sin(at / 30)) },
    ...{ streams: 4, processes: at > 200 ? 3 : 2, joins: at % 7, failedJoins: at === 200 ? 5 : 0 },
    ...{ inBitsPerSecond: (8 + (at % 5)) * 1e6, outBitsPerSecond: (60 + 30 * Math.sin(at / 40)) * 1e6 },
    ...{ betweenBitsPerSecond: at > 200 ? 4e6 : 0, cpu: 0.5, residentBytes: 2e8, eventLoopP99Ms: 3 },
  }));
  await redis.cli('SET', `${keys.samplesPrefix}gone`, samplesText(workerId, samples));
  await redis.cli('ZADD', keys.sampled, String(Date.now()), 'gone');
}

interface Sample {
  readonly at: string;
  readonly viewers: number;
}

/** A provider that has a list of channels, and nothing else. */
async function listServer(): Promise<{ url: string; close(): Promise<void> }> {
  const names = Array.from(
    { length: 12 },
    (_, n) => `#EXTINF:-1 tvg-id="${n}",Channel ${n}\nhttp://provider.example/${n}`,
  );
  const server = createServer((request, response) => {
    if (request.url === '/list.m3u') response.end(`#EXTM3U\n${names.join('\n')}`);
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close };
}

describe.skipIf(CHROMIUM === undefined)('the console', () => {
  beforeAll(async () => {
    browser = await ConsoleBrowser.start();
  });
  afterAll(() => browser.close());

  staged.concurrent('adds a stream after a test of its source, by the keyboard alone', async ({ stage }) => {
    const worker = await stage.worker(ENV);
    const source = await stage.source();
    const list = await listServer();
    stage.closeAfter(() => list.close());
    const { page, faults, context, shot } = await browser.tab(worker.url);
    stage.closeAfter(() => context.close());
    await page.goto(`${worker.url}/console/add`);
    const url = page.getByLabel('URL of the source');
    const test = async (address: string): Promise<void> => {
      await url.focus();
      await page.keyboard.press('Control+A');
      await page.keyboard.type(address);
      await page.keyboard.press('Enter');
    };
    await test(`${list.url}/gone.ts`);
    await page.getByText(/It does not play\. .*404/).waitFor();
    await test(`${list.url}/list.m3u`);
    await page.getByText('This is a list of channels, not one of them (12 channels, such as Channel 0').waitFor();
    await shot('add-list');
    const create = page.getByRole('button', { name: /^Create/ });
    await test(source.url);
    await page.getByText(/A live stream of MPEG-TS\. \d+x\d+ at .* h264 \+ .*It sent/).waitFor();
    // Its connection is closed again, and nothing was created.
    await until(async () => (await source.stats()).open === 0, { what: 'the source to be left alone' });
    expect((await worker.api.get<{ total: number }>('/streams')).body.total).toBe(0);
    await page.getByLabel('Name', { exact: true }).focus();
    await page.keyboard.type(HOSTILE);
    await page.getByText('A command that does the same', { exact: true }).waitFor();
    await create.focus();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'The stream is there', level: 1 }).waitFor();
    expect(await page.evaluate('document.activeElement.tagName')).toBe('H1');
    const address = ((await page.locator('main pre code').textContent()) ?? '').trim();
    const viewer = stage.viewer(address);
    await allPlaying([viewer]);
    await page.getByRole('link', { name: 'Now' }).click();
    await page.getByRole('row', { name: /<img src=x/ }).waitFor();
    await page.getByRole('link', { name: 'Providers' }).click();
    await page.getByRole('row', { name: /127\.0\.0\.1.* 1 of 2 .*<img src=x/ }).waitFor();
    await shot('providers-used');
    // The page says before it plays what is one connection too many, and does not take it.
    const direct = await worker.api.createStream({ url: `${source.url}?2`, metadata: { name: 'Direct' } });
    await allPlaying([stage.viewer(direct.playUrl)]);
    await page.goto(`${worker.url}/console/stream?id=${direct.stream_id}`);
    await page.getByRole('button', { name: 'Play Direct' }).click();
    const player = page.getByRole('dialog', { name: 'Direct' });
    await player.getByText(/one more connection to the provider\. Its account allows 2, .*<img src=x/).waitFor();
    await player.getByRole('button', { name: 'Play all the same' }).waitFor();
    await shot('player-asks');
    expect((await source.account()).open).toBe(2);
    expect(await page.locator('main img, script:not([src])').count()).toBe(0);
    expect(faults).toEqual([]);
  });

  staged.concurrent(
    'plots an hour under its own policy, with marks, narrow or wide, dark or light',
    async ({ stage }) => {
      const cluster = await stage.cluster(1, { CLEANUP_INTERVAL: '60' });
      const [worker] = cluster.workers as [Worker];
      await keepHour(cluster, 'worker-2');
      const source = await stage.source();
      const order = { url: source.url, profile: LIGHT, metadata: { name: HOSTILE } };
      const { playUrl } = await worker.api.createTranscode(order);
      await allPlaying([stage.viewer(playUrl)]);
      for (const pid of worker.ffmpegPids()) process.kill(pid, 'SIGKILL');
      const restart = await until(
        async () => {
          const asked = '/events?type=ffmpeg_restarted';
          return (await worker.api.get<{ events: { timestamp: string }[] }>(asked)).body.events[0];
        },
        { what: 'the restart' },
      );
      // Its place in the plots is known with the next sample.
      await until(
        async () => {
          const { body } = await worker.api.get<{ samples: Sample[] }>('/stats/history?minutes=1');
          const newest = body.samples.at(-1);
          return newest?.viewers === 1 && newest.at > restart.timestamp;
        },
        { timeoutMs: 15_000, what: 'a sample behind the restart' },
      );
      for (const dark of [false, true]) {
        const { page, faults, context, violations, isTooWide, shot } = await browser.tab(worker.url, { dark });
        stage.closeAfter(() => context.close());
        await page.goto(`${worker.url}/console/`);
        await page.locator('.plot canvas').nth(3).waitFor();
        await page.getByText('Some numbers of worker-2 are missing').waitFor();
        await page.getByText(/^viewers: 1 now, from \d to 35\.$/).waitFor();
        expect(await page.locator('.plot-mark').first().getAttribute('title')).toMatch(
          /FFmpeg of <img src=x.*replaced/,
        );
        // What the mark says, without a mouse.
        await page.locator('.marks summary', { hasText: '1 restart of FFmpeg' }).focus();
        await page.keyboard.press('Enter');
        await page.keyboard.press('Tab');
        await page
          .getByRole('link', { name: /^FFmpeg of <img src=x.*replaced/ })
          .and(page.locator('.marks :focus'))
          .waitFor();
        for (const width of [360, 1024, 1920]) {
          await page.setViewportSize({ width, height: 900 });
          await shot(`plots-${width}-${dark ? 'dark' : 'light'}`);
          expect([width, await isTooWide()]).toEqual([width, false]);
        }
        await page.getByText('Viewers as a table').click();
        await page.getByRole('columnheader', { name: '5 minutes from' }).waitFor();
        expect(await violations()).toEqual([]);
        expect(faults).toEqual([]);
      }
    },
  );

  staged.concurrent('shows how a worker is set, and is the same for everybody', async ({ stage }) => {
    const worker = await stage.worker(ENV);
    for (const dark of [false, true]) {
      const { page, faults, context, violations, isTooWide, shot } = await browser.tab(worker.url, { dark });
      stage.closeAfter(() => context.close());
      await page.goto(`${worker.url}/console/settings`);
      await page.getByRole('row', { name: /WORKER_ID .* worker-1 .* environment/ }).waitFor();
      await page.getByText(/API_TOKEN is not set/).waitFor();
      await page.getByText(/RELOAD has no effect/).waitFor();
      const look = async (name: string): Promise<void> => {
        for (const width of [360, 1024, 1920]) {
          await page.setViewportSize({ width, height: 900 });
          await shot(`${name}-${width}-${dark ? 'dark' : 'light'}`);
          expect([name, width, await isTooWide()]).toEqual([name, width, false]);
        }
        expect([name, await violations()]).toEqual([name, []]);
      };
      await page.getByLabel('Only what somebody has set').check();
      await page.getByRole('row', { name: /^MAX_CLIENTS/ }).waitFor({ state: 'detached' });
      await look('settings');
      await page.getByRole('link', { name: 'Add a stream' }).click();
      await page.getByLabel('Profile').selectOption('720p');
      await page.getByLabel('video_bitrate').waitFor();
      await page.getByText('Backups, user agent and headers').click();
      await page.getByLabel('URL of the source').fill('http://provider.example/live/1.ts');
      await look('add');
      await page.getByRole('link', { name: 'Providers' }).click();
      await page.getByText('No provider is read').waitFor();
      await look('providers');
      expect(faults).toEqual([]);
    }
  });
});
