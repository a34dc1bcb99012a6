/** When a slot is given up, and who gets it when somebody joins in that very moment. */

import { describe, expect, it, onTestFinished } from 'vitest';
import { type Deferred, deferred, pause } from '../../../services/proxy/src/async.ts';
import { SourceError, StreampoolError } from '../../../services/proxy/src/errors.ts';
import type { OptionReading } from '../../../services/proxy/src/ffmpeg/arguments/own-reading.ts';
import type { Sandbox } from '../../../services/proxy/src/ffmpeg/host/sandbox.ts';
import { type FeedUse, ProcessFeeds } from '../../../services/proxy/src/processes/process-feeds.ts';
import type { SourceFeeds, SourceLease } from '../../../services/proxy/src/sources/source-feeds.ts';
import { StreamSource } from '../../../services/proxy/src/streams/stream-source.ts';
import type { Gateway } from '../../../services/proxy/src/upstream/gateway/gateway.ts';
import { processFeedKey } from '../../../services/registry/feed-keys.ts';
import { MemoryRegistry } from '../../../services/registry/memory/memory-registry.ts';
import { newStream } from '../../../services/registry/new-stream.ts';
import type { Place, StreamProfile } from '../../../services/registry/types.ts';
import { failoverGroups } from '../../support/failover-groups.ts';
import { SEGMENT_SETTINGS } from '../../support/segment-settings.ts';
import { SPEC } from '../../support/stream-spec.ts';
import { until } from '../../support/until.ts';
import { LOG, ME, placeOf } from './support.ts';

const STREAM = newStream(SPEC, 1_000);
const OWN = { kind: 'own', epoch: 1 } as const;
const PROFILE: StreamProfile = {
  ...{ name: 'p', variables: {}, args: [], inputOptions: [], outputOptions: [], container: 'mpegts', hls: false },
  ...{ video: 'copy', audio: 'copy' },
};

/** Answers when it is told to, as Redis does over a slow network. */
class SlowRegistry extends MemoryRegistry {
  readonly asked: Deferred<boolean>[] = [];
  /** The feeds that this worker owned and has given up. */
  readonly released: string[] = [];
  /** Until this is set, a feed that is given up is given up at once. */
  releasing: Promise<void> | undefined;
  /** The feeds whose owner was asked for. */
  readonly located: string[] = [];

  override async locate(feed?: string): Promise<Place> {
    this.located.push(String(feed));
    return super.locate();
  }

  override async release(feed?: string): Promise<void> {
    this.released.push(String(feed));
    await this.releasing;
  }

  override async releaseSlot(): Promise<boolean> {
    const answer = deferred<boolean>();
    this.asked.push(answer);
    return answer.promise;
  }
}

/** The feeds of a worker whose sources open and never send anything: a feed lasts until it is ended. */
function feedsOf({ graceMs, isFull = false }: { graceMs: number; isFull?: boolean }) {
  const registry = new SlowRegistry(ME, 0);
  const opening: Deferred<SourceLease>[] = [];
  const sources: Pick<SourceFeeds, 'acquire' | 'learnFrom'> = {
    learnFrom: () => undefined,
    acquire: (_streamId, _address, signal) => {
      const lease = deferred<SourceLease>();
      opening.push(lease);
      signal.addEventListener('abort', () => lease.reject(new SourceError('stopped', 'no longer wanted')));
      return lease.promise;
    },
  };
  let source: StreamSource | undefined;
  const feeds = new ProcessFeeds({
    registry,
    sources: sources as SourceFeeds,
    // A feed that copies its source takes none of these.
    gateway: undefined as unknown as Gateway,
    sandbox: undefined as unknown as Sandbox,
    reading: undefined as unknown as OptionReading,
    segmentMs: 2_000,
    segments: SEGMENT_SETTINGS,
    preferredAudioLanguages: [],
    firstPictureTimeoutMs: 60_000,
    log: LOG,
    ringLimits: () => ({ retainMs: 1_000, joinBufferMs: 0, maxBytes: 1_000_000 }),
    streamTimeoutMs: 60_000,
    streamTotalTimeoutMs: 60_000,
    retryAttempts: 0,
    retryDelayMs: 0,
    placeOf: (feed, first) => placeOf(feed, first, registry),
    sourceOf: (stream) => {
      source ??= new StreamSource(stream, failoverGroups({ registry, log: LOG }));
      return source;
    },
    assertProcessFree: () => {
      if (isFull) throw new StreampoolError(503, 'no process is free');
    },
    isFull: () => false,
    sharedStreamGraceMs: graceMs,
  });
  onTestFinished(() => feeds.close());
  return { feeds, registry, opening };
}

