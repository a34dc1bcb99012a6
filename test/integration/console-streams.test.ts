// The pages of streams and viewers in Chromium, on one real worker with real viewers.
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { CHROMIUM, ConsoleBrowser } from '../support/console-browser.ts';
import { allPlaying, COPY, staged } from '../support/stage.ts';
import { until } from '../support/until.ts';

const TOKEN = 't0ken-of-the-test';
const ENV = { API_TOKEN: TOKEN, SHARED_STREAM_GRACE: '1', WORKER_ID: 'worker-1' };

let browser: ConsoleBrowser;

describe.skipIf(CHROMIUM === undefined)('the console', () => {
  beforeAll(async () => {
    browser = await ConsoleBrowser.start();
  });
  afterAll(() => browser.close());

  staged.concurrent(
    'finds a stream among many, moves it to another source, records it, and stops it',
    async ({ stage }) => {
      const worker = await stage.worker(ENV);
      const [first, second] = [await stage.source(), await stage.source()];
      const order = { url: first.url, failover_urls: [second.url], profile: COPY, metadata: { name: 'BBC One' } };
      const { stream_id: id } = await worker.api.createTranscode(order);
      for (let at = 1; at <= 60; at++) {
        const url = `http://127.0.0.1:9/live/${at}.ts`;
        await worker.api.createStream({ url, metadata: { name: `Channel ${at}` } });
      }
      const viewers = stage.viewers(2, `${worker.url}/stream/${id}`);
      await allPlaying(viewers);
      const { page, faults, context, violations, isTooWide, shot } = await browser.tab(worker.url, { width: 1280 });
      stage.closeAfter(() => context.close());
      await page.goto(`${worker.url}/console/streams#token=${TOKEN}`);
      await page.getByText('50 of 61').waitFor();
      // The one with viewers stands first.
      await page.getByRole('row').nth(1).getByRole('link', { name: 'BBC One' }).waitFor();
      await shot('streams');
      expect([await isTooWide(), await violations()]).toEqual([false, []]);
      await page.getByRole('link', { name: 'Next page' }).click();
      await page.getByText('11 of 61').waitFor();
      await page.getByRole('searchbox').fill('one bbc');
      await page.getByText('1 in all').waitFor();
      expect(new URL(page.url()).search).toBe('?search=one+bbc');
      await page.getByLabel('Show').selectOption('idle');
      await page.getByText('No stream is like that.').waitFor();
      await page.goBack();
      await page.getByRole('link', { name: 'BBC One' }).click();
      await page.getByRole('heading', { name: 'BBC One', level: 1 }).waitFor();
      await page
        .getByRole('row', { name: /127\.0\.0\.1.*worker-1/ })
        .first()
        .waitFor();
      await page.getByText('BBC One plays').waitFor();
      await shot('one-stream');
      expect([await isTooWide(), await violations()]).toEqual([false, []]);
      await page.getByRole('button', { name: 'Fail over' }).click();
      const dialog = page.getByRole('dialog', { name: 'Fail over' });
      await dialog.getByText('2 viewers stay connected').waitFor();
      await dialog.getByLabel('To').selectOption('backup 1');
      await shot('fail-over');
      await dialog.getByRole('button', { name: 'Fail over' }).click();
      await page.getByText('BBC One went to backup 1').waitFor();
      await page.getByRole('listitem').filter({ hasText: 'backup 1' }).getByText('in use').waitFor();
      await until(async () => (await first.account()).open === 0, { timeoutMs: 15_000, what: 'the first source left' });
      expect(viewers.map(({ ended }) => ended)).toEqual([false, false]);
      await page.getByRole('button', { name: 'Address for a player' }).click();
      await page.getByText(`${worker.url}/stream/${id}`, { exact: true }).waitFor();
      await page.getByRole('button', { name: 'Record' }).click();
      await page.getByRole('dialog', { name: 'Record' }).getByLabel('Name').fill('Evening news');
      await page.getByRole('dialog', { name: 'Record' }).getByLabel('Minutes').fill('5');
      await shot('record');
      await page.getByRole('dialog', { name: 'Record' }).getByRole('button', { name: 'Record' }).click();
      await page.getByRole('heading', { name: 'Recordings', level: 1 }).waitFor();
      await page.getByRole('row', { name: /Evening news .*runs .*BBC One .*worker-1/ }).waitFor();
      expect(new URL(page.url()).search).toBe(`?stream_id=${id}`);
      await page.getByRole('button', { name: 'Play Evening news' }).click();
      await page.getByRole('dialog', { name: 'Evening news' }).getByText('Playing.').waitFor();
      await page.getByRole('button', { name: 'Close' }).click();
      for (const width of [360, 1024, 1280]) {
        await page.setViewportSize({ width, height: 900 });
        await shot(`recordings-${width}`);
        expect([width, await isTooWide(), await violations()]).toEqual([width, false, []]);
      }
      await page.emulateMedia({ colorScheme: 'dark' });
      await shot('recordings-dark');
      expect(await violations()).toEqual([]);
      await page.emulateMedia({ colorScheme: 'light' });
      await page.getByRole('button', { name: 'Stop Evening news' }).click();
      await page.getByRole('dialog', { name: 'Stop Evening news' }).getByText('What there is stays.').waitFor();
      await page.getByRole('dialog').getByRole('button', { name: 'Stop' }).click();
      await page.getByRole('row', { name: /Evening news .*ended/ }).waitFor();
      const download = page.waitForEvent('download');
      await page.getByRole('link', { name: 'Download Evening news' }).click();
      expect((await download).suggestedFilename()).toBe('Evening news.ts');
      await page.getByRole('button', { name: 'Delete Evening news' }).click();
      await page.getByRole('dialog').getByText('All of it is removed').waitFor();
      await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
      await page.getByText('No recording is like that.').waitFor();
      expect((await worker.api.get<{ total: number }>('/recordings')).body.total).toBe(0);
      await page.goto(`${worker.url}/console/stream?id=${id}`);
      await page.getByRole('button', { name: 'Stop' }).click();
      await page.getByRole('dialog', { name: 'Stop' }).getByText('2 viewers lose the connection').waitFor();
      await page.getByRole('dialog', { name: 'Stop' }).getByRole('button', { name: 'Stop' }).click();
      await page.getByText('50 of 60').waitFor();
      await until(() => viewers.every(({ ended }) => ended), { what: 'both viewers to end' });
      expect(faults).toEqual([]);
    },
  );

  staged.concurrent('lists viewers, and sends one away', async ({ stage }) => {
    const worker = await stage.worker(ENV);
    const source = await stage.source();
    const order = { url: source.url, profile: COPY, metadata: { name: 'BBC One' } };
    const { stream_id: id } = await worker.api.createTranscode(order);
    const as = (user: string, agent: string) =>
      stage.viewer(`${worker.url}/stream/${id}?username=${user}`, { headers: { 'user-agent': agent } });
    const [joe, ann] = [as('joe', 'VLC/3.0.21 LibVLC/3.0.21'), as('ann', 'mpv 0.38')];
    await allPlaying([joe, ann]);
    const { page, faults, context, violations, isTooWide, shot } = await browser.tab(worker.url, { width: 360 });
    stage.closeAfter(() => context.close());
    await page.goto(`${worker.url}/console/viewers#token=${TOKEN}`);
    await page.getByText('2 in all').waitFor();
    for (const width of [360, 1024, 1920]) {
      await page.setViewportSize({ width, height: 900 });
      await shot(`viewers-${width}`);
      expect([width, await isTooWide(), await violations()]).toEqual([width, false, []]);
    }
    await page.getByRole('row', { name: /ann.*mpv/ }).waitFor();
    await page.getByRole('searchbox').fill('vlc');
    await page.getByText('1 in all').waitFor();
    await page.getByRole('button', { name: 'Disconnect joe' }).click();
    await page.getByText('No viewer is like that.').waitFor();
    await until(() => joe.ended, { what: 'joe to be sent away' });
    expect([ann.ended, faults]).toEqual([false, []]);
  });
});
