// A cluster in trouble, as the console shows it in Chromium: relays, a drain from the page, the death of an owner as everybody tells it,
// a restart, and Redis that is away, and comes back empty.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { METRICS } from '../../services/shared/metric-names.ts';
import { ownerOf } from '../support/cluster.ts';
import { CHROMIUM, ConsoleBrowser } from '../support/console-browser.ts';

import { type MadeUpWorker, startMadeUpWorkers } from '../support/made-up-workers.ts';

import { sumOf } from '../support/metrics.ts';
import { streampool } from '../support/program.ts';

import { allPlaying, LIGHT, staged } from '../support/stage.ts';
import { until } from '../support/until.ts';
import { WebhookReceiver } from '../support/webhook-receiver.ts';
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
/** Longer than a lease. `STREAMPOOL_LONG=1`: twice as long. */
const OUTAGE_MS = process.env.STREAMPOOL_LONG === '1' ? 10_000 : 6_000;

/** A box stands for each worker; its texts are its state. */
const boxOf = (name: string): string => `.picture g:has(> text > title:text-is("${name}"))`;

/** What a sentence says of a takeover. */
function takeoverIn(sentence: string): { gapMs: number; kept: number } {
  const [, gap = '', kept] = /([\d,]+) ms without media, (\d+) viewers? stayed/.exec(sentence) ?? [];
  return { gapMs: Number(gap.replace(',', '')), kept: Number(kept) };
}

interface Listed {
  readonly events: readonly { readonly event_id: string; readonly event_type: string; readonly data: Data }[];
}

interface Data {
  readonly worker_id?: string;
  readonly gap_ms?: number;
  readonly clients_kept?: number;
}

