/** A seat is taken whole or not at all: who leaves or fails on the way is counted out, and nothing is begun for nobody. */

import { expect, it, onTestFinished, vi } from 'vitest';
import { type Deferred, deferred } from '../../../services/proxy/src/async.ts';
import { SourceError } from '../../../services/proxy/src/errors.ts';
import type { SourceLease } from '../../../services/proxy/src/sources/source-feeds.ts';
import { Seating, type SeatingDeps, type Viewer } from '../../../services/proxy/src/viewers/seating.ts';
import { MemoryRegistry } from '../../../services/registry/memory/memory-registry.ts';
import { newStream } from '../../../services/registry/new-stream.ts';
import { SEGMENT_SETTINGS } from '../../support/segment-settings.ts';
import { SPEC } from '../../support/stream-spec.ts';
import { until } from '../../support/until.ts';
import { LOG, ME, placeOf } from '../processes/support.ts';

const VIEWER: Viewer = {
  ...{ streamId: SPEC.id, workerId: 'w', userAgent: '', ipAddress: '', username: undefined },
  ...{ connectedAtMs: 1, lastAccessMs: 1, bytesServed: 0, segmentsServed: 0 },
};

const JOINING = { client: VIEWER, clientId: 'other', cap: 0, localSlots: [], capacity: 'free', alone: false } as const;

/** A worker that shares direct streams, whose sources open when the test says so. */
async function ground({ graceMs = 0, knowsPlaces = true, leaves = async () => undefined as unknown } = {}) {
  const registry = new MemoryRegistry(ME, 0);
  await registry.createStream(SPEC, 0);
  const join = registry.join.bind(registry);
  const leave = registry.leave.bind(registry);
  const joins: string[] = [];
  const asked: string[] = [];
  Object.assign(registry, {
    join: async (request: Parameters<typeof join>[0]) => {
      joins.push(request.clientId);
      const answer = await join(request);
      return answer.kind === 'joined' && !knowsPlaces ? { ...answer, place: undefined } : answer;
    },
    leave: async (report: Parameters<typeof leave>[0]) => {
      const left = await leave(report);
      await leaves();
      return left;
    },
    locate: async (feed: string) => {
      asked.push(feed);
      return { kind: 'wait', ms: 3_600_000 };
    },
  });
  const opening: Deferred<SourceLease>[] = [];
  const acquire = (_stream: string, _address: unknown, signal: AbortSignal) => {
    const lease = deferred<SourceLease>();
    opening.push(lease);
    signal.addEventListener('abort', () => lease.reject(new SourceError('stopped', 'no longer wanted')));
    return lease.promise;
  };
  const limits = { streamTimeoutMs: 60_000, streamTotalTimeoutMs: 60_000, firstPictureTimeoutMs: 60_000 };
  const retries = { retryAttempts: 0, retryDelayMs: 0, segmentMs: 2_000, preferredAudioLanguages: [] };
  const deps = {
    ...{
      registry,
      log: LOG,
      ...limits,
      ...retries,
      sources: { acquire, learnFrom: () => undefined },
      sharedStreamGraceMs: graceMs,
    },
    ...{ cap: 0, maxProcesses: 0, shareDirectStreams: true, isDraining: () => false, isBusy: () => false },
    ringLimits: () => ({ retainMs: 1_000, joinBufferMs: 0, maxBytes: 1_000_000 }),
    placeOf: (feed: string, first: Parameters<SeatingDeps['placeOf']>[1]) => placeOf(feed, first, registry),
    segments: SEGMENT_SETTINGS,
    source: { maxFailoverAttempts: 0, askResolver: async () => undefined },
  };
  const seating = new Seating(deps as unknown as SeatingDeps);
  onTestFinished(() => seating.close());
  const leaving = new AbortController();
  const request = { stream: newStream(SPEC, 1), viewer: VIEWER, clientId: 'tv', signal: leaving.signal };
  const joinSession = () => seating.joinSession(request, { timeoutMs: 60_000, onlyLive: false });
  return {
    registry,
    seating,
    opening,
    joins,
    asked,
    leave: () => leaving.abort(),
    join: () => seating.join(request),
    joinSession,
  };
}

it('begins nothing for a viewer who left while it was being counted in, and counts it out', async () => {
  const { registry, seating, opening, leave, join } = await ground();
  const joining = join();
  leave();
  await expect(joining).rejects.toMatchObject({ reason: 'stopped' });
  expect([await registry.clients(), seating.feeds.size, opening.length]).toEqual([[], 0, 0]);
});

