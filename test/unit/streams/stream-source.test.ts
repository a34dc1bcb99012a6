/** Where a stream's media comes from, when its group moves, when it is made anew, and when nobody reads it any more. */

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import type { FailoverGroupDeps } from '../../../services/proxy/src/streams/failover-group.ts';
import { StreamSource } from '../../../services/proxy/src/streams/stream-source.ts';
import type { ResolverQuestion } from '../../../services/proxy/src/upstream/failover/failover-resolver.ts';
import { HeldElsewhere } from '../../../services/proxy/src/viewers/held-elsewhere.ts';
import { MemoryRegistry } from '../../../services/registry/memory/memory-registry.ts';
import type { StreamSpec } from '../../../services/registry/types.ts';
import { systemClock } from '../../../services/shared/clock.ts';
import { failoverGroups } from '../../support/failover-groups.ts';
import { SPEC } from '../../support/stream-spec.ts';

const VIEWER = {
  ...{ streamId: 'a', workerId: 'w', userAgent: 'vlc', ipAddress: '192.0.2.1', username: undefined },
  ...{ connectedAtMs: 0, lastAccessMs: 0, bytesServed: 0, segmentsServed: 0 },
};
const URLS = ['http://p/spare.ts', 'http://p/last.ts'];

/** Streams of one worker, created as `specs` say; by id. */
async function streamsOf(specs: readonly Partial<StreamSpec>[], deps: Partial<FailoverGroupDeps> = {}) {
  let laterMs = 0;
  const me = { workerId: 'w', incarnation: 'i', address: '', zone: undefined };
  const registry = new MemoryRegistry(me, 0, { ...systemClock, wallMs: () => Date.now() + laterMs });
  const groupOf = failoverGroups({ registry, ...deps });
  const create = async (more: Partial<StreamSpec>) => {
    laterMs += 1_000;
    const answer = await registry.createStream({ ...SPEC, failoverUrls: URLS, ...more }, 0);
    if (answer === 'full') throw new Error('no limit');
    return answer.stream;
  };
  const sources = [];
  for (const more of specs) sources.push(new StreamSource(await create(more), groupOf));
  return { registry, sources, create };
}

