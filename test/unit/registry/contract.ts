/** What every registry has to do, whatever it keeps its state in. Run by the tests of each implementation. */

import { describe, expect, it } from 'vitest';
import { type BroadcastProgress, broadcastKey } from '../../../services/registry/broadcasts/broadcast.ts';
import { EVENTS_START } from '../../../services/registry/events/event.ts';
import {
  begunAtPosition,
  DELIVERY,
  type KeptWebhook,
  MAX_WEBHOOKS,
} from '../../../services/registry/events/webhook.ts';
import { PAGE_OPENED } from '../../../services/registry/groups.ts';
import { FIRST_VIEWER_MS } from '../../../services/registry/idle.ts';
import { initialFailover, newStream } from '../../../services/registry/new-stream.ts';
import type { FeedOwners, SharedRegistry } from '../../../services/registry/registry.ts';
import { KEPT_SAMPLES } from '../../../services/registry/samples/sample.ts';
import type { ClientRecord, FailoverState, JoinAnswer, Joined, StreamSpec } from '../../../services/registry/types.ts';
import { systemClock } from '../../../services/shared/clock.ts';
import { IDLE, IDLE_NUMBERS } from '../../support/idle-worker.ts';

const ID = 'a'.repeat(32);
/** How long a stream stays what it was without a viewer. */
export const GRACE_MS = 3_000;
/** Later than any registry in a test begins. */
const MOVED_MS = 4_000_000_000_000;
const NEXT: FailoverState = { index: 0, attempts: 1, lastAtMs: MOVED_MS, currentUrl: 'http://backup/1.ts' };

function spec(id = ID, url = 'http://provider/live/1.ts'): StreamSpec {
  return {
    id,
    url,
    failoverUrls: ['http://backup/1.ts'],
    failoverResolverUrl: undefined,
    userAgent: 'test',
    headers: {},
    metadata: { name: 'one' },
    profile: undefined,
  };
}

function viewer(streamId = ID): Omit<ClientRecord, 'id' | 'slot'> {
  return {
    streamId,
    workerId: 'w1',
    userAgent: 'vlc',
    ipAddress: '192.0.2.1',
    username: undefined,
    connectedAtMs: 0,
    lastAccessMs: 0,
    bytesServed: 0,
    segmentsServed: 0,
  };
}

function joined(answer: JoinAnswer): Joined | undefined {
  return answer.kind === 'joined' ? answer : undefined;
}

function report(clientId: string, bytesServed = 0) {
  return { streamId: ID, clientId, connectedAtMs: 0, bytesServed, segmentsServed: 0, lastAccessMs: 1 };
}

export interface RegistryUnderTest {
  readonly registry: SharedRegistry;
  /** Lets time pass, as far as idle streams are concerned. */
  age(ms: number): Promise<void>;
  /** Lets all time pass; more than a few ms only where that costs none. */
  readonly pass: (ms: number) => Promise<void>;
  readonly monotonicMs: () => number;
}

/** For a registry on the clocks of the system. */
export const REAL_TIME: Pick<RegistryUnderTest, 'pass' | 'monotonicMs'> = {
  pass: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  monotonicMs: () => systemClock.monotonicMs(),
};

