// What a page of the console is told over its stream, by a server made of a worker's real parts.
import { expect, it, onTestFinished } from 'vitest';
import { messageReader } from '../../../../services/console/src/live/messages.ts';
import type { NowState, ShownEvent } from '../../../../services/shared/console/live.ts';
import { patched, type State } from '../../../../services/shared/console/merge-patch.ts';
import type { OneStreamState } from '../../../../services/shared/console/one-stream.ts';
import { until } from '../../../support/until.ts';
import { addViewer, startApi, type TestApi } from '../support.ts';

const TOKEN = { 'x-api-token': 't0ken' };

/** A page: its state as the patches make it, and its events. */
async function page(origin: string, path: string, headers: Record<string, string> = TOKEN) {
  const end = new AbortController();
  onTestFinished(() => end.abort());
  const answer = await fetch(`${origin}${path}`, { headers, signal: end.signal });
  const seen = {
    status: answer.status,
    state: {} as unknown as NowState,
    deltas: 0,
    events: [] as ShownEvent[],
    lastId: '',
  };
  const read = async (): Promise<void> => {
    const next = messageReader();
    const decoder = new TextDecoder();
    for await (const piece of answer.body ?? []) {
      for (const { event, id, data } of next(decoder.decode(piece, { stream: true }))) {
        const body = JSON.parse(data);
        if (id !== '') seen.lastId = id;
        if (event === 'snapshot') seen.state = body.state;
        if (event === 'delta') seen.deltas += 1;
        if (event === 'delta' && body.patch !== undefined) {
          seen.state = patched(seen.state as unknown as State, body.patch) as unknown as NowState;
        }
        if (event === 'event') seen.events.push(body);
        if (event === 'recent') seen.events.push(...body.events);
      }
    }
  };
  const done = read().catch(() => undefined);
  return { seen, answer, end: () => end.abort(), done };
}

async function listening(api: TestApi): Promise<string> {
  return api.app.listen({ port: 0, host: '127.0.0.1' });
}

const SOURCE = 'http://user:secret@127.0.0.1:9/live/bbc one.ts';

async function created(api: TestApi, name: string): Promise<string> {
  const { body } = await api.post('/streams', { url: SOURCE, metadata: { name } }, TOKEN);
  return String(body.stream_id);
}

it('shows who watches what, and each event as it comes', async () => {
  const api = await startApi({ API_TOKEN: 't0ken', WORKER_ID: 'worker-7' });
  const origin = await listening(api);
  const id = await created(api, 'BBC One');
  const { seen } = await page(origin, '/console/live?view=now');
  await until(() => seen.state.numbers !== undefined, { timeoutMs: 5_000, what: 'a snapshot' });
  expect(seen.state.about).toMatchObject({ workerId: 'worker-7' });
  expect(seen.state.numbers).toMatchObject({ viewers: 0, playing: 0, streams: 1, ffmpegs: 0, connections: 0 });
  await addViewer(api, id, 'one');
  await addViewer(api, id, 'two');
  await until(() => seen.state.numbers.viewers === 2 && seen.state.numbers.joinsLastMinute === 2, {
    timeoutMs: 5_000,
    what: 'both viewers',
  });
  expect(seen.state.order).toEqual([id]);
  expect(seen.state.streams[id]).toMatchObject({ name: 'BBC One', viewers: 2, sourceHost: '127.0.0.1:9', backup: 0 });
  expect(JSON.stringify(seen.state)).not.toContain('secret');
  await until(() => seen.events.some(({ event_type: type }) => type === 'stream_started'), {
    timeoutMs: 5_000,
    what: 'the events',
  });
  expect(seen.events.map(({ event_type: type }) => type)).toContain('client_connected');
  await api.del(`/streams/${id}`, TOKEN);
  await until(() => seen.state.numbers.viewers === 0, { timeoutMs: 5_000, what: 'nobody' });
  expect([seen.state.order, seen.state.streams]).toEqual([[], {}]);
});