describe('streams of one URL', () => {
  it('move together, by one, with one word to the others and one line in the log for each', async () => {
    const told: (readonly string[])[] = [];
    const logged: unknown[] = [];
    let counted = 0;
    const { registry, sources } = await streamsOf([{ id: 'a' }, { id: 'b' }, { id: 'c' }], {
      tell: async (streams) => void told.push(streams),
      onAdvanced: () => counted++,
      log: { info: () => undefined, warn: (fields: unknown) => void logged.push(fields) },
    });
    const moves = await Promise.all(sources.map((source) => source.advance(-1, { reason: 'stalled' })));
    expect(moves).toEqual([true, true, true]);
    expect(sources.map(({ address }) => address.url)).toEqual([URLS[0], URLS[0], URLS[0]]);
    const records = await Promise.all(['a', 'b', 'c'].map((id) => registry.stream(id)));
    expect(records.map((record) => record?.failover)).toMatchObject(Array(3).fill({ index: 0, attempts: 1 }));
    expect(told).toEqual([['a', 'b', 'c']]);
    expect(counted).toBe(1);
    expect(logged).toMatchObject(['a', 'b', 'c'].map((stream) => ({ stream, index: 0, reason: 'stalled' })));
  });

  it('know where the next failover leads, unless a resolver decides', async () => {
    const { sources } = await streamsOf([{ id: 'a' }, { id: 'b', failoverResolverUrl: 'http://ask/' }]);
    const [a, b] = sources as [StreamSource, StreamSource];
    expect(a.following).toMatchObject({ address: { url: URLS[0], userAgent: a.address.userAgent }, index: 0 });
    expect(b.following).toBeUndefined();
    await a.advance(-1, { reason: 'stalled' });
    expect(a.following).toMatchObject({ address: { url: URLS[1] }, index: 1 });
    await a.advance(0, { reason: 'stalled' });
    expect(a.following).toBeUndefined();
  });

  it('say all that have moved to the one who asked for it', async () => {
    const { sources } = await streamsOf([{ id: 'a' }, { id: 'b' }]);
    expect(await sources[1]?.moveOn()).toEqual(['a', 'b']);
    expect(await sources[0]?.moveOn()).toEqual(['a', 'b']);
    expect(await sources[0]?.moveOn()).toBeUndefined();
  });

  it('go together to the source that somebody has chosen, and begin with a fresh list there', async () => {
    const told: (readonly string[])[] = [];
    const { registry, sources } = await streamsOf([{ id: 'a' }, { id: 'b' }], {
      tell: async (streams) => void told.push(streams),
    });
    const [a, b] = sources as [StreamSource, StreamSource];
    expect(await a.moveTo(1)).toEqual(['a', 'b']);
    expect([a.state, b.state]).toMatchObject(Array(2).fill({ index: 1, attempts: 0, currentUrl: URLS[1] }));
    expect((await registry.stream('b'))?.failover).toEqual(a.state);
    expect(await b.moveTo(1)).toEqual([]);
    expect(await b.moveTo(-1)).toEqual(['a', 'b']);
    expect(a.address.url).toBe(SPEC.url);
    expect(await a.moveTo(2)).toBeUndefined();
    expect(told).toHaveLength(2);
    // The whole list is left for the next outage.
    expect(await a.advance(-1, { reason: 'stalled' })).toBe(true);
    expect(await a.advance(0, { reason: 'stalled' })).toBe(true);
    expect(a.index).toBe(1);
  });

  it('go back together to what one of them still plays, when nothing else is left', async () => {
    const told: (readonly string[])[] = [];
    const { registry, sources } = await streamsOf([{ id: 'a' }, { id: 'b' }], {
      tell: async (streams) => void told.push(streams),
    });
    const [a, b] = sources as [StreamSource, StreamSource];
    const { address, index } = a;
    await a.moveOn();
    await a.moveOn();
    expect(b.index).toBe(1);
    // Somebody else has moved on from there meanwhile.
    await a.goBack(0, { address, index });
    expect(b.index).toBe(1);
    await Promise.all([a, b].map((source) => source.goBack(1, { address, index })));
    expect([a.state, b.state]).toMatchObject(Array(2).fill({ index: -1, attempts: 2, currentUrl: SPEC.url }));
    expect((await registry.stream('b'))?.failover).toEqual(a.state);
    expect(told.flat()).toEqual(['a', 'b', 'a', 'b', 'a', 'b']);
    // Not forward: who plays the other source would send them there, and the first one back again.
    await b.goBack(-1, { address: { ...address, url: URLS[1] as string }, index: 1 });
    expect(a.index).toBe(-1);
  });

  it('move on for the others when the one has been deleted that opened the source, but not what was made of it since', async () => {
    const { registry, sources, create } = await streamsOf([{ id: 'a' }, { id: 'b' }]);
    const [a, b] = sources as [StreamSource, StreamSource];
    // A source feed reads on for the group.
    const reads = a.ofGroup;
    await registry.deleteStream('a');
    expect(await reads.advance(-1, { reason: 'stalled' })).toBe(true);
    expect((await registry.stream('b'))?.failover).toMatchObject({ index: 0, currentUrl: URLS[0] });
    const anew = await create({ id: 'a', failoverUrls: URLS.slice(1) });
    a.follow(anew);
    expect(await reads.advance(0, { reason: 'stalled' })).toBe(true);
    const records = await Promise.all(['a', 'b'].map((id) => registry.stream(id)));
    expect(records.map((record) => record?.failover.index)).toEqual([-1, 1]);
    // Somebody else has moved it.
    await registry.advanceFailover('b', 1, { ...b.state, index: 0, currentUrl: URLS[0] as string, lastAtMs: 1e15 });
    await reads.refresh();
    expect(b.index).toBe(0);
  });

  it('are moved by nobody who only looks at them, unless somebody says so', async () => {
    const asked: ResolverQuestion[] = [];
    const resolver = { failoverResolverUrl: 'http://ask/' };
    const { registry, sources } = await streamsOf([{ id: 'a', ...resolver }], {
      askResolver: async (question) => {
        asked.push(question);
        return undefined;
      },
    });
    const [a] = sources as [StreamSource];
    const join = (clientId: string) => registry.join({ client: VIEWER, clientId, cap: 10, localSlots: [] });
    await join('console_1');
    expect(await a.advance(-1, { reason: 'stalled' })).toBe(false);
    expect([a.index, asked]).toEqual([-1, []]);
    expect(await a.moveTo(1)).toEqual(['a']);
    await a.moveTo(-1);
    await join('somebody');
    expect(await a.advance(-1, { reason: 'stalled' })).toBe(true);
    expect([a.index, asked.length]).toEqual([0, 1]);
  });

  it('ask the resolver once, with the metadata of the one that asked', async () => {
    const asked: ResolverQuestion[] = [];
    const resolver = { failoverResolverUrl: 'http://ask/', failoverUrls: [] };
    const { sources } = await streamsOf(
      [
        { id: 'a', metadata: { id: '1' }, ...resolver },
        { id: 'b', metadata: { id: '2' }, ...resolver },
      ],
      {
        askResolver: async (question) => {
          asked.push(question);
          return 'http://p/resolved.ts';
        },
      },
    );
    const [a, b] = sources as [StreamSource, StreamSource];
    await Promise.all([b.advance(-1, { reason: 'stalled' }), a.advance(-1, { reason: 'no_video' })]);
    expect(asked).toMatchObject([{ metadata: { id: '2' }, reason: 'stalled' }]);
    expect(a.address.url).toBe('http://p/resolved.ts');
  });

  it.each<[string, Partial<StreamSpec>]>([
    ['failovers', { failoverUrls: URLS.slice(1) }],
    ['a user agent', { userAgent: 'other' }],
    ['a header', { headers: { referer: 'other' } }],
    ['a resolver', { failoverResolverUrl: 'http://ask/' }],
  ])('with %s of its own stays where it is', async (_, other) => {
    const { sources } = await streamsOf([{ id: 'a' }, { id: 'b', ...other }]);
    const [a, b] = sources as [StreamSource, StreamSource];
    await a.advance(-1, { reason: 'stalled' });
    expect([a.index, b.index]).toEqual([0, -1]);
  });

  it('do not go back for an answer that is older than their last move', async () => {
    const { registry, sources, create } = await streamsOf([{ id: 'a' }]);
    const before = await create({ id: 'a' });
    const source = sources[0] as StreamSource;
    await source.advance(-1, { reason: 'stalled' });
    source.follow(before);
    expect(source.index).toBe(0);
    expect(before.failover.index).toBe(-1);
    await registry.deleteStream('a');
    source.follow(await create({ id: 'a' }));
    expect(source.index).toBe(-1);
  });
});

