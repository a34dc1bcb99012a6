// The drawing of the cluster in Chromium: relays between real workers, a drain from the page, and the death of an owner.
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { CHROMIUM, ConsoleBrowser } from '../support/console-browser.ts';
import { type MadeUpWorker, startMadeUpWorkers } from '../support/made-up-workers.ts';
import { allPlaying, LIGHT, staged } from '../support/stage.ts';
import type { Worker } from '../support/worker.ts';

let browser: ConsoleBrowser;

/** One of many: it reads from two providers of three, and relays from the one before it. */
function madeUp(n: number): MadeUpWorker {
  const [host, other] = [`tv-${n % 3}.example`, `tv-${(n + 1) % 3}.example`];
  return {
    ...{ workerId: `worker-${n}`, clients: n < 12 ? n - 2 : 100 + n, processes: n % 5, cpu: n / 10, cores: 4 },
    ...{ bufferedBytes: n * 20_000_000, version: '0.1.0', draining: n === 10 },
    ...(n === 10 ? { drainReason: 'told' as const } : {}),
    accounts: { [`a${n}`]: { host, held: { x: 2 } }, [`b${n}`]: { host: other, held: { y: 1 } } },
    relays: n > 4 ? { [`worker-${n - 1}`]: { feeds: 1 + (n % 3), bitsPerSecond: n * 1_000_000 } } : {},
  };
}

/** A box stands for each worker; its texts are its state. */
const boxOf = (name: string): string => `.picture g:has(> text > title:text-is("${name}"))`;

describe.skipIf(CHROMIUM === undefined)('the console of a cluster', () => {
  beforeAll(async () => {
    browser = await ConsoleBrowser.start();
  });
  afterAll(() => browser.close());

  staged(
    'draws who relays from whom, drains a worker, and shows a killed one gone with its mark',
    async ({ stage }) => {
      const cluster = await stage.cluster(3, { CLEANUP_INTERVAL: '60' });
      const [one, two, three] = cluster.workers as [Worker, Worker, Worker];
      const source = await stage.source();
      const { stream_id: id } = await one.api.createTranscode({
        url: source.url,
        profile: LIGHT,
        metadata: { name: 'BBC One' },
      });
      const first = stage.viewer(`${one.url}/stream/${id}`);
      await allPlaying([first]);
      const follower = stage.viewer(`${two.url}/stream/${id}`);
      await allPlaying([follower]);
      const { page, faults, context, shot, violations, isTooWide } = await browser.tab(three.url);
      stage.closeAfter(() => context.close());
      await page.goto(`${three.url}/console/cluster`);
      await page
        .locator('path.flow.relay title', { hasText: /^worker-2 relays 1 feed from worker-1: [\d.]+ Mbit/ })
        .waitFor({
          state: 'attached',
        });
      await page.locator('path.flow.source title', { hasText: /^worker-1 reads 1 source from 127\.0\.0\.1/ }).waitFor({
        state: 'attached',
      });
      for (const width of [360, 1024, 1920]) {
        await page.setViewportSize({ width, height: 900 });
        await shot(`cluster-three-${width}`);
        expect([width, await isTooWide()]).toEqual([width, false]);
      }
      expect(await violations()).toEqual([]);
      await page.setViewportSize({ width: 1024, height: 900 });

      // Drain, refused by nobody; then take it back. By the keyboard.
      const drain = page.getByRole('button', { name: 'Drain worker-3' });
      await drain.focus();
      await page.keyboard.press('Enter');
      const dialog = page.getByRole('dialog', { name: 'Drain worker-3' });
      await dialog.getByText('It has no viewers.').waitFor();
      await shot('cluster-drain');
      await page.keyboard.press('Escape');
      expect(await page.evaluate('document.activeElement.getAttribute("aria-label")')).toBe('Drain worker-3');
      await drain.click();
      await dialog.getByRole('button', { name: 'Drain', exact: true }).click();
      await page.getByRole('row', { name: /worker-3 .*drains: it was asked to; nothing is left on it/ }).waitFor();
      await page.getByRole('button', { name: 'Let worker-3 take viewers again' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Take viewers again' }).click();
      await page.getByRole('row', { name: /worker-3 .*serves/ }).waitFor();

      // kill -9 of the owner.
      const killedMs = Date.now();
      await one.kill();
      await page.locator(`${boxOf('worker-1')} rect.gone`).waitFor();
      // Its lease ends 4 s after its death at the earliest.
      expect(Date.now() - killedMs).toBeLessThan(4_000);
      // Neither does the API count it, nor its viewers.
      const { body: listed } = await three.api.get<{ total: number }>('/workers');
      expect(listed.total).toBe(2);
      const mark = page.locator(`${boxOf('worker-2')} text.warn`, { hasText: /took BBC One over: .* 1 viewer stayed/ });
      await mark.waitFor();
      await shot('cluster-takeover');
      await page.getByRole('row', { name: /worker-1 .*gone for .*it died/ }).waitFor();
      await page
        .locator('path.flow.source title', { hasText: /^worker-2 reads 1 source/ })
        .waitFor({ state: 'attached' });
      expect(await page.locator('path.flow.relay').count()).toBe(0);

      // More workers than there are boxes.
      const more = await startMadeUpWorkers(
        cluster.redis.url,
        Array.from({ length: 18 }, (_, at) => madeUp(at + 4)),
      );
      try {
        const rest = page.locator('.rest summary', { hasText: /^10 more workers\d+ viewers/ });
        await rest.waitFor();
        // Who has died stays in sight.
        await page.locator(`${boxOf('worker-1')} rect.gone`).waitFor();
        expect(await page.locator('.picture rect.box').count()).toBe(4 + 11 + 1);
        await rest.focus();
        await page.keyboard.press('Enter');
        await page.getByRole('listitem').filter({ hasText: 'worker-10 8 viewers, drains: it was asked to' }).waitFor();
        for (const dark of [false, true]) {
          await page.emulateMedia({ colorScheme: dark ? 'dark' : 'light' });
          for (const width of [360, 1024, 1920]) {
            await page.setViewportSize({ width, height: 900 });
            await shot(`cluster-many-${width}-${dark ? 'dark' : 'light'}`);
            expect([width, await isTooWide()]).toEqual([width, false]);
          }
          expect(await violations()).toEqual([]);
        }
      } finally {
        await more.leave();
      }
      expect(faults).toEqual([]);
    },
  );
});
