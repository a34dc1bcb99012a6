/** A source feed goes on with the media of another worker: each picture comes once. */

import { expect, it, onTestFinished } from 'vitest';
import { FeedPlace } from '../../../services/proxy/src/ownership/feed-place.ts';
import { follow } from '../../../services/proxy/src/ownership/follow.ts';
import { Lease } from '../../../services/proxy/src/ownership/lease.ts';
import { SilentWorkers } from '../../../services/proxy/src/ownership/silent-workers.ts';
import { RelayServer } from '../../../services/proxy/src/relay/relay-server.ts';
import { systemWire } from '../../../services/proxy/src/relay/wire.ts';
import { SourceMedia } from '../../../services/proxy/src/sources/source-media.ts';
import { MemoryRegistry } from '../../../services/registry/memory/memory-registry.ts';
import { systemClock } from '../../../services/shared/clock.ts';
import { createLogger } from '../../../services/shared/log.ts';
import { LiveMedia, liveUnitsIn } from '../../support/simulation/providers/live-media.ts';
import { until } from '../../support/until.ts';

const ME = { workerId: 'w1', incarnation: 'i1', address: '127.0.0.1:1', zone: undefined };
const LIMITS = { retainMs: 60_000, joinBufferMs: 0, maxBytes: 1_000_000 };
const LOG = createLogger('fatal');

/** A source feed that reads connections to providers by hand. `laterMs`: its clock is so much later at the second connection. */
function reader({ laterMs = 0 } = {}) {
  let offMs = 0;
  const clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + offMs };
  const media = new SourceMedia('s:first', () => LIMITS, 2_000, clock);
  const read = (live: LiveMedia, ...pictures: number[]) => {
    media.begin(undefined);
    for (const picture of pictures) media.put(live.unit(picture));
    offMs = laterMs;
  };
  const moveOn = () => {
    media.output.end(false);
    media.changeSource('s:backup');
  };
  return { media, read, moveOn };
}

function picturesOf({ feed: { ring } }: SourceMedia): number[] {
  return liveUnitsIn(ring.view(ring.tail, ring.head, ring.head) ?? Buffer.alloc(0)).map(({ number }) => number);
}

/** Serves a feed to other workers. */
async function serve(media: SourceMedia) {
  const place = {
    goesOnAt: undefined,
    placeAnswer: undefined,
    onLeave: () => () => undefined,
    onOwner: () => () => undefined,
  };
  const server = new RelayServer({
    incarnation: 'i2',
    secret: () => 'secret',
    find: async () => ({
      feed: media.feed,
      place,
      history: media.history,
      sourceClock: () => media.clock,
      marks: () => ({ source: media.marks.log, own: undefined }),
      release: () => undefined,
    }),
    placeAnswer: () => undefined,
    streamReport: () => ({}),
    prepare: async () => false,
    log: LOG,
  });
  const port = await server.listen('127.0.0.1', 0);
  onTestFinished(() => server.close());
  return { workerId: 'w2', incarnation: 'i2', address: `127.0.0.1:${port}`, epoch: 2 };
}

it('sends no picture again of an owner that first sends what both have, and then its own first picture of the next source', async () => {
  const owner = reader({ laterMs: 10_000 });
  owner.read(new LiveMedia(0, 1), 1);
  // This worker has heard of that picture, and was cut off then. Each went on by itself.
  const here = reader();
  here.media.history.goOn(owner.media.history.current.timeline);
  here.read(new LiveMedia(0, 1), 1, 2, 3, 4, 5);
  here.media.history.own(0, here.media.output.lastDts);
  for (const each of [owner, here]) each.moveOn();

  const relay = { kind: 'relay', owner: await serve(owner.media) } as const;
  const place = new FeedPlace('s:backup', relay, {
    me: ME,
    registry: new MemoryRegistry(ME, 0),
    lease: new Lease(),
    leaseMs: 5_000,
    secret: () => 'secret',
    silentWorkers: new SilentWorkers(),
    wire: systemWire,
    isFull: () => false,
    log: LOG,
  });
  const leaving = new AbortController();
  let pieces = 0;
  const onMedia = () => void pieces++;
  const { sent, clock } = here.media;
  const over = follow(here.media.at(place), { signal: leaving.signal, isCopy: true, clock, sent, onMedia });
  await until(() => pieces > 0, { what: 'the picture that both have' });
  // The backup has a clock of its own.
  owner.read(new LiveMedia(7_000_000, 2), 5, 6);
  await until(() => picturesOf(here.media).includes(6), { what: 'the next picture' });
  expect(picturesOf(owner.media)).toEqual([1, 5, 6]);
  expect(picturesOf(here.media)).toEqual([1, 2, 3, 4, 5, 6]);
  leaving.abort();
  await over;
});
