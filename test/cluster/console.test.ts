// The console when the worker that serves it dies: it says so, and goes on at another one without losing an event.
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { CHROMIUM, ConsoleBrowser } from '../support/console-browser.ts';
import { allPlaying, LIGHT, staged } from '../support/stage.ts';
import { startTcpProxy, targetOf } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';
import type { Worker } from '../support/worker.ts';

let browser: ConsoleBrowser;

describe.skipIf(CHROMIUM === undefined)('the console of a cluster', () => {
  beforeAll(async () => {
    browser = await ConsoleBrowser.start();
  });
  afterAll(() => browser.close());

  staged(
    'kill -9 of the worker that serves it: told at once, live again in 3 s, no event missing or doubled',
    async ({ stage }) => {
      const cluster = await stage.cluster(2, { CLEANUP_INTERVAL: '60' });
      const [one, two] = cluster.workers as [Worker, Worker];
      const balancer = await startTcpProxy({ target: targetOf(one) });
      stage.closeAfter(() => balancer.close());
      const source = await stage.source();
      const { stream_id: id } = await two.api.createTranscode({
        url: source.url,
        profile: LIGHT,
        metadata: { name: 'BBC One' },
      });
      const origin = `http://127.0.0.1:${balancer.port}`;
      const { page, faults, context } = await browser.tab(origin);
      stage.closeAfter(() => context.close());
      await page.goto(`${origin}/console/events`);
      await page.getByText('worker-1, one of 2 workers').waitFor();
      const before = stage.viewer(`${two.url}/stream/${id}`);
      await allPlaying([before]);
      await page.getByRole('cell', { name: /^BBC One plays/ }).waitFor();
      const killedMs = Date.now();
      await one.kill();
      balancer.switchTo(undefined);
      await page.getByText(/No connection for/).waitFor();
      expect(Date.now() - killedMs).toBeLessThan(1_000);
      expect(await page.locator('main').getAttribute('class')).toBe('stale');
      // What happens while nobody tells the page.
      await before.stop();
      balancer.switchTo(targetOf(two));
      const backMs = Date.now();
      await page.getByText(/^worker-2/).waitFor();
      expect(Date.now() - backMs).toBeLessThan(3_000);
      await page.getByRole('cell', { name: /^BBC One stopped/ }).waitFor();
      await until(async () => (await page.getByRole('cell', { name: /^worker-1 died/ }).count()) === 1, {
        timeoutMs: 10_000,
        what: 'the death of worker-1',
      });
      const links = page.locator('tbody td:first-child a');
      const shown = await links.evaluateAll((all) =>
        (all as unknown as { href: string }[]).map(({ href }) => new URL(href).searchParams.get('event')),
      );
      const { body } = await two.api.get<{ events: { event_id: string }[] }>('/events?limit=100');
      expect(shown).toEqual(body.events.map(({ event_id }) => event_id));
      await page.getByRole('link', { name: 'Cluster' }).click();
      await page.getByRole('row', { name: /worker-1 .*gone for .*it died/ }).waitFor();
      await page.getByRole('row', { name: /worker-2 .*serves/ }).waitFor();
      expect(faults).toEqual([]);
    },
  );
});
