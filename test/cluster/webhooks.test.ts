/** A webhook gets each event of a cluster, whichever worker delivers. */

import { expect } from 'vitest';
import { allPlaying, staged } from '../support/stage.ts';
import { until } from '../support/until.ts';
import { WebhookReceiver } from '../support/webhook-receiver.ts';
import type { Worker } from '../support/worker.ts';

/** Ten more than a lease and a look. */
const TAKEOVER_MS = 20_000;

interface Row {
  readonly url: string;
  readonly delivered: number;
}

staged(
  'kill -9 of the worker that delivers: nothing is left out, and one event at most comes twice',
  async ({ stage }) => {
    let isHeld = false;
    const receiver = await WebhookReceiver.start((_, response) => {
      if (!isHeld) response.writeHead(204).end();
    });
    stage.closeAfter(() => receiver.close());
    const cluster = await stage.cluster(3, { CLEANUP_INTERVAL: '60' });
    const source = await stage.source();
    const [first, second] = cluster.workers as [Worker, Worker, Worker];
    const hook = { url: receiver.url, timeout: 30, retry_attempts: 2 };
    expect((await first.api.post('/webhooks', hook)).status).toBe(200);
    const rows = async (worker: Worker) => (await worker.api.get<{ webhooks: Row[] }>('/webhooks')).body.webhooks;
    expect(await rows(second)).toEqual(await rows(first));
    const deliverer = async (): Promise<Worker | undefined> => {
      const name = (await cluster.redis.cli('HGET', 'sp:owner:webhooks', 'worker')).trim();
      const ids = await Promise.all(
        cluster.workers.map(async ({ api }) => (await api.get<Info>('/info')).body.worker.worker_id),
      );
      return cluster.workers[ids.indexOf(name)];
    };
    await until(async () => (await deliverer()) !== undefined, { what: 'somebody to deliver' });
    const dies = (await deliverer()) as Worker;
    const [lives, other] = cluster.workers.filter((worker) => worker !== dies) as [Worker, Worker];
    const { stream_id } = await lives.api.createStream({ url: source.url });
    const viewers = [stage.viewer(`${lives.url}/stream/${stream_id}`)];
    await allPlaying(viewers);
    await until(() => receiver.deliveries.length === 2, { what: 'the first events' });
    // From here on one is under way.
    isHeld = true;
    viewers.push(stage.viewer(`${other.url}/stream/${stream_id}`));
    await allPlaying(viewers);
    await until(() => receiver.deliveries.length === 3, { what: 'the third to be under way' });
    await dies.kill();
    isHeld = false;
    for (const viewer of viewers) await viewer.stop();
    const told = async () =>
      (await lives.api.get<Listed>(`/events?stream_id=${stream_id}`)).body.events
        .map(({ event_id }) => event_id)
        .toReversed();
    await until(async () => (await told()).length === 6, { what: 'the stream to end' });
    const got = () => receiver.deliveries.map(({ body }) => body.event_id);
    await until(() => new Set(got()).size === 6, { what: 'all six to be delivered', timeoutMs: TAKEOVER_MS });
    const [one, two, ...rest] = await told();
    expect(got()).toEqual([one, two, rest[0], ...rest]);
    await lives.api.del(`/webhooks?webhook_url=${encodeURIComponent(receiver.url)}`);
    expect(await rows(other)).toEqual([]);
  },
);

interface Info {
  readonly worker: { readonly worker_id: string };
}

interface Listed {
  readonly events: readonly { readonly event_id: string }[];
}
