/** Whom a leaving worker asks to take a feed over, and in which order, over real HTTP. */

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { expect, it, onTestFinished } from 'vitest';
import { Handover, type OwnedFeed } from '../../../services/proxy/src/ownership/handover.ts';
import { systemWire } from '../../../services/proxy/src/relay/wire.ts';
import type { ToldEvent } from '../../../services/registry/events/event.ts';
import type { WorkerIdentity } from '../../../services/registry/types.ts';
import { until } from '../../support/until.ts';

const SECRET = 'secret';
const FEED = 'feed:1';

/** A worker that answers whoever asks it to get ready. */
async function follower(workerId: string, revision: number | undefined, status: number, asked: string[], feed = FEED) {
  const server = createServer((request, response) => {
    const isAsked = request.method === 'POST' && request.url === `/feeds/${feed}/prepare`;
    if (isAsked && request.headers.authorization === `Bearer ${SECRET}`) asked.push(workerId);
    response.writeHead(status).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { workerId, incarnation: workerId, address, zone: undefined, revision } satisfies WorkerIdentity;
}

it.each([
  ['the newest revision first, and nobody else when it takes it', 204, ['new'], 'new'],
  ['an older one when the newest cannot', 409, ['new', 'first'], 'first'],
])('%s', async (_, answerOfNew, expected, taker) => {
  const asked: string[] = [];
  const came = [
    await follower('first', 3, 204, asked),
    await follower('second', 3, 204, asked),
    await follower('new', 4, answerOfNew, asked),
  ];
  let owner: string | undefined;
  const feed = {
    place: { feed: FEED } as OwnedFeed['place'],
    handOver: async (to: WorkerIdentity) => {
      owner = to.workerId;
      return true;
    },
  };
  const handover = new Handover({
    processes: () => (owner === undefined ? [feed] : []),
    sources: () => [],
    followersOf: (key) => (key === FEED ? came : []),
    isUnwanted: () => false,
    registry: { tellEvent: () => undefined },
    wire: systemWire,
    secret: () => SECRET,
    log: pino({ level: 'silent' }),
  });
  onTestFinished(() => handover.stop());
  handover.start();
  await until(() => owner !== undefined, { what: 'the feed to be handed over' });
  expect(owner).toBe(taker);
  expect(asked).toEqual(expected);
});

it.each([
  ['true when no picture is missing', { media: 10, breaks: 2 }, true],
  ['false when one is', { media: 10, breaks: 3 }, false],
  ['left out when nothing has come since', { media: 0, breaks: 2 }, undefined],
])('the event says whether it was exact: %s', async (_, then, exact) => {
  const key = 'p:stream:0';
  const to = await follower('new', undefined, 204, [], key);
  const ring = { head: 5 };
  const told: ToldEvent[] = [];
  let isGone = false;
  const feed = {
    place: {
      feed: key,
      me: { workerId: 'old' },
      current: { kind: 'relay', owner: { ...to, epoch: 7 } },
    } as unknown as OwnedFeed['place'],
    feed: { ring },
    breaks: 2,
    handOver: async () => {
      isGone = true;
      setTimeout(() => {
        ring.head += then.media;
        feed.breaks = then.breaks;
      }, 20);
      return true;
    },
  };
  const handover = new Handover({
    processes: () => (isGone ? [] : [feed]),
    sources: () => [],
    followersOf: (each) => (each === key ? [to] : []),
    isUnwanted: () => false,
    registry: { tellEvent: (event) => void told.push(event) },
    wire: systemWire,
    secret: () => SECRET,
    log: pino({ level: 'silent' }),
  });
  onTestFinished(() => handover.stop());
  handover.start();
  await until(() => told.length === 1, { what: 'the event' });
  const data = { worker_id: 'old', from: 'old', to: 'new', epoch: 7, slot: 0, exact };
  expect(told[0]).toMatchObject({ type: 'handover', streamId: 'stream', data });
});
