/** What the caller of a broadcast is told, how often, and when no more. */

import { createServer, type ServerResponse } from 'node:http';
import pino from 'pino';
import { expect, it, onTestFinished } from 'vitest';
import { BroadcastCallback, callbackBody } from '../../../services/proxy/src/broadcasts/broadcast-callback.ts';
import { type Clock, systemClock } from '../../../services/shared/clock.ts';
import { freePort } from '../../support/free-port.ts';
import { until } from '../../support/until.ts';
import { WebhookReceiver } from '../../support/webhook-receiver.ts';
import { openGuard } from '../upstream/support.ts';
import { BEGIN_MS, indexOf, order } from './support.ts';

/** The pauses pass a hundred times as fast. An attempt has its 35 s: on a busy machine a hundredth of them is not enough. */
const clock: Clock = {
  ...systemClock,
  setTimeout: (callback, ms) => systemClock.setTimeout(callback, ms > 10_000 ? ms : ms / 100),
};
const NEVER = new AbortController().signal;

function callback(by = clock): BroadcastCallback {
  return new BroadcastCallback({ guard: openGuard(), userAgent: 'test', clock: by, log: pino({ level: 'silent' }) });
}

/** Answers each request with the next of these; the last one stays. */
async function receiver(statuses: readonly (number | 'cut')[]) {
  let at = 0;
  const received = await WebhookReceiver.start((_, response: ServerResponse) => {
    const status = statuses[Math.min(at++, statuses.length - 1)];
    if (typeof status === 'number') response.writeHead(status).end();
    else response.destroy();
  });
  onTestFinished(() => received.close());
  return received;
}

it.each<[string, readonly (number | 'cut')[], number]>([
  ['once, where it was taken', [204], 1],
  ['once, where it was not understood', [404], 1],
  ['once, where it may have arrived', ['cut'], 1],
  ['again, where the receiver has too much to do', [429, 200], 2],
  ['again, where the receiver is broken', [503, 500, 200], 3],
  ['five times at the most', [502], 5],
])('is sent %s', async (_, statuses, count) => {
  const received = await receiver(statuses);
  await callback().send(order({ callbackUrl: received.url }), { event: 'programme_ended' }, NEVER, NEVER);
  expect(received.deliveries).toHaveLength(count);
});

it('is sent again where nobody listened yet', async () => {
  const port = await freePort();
  const slower: Clock = { ...systemClock, setTimeout: (run, ms) => systemClock.setTimeout(run, ms / 10) };
  const sending = callback(slower).send(order({ callbackUrl: `http://127.0.0.1:${port}/` }), {}, NEVER, NEVER);
  let count = 0;
  const late = createServer((_, response) => {
    count++;
    response.writeHead(204).end();
  });
  onTestFinished(() => void late.close());
  await new Promise((resolve) => setTimeout(resolve, 50));
  late.listen(port, '127.0.0.1');
  await sending;
  expect(count).toBe(1);
});

it('is not sent any more when the broadcast was started meanwhile', async () => {
  const received = await receiver([503]);
  const overtaken = new AbortController();
  const sending = callback().send(order({ callbackUrl: received.url }), {}, overtaken.signal, NEVER);
  await until(() => received.deliveries.length > 0, { everyMs: 1, what: 'the first attempt' });
  overtaken.abort();
  await sending;
  expect(received.deliveries.length).toBeLessThan(5);
});

it('is not sent where there is no address', async () => {
  expect(await callback().send(order(), {}, NEVER, NEVER)).toBeUndefined();
});

it('says how it has ended', () => {
  const index = indexOf([{}, { seconds: 4 }], { startNumber: 20 });
  expect(callbackBody('programme_ended', index, BEGIN_MS)).toEqual({
    ...{ network_id: 'news', event: 'programme_ended', timestamp: '2026-01-01T00:00:00.000Z' },
    ...{ dvr_mode: true, hls_dir: null, data: { exit_code: 0, final_segment_number: 21, duration_streamed: 10 } },
  });
  expect(callbackBody('programme_ended', index, BEGIN_MS, { newPid: 4_711 }).data).toMatchObject({
    ...{ exit_code: 0, auto_transitioned: true, new_pid: 4_711 },
  });
  expect(callbackBody('broadcast_failed', index, BEGIN_MS, { error: 'It is gone.' })).toMatchObject({
    data: { exit_code: 1, error: 'It is gone.', error_type: 'source' },
  });
});
