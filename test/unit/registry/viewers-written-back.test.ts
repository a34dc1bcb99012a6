/** What the record says of viewers that a worker writes back after an outage. */

import { expect, it } from 'vitest';
import type { Holdings } from '../../../services/registry/memory/holdings.ts';
import { RedisRegistry } from '../../../services/registry/redis/redis-registry.ts';
import type { StreamRecord } from '../../../services/registry/types.ts';
import { systemClock } from '../../../services/shared/clock.ts';
import { IDLE } from '../../support/idle-worker.ts';
import { SimulatedRedis } from '../../support/simulation/redis/simulated-redis.ts';
import { SPEC } from '../../support/stream-spec.ts';

const NOTHING: Holdings = {
  ...{ streams: [], clients: [], feeds: [], connections: [], deleted: [] },
  givenUp: { feeds: [], clients: [], connections: [] },
};

it.each([
  ['the one of before', 0],
  ['the new one already', 1],
])(
  'Their stream was deleted and created anew meanwhile, and their worker knows %s: they begin again',
  async (_, knows) => {
    let nowMs = 1_764_000_000_000;
    const redis = new SimulatedRedis({ now: () => nowMs });
    const clock = { ...systemClock, wallMs: () => nowMs, monotonicMs: () => nowMs };
    const worker = async (workerId: string) => {
      const me = { workerId, incarnation: `i-${workerId}`, address: `${workerId}:9085`, zone: undefined };
      const options = { leaseMs: 60_000, youngMs: 0, graceMs: 0, show: () => ({ url: '', profile: '' }), clock };
      const registry = new RedisRegistry(redis.connection(), me, options);
      await registry.renew(IDLE);
      return registry;
    };
    const [watched, other] = [await worker('watched'), await worker('other')];
    const created = await other.createStream(SPEC, 0);
    if (created === 'full') throw new Error('no room');
    nowMs += 1_000;
    const client = {
      ...{ streamId: SPEC.id, workerId: 'watched', userAgent: '', ipAddress: '', username: undefined },
      ...{ connectedAtMs: nowMs, lastAccessMs: nowMs, bytesServed: 0, segmentsServed: 0 },
    };
    await watched.join({ client, clientId: 'a', cap: 0, localSlots: [], capacity: 'free' }, () => undefined);
    const held = { ...client, id: 'a', slot: 0, told: true };
    const writeBack = (stream: StreamRecord) =>
      watched.restoring.restore({ ...NOTHING, streams: [stream], clients: [held] });
    const said = async () => (await other.events({}, 20, undefined)).map(({ type }) => type).reverse();
    const begun = ['stream_started', 'client_connected'];
    const ofStream = (types: readonly string[]) => types.filter((type) => /^(stream|client)_/.test(type));

    await writeBack(created.stream);
    expect(ofStream(await said())).toEqual(begun);

    nowMs += 1_000;
    await other.deleteStream(SPEC.id);
    const anew = await other.createStream(SPEC, 0);
    if (anew === 'full') throw new Error('no room');
    nowMs += 1_000;
    const known = [created.stream, anew.stream][knows] as StreamRecord;
    await writeBack(known);
    await writeBack(known);
    expect(ofStream(await said())).toEqual([...begun, 'client_disconnected', 'stream_stopped', ...begun]);
    expect(await other.clients(SPEC.id)).toMatchObject([{ id: 'a' }]);
  },
);