it('goes on with the events where a page was, at any worker', async () => {
  const api = await startApi({ API_TOKEN: 't0ken' });
  const origin = await listening(api);
  const id = await created(api, 'News');
  const first = await page(origin, '/console/live?view=events');
  await until(() => first.seen.lastId !== '', { timeoutMs: 5_000, what: 'a position' });
  first.end();
  await addViewer(api, id, 'meanwhile');
  const headers = { ...TOKEN, 'last-event-id': first.seen.lastId };
  const second = await page(origin, '/console/live?view=events', headers);
  const types = () => second.seen.events.map(({ event_type: type }) => type);
  await until(() => types().length >= 2, { timeoutMs: 5_000, what: 'what was missed' });
  expect(types()).toEqual(['stream_started', 'client_connected']);
});

it('shows the workers', async () => {
  const api = await startApi({ API_TOKEN: 't0ken', WORKER_ID: 'worker-7' });
  const origin = await listening(api);
  const { seen } = await page(origin, '/console/live?view=cluster');
  await until(() => seen.state.order !== undefined, { timeoutMs: 5_000, what: 'a snapshot' });
  expect(seen.state).toMatchObject({
    ...{ about: { workerId: 'worker-7', workers: 1 }, order: ['worker-7'], total: 1 },
    workers: { 'worker-7': { state: 'serving', viewers: 0, ffmpegs: 0 } },
  });
});

it('shows one stream, as it becomes another, and that it is gone', async () => {
  const api = await startApi({ API_TOKEN: 't0ken', WORKER_ID: 'worker-7' });
  const origin = await listening(api);
  const order = { url: SOURCE, failover_urls: ['http://127.0.0.1:9/joe/pa55word/2.ts'], metadata: { name: 'BBC One' } };
  const id = String((await api.post('/streams', order, TOKEN)).body.stream_id);
  const { seen } = await page(origin, `/console/live?view=stream&stream_id=${id}`);
  const shown = () => (seen.state as unknown as OneStreamState).stream;
  await until(() => shown() !== undefined, { timeoutMs: 5_000, what: 'a snapshot' });
  expect(shown()).toMatchObject({
    ...{ name: 'BBC One', state: 'waiting', type: 'Live Continuous', viewers: 0, backup: 0, slots: [], failovers: 0 },
    ...{ metadata: { name: 'BBC One' }, backups: [expect.stringContaining('127.0.0.1:9')] },
  });
  expect(JSON.stringify(seen.state)).not.toMatch(/secret|pa55word/);
  await addViewer(api, id, 'one');
  await until(() => shown()?.state === 'playing', { timeoutMs: 5_000, what: 'the viewer' });
  expect(shown()?.viewers).toBe(1);
  await api.post(`/streams/${id}/failover`, { index: 0 }, TOKEN);
  await until(() => shown()?.backup === 1, { timeoutMs: 5_000, what: 'the other source' });
  await api.del(`/streams/${id}`, TOKEN);
  await until(() => shown() === undefined, { timeoutMs: 5_000, what: 'its end' });
});

it('takes fifty pages, and the next when one has gone', async () => {
  const api = await startApi({ API_TOKEN: 't0ken' });
  const origin = await listening(api);
  const pages = await Promise.all(Array.from({ length: 50 }, () => page(origin, '/console/live?view=events')));
  expect(new Set(pages.map(({ seen }) => seen.status))).toEqual(new Set([200]));
  const refused = await fetch(`${origin}/console/live?view=now`, { headers: TOKEN });
  const { detail } = (await refused.json()) as { detail: string };
  expect([refused.status, detail]).toEqual([503, expect.stringContaining('50 pages')]);
  const scrape = await fetch(`${origin}/metrics`, { headers: TOKEN });
  expect(await scrape.text()).toMatch(/^streampool_console_pages 50$/m);
  pages[0]?.end();
  await until(async () => (await page(origin, '/console/live?view=now')).seen.status === 200, {
    timeoutMs: 5_000,
    what: 'a free place',
  });
  // Readers of /events are counted on their own.
  const reader = await page(origin, '/events', { ...TOKEN, accept: 'text/event-stream' });
  expect(reader.seen.status).toBe(200);
});

it('is refused without the token, with a wrong one, and for a view that there is not', async () => {
  const api = await startApi({ API_TOKEN: 't0ken' });
  expect((await api.get('/console/live?view=now')).status).toBe(401);
  expect((await api.get('/console/live?view=now', { 'x-api-token': 'other' })).status).toBe(403);
  expect((await api.get('/console/live?view=later', TOKEN)).status).toBe(422);
});
