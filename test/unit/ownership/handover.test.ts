/** Whom a leaving worker asks to take a feed over, and in which order, over real HTTP. */

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { expect, it, onTestFinished } from 'vitest';
import { Handover, type OwnedFeed } from '../../../services/proxy/src/ownership/handover.ts';
import { systemWire } from '../../../services/proxy/src/relay/wire.ts';
import type { WorkerIdentity } from '../../../services/registry/types.ts';
import { until } from '../../support/until.ts';

const SECRET = 'secret';
const FEED = 'feed:1';

/** A worker that answers whoever asks it to get ready. */
async function follower(workerId: string, revision: number | undefined, status: number, asked: string[]) {
  const server = createServer((request, response) => {
    const isAsked = request.method === 'POST' && request.url === `/feeds/${FEED}/prepare`;
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
