// The console in Chromium, on one real worker with real viewers.
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { CHROMIUM, ConsoleBrowser } from '../support/console-browser.ts';
import { allPlaying, COPY, LIGHT, staged } from '../support/stage.ts';
import { startTcpProxy, targetOf } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';

const TOKEN = 't0ken-of-the-test';
const ENV = { API_TOKEN: TOKEN, SHARED_STREAM_GRACE: '1', WORKER_ID: 'worker-1' };
const HOSTILE = '<img src=x onerror=alert(1)>\u202e"\'</script><script>alert(2)</script>';
const LONG = 'a-name-without-any-gap-'.repeat(12);

let browser: ConsoleBrowser;

describe.skipIf(CHROMIUM === undefined)('the console', () => {
  beforeAll(async () => {
    browser = await ConsoleBrowser.start();
  });
  afterAll(() => browser.close());

  staged.concurrent(
    'is opened with the token alone, by the keyboard alone, and stays where one was',
    async ({ stage }) => {
      const worker = await stage.worker(ENV);
      const proxy = await startTcpProxy({ target: targetOf(worker) });
      stage.closeAfter(() => proxy.close());
      const origin = `http://127.0.0.1:${proxy.port}`;
      const { page, faults, context } = await browser.tab(origin);
      stage.closeAfter(() => context.close());
      await page.goto(`${origin}/`);
      await page.getByRole('heading', { name: 'Log in', level: 1 }).waitFor();
      expect(new URL(page.url()).pathname).toBe('/console/');
      // The field has the focus.
      await page.keyboard.type('wrong');
      await page.keyboard.press('Enter');
      await page.getByText('does not accept this token').waitFor();
      await page.keyboard.type(TOKEN);
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: 'There is nothing here yet' }).waitFor();
      await page.goto(`${origin}/console/events`);
      await page.getByText('Nothing of this kind has happened.').waitFor();
      await page.goto(`${origin}/console/streams?search=bbc`);
      await page.getByText('No stream is like that.').waitFor();
      // Another tab knows no token, and comes in by the address, where nothing of it stays.
      const other = await browser.tab(worker.url);
      stage.closeAfter(() => other.context.close());
      await other.page.goto(`${worker.url}/m3u-proxy/console/events#token=${TOKEN}`);
      await other.page.getByText('Nothing of this kind has happened.').waitFor();
      expect(other.page.url()).toBe(`${worker.url}/m3u-proxy/console/events`);
      await other.page.getByRole('button', { name: 'Log out' }).click();
      await other.page.getByRole('heading', { name: 'Log in' }).waitFor();
      expect(await other.context.cookies()).toEqual([]);
      // The worker is started again with another token, while the first tab is open.
      const newToken = 'another-t0ken-of-the-test';
      const restarted = await stage.worker({ ...ENV, API_TOKEN: newToken });
      proxy.switchTo(targetOf(restarted));
      await page.getByRole('heading', { name: 'Log in', level: 1 }).waitFor();
      await page.getByText('does not accept this token').waitFor();
      await page.keyboard.type(newToken);
      await page.keyboard.press('Enter');
      await page.getByText('No stream is like that.').waitFor();
      expect(page.url()).toBe(`${origin}/console/streams?search=bbc`);
      await page.getByText('worker-1', { exact: true }).first().waitFor();
      expect([...faults, ...other.faults]).toEqual([]);
    },
  );

  staged.concurrent('shows real viewers as they come and go, and what happens meanwhile', async ({ stage }) => {
    const worker = await stage.worker(ENV);
    const source = await stage.source();
    const { stream_id: id } = await worker.api.createTranscode({
      url: source.url,
      profile: LIGHT,
      metadata: { name: 'BBC One' },
    });
    const { page, faults, context, shot, violations, isTooWide } = await browser.tab(worker.url);
    stage.closeAfter(() => context.close());
    await page.goto(`${worker.url}/console/#token=${TOKEN}`);
    await page.getByText('1 stream waits for the first viewer').waitFor();
    const viewers = stage.viewers(3, `${worker.url}/stream/${id}`);
    await allPlaying(viewers);
    const row = page.getByRole('row', { name: /BBC One/ });
    await row.getByRole('cell', { name: '3', exact: true }).waitFor();
    await page.getByText('3 viewers share 1 FFmpeg and 1 connection').waitFor();
    await row.getByRole('cell', { name: /Mbit\/s/ }).waitFor();
    await page.getByText('BBC One plays').waitFor();
    await shot('now-playing');
    const play = row.getByRole('button', { name: 'Play BBC One' });
    await play.click();
    await page.getByRole('dialog', { name: 'BBC One' }).getByText('Playing.').waitFor();
    // The policy of the page refuses what Playwright would wait with there.
    await until(async () => (await page.evaluate<number>('document.querySelector("video").currentTime')) > 2, {
      timeoutMs: 20_000,
      what: 'two seconds to be played',
    });
    await row.getByRole('cell', { name: '4', exact: true }).waitFor();
    await shot('now-player');
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    // The focus is back where it was.
    await play.and(page.locator(':focus')).waitFor();
    await row.getByRole('cell', { name: '3', exact: true }).waitFor();
    await viewers[0]?.stop();
    await row.getByRole('cell', { name: '2', exact: true }).waitFor();
    await page.getByText(/^viewers: [1-4] now, from [0-4] to [1-4]\.$/).waitFor();
    await page.getByRole('link', { name: 'BBC One', exact: true }).click();
    await page
      .getByText(/left BBC One/)
      .first()
      .waitFor();
    // The worker that makes it tells of its last minutes.
    await page.getByText(/^viewers: [1-4] now, from [0-4] to [1-4]\.$/).waitFor();
    await page.getByText(/^to each viewer: 0\.\d now/).waitFor();
    expect(await page.locator('.plot canvas').count()).toBe(2);
    for (const width of [360, 1024, 1920]) {
      await page.setViewportSize({ width, height: 900 });
      await shot(`one-stream-plots-${width}`);
      expect([width, await isTooWide()]).toEqual([width, false]);
    }
    expect(await violations()).toEqual([]);
    await page.goBack();
    await row.waitFor();
    expect(faults).toEqual([]);
  });

  staged.concurrent(
    'is the same for everybody: narrow or wide, dark or light, with hostile names',
    async ({ stage }) => {
      const worker = await stage.worker(ENV);
      const source = await stage.source();
      const names = [HOSTILE, LONG, 'قناة الأولى'];
      const created = await Promise.all(
        names.map((name, at) =>
          worker.api.createTranscode({ url: `${source.url}?${at}`, profile: COPY, metadata: { name } }),
        ),
      );
      const viewers = created.map(({ stream_id: id }) =>
        stage.viewer(`${worker.url}/stream/${id}`, { headers: { 'user-agent': '<b onclick=alert(3)>VLC</b>' } }),
      );
      await allPlaying(viewers);
      for (const dark of [false, true]) {
        const { page, faults, context, violations, isTooWide, shot } = await browser.tab(worker.url, { dark });
        stage.closeAfter(() => context.close());
        for (const [name, ready] of [
          ['', () => page.getByRole('row', { name: /a-name-without/ })],
          ['cluster', () => page.getByRole('row', { name: /worker-1/ })],
          ['events', () => page.getByRole('cell', { name: /plays/ }).first()],
        ] as const) {
          await page.goto(`${worker.url}/console/${name}#token=${TOKEN}`);
          await ready().waitFor();
          for (const width of [360, 1024, 1920]) {
            await page.setViewportSize({ width, height: 900 });
            const what = `${name || 'now'}-${width}-${dark ? 'dark' : 'light'}`;
            await shot(what);
            expect([what, await isTooWide()]).toEqual([what, false]);
            // Between them nothing else is shown, and it takes a second.
            if (width !== 1024) expect([what, await violations()]).toEqual([what, []]);
          }
        }
        expect(await page.locator('img, script:not([src])').count()).toBe(0);
        expect(faults).toEqual([]);
      }
    },
  );
});