type Feeds = ReturnType<typeof feedsOf>['feeds'];

/** A feed that somebody has used and nobody uses any more. */
async function left(feeds: Feeds): Promise<FeedUse> {
  const use = await feeds.acquire(STREAM, 0, OWN);
  use.release();
  return use;
}

/** The ways in which a feed without users comes to be ended. */
const ENDINGS: readonly [string, number, (feeds: Feeds, account: string) => Promise<void>][] = [
  ['for its connection to the provider', 60_000, (feeds, account) => feeds.endIdle(account)],
  ['after its grace', 1, async () => undefined],
];

describe.each(ENDINGS)('a slot that is given up %s', (_, graceMs, end) => {
  it('is not the one that whoever joins meanwhile gets', async () => {
    const { feeds, registry } = feedsOf({ graceMs });
    const { process } = await left(feeds);
    const ending = end(feeds, process.account);
    await until(() => registry.asked.length === 1, { what: 'the slot to be released' });
    const joining = feeds.acquire(STREAM, 0, OWN);
    await pause(10);
    registry.asked[0]?.resolve(true);
    const joined = await joining;
    await ending;
    expect(process.isStopped).toBe(true);
    expect(joined.process.isStopped).toBe(false);
    expect(feeds.status()).toHaveLength(1);
  });

  it('stays when another worker has counted a viewer in', async () => {
    const { feeds, registry } = feedsOf({ graceMs });
    const { process } = await left(feeds);
    const ending = end(feeds, process.account);
    await until(() => registry.asked.length === 1, { what: 'the slot to be released' });
    const joining = feeds.acquire(STREAM, 0, OWN);
    registry.asked[0]?.resolve(false);
    expect((await joining).process).toBe(process);
    await ending;
    await pause(10);
    expect(process.isStopped).toBe(false);
  });

  it('is given up later when the registry does not answer', async () => {
    const { feeds, registry } = feedsOf({ graceMs: 1 });
    const { process } = await left(feeds);
    const ending = end(feeds, process.account);
    await until(() => registry.asked.length === 1, { what: 'the slot to be released' });
    registry.asked[0]?.reject(new Error('Redis is away'));
    await ending;
    await until(() => registry.asked.length === 2, { what: 'another try' });
    registry.asked[1]?.resolve(true);
    await until(() => process.isStopped, { what: 'the feed to end' });
    expect(feeds.size).toBe(0);
  });
});

it('stays when somebody joins in the very turn in which it is to be given up', async () => {
  const { feeds, registry } = feedsOf({ graceMs: 60_000 });
  const { process } = await left(feeds);
  const joining = feeds.acquire(STREAM, 0, OWN);
  const ending = feeds.endIdle(process.account);
  for (const answer of registry.asked) answer.resolve(true);
  await ending;
  expect((await joining).process.isStopped).toBe(false);
});

