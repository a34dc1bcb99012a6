/** What the relay port answers to those who know the secret, and to those who mean somebody else. */
import { expect, it, onTestFinished } from 'vitest';
import { pause } from '../../../services/proxy/src/async.ts';
import { Feed } from '../../../services/proxy/src/feed/feed.ts';
import { FeedHistory } from '../../../services/proxy/src/feed/feed-history.ts';
import type { Mark } from '../../../services/proxy/src/feed/marks/mark.ts';
import { MarkLog } from '../../../services/proxy/src/feed/marks/mark-log.ts';
import type { SaidMarks } from '../../../services/proxy/src/relay/mark-frames.ts';
import type { PlaceAnswer } from '../../../services/proxy/src/relay/peers.ts';
import { FrameReader, type RelayFrame } from '../../../services/proxy/src/relay/relay-frames.ts';
import { RelayServer } from '../../../services/proxy/src/relay/relay-server.ts';
import type { RelayedFeed } from '../../../services/proxy/src/relay/relayed-feed.ts';
import type { Owner } from '../../../services/registry/types.ts';
import { createLogger } from '../../../services/shared/log.ts';
import { until } from '../../support/until.ts';

const FOLLOWER = JSON.stringify({ workerId: 'w3', incarnation: 'i3', address: '127.0.0.1:1' });

async function listen(relayed?: RelayedFeed) {
  const asked: string[] = [];
  const server = new RelayServer({
    incarnation: 'now',
    secret: () => 'secret',
    find: async (key) => {
      asked.push(key);
      return relayed;
    },
    prepare: async () => true,
    placeAnswer: () => undefined,
    streamReport: () => ({}),
    log: createLogger('fatal'),
  });
  const port = await server.listen('127.0.0.1', 0);
  onTestFinished(() => server.close());
  const call = async (path: string, headers: Record<string, string>) => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
      headers: { authorization: 'Bearer secret', connection: 'close', ...headers },
    });
    const frames: RelayFrame[] = [];
    const body = Buffer.from(await answer.arrayBuffer());
    if (path.startsWith('/feeds/') && answer.status === 200)
      new FrameReader().push(body, (frame) => frames.push(frame));
    return { status: answer.status, incarnation: answer.headers.get('x-incarnation'), frames };
  };
  return { asked, call };
}

it('looks for a feed only when it is the worker that was meant: another one may have had its address', async () => {
  const { asked, call } = await listen();
  const headers = { 'x-worker': FOLLOWER };
  expect(await call('/feeds/p:a:0', { ...headers, 'x-incarnation': 'before' })).toMatchObject({
    status: 409,
    incarnation: 'now',
  });
  expect(asked).toEqual([]);
  expect(await call('/feeds/p:a:0', { ...headers, 'x-incarnation': 'now' })).toMatchObject({
    status: 404,
    incarnation: 'now',
  });
  expect(asked).toEqual(['p:a:0']);
});

/** A feed without a picture yet, on its way to another worker. */
function unbegun() {
  let leave: (() => unknown) | undefined;
  let owned = () => undefined as unknown;
  const place = {
    onOwner: (listener: () => void) => {
      owned = listener;
      return () => undefined;
    },
    onLeave: (listener: () => void) => {
      leave = listener;
      return () => undefined;
    },
    goesOnAt: undefined as { owner: Owner | undefined } | undefined,
    placeAnswer: undefined as PlaceAnswer | undefined,
  };
  const feed = new Feed({ retainMs: 1_000, joinBufferMs: 0, maxBytes: 1_000_000 });
  const relayed: RelayedFeed = {
    feed,
    place: place,
    history: new FeedHistory(),
    sourceClock: () => undefined,
    marks: () => ({ source: undefined, own: undefined }),
    release: () => undefined,
  };
  /** Resolves when a relay of it waits for the feed to leave. */
  const relays = () => until(() => leave !== undefined, { what: 'a relay of the feed', everyMs: 1 });
  return { relayed, place, feed, relays, leave: () => leave?.(), owned: () => owned() };
}

const ME: Owner = { workerId: 'w1', incarnation: 'now', address: '127.0.0.1:2', epoch: 7 };
const OWNER: Owner = { workerId: 'w2', incarnation: 'i2', address: '127.0.0.1:1', epoch: 3 };

it.each([
  ['was handed over', OWNER],
  ['was given up by a worker that ends', undefined],
])('says where a feed goes on that %s before it began', async (_, owner) => {
  const { relayed, place, feed, relays, leave } = unbegun();
  const { call } = await listen(relayed);
  const answer = call('/feeds/p:a:0', { 'x-worker': FOLLOWER });
  await relays();
  place.goesOnAt = { owner };
  if (owner === undefined) feed.finish({ kind: 'ended' });
  else leave();
  expect((await answer).frames.at(-1)).toEqual({ type: 'end', end: { kind: 'moved', ...(owner && { owner }) } });
});

