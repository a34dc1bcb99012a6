/** Where a group plays, when a worker writes back what it has done without the registry, or what that has lost. */

import { describe, expect, it } from 'vitest';
import type { Holdings } from '../../../services/registry/memory/holdings.ts';
import { begunAt, movedAtMs, newStream } from '../../../services/registry/new-stream.ts';
import { RedisRegistry } from '../../../services/registry/redis/redis-registry.ts';
import type { FailoverState, StreamSpec } from '../../../services/registry/types.ts';
import { systemClock } from '../../../services/shared/clock.ts';
import { IDLE } from '../../support/idle-worker.ts';
import { SimulatedRedis } from '../../support/simulation/redis/simulated-redis.ts';
import { SPEC } from '../../support/stream-spec.ts';

const BACKUP = 'http://backup/1.ts';
const CHANNEL: StreamSpec = { ...SPEC, failoverUrls: [BACKUP] };
const OTHER_PROFILE: StreamSpec = { ...CHANNEL, id: 'b'.repeat(32) };
const NOW_MS = 1_764_000_000_000;
const MOVED: FailoverState = { index: 0, attempts: 1, lastAtMs: NOW_MS, currentUrl: BACKUP };
/** When the other worker has begun the group without the registry. */
const BEGUN_MS = NOW_MS + 5_000;
const NOTHING: Holdings = {
  ...{ streams: [], clients: [], feeds: [], connections: [], deleted: [] },
  givenUp: { feeds: [], clients: [], connections: [] },
};

/** A group that plays at its backup, for a viewer of `one` or for none; and a worker that could not ask for a while. */
async function movedGroup({ isWatched }: { isWatched: boolean }) {
  const redis = new SimulatedRedis({ now: () => NOW_MS });
  const worker = async (workerId: string) => {
    const me = { workerId, incarnation: `i-${workerId}`, address: `${workerId}:9085`, zone: undefined };
    const clock = { ...systemClock, wallMs: () => NOW_MS, monotonicMs: () => NOW_MS };
    const options = { leaseMs: 60_000, youngMs: 0, graceMs: 0, show: () => ({ url: '', profile: '' }), clock };
    const registry = new RedisRegistry(redis.connection(), me, options);
    await registry.renew(IDLE);
    return registry;
  };
  const [one, other] = [await worker('one'), await worker('other')];
  const created = await one.createStream(CHANNEL, 0);
  if (created === 'full') throw new Error('no room');
  if (isWatched) {
    const client = {
      ...{ streamId: CHANNEL.id, workerId: 'one', userAgent: '', ipAddress: '', username: undefined },
      ...{ connectedAtMs: NOW_MS, lastAccessMs: NOW_MS, bytesServed: 0, segmentsServed: 0 },
    };
    await one.join({ client, clientId: 'a', cap: 0, localSlots: [], capacity: 'free' }, () => undefined);
  }
  await one.advanceFailover(CHANNEL.id, -1, MOVED);
  return { one, other, created: created.stream };
}

const begun = (spec: StreamSpec, createdAtMs: number) => ({
  ...newStream(spec, createdAtMs),
  failover: begunAt(spec.url, BEGUN_MS),
});

describe.each([
  ['knows the stream', (createdAtMs: number) => begun(CHANNEL, createdAtMs)],
  ['has created the stream itself', () => begun(CHANNEL, BEGUN_MS)],
  ['has created another profile of the channel', () => begun(OTHER_PROFILE, BEGUN_MS)],
])('A worker that %s', (_, recordOf) => {
  it('is told to play the backup, where somebody else watches it', async () => {
    const { one, other, created } = await movedGroup({ isWatched: true });
    const stream = recordOf(created.createdAtMs);
    expect((await other.restoring.restore({ ...NOTHING, streams: [stream] })).switched).toEqual([stream.id]);
    for (const { id } of [CHANNEL, stream]) {
      const state = (await one.stream(id))?.failover;
      expect(state).toMatchObject({ index: 0, currentUrl: BACKUP, attempts: 1 });
      // Else it would take that for older than what it plays itself.
      expect(movedAtMs(state as FailoverState)).toBeGreaterThan(BEGUN_MS);
    }
  });

  it('puts the group to its primary source, where nobody watches it', async () => {
    const { one, other, created } = await movedGroup({ isWatched: false });
    const stream = recordOf(created.createdAtMs);
    expect((await other.restoring.restore({ ...NOTHING, streams: [stream] })).switched).toEqual([]);
    for (const { id } of [CHANNEL, stream])
      expect((await one.stream(id))?.failover).toMatchObject({ index: -1, currentUrl: CHANNEL.url });
  });
});

it('A worker that has written back already is told what another one knows of a later move', async () => {
  const { one, other, created } = await movedGroup({ isWatched: true });
  const moved = { ...MOVED, index: 1, lastAtMs: BEGUN_MS, currentUrl: 'http://backup/2.ts' };
  await other.restoring.restore({ ...NOTHING, streams: [{ ...created, failover: moved }] });
  expect((await one.stream(CHANNEL.id))?.failover).toEqual(moved);
  expect((await one.renew(IDLE)).commands).toContainEqual({ kind: 'failover', streamId: CHANNEL.id });
  // The same again is no news.
  await other.restoring.restore({ ...NOTHING, streams: [{ ...created, failover: moved }] });
  await one.renew(IDLE);
  expect((await one.renew(IDLE)).commands).toEqual([]);
});