it('has not moved when the registry says again what is known', async () => {
  const { registry, sources } = await streamsOf([{}]);
  const source = sources[0] as StreamSource;
  await source.advance(-1, { reason: 'stalled' });
  const { state } = source;
  const record = await registry.stream(SPEC.id);
  if (record === undefined) throw new Error('the stream is gone');
  source.follow(structuredClone(record));
  expect(source.state).toBe(state);
});

it('takes over headers, user agent and failovers of a stream that was made anew', async () => {
  const { registry, sources, create } = await streamsOf([{ failoverUrls: [] }]);
  const source = sources[0] as StreamSource;
  expect(source.canFailOver).toBe(false);
  await registry.deleteStream(SPEC.id);
  const before = source.group;
  source.follow(await create({ headers: { referer: 'new' }, userAgent: 'new' }));
  expect(source.address).toMatchObject({ headers: { referer: 'new' }, userAgent: 'new' });
  expect(source.canFailOver).toBe(true);
  expect(source.group).not.toBe(before);
});

it('forgets what nobody holds', async () => {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  const held = new HeldElsewhere<object>();
  const kept = { name: 'kept' };
  held.set('kept', kept);
  for (let n = 0; n < 100; n++) held.set(`${n}`, { n });
  await expect
    .poll(() => {
      gc();
      return held.size;
    })
    .toBe(1);
  expect(held.get('kept')).toBe(kept);
});