describe.skipIf(CHROMIUM === undefined)('the console of a cluster', () => {
  beforeAll(async () => {
    browser = await ConsoleBrowser.start();
  });
  afterAll(() => browser.close());

  staged(
    'draws who relays from whom, drains a worker, and tells a death as all others do',
    { concurrent: true },
    async ({ stage }) => {
      const receiver = await WebhookReceiver.start();
      stage.closeAfter(() => receiver.close());
      const cluster = await stage.cluster(3, { CLEANUP_INTERVAL: '60' });
      const [one, two, three] = cluster.workers as [Worker, Worker, Worker];
      const hook = { url: receiver.url, events: ['takeover'] };
      expect((await three.api.post('/webhooks', hook)).status).toBe(200);
      const terminal = streampool(['events', '--follow'], { STREAMPOOL_URL: three.url });
      stage.closeAfter(async () => void terminal.child.kill('SIGKILL'));
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
      const relayed = (sentence: RegExp) =>
        page.locator('path.flow.relay title', { hasText: sentence }).waitFor({ state: 'attached' });
      const row = (text: RegExp) => page.getByRole('row', { name: text });
      await relayed(/^worker-2 relays 1 feed from worker-1: [\d.]+ Mbit/);
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
      const drain = page.getByRole('button', { name: 'Drain worker-1' });
      await drain.focus();
      await page.keyboard.press('Enter');
      const dialog = page.getByRole('dialog', { name: 'Drain worker-1' });
      await dialog.getByText('Its 1 viewer stays connected to it until it leaves by itself. 1 FFmpeg moves.').waitFor();
      await shot('cluster-drain');
      await page.keyboard.press('Escape');
      expect(await page.evaluate('document.activeElement.getAttribute("aria-label")')).toBe('Drain worker-1');
      await drain.click();
      await dialog.getByRole('button', { name: 'Drain', exact: true }).click();
      await row(/worker-1 .*drains: it was asked to; 1 viewer left/).waitFor();
      await relayed(/^worker-1 relays 1 feed from worker-2/);
      await shot('cluster-draining');
      await page.getByRole('button', { name: 'Let worker-1 take viewers again' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Take viewers again' }).click();
      await row(/worker-1 .*serves/).waitFor();
      expect(ownerOf(cluster.workers).owner).toBe(two);

      // kill -9 of the owner.
      const killedMs = Date.now();
      await two.kill();
      await page.locator(`${boxOf('worker-2')} rect.gone`).waitFor();
      // Its lease ends 4 s after its death at the earliest.
      expect(Date.now() - killedMs).toBeLessThan(4_000);
      // Neither does the API count it, nor its viewers.
      const { body: listed } = await three.api.get<{ total: number }>('/workers');
      expect(listed.total).toBe(2);
      const mark = page.locator(`${boxOf('worker-1')} text.warn`, { hasText: /took BBC One over: .* 1 viewer stayed/ });
      await mark.waitFor();
      await shot('cluster-takeover');
      const sentence = /worker-1 took BBC One over from worker-2: .*/;
      const inPage = (await page.getByText(sentence).first().textContent()) ?? '';
      await until(() => receiver.deliveries.length > 0 && sentence.test(terminal.wrote.out), {
        what: () => `the webhook and the terminal to tell it: ${terminal.wrote.out}`,
      });
      const list = async (query = '') => (await three.api.get<Listed>(`/events?limit=100${query}`)).body.events;
      const [{ gap_ms: gapMs, clients_kept: kept } = {}, ...others] = (await list('&type=takeover')).map(
        ({ data }) => data,
      );
      const told = { gapMs, kept };
      expect([told, others]).toEqual([{ gapMs: expect.any(Number), kept: 1 }, []]);
      const posted = receiver.deliveries.map(({ body: { data } }) => ({ gapMs: data.gap_ms, kept: data.clients_kept }));
      expect(posted).toEqual([told]);
      const sentences = [
        inPage,
        (await mark.textContent()) ?? '',
        sentence.exec(terminal.wrote.out)?.[0] ?? '',
        one
          .told('takeover')
          .map(({ msg }) => String(msg))
          .join(),
      ];
      expect(sentences.map(takeoverIn)).toEqual(Array(4).fill(told));
      const { body: scraped } = await one.api.get<string>('/metrics');
      const gapSeconds = sumOf(scraped, `${METRICS.takeoverGapSeconds}_sum`);
      expect([sumOf(scraped, METRICS.takeovers), Math.round(gapSeconds * 1_000)]).toEqual([1, gapMs]);
      const watching = async () => sumOf((await one.api.get<string>('/metrics')).body, METRICS.streamClients);
      await until(async () => (await watching()) === kept, {
        what: async () => `${kept} viewers, not ${await watching()}`,
      });
      await row(/worker-2 .*gone for .*it died/).waitFor();
      await page
        .locator('path.flow.source title', { hasText: /^worker-1 reads 1 source/ })
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
        await page.locator(`${boxOf('worker-2')} rect.gone`).waitFor();
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
      // It comes back under its name.
      const again = await cluster.start('worker-2');
      await row(/worker-2 .*serves/).waitFor();
      expect(await page.locator(`${boxOf('worker-2')} rect.gone`).count()).toBe(0);
      await allPlaying([stage.viewer(`${again.url}/stream/${id}`)]);
      await relayed(/^worker-2 relays 1 feed from worker-1/);
      expect(receiver.deliveries).toHaveLength(1);
      expect((await three.api.del(`/webhooks?webhook_url=${encodeURIComponent(receiver.url)}`)).status).toBe(200);
      expect(faults).toEqual([]);
    },
  );

  staged(
    'says since when Redis is away, and shows all again when it goes on, or comes back empty',
    { concurrent: true },
    async ({ stage }) => {
      const cluster = await stage.cluster(2, { CLEANUP_INTERVAL: '60' });
      const [one, two] = cluster.workers as [Worker, Worker];
      const source = await stage.source();
      const order = { url: source.url, profile: LIGHT, metadata: { name: 'BBC One' } };
      const { stream_id: id } = await one.api.createTranscode(order);
      const viewers = [stage.viewer(`${one.url}/stream/${id}`)];
      await allPlaying(viewers);
      viewers.push(stage.viewer(`${two.url}/stream/${id}`));
      await allPlaying(viewers);
      const { page, faults, context, shot } = await browser.tab(two.url);
      stage.closeAfter(() => context.close());
      await page.goto(`${two.url}/console/cluster`);
      const isWhole = async (): Promise<void> => {
        for (const name of ['worker-1', 'worker-2']) {
          await page.getByRole('row', { name: new RegExp(`${name} .*serves`) }).waitFor();
        }
        const relay = page.locator('path.flow.relay title', { hasText: /^worker-2 relays 1 feed from worker-1/ });
        await relay.waitFor({ state: 'attached' });
      };
      await isWhole();
      const list = async () => (await two.api.get<Listed>('/events?limit=100')).body.events;
      const before = new Set((await list()).map(({ event_id }) => event_id));
      const since = async () =>
        (await list())
          .filter(({ event_id }) => !before.has(event_id))
          .map(({ event_type }) => event_type)
          .toSorted();
      const outage = page.getByText(/^Redis has not answered for \d+ s\. You see only what worker-2 itself knows\./);
      await cluster.redis.pause();
      const pausedMs = Date.now();
      await outage.waitFor();
      await sleep(pausedMs + OUTAGE_MS - Date.now());
      // The other one is not known now, which does not mean that it has gone.
      expect(await page.locator('.picture rect.gone').count()).toBe(0);
      await shot('cluster-without-redis');
      cluster.redis.resume();
      await outage.waitFor({ state: 'detached' });
      await isWhole();
      await until(async () => (await since()).length >= 4, {
        what: async () => `both to tell of it: ${await since()}`,
      });
      // Nobody has died, left or come by it.
      expect(await since()).toEqual(['redis_back', 'redis_back', 'redis_lost', 'redis_lost']);

      // It is emptied, as somebody may do by mistake.
      await cluster.redis.cli('FLUSHALL');
      await until(async () => (await cluster.redis.cli('EXISTS', `stream:${id}`)) === '1', {
        timeoutMs: 10_000,
        what: 'the stream to be written back',
      });
      await isWhole();
      await shot('cluster-emptied');
      // What was told before is not told again.
      expect((await since()).filter((type) => /^(stream|client|worker)_/.test(type))).toEqual([]);
      expect(viewers.map(({ ended }) => ended)).toEqual([false, false]);
      expect(faults).toEqual([]);
    },
  );
});
