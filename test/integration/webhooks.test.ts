/** Webhooks of a worker alone: how they are managed, and what their receivers get. */

import { expect } from 'vitest';
import { allPlaying, staged } from '../support/stage.ts';
import { until } from '../support/until.ts';
import { WebhookReceiver } from '../support/webhook-receiver.ts';

interface Listed {
  readonly webhooks: readonly Record<string, unknown>[];
}

const SIX = [
  'stream_started',
  'stream_stopped',
  'stream_failed',
  'client_connected',
  'client_disconnected',
  'failover_triggered',
];

staged.concurrent('a receiver that hangs delays only its own events', async ({ stage }) => {
  const worker = await stage.worker();
  const [good, hanging] = await Promise.all([WebhookReceiver.start(), WebhookReceiver.start(() => undefined)]);
  for (const receiver of [good, hanging]) stage.closeAfter(() => receiver.close());
  for (const [url, limits] of [
    [hanging.url, { timeout: 1, retry_attempts: 0 }],
    [good.url, {}],
  ] as const) {
    const answer = await worker.api.post('/webhooks', { url, ...limits });
    expect(answer).toMatchObject({ status: 200, body: { webhook_url: url, events: SIX } });
  }
  const source = await stage.source();
  const { stream_id, playUrl } = await worker.api.createStream({ url: source.url, metadata: { name: 'News' } });
  const viewer = stage.viewer(playUrl);
  await allPlaying([viewer]);
  await viewer.stop();
  await worker.api.del(`/streams/${stream_id}`);
  await until(() => good.types.length === 4, { what: 'the four events', timeoutMs: 10_000 });
  expect(good.types).toEqual(['stream_started', 'client_connected', 'client_disconnected', 'stream_stopped']);
  expect(good.deliveries.at(-1)?.body).toMatchObject({
    stream_id,
    data: { reason: 'manual_deletion', metadata: { name: 'News' } },
  });
  await until(() => hanging.types.length >= 2, { what: 'the second try of the other', timeoutMs: 10_000 });
  const rowOf = async (receiver: WebhookReceiver) => {
    const { webhooks } = (await worker.api.get<Listed>('/webhooks')).body;
    return webhooks.find(({ url }) => url === receiver.url);
  };
  // The receiver knows an event before the worker knows that it has taken it.
  await until(async () => (await rowOf(good))?.delivered === 4, { what: 'the four to be counted' });
  expect(await rowOf(good)).toMatchObject({ failed: 0, missed: 0 });
  expect(await rowOf(hanging)).toMatchObject({ delivered: 0 });
});

staged.concurrent('they are named by URL, tested, and refused where they cannot work', async ({ stage }) => {
  const worker = await stage.worker({ API_TOKEN: 'secret' });
  const { api } = worker;
  const receiver = await WebhookReceiver.start((_, response) => response.writeHead(204).end());
  stage.closeAfter(() => receiver.close());
  const query = `?webhook_url=${encodeURIComponent(receiver.url)}`;
  const listed = async () => (await api.get<Listed>('/webhooks')).body.webhooks;
  const events = ['worker_left', 'takeover'];
  await api.post('/webhooks', { url: receiver.url, secret: 'hush' });
  await api.post('/webhooks', { url: receiver.url, secret: 'hush', events, timeout: 5, retry_attempts: 1 });
  expect(await listed()).toEqual([
    {
      url: receiver.url,
      events,
      timeout: 5,
      retry_attempts: 1,
      signed: true,
      template: null,
      delivered: 0,
      failed: 0,
      missed: 0,
    },
  ]);
  expect(await api.post(`/webhooks/test${query}`)).toMatchObject({ status: 200 });
  expect(receiver.deliveries[0]?.body).toMatchObject({ event_type: 'stream_started', stream_id: 'test_stream_123' });
  expect(receiver.deliveries[0]?.headers['x-streampool-signature']).toMatch(/^sha256=[0-9a-f]{64}$/);
  for (const [status, body] of [
    [422, { url: 'ftp://a.example/' }],
    [422, { url: '%s%n' }],
    [422, { url: 'http://10.1.2.3/' }],
    [422, { url: receiver.url, events: ['nothing'] }],
    [422, { url: receiver.url, events: [] }],
    [422, { url: receiver.url, timeout: 0 }],
    [422, { url: receiver.url, headers: { 'x-a': 'b\r\nc: d' } }],
    [422, {}],
  ] as const) {
    expect([body, (await api.post('/webhooks', body)).status]).toEqual([body, status]);
  }
  const more = Array.from({ length: 20 }, (_, n) => ({ url: `http://receiver.example/${n}`, events: ['worker_left'] }));
  const statuses = [];
  for (const body of more) statuses.push((await api.post('/webhooks', body)).status);
  expect(statuses.filter((status) => status === 200)).toHaveLength(19);
  expect(statuses.at(-1)).toBe(409);
  expect((await api.del(`/webhooks${query}`)).status).toBe(200);
  expect((await api.del(`/webhooks${query}`)).status).toBe(404);
  expect((await api.post(`/webhooks/test${query}`)).status).toBe(404);
  expect((await api.del('/webhooks')).status).toBe(422);
  expect((await api.del('/webhooks?webhook_url=%25s%25n')).status).toBe(422);
  expect(await listed()).toHaveLength(19);
});