it.each([
  ['passes on gets another owner, and tells the followers', true, { owner: OWNER, relayed: true }, OWNER],
  ['passes on becomes its own, and tells the followers', true, { owner: ME, relayed: false }, ME],
  ['makes is made under another epoch, and tells the followers', false, { owner: ME, relayed: false }, ME],
  [
    'copies beside its owner stays where it is, and says whose media comes',
    true,
    { owner: ME, relayed: true },
    'stays',
  ],
  ['has left is ended by the move alone', false, { owner: OWNER, relayed: true }, 'stays'],
] as const)('a feed that a worker %s', async (_, isPassedOn, placeAnswer, expected) => {
  const { relayed, place, feed } = unbegun();
  const passedOn = { owner: { ...OWNER, incarnation: 'i9' }, isStopped: () => false };
  const { asked, call } = await listen(isPassedOn ? { ...relayed, passedOn } : relayed);
  const answer = call('/feeds/p:a:0', { 'x-worker': FOLLOWER });
  await until(() => asked.length === 1, { what: 'the relay to be asked for', everyMs: 1 });
  await pause(10);
  place.placeAnswer = placeAnswer;
  relayed.history.own(7, undefined);
  await pause(10);
  feed.finish({ kind: 'ended' });
  const { frames } = await answer;
  const end = frames.at(-1);
  const epochs = frames.flatMap((frame) => (frame.type === 'hello' ? [frame.hello.lineage.epoch] : []));
  expect(epochs).toEqual(placeAnswer.owner === ME && placeAnswer.relayed ? [0, 7] : [0]);
  // It stays to the end of the feed, which has no picture here.
  expect(end).toMatchObject({ type: 'end', end: expected === 'stays' ? { kind: 'failed' } : { kind: 'moved' } });
  if (expected !== 'stays') expect(end).toMatchObject({ end: { owner: expected } });
});

it('sends a follower on when the worker whose feed it passes on makes it no more, though nothing came from either', async () => {
  const { relayed, place, owned } = unbegun();
  const passedOn = { owner: OWNER, isStopped: () => false };
  const { asked, call } = await listen({ ...relayed, passedOn });
  const answer = call('/feeds/p:a:0', { 'x-worker': FOLLOWER });
  await until(() => asked.length === 1, { what: 'the relay to be asked for', everyMs: 1 });
  await pause(10);
  const follower: Owner = { ...OWNER, workerId: 'w9', incarnation: 'i9', epoch: 8 };
  place.placeAnswer = { owner: follower, relayed: true };
  owned();
  expect((await answer).frames.at(-1)).toEqual({ type: 'end', end: { kind: 'moved', owner: follower } });
});

it('says who it is, but not to strangers', async () => {
  const { call } = await listen();
  expect(await call('/ping', {})).toMatchObject({ status: 200, incarnation: 'now' });
  expect(await call('/ping', { authorization: 'Bearer wrong' })).toMatchObject({ status: 403, incarnation: null });
});

it.each([
  [undefined, ['hello', 'clock', 'whole']],
  ['1', ['hello', 'clock', 'whole']],
  ['2', ['hello 1 2', 'clock', 'segments 3', 'own segments 7', 'whole']],
])('says marks to a follower of version %s, before the media they are about', async (version, expected) => {
  const { relayed, feed } = unbegun();
  const marks = new MarkLog();
  const mark = (n: number): Mark => {
    return { list: 'clock', n, pts: n * 180_000, pdtMs: n * 2_000, discontinuities: 1, discontinuity: n === 1 };
  };
  const source = { openInARow: 0, openCounts: false };
  marks.add([mark(1), mark(2)], source);
  const own = new MarkLog();
  own.add([mark(7)], source);
  const { asked, call } = await listen({
    ...relayed,
    sourceClock: () => ({ timeline: 't', shift: 0 }),
    marks: () => ({ source: marks, own }),
  });
  const headers = { 'x-worker': FOLLOWER, ...(version === undefined ? {} : { 'x-relay-version': version }) };
  const answer = call('/feeds/p:a:0', headers);
  await until(() => asked.length === 1, { what: 'the relay to be asked for', everyMs: 1 });
  await pause(10);
  marks.add([mark(3)], source);
  feed.ring.mark(Buffer.alloc(0), 0);
  feed.ring.append(Buffer.alloc(188), 0, 188);
  feed.publish();
  await pause(50);
  feed.finish({ kind: 'ended' });
  const numbers = (said: SaidMarks | undefined) => said?.marks.map(({ n }) => ` ${n}`).join('') ?? '';
  const said = (await answer).frames.flatMap((frame) => {
    if (frame.type === 'hello') return [`hello${numbers(frame.hello.marks)}`];
    if (frame.type === 'segments') {
      return [`${frame.segments.own === true ? 'own ' : ''}segments${numbers(frame.segments)}`];
    }
    return frame.type === 'data' ? [frame.whole ? 'whole' : 'data'] : frame.type === 'clock' ? ['clock'] : [];
  });
  expect(said).toEqual(expected);
});