describe('a feed that fails by itself', () => {
  /** Fails the source of the feed, and waits until the feed has ended. */
  const fail = async ({ feeds, opening }: ReturnType<typeof feedsOf>) => {
    opening.at(-1)?.reject(new SourceError('refused', 'no such host'));
    await until(() => feeds.size === 0, { what: 'the feed to end' });
  };

  it('gives up its slot, though nobody has used it since its last viewer left', async () => {
    const { feeds, registry, opening } = feedsOf({ graceMs: 60_000 });
    await left(feeds);
    opening.at(-1)?.reject(new SourceError('refused', 'no such host'));
    await until(() => registry.asked.length === 1, { what: 'the slot to be released' });
    // Who comes before that is decided waits, and asks anew whose feed it is: the slot was given up with the feed.
    const coming = feeds.acquire(STREAM, 0, OWN);
    expect(registry.located).toEqual([]);
    registry.asked[0]?.resolve(true);
    const { release } = await coming;
    expect(registry.located).toEqual([processFeedKey(STREAM.id, 0)]);
    release();
  });

  it('gives up its slot before another feed begins in it', async () => {
    const here = feedsOf({ graceMs: 1 });
    const { feeds, registry } = here;
    const use = await feeds.acquire(STREAM, 0, OWN);
    await fail(here);
    use.release();
    await until(() => registry.asked.length === 1, { what: 'the slot to be released' });
    const coming = feeds.acquire(STREAM, 0, OWN);
    await pause(10);
    expect([feeds.size, registry.located]).toEqual([0, []]);
    registry.asked[0]?.resolve(true);
    await coming;
    expect([feeds.size, registry.located]).toEqual([1, [processFeedKey(STREAM.id, 0)]]);
  });

  it('leaves the slot to the feed that was opened after it', async () => {
    const here = feedsOf({ graceMs: 20 });
    const use = await here.feeds.acquire(STREAM, 0, OWN);
    await fail(here);
    const next = await here.feeds.acquire(STREAM, 0, OWN);
    use.release();
    await pause(100);
    expect(here.registry.asked).toEqual([]);
    expect(next.process.isStopped).toBe(false);
  });

  it('leaves the slot to the feed that was opened in its grace time, which gives it up itself', async () => {
    const here = feedsOf({ graceMs: 30 });
    const use = await here.feeds.acquire(STREAM, 0, OWN);
    await fail(here);
    use.release();
    const next = await here.feeds.acquire(STREAM, 0, OWN);
    await pause(60);
    expect(here.registry.asked).toEqual([]);
    await fail(here);
    next.release();
    await until(() => here.registry.asked.length === 1, { what: 'the slot to be released' });
    here.registry.asked[0]?.resolve(true);
  });
});

describe('what a viewer has claimed that left before it asked for the feed', () => {
  it('stays with the feed that is here', async () => {
    const { feeds, registry } = feedsOf({ graceMs: 60_000 });
    const { process } = await left(feeds);
    await feeds.giveUpUnlessHere(STREAM.id, 0);
    expect([registry.asked, process.isStopped]).toEqual([[], false]);
  });

  it('is given up when no feed is here, before one begins', async () => {
    const { feeds, registry } = feedsOf({ graceMs: 60_000 });
    const giving = feeds.giveUpUnlessHere(STREAM.id, 0);
    const coming = feeds.acquire(STREAM, 0, OWN);
    await pause(10);
    expect([feeds.size, registry.asked.length]).toEqual([0, 1]);
    registry.asked[0]?.resolve(true);
    await giving;
    await coming;
    expect(registry.located).toEqual([processFeedKey(STREAM.id, 0)]);
  });

  it('is given up after a feed that is just being ended, because it was claimed anew', async () => {
    const { feeds, registry } = feedsOf({ graceMs: 60_000 });
    const { process } = await left(feeds);
    const ending = feeds.endIdle(process.account);
    const giving = feeds.giveUpUnlessHere(STREAM.id, 0);
    registry.asked[0]?.resolve(true);
    await ending;
    await until(() => registry.asked.length === 2, { what: 'the slot to be released once more' });
    registry.asked[1]?.resolve(true);
    await giving;
  });

  it('is given up with a feed that is only relayed here', async () => {
    const { feeds, registry } = feedsOf({ graceMs: 60_000 });
    const owner = { workerId: 'o', incarnation: 'o', address: '127.0.0.1:1', epoch: 2 };
    const { process, release } = await feeds.acquire(STREAM, 0, { kind: 'relay', owner });
    await feeds.giveUpUnlessHere(STREAM.id, 0);
    expect(registry.asked).toEqual([]);
    release();
    const ending = feeds.endIdle(process.account);
    await until(() => registry.asked.length === 1, { what: 'the slot to be released' });
    expect(process.isStopped).toBe(true);
    registry.asked[0]?.resolve(true);
    await ending;
  });
});

describe('a slot that the registry does not release', () => {
  it('is asked about again, and stays until then', async () => {
    const { feeds, registry } = feedsOf({ graceMs: 1 });
    const { process } = await left(feeds);
    for (const nth of [0, 1]) {
      await until(() => registry.asked.length === nth + 1, { what: 'the slot to be released' });
      expect([process.isStopped, feeds.size]).toEqual([false, 1]);
      registry.asked[nth]?.resolve(false);
    }
    await until(() => registry.asked.length === 3, { what: 'the next try' });
    registry.asked[2]?.resolve(true);
    await until(() => process.isStopped, { what: 'the feed to end' });
  });

  it.each([
    ['when it says so', (answer?: Deferred<boolean>) => answer?.resolve(false)],
    ['because it does not answer', (answer?: Deferred<boolean>) => answer?.reject(new Error('Redis is away'))],
  ])('%s is not asked about again when its stream has been deleted', async (_, refuse) => {
    const { feeds, registry } = feedsOf({ graceMs: 1 });
    const { process } = await left(feeds);
    await until(() => registry.asked.length === 1, { what: 'the slot to be released' });
    const dropping = feeds.drop(STREAM.id);
    await until(() => registry.asked.length === 2, { what: 'the deleted stream to give up its slot' });
    registry.asked[1]?.resolve(true);
    await dropping;
    refuse(registry.asked[0]);
    await pause(350);
    expect([registry.asked.length, process.isStopped, feeds.size]).toEqual([2, true, 0]);
  });
});

