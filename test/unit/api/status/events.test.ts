/** The stream of events and readers that do not read. */

import { type AddressInfo, connect } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { until } from '../../../support/until.ts';
import { addViewer, startApi } from '../support.ts';

it('drops a reader that leaves a megabyte unread', async () => {
  const api = await startApi();
  await api.app.listen({ port: 0, host: '127.0.0.1' });
  const { eventFeed } = api.services;
  const socket = connect((api.app.server.address() as AddressInfo).port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => undefined);
  socket.write('GET /events HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: text/event-stream\r\n\r\n');
  await until(() => eventFeed.readers === 1, { what: 'the reader to be there' });
  // What the sockets take does not count as unread here, and is some megabytes.
  const metadata = { text: 'x'.repeat(25_000) };
  const { body } = await api.post('/streams', { url: 'http://a.example/live/1.ts', metadata });
  for (let n = 0; n < 1_000; n++) await addViewer(api, String(body.stream_id), `viewer-${n}`);
  await until(() => eventFeed.readers === 0, { what: 'the reader to be dropped', timeoutMs: 10_000 });
  expect((await api.get('/events?limit=1')).status).toBe(200);
});
