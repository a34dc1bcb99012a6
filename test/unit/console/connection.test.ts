// The live stream of a page: when it is opened again, from where, and what the page says meanwhile.
import { beforeEach, expect, it, onTestFinished, vi } from 'vitest';
import { Connection, RETRY_MS, SILENT_MS, type Status } from '../../../services/console/src/live/connection.ts';
import type { Message } from '../../../services/console/src/live/messages.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
  onTestFinished(() => void vi.useRealTimers());
});

/** A worker that a test speaks for: each request waits until it is answered. */
function worker() {
  const requests: { headers: Record<string, string>; atMs: number }[] = [];
  let body: ReadableStreamDefaultController<Uint8Array> | undefined;
  const answers: ((answer: Response | Error) => void)[] = [];
  const asked: typeof fetch = (_, init) => {
    requests.push({ headers: init?.headers as Record<string, string>, atMs: Date.now() });
    return new Promise((resolve, reject) => {
      answers.push((answer) => (answer instanceof Error ? reject(answer) : resolve(answer)));
      init?.signal?.addEventListener('abort', () => {
        reject(new Error('aborted'));
        body?.error(new Error('aborted'));
      });
    });
  };
  const answer = async (with_: Response | Error): Promise<void> => {
    answers.at(-1)?.(with_);
    await settled();
  };
  /** A stream that the test writes to. */
  const stream = async () => {
    const start = (controller: ReadableStreamDefaultController<Uint8Array>): void => {
      body = controller;
    };
    await answer(new Response(new ReadableStream<Uint8Array>({ start })));
    const write = async (text: string): Promise<void> => {
      body?.enqueue(new TextEncoder().encode(text));
      await settled();
    };
    const end = async (): Promise<void> => {
      body?.close();
      await settled();
    };
    return { write, end };
  };
  return { requests, asked, answer, stream };
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

function opened() {
  const there = worker();
  const seen = { messages: [] as Message[], statuses: [] as Status[], refused: 0 };
  const connection = new Connection({
    url: '/console/live?view=now',
    headers: () => ({ 'x-api-token': 't0ken' }),
    onMessage: (message) => void seen.messages.push(message),
    onStatus: (status) => void seen.statuses.push(status),
    onRefused: () => {
      seen.refused += 1;
    },
    fetch: there.asked,
  });
  onTestFinished(() => connection.close());
  connection.open();
  const kinds = () => seen.statuses.map(({ kind }) => kind);
  return { ...there, seen, kinds, connection };
}

it('reads messages, and says where it was when it comes back', async () => {
  const { stream, requests, seen, kinds } = opened();
  const first = await stream();
  await first.write(': \n\nevent: recent\nid: 5-1.1,4-2.1\ndata: {"events"');
  await first.write(':[]}\n\nevent: delta\ndata: {}\n\n');
  expect(seen.messages.map(({ event, data }) => [event, data])).toEqual([
    ['recent', '{"events":[]}'],
    ['delta', '{}'],
  ]);
  expect(kinds()).toEqual(['opening', 'live']);
  await first.end();
  expect(kinds().at(-1)).toBe('lost');
  await vi.advanceTimersByTimeAsync(RETRY_MS[0]);
  expect(requests.map(({ headers }) => [headers['x-api-token'], headers['last-event-id']])).toEqual([
    ['t0ken', undefined],
    ['t0ken', '5-1.1,4-2.1'],
  ]);
});

it('tries again after 0.5, 1, 2, 4 and then every 5 s, and from the beginning after a success', async () => {
  const { answer, stream, requests, seen } = opened();
  const startMs = Date.now();
  for (const ms of [...RETRY_MS, RETRY_MS[4]]) {
    await answer(new Error('refused'));
    await vi.advanceTimersByTimeAsync(ms);
  }
  const waits = requests.map(({ atMs }, at) => atMs - (requests[at - 1]?.atMs ?? startMs));
  expect(waits).toEqual([0, 500, 1_000, 2_000, 4_000, 5_000, 5_000]);
  const lost = seen.statuses.filter((status) => status.kind === 'lost');
  // It has been lost since the first time, not since the last attempt.
  expect(new Set(lost.map(({ sinceMs }) => sinceMs))).toEqual(new Set([startMs]));
  const { write, end } = await stream();
  await write('event: delta\ndata: {}\n\n');
  await end();
  const before = requests.length;
  await vi.advanceTimersByTimeAsync(499);
  expect(requests).toHaveLength(before);
  await vi.advanceTimersByTimeAsync(1);
  expect(requests).toHaveLength(before + 1);
});

it('takes a worker for lost that says nothing, before and after its first word', async () => {
  const { stream, requests, kinds } = opened();
  await vi.advanceTimersByTimeAsync(SILENT_MS);
  await settled();
  expect(kinds()).toEqual(['opening', 'lost']);
  await vi.advanceTimersByTimeAsync(RETRY_MS[0]);
  expect(requests).toHaveLength(2);
  const { write } = await stream();
  await write('event: delta\ndata: {}\n\n');
  await vi.advanceTimersByTimeAsync(SILENT_MS - 1);
  await write(': \n\n');
  await vi.advanceTimersByTimeAsync(SILENT_MS - 1);
  expect(kinds().at(-1)).toBe('live');
  await vi.advanceTimersByTimeAsync(1);
  await settled();
  expect(kinds().at(-1)).toBe('lost');
});

it('says what a worker has answered in place of the stream', async () => {
  const { answer, seen } = opened();
  await answer(Response.json({ detail: '50 pages look already' }, { status: 503 }));
  expect(seen.statuses.at(-1)).toMatchObject({ kind: 'lost', reason: '50 pages look already' });
});

it.each([401, 403])('stops at %i, because that takes another token', async (status) => {
  const { answer, seen, kinds, requests } = opened();
  await answer(Response.json({ detail: 'API token required.' }, { status }));
  await vi.advanceTimersByTimeAsync(60_000);
  expect([seen.refused, requests.length, kinds().at(-1)]).toEqual([1, 1, 'closed']);
});

it('asks nobody while it is closed, and goes on where it was when it is opened', async () => {
  const { connection, stream, requests, kinds } = opened();
  const { write } = await stream();
  await write('event: recent\nid: 5-1.1,4-2.1\ndata: {"events":[]}\n\n');
  connection.close();
  await settled();
  await vi.advanceTimersByTimeAsync(60_000);
  expect([requests.length, kinds().at(-1)]).toEqual([1, 'closed']);
  connection.open();
  connection.open();
  expect(requests.map(({ headers }) => headers['last-event-id'])).toEqual([undefined, '5-1.1,4-2.1']);
});

it('does not let an earlier stream end a later one', async () => {
  const { connection, answer, stream, requests, kinds } = opened();
  connection.close();
  connection.open();
  const { write } = await stream();
  await write('event: delta\ndata: {}\n\n');
  await answer(new Error('late'));
  expect([kinds().at(-1), requests.length]).toEqual(['live', 2]);
});