it.each(['viewer', 'session'])(
  'keeps the feed of others when a %s leaves while it is being counted in',
  async (who) => {
    const { registry, seating, opening, leave, join, joinSession } = await ground({ graceMs: 60_000 });
    // Somebody else has watched until a moment ago.
    const answer = await registry.join(JOINING);
    const use = await seating.feeds.acquire(newStream(SPEC, 1), 0, { kind: 'own', epoch: 1 });
    await until(() => opening.length === 1, { what: 'the source to be opened' });
    await registry.leave({ ...VIEWER, clientId: answer.kind === 'joined' ? answer.client.id : '' });
    use.release();
    const released = vi.spyOn(registry, 'releaseSlot');
    const joining = who === 'viewer' ? join() : joinSession();
    leave();
    await expect(joining).rejects.toMatchObject({ reason: 'stopped' });
    expect([released.mock.calls, seating.feeds.size]).toEqual([[], 1]);
  },
);

it('asks no longer where a feed is when its only viewer has left', async () => {
  const { registry, seating, asked, leave, join } = await ground({ knowsPlaces: false });
  const joining = join();
  await until(() => asked.length === 1, { what: 'the question where the feed is' });
  leave();
  await expect(joining).rejects.toThrow();
  expect([await registry.clients(), seating.feeds.size, asked.length]).toEqual([[], 0, 1]);
});

it('ends the feed of a viewer who has left, though the registry cannot count it out', async () => {
  const leaves = () => Promise.reject(new Error('Redis is away'));
  const { seating, opening, leave, join } = await ground({ leaves });
  const joining = join();
  await until(() => opening.length === 1, { what: 'the source to be opened' });
  leave();
  await expect(joining).rejects.toThrow('Redis is away');
  await until(() => seating.feeds.size === 0, { what: 'the feed to end' });
});

it('gives the reason of a failure to whoever comes in the next moment, without another attempt', async () => {
  const { registry, opening, joins, join } = await ground();
  const joining = join();
  await until(() => opening.length === 1, { what: 'the source to be opened' });
  opening[0]?.reject(new SourceError('dns', 'no such host'));
  await expect(joining).rejects.toThrow('no such host');
  await expect(join()).rejects.toThrow('no such host');
  expect([joins, await registry.clients(), opening.length]).toEqual([['tv'], [], 1]);
  expect((await registry.stream(SPEC.id))?.errorCount).toBe(1);
});

it('counts no error of a stream whose viewer left while it was being opened', async () => {
  const { registry, opening, leave, join } = await ground();
  const joining = join();
  await until(() => opening.length === 1, { what: 'the source to be opened' });
  leave();
  await expect(joining).rejects.toMatchObject({ reason: 'stopped' });
  expect((await registry.stream(SPEC.id))?.errorCount).toBe(0);
});

it('seats a session at the feed without waiting for media, and keeps the feed until the session is given back', async () => {
  const { registry, seating, opening, joinSession } = await ground();
  const [first, second] = [await joinSession(), await joinSession()];
  expect([first.resumed, second.resumed, first.segments.of('ts') === second.segments.of('ts'), first.slot]).toEqual([
    false,
    true,
    true,
    0,
  ]);
  await until(() => opening.length === 1, { what: 'the source to be opened' });
  first.release();
  expect(seating.feeds.size).toBe(1);
  second.release();
  await registry.leave({ ...first.client, clientId: 'tv', bytesServed: 0, segmentsServed: 0 });
  await until(() => seating.feeds.size === 0, { what: 'the feed to end' });
});

it('counts a session out that gets no feed, unless another worker has begun it', async () => {
  const { registry, seating, joinSession } = await ground();
  const refuses = async () => {
    throw new Error('no process is free');
  };
  const { acquire } = seating.feeds;
  Object.assign(seating.feeds, { acquire: refuses });
  await expect(joinSession()).rejects.toThrow('no process');
  expect(await registry.clients()).toEqual([]);
  Object.assign(seating.feeds, { acquire });
  await joinSession();
  Object.assign(seating.feeds, { acquire: refuses });
  await expect(joinSession()).rejects.toThrow('no process');
  expect(await registry.clients()).toMatchObject([{ id: 'tv', session: true }]);
});
