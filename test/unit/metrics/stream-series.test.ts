/** What is said of single streams: only of those that this worker owns, by name, and of so many. */

import { expect, it } from 'vitest';
import { StreamSeries, type StreamSeriesSources } from '../../../services/proxy/src/metrics/stream-series.ts';
import type { StreamRecord } from '../../../services/registry/types.ts';

type Status = ReturnType<StreamSeriesSources['feeds']>[number];

interface Given {
  viewers: number;
  bytes: number;
  speed?: number;
}

function ground(streams: Record<string, Given>, named?: number) {
  const feeds: Status[] = [];
  const series = new StreamSeries(
    {
      feeds: () => [...feeds, ...Object.entries(streams).map(([streamId, { speed }]) => owned(streamId, speed))],
      unfed: () => [],
      totals: async (ids) =>
        new Map(
          ids.flatMap((id) => {
            const given = streams[id];
            return given === undefined ? [] : [[id, { viewers: given.viewers, bytesServed: given.bytes }] as const];
          }),
        ),
      remembered: (id) => recordOf(id),
    },
    named,
  );
  return { series, feeds };
}

function owned(streamId: string, speed?: number): Status {
  const made = speed === undefined ? undefined : { bitsPerSecond: 1, speed };
  return { streamId, slot: 0, place: { kind: 'own', epoch: 1 }, made };
}

function recordOf(id: string): StreamRecord {
  const url = `http://user:secret@tv.example/live/user/secret/${id}.ts`;
  const state = { index: -1, attempts: 0, lastAtMs: undefined, currentUrl: url };
  return {
    ...{ id, url, failoverUrls: [], failoverResolverUrl: undefined, userAgent: '', headers: {}, profile: undefined },
    ...{ metadata: id === 'a' ? { name: 'BBC One' } : {}, createdAtMs: 0, lastAccessMs: 0, failover: state },
    ...{ watched: true, unshareable: false, errorCount: 0, bytesServed: 0, segmentsServed: 0 },
  };
}

it('has the viewers, bytes and speed of what this worker makes, under its name, without credentials', async () => {
  const { series, feeds } = ground({ a: { viewers: 2, bytes: 100, speed: 1 }, b: { viewers: 3, bytes: 50 } });
  const relayed = { kind: 'relay', owner: { workerId: 'o', incarnation: 'o', address: '', epoch: 1 } } as const;
  feeds.push({ ...owned('c'), place: relayed }, { ...owned('d'), slot: 1 }, owned('gone'));
  expect([...(await series.clients())]).toEqual([
    [['b', 'b.ts'], 3],
    [['a', 'BBC One'], 2],
  ]);
  expect([...(await series.bytes())]).toEqual([
    [['b', 'b.ts'], 50],
    [['a', 'BBC One'], 100],
  ]);
  expect([...(await series.speed())]).toEqual([[['a', 'BBC One'], 1]]);
});

it('adds up all but those with the most viewers, and what they get never becomes less', async () => {
  const streams: Record<string, Given> = {
    a: { viewers: 5, bytes: 1_000, speed: 1 },
    b: { viewers: 2, bytes: 100, speed: 0.9 },
    c: { viewers: 1, bytes: 10, speed: 0.5 },
  };
  const { series } = ground(streams, 1);
  expect([...(await series.clients())]).toEqual([
    [['a', 'BBC One'], 5],
    [['other', 'other'], 3],
  ]);
  expect([...(await series.speed())].at(-1)).toEqual([['other', 'other'], 0.5]);
  const others = async () => [...(await series.bytes())].at(-1)?.[1];
  expect(await others()).toBe(0);
  Object.assign(streams, { b: { viewers: 2, bytes: 150 }, c: { viewers: 1, bytes: 30 } });
  expect(await others()).toBe(70);
  expect(await others()).toBe(70);
  // It goes up among the named ones, and another one comes down with all that it has got.
  Object.assign(streams, { b: { viewers: 9, bytes: 200 } });
  expect(await others()).toBe(70);
  expect([...(await series.bytes())][0]).toEqual([['b', 'b.ts'], 200]);
});

it('counts viewers without a feed where they are, unless the stream has one', async () => {
  const series = new StreamSeries({
    feeds: () => [owned('a')],
    unfed: () => [
      { streamId: 'a', viewers: 1, bytesServed: 5 },
      { streamId: 'b', viewers: 4, bytesServed: 7 },
    ],
    totals: async () => new Map([['a', { viewers: 2, bytesServed: 9 }]]),
    remembered: () => undefined,
  });
  expect([...(await series.clients())]).toEqual([
    [['b', ''], 4],
    [['a', ''], 2],
  ]);
});
