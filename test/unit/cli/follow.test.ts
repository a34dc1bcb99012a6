/** `streampool events --follow` and `status --watch`: they go on when the connection breaks, and draw in place. */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Picture } from '../../../services/cli/src/output.ts';
import { run } from '../../../services/cli/src/program.ts';
import { freePort } from '../../support/free-port.ts';
import { until } from '../../support/until.ts';
import { addViewer } from '../api/support.ts';
import { KeptOutput, listeningApi } from './support.ts';

/** Begins what moves the cursor of a terminal. */
const ESC = '\u001b';

/** The command while it goes on. */
function going(args: readonly string[], url: string, isTerminal = false) {
  const out = new KeptOutput(isTerminal);
  const abort = new AbortController();
  const env = { STREAMPOOL_URL: url };
  const ended = run(args, { env, out, startWorker: async () => undefined, signal: abort.signal });
  const stop = async () => {
    abort.abort();
    return ended;
  };
  onTestFinished(async () => void (await stop()));
  return { out, ended, stop };
}

async function server(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const made = createServer(answer);
  await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    made.closeAllConnections();
    made.close();
  });
  return `http://127.0.0.1:${(made.address() as AddressInfo).port}`;
}

const event = (n: number) => {
  const shown = { event_id: `1-${n}`, event_type: 'worker_joined', timestamp: '2026-11-29T16:00:00Z', late: false };
  return `id: at-${n}\ndata: ${JSON.stringify({ ...shown, data: { worker_id: `w${n}` } })}\n\n`;
};

describe('events --follow', () => {
  it('shows what happens on a worker', async () => {
    const api = await listeningApi();
    const { out, stop } = going(['events', '--follow'], api.url);
    await until(() => api.services.eventFeed.readers === 1, { what: 'it to read' });
    const { body } = await api.post('/streams', { url: 'http://127.0.0.1:1/a.ts', metadata: { name: 'News' } });
    await addViewer(api, String(body.stream_id), 'tv');
    await until(() => out.said.includes('192.0.2.7 watches News'), { what: () => `the viewer: ${out.said}` });
    expect(await stop()).toBe(0);
  });

  it('goes on after the last event when the connection breaks, and says what is missing', async () => {
    const asked: (string | undefined)[] = [];
    const url = await server((request, response) => {
      const lastId = request.headers['last-event-id'];
      asked.push(typeof lastId === 'string' ? lastId : undefined);
      // In the middle of an event, the first time.
      if (asked.length === 1)
        return void response.write(`: \n\n${event(1)}id: at-2\ndata: {"ev`, () => response.destroy());
      if (asked.length === 2) return void response.writeHead(503).end('no server');
      response.write(`event: missed\ndata: {"missed":3}\n\n${event(2)}`);
    });
    const { out, stop } = going(['events', '-f', '--json'], url);
    await until(() => out.said.includes('w2'), { what: () => `the second event: ${out.said}${out.noted}` });
    expect(asked).toEqual([undefined, 'at-1', 'at-1']);
    expect(out.said.trim().split('\n')).toHaveLength(2);
    expect(out.noted).toMatch(/^The connection is lost; .*\nConnected again\.\n3 events are no longer kept/);
    expect(await stop()).toBe(0);
  });

  it('waits for nobody at the beginning', async () => {
    expect(await going(['events', '--follow'], `http://127.0.0.1:${await freePort()}`).ended).toBe(3);
  });
});

describe('status --watch', () => {
  it('draws again, and from the second time on says what flows', async () => {
    const api = await listeningApi();
    const { body } = await api.post('/streams', { url: 'http://127.0.0.1:1/a.ts', metadata: { name: 'News' } });
    await addViewer(api, String(body.stream_id), 'tv');
    const { out, stop } = going(['status', '--watch', '--every', '0.5'], api.url);
    await until(() => out.said.match(/Mbit\/s out/g)?.length === 2, { what: () => `three pictures: ${out.said}` });
    expect(out.said.match(/ News /g)).toHaveLength(3);
    expect(await stop()).toBe(0);
  });

  it('stays in its place on a terminal, and within it', () => {
    const out = new KeptOutput(true);
    const picture = new Picture(out);
    picture.draw(['first', 'x'.repeat(100)]);
    picture.draw(Array.from({ length: 30 }, (_, n) => `line ${n}`));
    picture.draw(['last']);
    const [first, second, third] = out.said.split(`${ESC}[J`);
    expect(first).toBe(`first\n${'x'.repeat(60)}\n${ESC}[2F`);
    const drawn = Array.from({ length: 9 }, (_, n) => `line ${n}\n`).join('');
    expect(second).toBe(`${drawn}${ESC}[9F`);
    expect(third).toBe('last\n');
  });
});