describe('another worker', () => {
  it('gets no feed that is being ended, and none that is not here', async () => {
    const { feeds, registry } = feedsOf({ graceMs: 60_000 });
    expect(await feeds.relay(STREAM.id, 0, true)).toBeUndefined();
    const { process } = await left(feeds);
    const relayed = await feeds.relay(STREAM.id, 0, true);
    expect(relayed?.feed).toBe(process.feed);
    relayed?.release();
    const ending = feeds.endIdle(process.account);
    await until(() => registry.asked.length === 1, { what: 'the slot to be released' });
    expect(await feeds.relay(STREAM.id, 0, true)).toBeUndefined();
    registry.asked[0]?.resolve(true);
    await ending;
  });

  it('keeps a feed alive that nobody watches here', async () => {
    const { feeds, registry } = feedsOf({ graceMs: 1 });
    const use = await feeds.acquire(STREAM, 0, OWN);
    const relayed = await feeds.relay(STREAM.id, 0, true);
    use.release();
    await pause(20);
    expect(registry.asked).toHaveLength(0);
    relayed?.release();
    await until(() => registry.asked.length === 1, { what: 'the slot to be released' });
    registry.asked[0]?.resolve(true);
  });
});

describe('a feed that this worker was to make and does not', () => {
  it.each(['for a viewer', 'for another worker'])(
    'has no owner when there is no process for it, asked %s',
    async (who) => {
      const { feeds, registry } = feedsOf({ graceMs: 0, isFull: true });
      const transcoded = { ...SPEC, profile: PROFILE };
      await registry.createStream(transcoded, 0);
      const stream = newStream(transcoded, 1_000);
      const asked = who === 'for a viewer' ? feeds.acquire(stream, 0, OWN) : feeds.relay(SPEC.id, 0, false);
      await expect(asked).rejects.toThrow('no process is free');
      expect(registry.released).toEqual([`p:${SPEC.id}:0`]);
    },
  );

  it('is given up before whoever comes then begins it', async () => {
    const here = feedsOf({ graceMs: 60_000, isFull: true });
    const { feeds, registry } = here;
    const releasing = deferred<void>();
    registry.releasing = releasing.promise;
    const transcoded = newStream({ ...SPEC, profile: PROFILE }, 1_000);
    const refused = feeds.acquire(transcoded, 0, OWN);
    const coming = feeds.acquire(STREAM, 0, OWN);
    await pause(10);
    expect([feeds.size, registry.located]).toEqual([0, []]);
    releasing.resolve();
    await expect(refused).rejects.toThrow('no process is free');
    await coming;
    expect([feeds.size, registry.located]).toEqual([1, [processFeedKey(STREAM.id, 0)]]);
  });

  it('has no owner when its stream was deleted before the relay could begin', async () => {
    const { feeds, registry } = feedsOf({ graceMs: 0 });
    expect(await feeds.relay(SPEC.id, 0, false)).toBeUndefined();
    expect(registry.released).toEqual([`p:${SPEC.id}:0`]);
  });
});

describe('a stream that is created anew while a feed of it is here', () => {
  it.each([
    ['keeps its run when the source is the same', {}, 1],
    ['moves to the source of its new creator', { userAgent: 'new' }, 2],
  ])('%s', async (_, change, openings) => {
    const { feeds, registry, opening } = feedsOf({ graceMs: 60_000 });
    await registry.createStream({ ...SPEC, ...change }, 0);
    await feeds.acquire(STREAM, 0, OWN);
    await until(() => opening.length === 1, { what: 'the source to be opened' });
    const relayed = await feeds.relay(STREAM.id, 0, false);
    await pause(20);
    expect(opening).toHaveLength(openings);
    relayed?.release();
  });
});
