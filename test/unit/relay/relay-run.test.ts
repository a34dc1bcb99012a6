/** How a connection to the worker that has a feed ends, and that nothing of it is left when its reader ends it. */

import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { encodeFrame, type RelayFrame } from '../../../services/proxy/src/relay/relay-frames.ts';
import { startRelayRun } from '../../../services/proxy/src/relay/relay-run.ts';
import { serve } from '../upstream/support.ts';

const ME = { workerId: 'me', incarnation: 'mine', address: '127.0.0.1:1', zone: undefined };
const LINEAGE = { timeline: 't', epoch: 3, changes: [] };
const HELLO = encodeFrame({ type: 'hello', hello: { version: 2, incarnation: 'i', lineage: LINEAGE } });

function dial(address: string, signal: AbortSignal = new AbortController().signal) {
  const lineages: unknown[] = [];
  const onLineage = (lineage: unknown) => void lineages.push(lineage);
  const owner = { workerId: 'w', incarnation: 'i', address, epoch: 3 };
  const feed = { feed: 'p:a:0', via: undefined, afterTicks: 1_234.4 };
  return { owner, lineages, run: startRelayRun({ ...feed, owner, me: ME, secret: 's', onLineage, signal }) };
}

async function answering(listener: RequestListener, signal?: AbortSignal) {
  const server = await serve(listener);
  return { server, ...dial(`127.0.0.1:${server.port}`, signal) };
}

/** An owner that sends these frames and hangs up. */
const sends =
  (frames: readonly Buffer[], status = 200, incarnation = 'i'): RequestListener =>
  (_request, response) => {
    response.writeHead(status, { 'x-incarnation': incarnation });
    response.end(Buffer.concat(frames));
  };
const end = (record: Extract<RelayFrame, { type: 'end' }>['end']) => encodeFrame({ type: 'end', end: record });

it.each([
  ['its end record', sends([HELLO, end({ kind: 'ended' })]), { kind: 'ended' }],
  ['closed', sends([HELLO]), { kind: 'lost', why: 'closed' }],
  ['not there', sends([], 404), { kind: 'lost', why: 'not_there' }],
  ['another incarnation', sends([HELLO], 200, 'later'), { kind: 'lost', why: 'other_incarnation' }],
  [
    'a frame that cannot be read',
    sends([HELLO, Buffer.from([1, 255, 255, 255, 255])]),
    { kind: 'lost', why: 'closed' },
  ],
] as const)('ends with %s', async (_, listener, outcome) => {
  const { run } = await answering(listener);
  expect(await run.ended).toMatchObject(outcome);
});

it('is told of a later owner of what is passed on, after the first one', async () => {
  const later = { ...LINEAGE, epoch: 0, changes: [{ epoch: 0, afterDts: 9 }] };
  const again = encodeFrame({ type: 'hello', hello: { version: 2, incarnation: 'i', lineage: later } });
  const { run, lineages } = await answering(sends([HELLO, again, end({ kind: 'ended' })]));
  expect((await run.hello)?.lineage).toEqual(LINEAGE);
  expect(await run.ended).toEqual({ kind: 'ended' });
  expect(lineages).toEqual([later]);
});

it('takes a refused connection for the owner being gone, and says so to whoever waits for the hello', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  const { run, owner } = dial(`127.0.0.1:${port}`);
  expect(await run.hello).toBeUndefined();
  expect(await run.ended).toEqual({ kind: 'lost', owner, why: 'refused' });
});

it('closes its connection when the reader ends it, and passes nothing on any more', async () => {
  const leaving = new AbortController();
  const { server, run } = await answering((_request, response) => {
    response.writeHead(200, { 'x-incarnation': 'i' });
    response.write(HELLO);
  }, leaving.signal);
  expect((await run.hello)?.incarnation).toBe('i');
  const closed = new Promise((resolve) => server.requests[0]?.socket.once('close', resolve));
  leaving.abort();
  expect(await run.ended).toMatchObject({ kind: 'lost', why: 'closed' });
  await closed;
  const items: unknown[] = [];
  for await (const item of run.output) items.push(item);
  expect(items).toEqual([]);
});

it('dials nobody when the reader has ended it before', async () => {
  const { server, run } = await answering(sends([HELLO]), AbortSignal.abort());
  expect([await run.hello, (await run.ended).kind, server.requests.length]).toEqual([undefined, 'lost', 0]);
});