/** @param make a fresh registry */
export function registryContract(make: () => Promise<RegistryUnderTest>): void {
  const setUp = async () => {
    const { registry, age, pass, monotonicMs } = await make();
    await registry.createStream(spec(), 0);
    const join = async (clientId: string, cap: number | undefined, localSlots: number[] = []) =>
      joined(await registry.join({ client: viewer(), clientId, cap, localSlots }));
    return { age, pass, monotonicMs, registry, join };
  };

  describe('streams', () => {
    it('creates once; the first creator holds', async () => {
      const { registry } = await setUp();
      const again = await registry.createStream({ ...spec(), metadata: { name: 'two' } }, 0);
      expect(again).toMatchObject({ existing: true, stream: { metadata: { name: 'one' } } });
      expect(await registry.streams()).toHaveLength(1);
    });

    it('has what was said of it first, until it is deleted', async () => {
      const { registry } = await setUp();
      expect(await registry.agree(ID, 'a name', undefined)).toBeUndefined();
      expect(await registry.agree(ID, 'a name', '{"from":7}')).toBe('{"from":7}');
      expect(await registry.agree(ID, 'a name', '8')).toBe('{"from":7}');
      expect(await registry.agree(ID, 'a name', undefined)).toBe('{"from":7}');
      expect(await registry.agree(ID, 'another', undefined)).toBeUndefined();
      await registry.deleteStream(ID);
      await registry.createStream(spec(), 0);
      expect(await registry.agree(ID, 'a name', undefined)).toBeUndefined();
    });

    it('is kept for its first viewer for a while, and then made anew', async () => {
      const { registry, join, age } = await setUp();
      const two = { ...spec(), metadata: { name: 'two' }, failoverUrls: [], userAgent: 'other' };
      await age(FIRST_VIEWER_MS - 1_000);
      expect(await registry.createStream(two, 1)).toMatchObject({ existing: true, stream: spec() });
      // Another viewer is on the way.
      await age(FIRST_VIEWER_MS - 1_000);
      expect(await registry.createStream(two, 1)).toMatchObject({ existing: true, stream: spec() });
      await age(FIRST_VIEWER_MS);
      expect(await registry.createStream(two, 1)).toMatchObject({ existing: false, stream: two });
      expect((await join('c', 10))?.stream).toMatchObject(two);
    });

    it('is made anew when it was idle, and not in its grace', async () => {
      const { registry, join, age } = await setUp();
      await join('c', 10);
      await registry.advanceFailover(ID, -1, NEXT);
      await registry.markUnshareable(ID);
      await registry.countError(ID);
      await age(GRACE_MS);
      const two = { ...spec(), metadata: { name: 'two' }, failoverUrls: [], failoverResolverUrl: 'http://ask/' };
      expect(await registry.createStream(two, 1)).toMatchObject({ existing: true, stream: spec() });
      await registry.leave(report('c', 500));
      expect(await registry.createStream(two, 1)).toMatchObject({ existing: true, stream: { failover: NEXT } });
      await age(GRACE_MS - 1_000);
      expect(await registry.createStream(two, 1)).toMatchObject({ existing: true, stream: { bytesServed: 500 } });
      const before = await registry.stream(ID);
      await age(1_000);
      const failover = { ...initialFailover(two.url), begunAtMs: expect.any(Number) };
      const anew = {
        ...newStream(two, 0),
        failover,
        createdAtMs: expect.any(Number),
        lastAccessMs: expect.any(Number),
      };
      const answer = await registry.createStream(two, 1);
      expect(answer).toEqual({ existing: false, stream: anew });
      expect(await registry.stream(ID)).toEqual(anew);
      expect((await registry.stream(ID))?.createdAtMs).toBeGreaterThanOrEqual(before?.createdAtMs ?? Infinity);
      expect(await registry.streams()).toHaveLength(1);
    });

    it('begins at its primary source again when it was idle, and not in its grace', async () => {
      const { registry, join, age } = await setUp();
      await join('a', 10);
      await registry.advanceFailover(ID, -1, NEXT);
      await registry.markUnshareable(ID);
      await age(GRACE_MS);
      expect((await join('b', 10))?.stream.failover).toEqual(NEXT);
      await registry.leave(report('a'));
      await registry.leave(report('b'));
      expect((await join('c', 10))?.stream.failover).toEqual(NEXT);
      await registry.leave(report('c'));
      await age(GRACE_MS);
      const again = (await join('d', 10))?.stream;
      const primary = { index: -1, attempts: 0, lastAtMs: undefined, currentUrl: spec().url };
      expect(again).toMatchObject({ unshareable: false, metadata: spec().metadata });
      expect(again?.failover).toEqual({ ...primary, begunAtMs: expect.any(Number) });
      const moved = await registry.advanceFailover(ID, -1, NEXT);
      expect(moved).toMatchObject({ state: { index: 0, currentUrl: NEXT.currentUrl }, streams: [ID] });
      // Of two states of a group the later one counts, whichever clock each is by.
      expect(moved?.state.lastAtMs).toBeGreaterThan(again?.failover.begunAtMs ?? Infinity);
    });

    it('has one creator or one viewer first, whoever of them comes first', async () => {
      const { registry, join, age } = await setUp();
      for (let round = 0; round < 10; round++) {
        const before = (await registry.stream(ID))?.metadata;
        const order = { ...spec(), metadata: { round: String(round) } };
        const ask = [() => join(`c${round}`, 10), () => registry.createStream(order, 1)] as const;
        const [seat, created] =
          round % 2 === 0
            ? await Promise.all([ask[0](), ask[1]()])
            : await Promise.all([ask[1](), ask[0]()]).then(([answer, client]) => [client, answer] as const);
        if (created === 'full') throw new Error('there is room for it');
        const wanted = created.existing ? before : order.metadata;
        expect([seat?.stream.metadata, (await registry.stream(ID))?.metadata]).toEqual([wanted, wanted]);
        await registry.leave(report(`c${round}`));
        await age(GRACE_MS);
      }
    });

    it('creates one of many that arrive at once', async () => {
      const { registry } = await setUp();
      const answers = await Promise.all(
        Array.from({ length: 10 }, () => registry.createStream(spec('b'.repeat(32)), 0)),
      );
      expect(answers.filter((answer) => answer !== 'full' && !answer.existing)).toHaveLength(1);
    });

    it('refuses one too many, but answers one that exists', async () => {
      const { registry } = await setUp();
      expect(await registry.createStream(spec('b'.repeat(32)), 1)).toBe('full');
      expect(await registry.createStream(spec(), 1)).toMatchObject({ existing: true });
    });

    it('has the stream that has been idle longest give way at the limit, and none that is in use', async () => {
      const { registry, join, age } = await setUp();
      const [b, c, d, e] = [spec('b'.repeat(32)), spec('c'.repeat(32)), spec('d'.repeat(32)), spec('e'.repeat(32))];
      const ids = async () => (await registry.streams()).map(({ id }) => id[0]).sort();
      await join('viewer', 10);
      await age(1_000);
      await registry.createStream(b, 3);
      await age(1_000);
      await registry.createStream(c, 3);
      expect(await registry.createStream(d, 3)).toBe('full');
      await age(FIRST_VIEWER_MS);
      expect(await registry.createStream(d, 3)).toMatchObject({ existing: false });
      expect(await ids()).toEqual(['a', 'c', 'd']);
      // Neither the one that exists nor the one that is made anew takes another's place.
      expect(await registry.createStream(c, 3)).toMatchObject({ existing: false });
      expect(await registry.createStream(d, 3)).toMatchObject({ existing: true });
      expect(await registry.createStream(e, 3)).toBe('full');
      expect(await ids()).toEqual(['a', 'c', 'd']);
      expect(await registry.clients(ID)).toHaveLength(1);
      // Its grace has to be over, too.
      await registry.leave(report('viewer'));
      expect(await registry.createStream(e, 3)).toBe('full');
      await age(GRACE_MS);
      expect(await registry.createStream(e, 3)).toMatchObject({ existing: false });
      expect(await ids()).toEqual(['c', 'd', 'e']);
      // As many as a lower limit asks for, at once.
      await age(FIRST_VIEWER_MS);
      expect(await registry.createStream(b, 1)).toMatchObject({ existing: false });
      expect(await ids()).toEqual(['b']);
    });

    it('never takes a stream from who joins it for another one', async () => {
      const { registry, join, age } = await setUp();
      for (let round = 0; round < 20; round++) {
        await registry.createStream(spec(), 0);
        await age(FIRST_VIEWER_MS);
        const other = spec(round.toString(16).padStart(32, 'b'));
        const ask = [() => join('c', 10), () => registry.createStream(other, 1)] as const;
        const [seat, created] =
          round % 2 === 0
            ? await Promise.all([ask[0](), ask[1]()])
            : await Promise.all([ask[1](), ask[0]()]).then(([answer, client]) => [client, answer] as const);
        expect(created === 'full').toBe(seat !== undefined);
        expect((await registry.streams()).map(({ id }) => id)).toEqual([created === 'full' ? ID : other.id]);
        expect(await registry.clients()).toHaveLength(seat === undefined ? 0 : 1);
        for (const { id } of await registry.streams()) await registry.deleteStream(id);
      }
    });

    it('deletes with the clients, once', async () => {
      const { registry, join } = await setUp();
      await join('c', 10);
      expect(await registry.deleteStream(ID)).toBe(true);
      expect(await registry.deleteStream(ID)).toBe(false);
      expect(await registry.clients()).toEqual([]);
      expect(await join('c', 10)).toBeUndefined();
    });

    it('forgets a stream that nobody watches, and no other', async () => {
      const { registry, join, age } = await setUp();
      await registry.createStream(spec('b'.repeat(32)), 0);
      await join('c', 10);
      await age(5_000);
      expect((await registry.cleanup(4_000)).expiredStreams).toEqual(['b'.repeat(32)]);
      expect((await registry.cleanup(4_000)).expiredStreams).toEqual([]);
      await registry.leave(report('c'));
      expect((await registry.cleanup(4_000)).expiredStreams).toEqual([]);
      await age(5_000);
      expect((await registry.cleanup(4_000)).expiredStreams).toEqual([ID]);
    });

    it('moves a source on by exactly one, however many ask', async () => {
      const { registry } = await setUp();
      const answers = await Promise.all([1, 2, 3].map(() => registry.advanceFailover(ID, -1, NEXT)));
      const moved = { state: NEXT, streams: [ID] };
      expect(answers).toEqual([moved, ...Array(2).fill({ ...moved, streams: [] })]);
      await registry.advanceFailover(ID, -1, { ...NEXT, index: 7 });
      expect((await registry.stream(ID))?.failover).toEqual(NEXT);
    });
  });

  describe('streams with the same sources', () => {
    const [B, C] = ['b'.repeat(32), 'c'.repeat(32)] as const;
    const setUpGroup = async (other: Partial<StreamSpec> = {}) => {
      const { registry, age } = await setUp();
      await registry.createStream({ ...spec(B), metadata: { name: 'two' }, ...other }, 0);
      const watch = async (streamId: string) =>
        joined(await registry.join({ client: viewer(streamId), clientId: 'c', cap: 10, localSlots: [] }))?.stream;
      const leave = (streamId: string) => registry.leave({ ...report('c'), streamId });
      const indexes = async (...ids: string[]) =>
        Promise.all(ids.map(async (id) => (await registry.stream(id))?.failover.index));
      return { registry, age, watch, leave, indexes };
    };

    it('move together, in one step', async () => {
      const { registry, indexes } = await setUpGroup({ headers: { Referer: 'x', accept: '*' } });
      await registry.createStream({ ...spec(C), headers: { accept: '*', referer: 'x' } }, 0);
      const first = await registry.advanceFailover(C, -1, NEXT);
      expect(first).toEqual({ state: NEXT, streams: expect.arrayContaining([B, C]) });
      expect(await indexes(ID, B, C)).toEqual([-1, 0, 0]);
      expect(await registry.advanceFailover(B, -1, NEXT)).toEqual({ state: NEXT, streams: [] });
      expect((await registry.advanceFailover(B, 0, { ...NEXT, index: 1 }))?.streams).toHaveLength(2);
      expect(await indexes(ID, B, C)).toEqual([-1, 1, 1]);
    });

    it.each<[string, Partial<StreamSpec>]>([
      ['URL', { url: 'http://provider/live/2.ts' }],
      ['failovers', { failoverUrls: ['http://backup/1.ts', 'http://backup/2.ts'] }],
      ['failovers, if it has any', { failoverUrls: [] }],
      ['resolver', { failoverResolverUrl: 'http://ask/' }],
      ['user agent', { userAgent: 'other' }],
      ['headers', { headers: { referer: 'x' } }],
      ['page', { page: { resolver: 'ytdlp', args: 'best', key: 'k' } }],
    ])('are those with the same %s', async (_, other) => {
      const { registry, indexes } = await setUpGroup(other);
      await registry.advanceFailover(ID, -1, NEXT);
      expect(await indexes(ID, B)).toEqual([0, -1]);
    });

    it('of a page move together when it is asked for alike, also without another source, and keep what its media wants', async () => {
      const page = { resolver: 'ytdlp', args: 'best', cookies: 'c', key: 'k' } as const;
      const { registry } = await setUpGroup({ failoverUrls: [], page });
      await registry.createStream({ ...spec(C), failoverUrls: [], page }, 0);
      const next = { ...NEXT, headers: { referer: 'page' }, userAgent: 'Page/1' };
      expect((await registry.advanceFailover(B, -1, next))?.streams).toEqual(expect.arrayContaining([B, C]));
      expect(await registry.stream(C)).toMatchObject({ page, failover: next });
    });

    it('of a page begin with its media, which is no failover', async () => {
      const { registry } = await setUpGroup();
      const why = { reason: PAGE_OPENED, oldUrl: 'a', newUrl: 'b' };
      expect((await registry.advanceFailover(ID, -1, NEXT, why))?.state.index).toBe(0);
      await registry.advanceFailover(ID, 0, { ...NEXT, index: 1 }, { ...why, reason: 'http_status' });
      const told = await registry.events({ types: ['failover_triggered'], streamId: ID }, 10);
      expect(told.map(({ data }) => data.reason)).toEqual(['http_status']);
    });

    it('play where the others play, when they are created, wake, or are created anew', async () => {
      const { registry, watch, age, indexes } = await setUpGroup();
      await watch(ID);
      await registry.advanceFailover(ID, -1, NEXT);
      expect(await registry.createStream(spec(C), 0)).toMatchObject({ stream: { failover: NEXT } });
      await age(FIRST_VIEWER_MS);
      expect(await watch(B)).toMatchObject({ failover: NEXT });
      const anew = await registry.createStream({ ...spec(C), metadata: { name: 'three' } }, 0);
      expect(anew).toMatchObject({ existing: false, stream: { failover: NEXT } });
      expect(await indexes(ID, B, C)).toEqual([0, 0, 0]);
    });

    it('are only looked at while all of their viewers are players in pages of the console', async () => {
      const { registry, leave, watch } = await setUpGroup();
      expect(await registry.isOnlyLookedAt(ID)).toBe(false);
      await registry.join({ client: viewer(B), clientId: 'console_1', cap: 10, localSlots: [] });
      expect([await registry.isOnlyLookedAt(ID), await registry.isOnlyLookedAt(B)]).toEqual([true, true]);
      await watch(ID);
      expect([await registry.isOnlyLookedAt(ID), await registry.isOnlyLookedAt(B)]).toEqual([false, false]);
      await leave(ID);
      expect(await registry.isOnlyLookedAt(ID)).toBe(true);
      expect(await registry.isOnlyLookedAt(C)).toBe(false);
    });

    it('are back at the primary source when the last of them is idle', async () => {
      const { registry, watch, leave, age, indexes } = await setUpGroup();
      await watch(ID);
      await watch(B);
      await registry.advanceFailover(ID, -1, NEXT);
      await registry.markUnshareable(B);
      await leave(B);
      await age(GRACE_MS);
      expect(await watch(B)).toMatchObject({ unshareable: true, failover: NEXT });
      await leave(B);
      await leave(ID);
      await age(GRACE_MS - 1_000);
      expect(await watch(ID)).toMatchObject({ failover: NEXT });
      await leave(ID);
      await age(GRACE_MS);
      expect(await watch(ID)).toMatchObject({ failover: { index: -1, currentUrl: spec().url } });
      expect(await indexes(ID, B)).toEqual([-1, -1]);
      expect(await watch(B)).toMatchObject({ unshareable: false });
    });

    it('begin at the primary source with the first new one, when all others are idle', async () => {
      const { registry, age, indexes } = await setUpGroup();
      await registry.advanceFailover(ID, -1, NEXT);
      await age(FIRST_VIEWER_MS);
      expect(await registry.createStream(spec(C), 0)).toMatchObject({ stream: { failover: { index: -1 } } });
      expect(await indexes(ID, B, C)).toEqual([-1, -1, -1]);
    });

    it('leave the group when they are deleted, or created anew with other sources', async () => {
      const { registry, age, indexes } = await setUpGroup();
      await registry.deleteStream(B);
      expect((await registry.advanceFailover(ID, -1, NEXT))?.streams).toEqual([ID]);
      await registry.deleteStream(ID);
      await registry.createStream(spec(), 0);
      await registry.createStream(spec(B), 0);
      expect(await indexes(ID, B)).toEqual([-1, -1]);
      await age(FIRST_VIEWER_MS);
      await registry.createStream({ ...spec(B), failoverUrls: ['http://backup/9.ts'] }, 0);
      expect((await registry.advanceFailover(ID, -1, NEXT))?.streams).toEqual([ID]);
      expect(await indexes(ID, B)).toEqual([0, -1]);
    });
  });

  describe('connections to providers', () => {
    it('are counted by account, whoever asks first', async () => {
      const { registry } = await setUp();
      const take = (id: string, account = 'x') => registry.takeConnection({ account, id }, 2);
      const answers = await Promise.all(['a', 'b', 'c', 'd'].map((id) => take(id)));
      expect(answers.filter(Boolean)).toHaveLength(2);
      expect(await take('e', 'y')).toBe(true);
      await registry.returnConnection({ account: 'x', id: 'unknown' });
      expect(await take('f')).toBe(false);
      await registry.returnConnection({ account: 'x', id: ['a', 'b', 'c', 'd'][answers.indexOf(true)] ?? '' });
      expect(await take('g')).toBe(true);
    });
  });

  describe('sessions', () => {
    const LASTS_MS = 40;
    const setUpSessions = async () => {
      const { registry, pass, monotonicMs, join } = await setUp();
      const enter = async (
        clientId: string,
        {
          cap = 10,
          onlyLive = false,
          timeoutMs = 60_000,
          atMs = 0,
        }: { cap?: number | undefined; onlyLive?: boolean; timeoutMs?: number; atMs?: number } = {},
      ) =>
        registry.join({
          client: { ...viewer(), connectedAtMs: atMs },
          ...{ clientId, cap, localSlots: [], session: { timeoutMs, onlyLive } },
        });
      const seen = (clientId: string, bytesServed: number, timeoutMs: number) => ({
        ...{ ...report(clientId, bytesServed), segmentsServed: 1, seen: { atMs: monotonicMs(), timeoutMs } },
      });
      const named = (clientId: string) => ({ streamId: ID, clientId });
      const over = () => pass(LASTS_MS + 20);
      return { registry, join, enter, seen, named, over };
    };

    it('are counted once, however often they are joined, and keep their slot', async () => {
      const { registry, enter, join } = await setUpSessions();
      await join('a', 1);
      const first = joined(await enter('tv', { cap: 1, atMs: 7 }));
      const again = joined(await enter('tv', { cap: 1, atMs: 9 }));
      expect([first?.slot, again?.slot, first?.resumed, again?.resumed]).toEqual([1, 1, false, true]);
      expect(first?.place).toBeDefined();
      expect(again).toMatchObject({ client: { id: 'tv', connectedAtMs: 7, session: true }, place: first?.place });
      expect(await registry.clients(ID)).toHaveLength(2);
      expect((await join('b', 1))?.slot).toBe(2);
    });

    it('have no slot in a direct stream, and get one when they come to need it', async () => {
      const { registry, enter } = await setUpSessions();
      const direct = await registry.join({
        ...{ client: viewer(), clientId: 'tv', cap: undefined, localSlots: [] },
        session: { timeoutMs: 60_000, onlyLive: false },
      });
      expect(direct).toMatchObject({ kind: 'joined', slot: undefined, place: undefined, resumed: false });
      expect(await enter('tv')).toMatchObject({ slot: 0, resumed: true });
      expect(await enter('tv')).toMatchObject({ slot: 0, resumed: true });
      expect((await registry.clients(ID)).map(({ slot }) => slot)).toEqual([0]);
      await registry.leave(report('tv'));
      expect(await registry.releaseSlot(ID, 0)).toBe(true);
    });

    it('are not begun by who only wants to go on', async () => {
      const { registry, enter } = await setUpSessions();
      expect(await enter('tv', { onlyLive: true })).toEqual({ kind: 'no_session' });
      expect(await registry.clients()).toEqual([]);
      await enter('tv');
      expect(await enter('tv', { onlyLive: true })).toMatchObject({ kind: 'joined', resumed: true });
    });

    it('have an id of their own beside another client with theirs, the same each time', async () => {
      const { registry, enter, join } = await setUpSessions();
      await join('tv', 10);
      const ids = async () => (await registry.clients(ID)).map(({ id }) => id).sort();
      expect(joined(await enter('tv'))?.client.id).toBe('tv_hls');
      await registry.leave(report('tv'));
      expect(joined(await enter('tv'))).toMatchObject({ client: { id: 'tv_hls' }, resumed: true });
      // The other way round, the connection gets another id, and takes the session for none of its own.
      const other = await join('tv_hls', 10);
      expect(other?.client.id).toMatch(/^tv_hls_[0-9a-f]{8}$/);
      expect(other?.earlier).toEqual([]);
      expect(await ids()).toEqual(['tv_hls', other?.client.id ?? '']);
    });

    it('add up what is reported, and leave it with the stream', async () => {
      const { registry, enter, seen, named, over } = await setUpSessions();
      await enter('tv', { timeoutMs: LASTS_MS });
      await registry.report([seen('tv', 700, LASTS_MS)]);
      await registry.report([seen('tv', 50, LASTS_MS)]);
      await registry.renew(IDLE);
      expect(await registry.clients()).toMatchObject([
        { id: 'tv', bytesServed: 750, segmentsServed: 2, lastAccessMs: 1 },
      ]);
      await over();
      expect(await registry.expire(named('tv'))).toBe('expired');
      expect(await registry.stream(ID)).toMatchObject({ bytesServed: 750, segmentsServed: 2 });
    });

    it('end only when no worker has seen them for their timeout', async () => {
      const { registry, enter, seen, named, over } = await setUpSessions();
      await enter('tv', { timeoutMs: LASTS_MS });
      expect(await registry.expire(named('tv'))).toBe('lives');
      await registry.report([seen('tv', 1, 60_000)]);
      await registry.renew(IDLE);
      await over();
      expect(await registry.expire(named('tv'))).toBe('lives');
      expect((await registry.cleanup(1e9)).expiredSessions).toEqual([]);
      await enter('radio', { timeoutMs: LASTS_MS });
      await over();
      expect((await registry.cleanup(1e9)).expiredSessions).toEqual([named('radio')]);
      expect(await registry.expire(named('radio'))).toBe('gone');
      expect((await registry.clients()).map(({ id }) => id)).toEqual(['tv']);
    });

    it('give their slot back when they end', async () => {
      const { registry, enter, named, over } = await setUpSessions();
      await enter('tv', { timeoutMs: LASTS_MS });
      expect(await registry.releaseSlot(ID, 0)).toBe(false);
      await over();
      await registry.expire(named('tv'));
      expect(await registry.releaseSlot(ID, 0)).toBe(true);
    });

    it('are ended by a leave, unless a later one has their id', async () => {
      const { registry, enter } = await setUpSessions();
      await enter('tv', { atMs: 7 });
      await registry.leave({ ...report('tv', 5), connectedAtMs: 6 });
      expect(await registry.clients()).toHaveLength(1);
      await registry.leave({ ...report('tv', 5), connectedAtMs: 7 });
      expect(await registry.clients()).toEqual([]);
      expect(await registry.stream(ID)).toMatchObject({ bytesServed: 5 });
    });

    it('go with their stream', async () => {
      const { registry, enter, named } = await setUpSessions();
      await enter('tv');
      await registry.deleteStream(ID);
      expect(await registry.expire(named('tv'))).toBe('gone');
      expect(await enter('tv')).toEqual({ kind: 'no_stream' });
    });
  });

  describe('clients and slots', () => {
    it('fills slots to the cap and opens the next', async () => {
      const { registry, join } = await setUp();
      const slots = await Promise.all(Array.from({ length: 25 }, async (_, n) => (await join(`c${n}`, 10))?.slot));
      expect(slots.map((slot) => slots.filter((other) => other === slot).length)).toEqual([
        ...Array(20).fill(10),
        ...Array(5).fill(5),
      ]);
      expect(await registry.clients(ID)).toHaveLength(25);
    });

    it('uses room that has become free, and prefers a slot the worker has', async () => {
      const { registry, join } = await setUp();
      for (let n = 0; n < 4; n++) await join(`c${n}`, 2);
      await registry.leave(report('c0'));
      await registry.leave(report('c2'));
      expect((await join('d', 2, [1]))?.slot).toBe(1);
      expect((await join('e', 2, []))?.slot).toBe(0);
    });

    it('has one slot without a cap, and none for a direct stream', async () => {
      const { join } = await setUp();
      for (let n = 0; n < 50; n++) expect((await join(`c${n}`, 0))?.slot).toBe(0);
      expect((await join('direct', undefined))?.slot).toBeUndefined();
    });

    it('gives each client a slot of its own once the source is known to have an end', async () => {
      const { registry, join } = await setUp();
      await registry.markUnshareable(ID);
      expect([(await join('a', 10))?.slot, (await join('b', 10))?.slot]).toEqual([0, 1]);
    });

    it('tells who joins what the stream is now', async () => {
      const { registry, join } = await setUp();
      const next = NEXT;
      await registry.advanceFailover(ID, -1, next);
      await registry.markUnshareable(ID);
      await registry.noteDash(ID, next.currentUrl);
      const { createdAtMs, ...stream } = (await join('a', 10))?.stream ?? {};
      expect(createdAtMs).toBe((await registry.stream(ID))?.createdAtMs);
      expect(stream).toEqual({
        ...spec(),
        failover: next,
        watched: true,
        unshareable: true,
        dashUrl: next.currentUrl,
        errorCount: 0,
        bytesServed: 0,
        segmentsServed: 0,
        lastAccessMs: expect.any(Number),
      });
    });

    it('keeps two clients apart that want the same id', async () => {
      const { registry, join } = await setUp();
      const first = await join('same', 10);
      const second = await join('same', 10);
      expect(first?.client.id).toBe('same');
      expect(second?.client.id).toMatch(/^same_[0-9a-f]{8}$/);
      await registry.leave(report('same'));
      expect((await registry.clients(ID)).map((client) => client.id)).toEqual([second?.client.id]);
    });

    it('tells of the connections that the same player has opened before', async () => {
      const { registry } = await setUp();
      let atMs = 0;
      const join = async () =>
        joined(
          await registry.join({
            client: { ...viewer(), connectedAtMs: ++atMs },
            clientId: 'tv',
            cap: undefined,
            localSlots: [],
          }),
        );
      const at = (connection: Joined | undefined) => ({
        streamId: ID,
        clientId: connection?.client.id,
        connectedAtMs: connection?.client.connectedAtMs,
        workerId: 'w1',
      });
      await registry.join({ client: viewer(), clientId: 'tv_2', cap: undefined, localSlots: [] });
      const first = await join();
      const second = await join();
      const third = await join();
      expect([first, second, third].map((each) => each?.earlier)).toEqual([[], [at(first)], [at(first), at(second)]]);
      expect(new Set([first, second, third].map((each) => each?.client.id)).size).toBe(3);
      // Who gets the id of the first one is told of the others all the same.
      await registry.leave({ ...report('tv'), connectedAtMs: 1 });
      const fourth = await join();
      expect(fourth?.client.id).toBe('tv');
      expect(fourth?.earlier).toEqual([at(second), at(third)]);
    });

    it('does not count out a later client that was given the id of one that leaves', async () => {
      const { registry, join } = await setUp();
      await join('same', 10);
      await registry.deleteStream(ID);
      await registry.createStream(spec(), 0);
      await registry.join({ client: { ...viewer(), connectedAtMs: 7 }, clientId: 'same', cap: 10, localSlots: [] });
      await registry.leave(report('same', 500));
      expect(await registry.clients()).toMatchObject([{ id: 'same', connectedAtMs: 7 }]);
      await registry.leave({ ...report('same', 500), connectedAtMs: 7 });
      expect(await registry.clients()).toEqual([]);
    });

    it('frees a slot only when nobody is in it', async () => {
      const { registry, join } = await setUp();
      await join('a', 1);
      expect(await registry.releaseSlot(ID, 0)).toBe(false);
      expect(await registry.leave(report('a', 500))).toBe(0);
      expect(await registry.leave(report('a', 500))).toBe(0);
      expect(await registry.releaseSlot(ID, 0)).toBe(true);
      expect((await registry.stream(ID))?.bytesServed).toBe(500);
    });

    it('takes over what clients have got', async () => {
      const { registry, join } = await setUp();
      await join('a', 1);
      await registry.report([{ ...report('a', 700), lastAccessMs: 9, skips: 2 }, report('unknown')]);
      expect(await registry.clients()).toMatchObject([{ id: 'a', bytesServed: 700, lastAccessMs: 9, skips: 2 }]);
    });

    it('hands out copies', async () => {
      const { registry, join } = await setUp();
      await join('a', 1);
      const [client] = await registry.clients();
      if (client !== undefined) client.bytesServed = 99;
      expect((await registry.clients())[0]?.bytesServed).toBe(0);
    });
  });

  describe('streams at a glance', () => {
    it('say who watches them, and what is left of those who have', async () => {
      const { registry, join } = await setUp();
      await registry.createStream(spec('b'.repeat(32), 'http://provider/live/2.ts'), 0);
      const none = { viewers: 0, processes: 0, watched: false, bytesServed: 0, segmentsServed: 0, owner: undefined };
      const first = await registry.summaries();
      expect([...first.keys()].sort()).toEqual([ID, 'b'.repeat(32)]);
      expect(first.get(ID)).toMatchObject(none);
      await join('a', 1);
      await join('b', 1);
      expect((await registry.summaries([ID])).get(ID)).toMatchObject({ viewers: 2, processes: 2, watched: true });
      await registry.leave(report('a', 1_000));
      const [[id, left] = []] = await registry.summaries([ID]);
      expect([id, left?.viewers, left?.processes, left?.bytesServed]).toEqual([ID, 1, 1, 1_000]);
      await registry.deleteStream(ID);
      expect([...(await registry.summaries([ID, 'c'.repeat(32)])).keys()]).toEqual([]);
    });

    it('stand in the overview, beside the workers', async () => {
      const { registry, join } = await setUp();
      await registry.heartbeat({ startedAtMs: 1, lastSeenMs: 1, cpu: 0.5, ...IDLE_NUMBERS });
      await registry.renew(IDLE);
      await join('a', 1);
      await join('b', 1);
      const { summaries, workers, leases } = await registry.overview();
      const [[id, { viewers, processes, watched } = {}] = []] = summaries;
      expect([id, viewers, processes, watched, summaries.size]).toEqual([ID, 2, 2, true, 1]);
      expect(workers).toMatchObject([{ cpu: 0.5, draining: false }]);
      expect(workers).toEqual(await registry.workers());
      // A registry in memory has no leases.
      for (const leftMs of leases.values()) expect(leftMs).toBeGreaterThan(1_000);
      await registry.deleteStream(ID);
      expect([...(await registry.overview()).summaries.keys()]).toEqual([]);
    });

    it('have their shared processes, with their owners', async () => {
      const { registry, join } = await setUp();
      expect(await registry.slots(ID)).toEqual([]);
      await join('a', 2);
      await join('b', 2);
      await join('c', 2);
      const slots = await registry.slots(ID);
      expect(slots).toMatchObject([
        { slot: 0, viewers: 2 },
        { slot: 1, viewers: 1 },
      ]);
      for (const { owner } of slots) {
        expect(owner?.workerId).toMatch(/./);
        expect(owner?.epoch).toBeGreaterThanOrEqual(1);
      }
      expect(await registry.slots('c'.repeat(32))).toEqual([]);
    });

    it('have their records, as far as they exist', async () => {
      const { registry } = await setUp();
      const read = await registry.streamsOf(['c'.repeat(32), ID]);
      expect(read).toMatchObject([{ id: ID, metadata: { name: 'one' } }]);
      expect(await registry.streamsOf([])).toEqual([]);
    });
  });

  describe('events', () => {
    const types = async (registry: SharedRegistry) =>
      (await registry.events({}, 100)).map(({ type }) => type).filter((type) => !type.startsWith('worker_'));

    it('are told once of a stream and of each viewer, the newest first', async () => {
      const { registry, join, age } = await setUp();
      await join('a', 10);
      await join('b', 10);
      expect(await types(registry)).toEqual(['client_connected', 'client_connected', 'stream_started']);
      await registry.leave(report('a', 1_000));
      await registry.leave(report('a', 1_000));
      await registry.leave(report('b'));
      await registry.renew(IDLE);
      expect((await types(registry))[0]).toBe('client_disconnected');
      await age(GRACE_MS);
      await registry.renew(IDLE);
      await registry.renew(IDLE);
      const told = await types(registry);
      expect(told.slice(0, 3)).toEqual(['stream_stopped', 'client_disconnected', 'client_disconnected']);
      expect(told).toHaveLength(6);
      await join('a', 10);
      expect((await types(registry)).slice(0, 2)).toEqual(['client_connected', 'stream_started']);
    });

    it('say what they are about', async () => {
      const { registry, join } = await setUp();
      await join('a', 10);
      await registry.leave({ ...report('a', 1_000), segmentsServed: 2 });
      const [left, came, started] = (await registry.events({}, 100)).filter(({ streamId }) => streamId !== undefined);
      const about = { stream_id: ID, name: 'one', metadata: { name: 'one' }, worker_id: 'w1' };
      const sources = { primary_url: 'http://provider/live/1.ts', failover_urls: ['http://backup/1.ts'] };
      expect(started).toMatchObject({
        streamId: ID,
        data: { ...about, ...sources, client_id: 'a', user_agent: 'test' },
      });
      const viewing = { client_id: 'a', slot: 0 };
      const counted = { user_agent: 'vlc', ip_address: '192.0.2.1', stream_client_count: 1 };
      expect(came).toMatchObject({ streamId: ID, data: { ...about, ...viewing, ...counted } });
      const got = { bytes_served: 1_000, segments_served: 2, stream_client_count: 0, reason: 'left' };
      expect(left).toMatchObject({ streamId: ID, data: { ...about, ...viewing, ...got } });
    });

    it('end with a stream that is deleted', async () => {
      const { registry, join } = await setUp();
      await join('a', 10);
      await registry.deleteStream(ID, 'oldest_stream_deletion');
      const [stopped, left] = (await registry.events({}, 100)).filter(({ streamId }) => streamId !== undefined);
      expect(stopped).toMatchObject({
        type: 'stream_stopped',
        data: { reason: 'oldest_stream_deletion', name: 'one' },
      });
      expect(left).toMatchObject({ type: 'client_disconnected', data: { reason: 'oldest_stream_deletion' } });
      await registry.leave(report('a'));
      expect(await types(registry)).toHaveLength(4);
    });

    it('tell of a session once, whoever serves it, and of its end', async () => {
      const { registry } = await setUp();
      const session = { timeoutMs: 0, onlyLive: false };
      const request = { client: viewer(), clientId: 'a', cap: 10, localSlots: [], session };
      await registry.join(request);
      await registry.join(request);
      expect(await types(registry)).toEqual(['client_connected', 'stream_started']);
      await new Promise((resolve) => setTimeout(resolve, 5));
      const [{ id = '' } = {}] = await registry.clients(ID);
      expect(['expired', 'lives']).toContain(await registry.expire({ streamId: ID, clientId: id }));
    });

    it('are found by type, stream and worker, and in pages', async () => {
      const { registry, join } = await setUp();
      await registry.createStream(spec('b'.repeat(32), 'http://provider/live/2.ts'), 0);
      for (const id of ['a', 'b', 'c']) await join(id, 10);
      await registry.join({ client: viewer('b'.repeat(32)), clientId: 'd', cap: 10, localSlots: [] });
      const all = await registry.events({ types: ['client_connected', 'stream_started'] }, 100);
      expect(all).toHaveLength(6);
      expect(new Set(all.map(({ id }) => id)).size).toBe(6);
      const paged = [];
      for (let before: string | undefined; ; before = paged.at(-1)?.id) {
        const page = await registry.events({ types: ['client_connected', 'stream_started'] }, 2, before);
        paged.push(...page);
        if (page.length === 0) break;
      }
      expect(paged).toEqual(all);
      expect(await registry.events({ types: ['stream_started'] }, 100)).toHaveLength(2);
      expect(await registry.events({ streamId: 'b'.repeat(32) }, 100)).toHaveLength(2);
      expect(await registry.events({ workerId: 'w9' }, 100)).toEqual([]);
      expect(await registry.events({ workerId: 'w1' }, 100)).toHaveLength(6);
    });

    it('go on where a reader was', async () => {
      const { registry, join } = await setUp();
      await join('a', 10);
      const since = await registry.newestEvent();
      expect(await registry.newEvents(since)).toMatchObject({ events: [], missed: 0 });
      await join('b', 10);
      await registry.leave(report('a'));
      const { events, missed, position } = await registry.newEvents(since);
      expect(events.map(({ event }) => event.type)).toEqual(['client_connected', 'client_disconnected']);
      expect(missed).toBe(0);
      const [first] = events;
      if (first === undefined) throw new Error('no event');
      expect((await registry.newEvents(first.position)).events.map(({ event }) => event.id)).toEqual([
        events[1]?.event.id,
      ]);
      expect((await registry.newEvents(position)).events).toEqual([]);
    });
  });

  describe('samples', () => {
    const sample = (n: number) => ({
      ...{ n, viewers: 3, streams: 2, processes: 1, joins: 4, failedJoins: 0, cpu: 0.5, eventLoopP99Ms: 2 },
      ...{ inBitsPerSecond: 8_000_000, outBitsPerSecond: 24_000_000, betweenBitsPerSecond: 0, residentBytes: 2 ** 27 },
    });

    it('are those of the last hour, oldest first', async () => {
      const { registry } = await setUp();
      const kept = async () => (await registry.samples.read()).flatMap(({ samples }) => samples);
      expect(await kept()).toEqual([]);
      for (let n = 1; n <= KEPT_SAMPLES + 7; n++) registry.samples.keep(sample(n));
      await registry.renew(IDLE);
      const [first, ...others] = await kept();
      expect(first).toEqual(sample(8));
      expect(others.at(-1)).toEqual(sample(KEPT_SAMPLES + 7));
      expect(others).toHaveLength(KEPT_SAMPLES - 1);
    });

    it('begin anew where the clock of the worker was set back', async () => {
      const { registry } = await setUp();
      for (const n of [1, 2, 3, 2]) registry.samples.keep({ ...sample(n), viewers: n });
      await registry.renew(IDLE);
      const [worker] = await registry.samples.read();
      expect(worker?.samples.map(({ n }) => n)).toEqual([1, 2]);
    });
  });

  describe('webhooks', () => {
    const webhook = (n: number): KeptWebhook => ({
      url: `http://receiver.example/${n}`,
      events: ['stream_started'],
      headers: { 'x-mine': 'yes' },
      timeoutMs: 5_000,
      retryAttempts: 2,
      progress: begunAtPosition(EVENTS_START),
    });

    it('are kept by URL, and go on where they are when they are replaced', async () => {
      const { registry } = await setUp();
      const place = await registry.acquire(DELIVERY);
      const epoch = place.kind === 'own' ? place.epoch : -1;
      const { url } = webhook(1);
      const progress = { position: '5-1.1,0-0.0', delivered: 3, failed: 1, missed: 0 };
      expect(await registry.webhooks.put([webhook(1)])).toBe(true);
      expect(await registry.webhooks.note(url, progress, epoch)).toBe(true);
      expect(await registry.webhooks.put([{ ...webhook(1), timeoutMs: 9_000 }, webhook(2)])).toBe(true);
      expect(await registry.webhooks.list()).toEqual([{ ...webhook(1), timeoutMs: 9_000, progress }, webhook(2)]);
      expect(await registry.webhooks.remove(url)).toBe(true);
      expect(await registry.webhooks.remove(url)).toBe(false);
      expect(await registry.webhooks.note(url, progress, epoch)).toBe(false);
      expect(await registry.webhooks.list()).toEqual([webhook(2)]);
      await registry.release(DELIVERY);
    });

    it('are not more than there may be', async () => {
      const { registry } = await setUp();
      const all = Array.from({ length: MAX_WEBHOOKS }, (_, n) => webhook(n));
      expect(await registry.webhooks.put(all)).toBe(true);
      expect(await registry.webhooks.put([webhook(99)])).toBe(false);
      expect(await registry.webhooks.put([webhook(3)])).toBe(true);
      expect(await registry.webhooks.list()).toHaveLength(MAX_WEBHOOKS);
    });
  });

  describe('broadcasts', () => {
    const order = {
      ...{ streamId: ID, streamUrl: 'http://provider/live/1.ts', kept: true, dvrMode: true, listSize: 0 },
      ...{ segmentSeconds: 6, startNumber: 0, discontinuity: false, durationSeconds: 0, seekSeconds: 0, metadata: {} },
    };
    const progress = (more: Partial<BroadcastProgress> = {}): BroadcastProgress => ({
      ...{ epoch: 0, programme: 1, state: 'running', startedAtMs: 1_000, next: 3, bytes: 300, seconds: 18 },
      ...{ programmeSeconds: 18, discontinuities: 0, pid: 4_711 },
      ...more,
    });
    const owned = async (registry: FeedOwners) => {
      const place = await registry.acquire(broadcastKey('news'));
      return place.kind === 'own' ? place.epoch : -1;
    };

    it('begin a programme that follows another one only while that is the newest, and is not to end', async () => {
      const { registry } = await setUp();
      const { broadcasts } = registry;
      expect(await broadcasts.begin('news', order, 1)).toBeUndefined();
      expect(await broadcasts.begin('news', order)).toBe(1);
      expect(await broadcasts.begin('news', { ...order, isAutomatic: true }, 1)).toBe(2);
      expect(await broadcasts.begin('news', order, 1)).toBeUndefined();
      await broadcasts.end('news');
      expect(await broadcasts.begin('news', order, 2)).toBeUndefined();
      expect(await broadcasts.find('news')).toMatchObject({
        isStopped: true,
        order: { programme: 2, isAutomatic: true },
      });
    });

    it('are kept by id, begin one programme after the other, and end', async () => {
      const { registry } = await setUp();
      const { broadcasts } = registry;
      expect(await broadcasts.list()).toEqual([]);
      expect(await broadcasts.begin('news', order)).toBe(1);
      expect(await broadcasts.end('news')).toBe(true);
      expect(await broadcasts.find('news')).toMatchObject({ isStopped: true, order: { programme: 1 } });
      expect(await broadcasts.begin('news', { ...order, segmentSeconds: 4.5 })).toBe(2);
      expect(await broadcasts.begin('sports', order)).toBe(1);
      const news = { id: 'news', order: { ...order, programme: 2, segmentSeconds: 4.5 }, isStopped: false };
      expect(await broadcasts.find('news')).toEqual({ ...news, progress: undefined });
      expect((await broadcasts.list()).map(({ id }) => id)).toEqual(['news', 'sports']);
      expect(await broadcasts.end('weather')).toBe(false);
      expect(await broadcasts.remove('news')).toBe(true);
      expect(await broadcasts.remove('news')).toBe(false);
      expect(await broadcasts.find('news')).toBeUndefined();
    });

    it('are as far as their owner says, and whoever has an older epoch says nothing', async () => {
      const { registry } = await setUp();
      const { broadcasts } = registry;
      await broadcasts.begin('news', order);
      const epoch = await owned(registry);
      const last = { n: 2, epoch, seconds: 6, pdtMs: 1_500.5, discontinuity: true, bytes: 100 };
      const said = progress({ epoch, last, feed: { next: 9, endMs: 7_000.25 } });
      expect(await broadcasts.note('news', said)).toBe('mine');
      const noted = { ...said, worker: expect.stringMatching(/./) };
      expect((await broadcasts.find('news'))?.progress).toEqual(noted);
      expect(await broadcasts.note('news', progress({ epoch: epoch - 1, next: 9 }))).toBe('lost');
      expect((await broadcasts.find('news'))?.progress).toEqual(noted);
      await broadcasts.remove('news');
      expect(await broadcasts.note('news', said)).toBe('lost');
    });

    it('come back from what is stored, but do not replace what is there', async () => {
      const { registry } = await setUp();
      const { broadcasts } = registry;
      const stored = { id: 'news', order: { ...order, programme: 7 }, isStopped: true };
      await broadcasts.restore(stored);
      expect(await broadcasts.find('news')).toEqual({ ...stored, progress: undefined });
      await broadcasts.restore({ ...stored, order: { ...stored.order, programme: 3 }, isStopped: false });
      expect(await broadcasts.find('news')).toEqual({ ...stored, progress: undefined });
      expect(await broadcasts.begin('news', order)).toBe(8);
    });

    it('keep their stream from being idle until they are over', async () => {
      const { registry, join, age } = await setUp();
      const { broadcasts } = registry;
      await broadcasts.begin('news', order);
      const epoch = await owned(registry);
      await registry.advanceFailover(ID, -1, NEXT);
      await age(FIRST_VIEWER_MS);
      // A web page is not asked again because the first viewer comes while it is recorded.
      expect((await join('a', 10))?.stream.failover).toEqual(NEXT);
      await registry.leave(report('a'));
      await age(5_000);
      expect(await broadcasts.recorded()).toEqual(new Set([ID]));
      expect((await registry.cleanup(4_000)).expiredStreams).toEqual([]);
      const two = { ...spec(), metadata: { name: 'two' } };
      expect(await registry.createStream(two, 0)).toMatchObject({ existing: true, stream: spec() });
      await broadcasts.note('news', progress({ epoch, state: 'stopped', endedAtMs: 2_000 }));
      expect(await broadcasts.recorded()).toEqual(new Set());
      expect((await registry.cleanup(4_000)).expiredStreams).toEqual([]);
      await age(5_000);
      expect((await registry.cleanup(4_000)).expiredStreams).toEqual([ID]);
    });
  });
}
