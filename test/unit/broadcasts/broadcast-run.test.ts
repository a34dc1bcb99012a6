/** One broadcast on the worker that makes it: what it takes of a feed, and how it goes on when that ends. */

import pino from 'pino';
import { afterEach, expect, it } from 'vitest';
import { BroadcastRun } from '../../../services/proxy/src/broadcasts/broadcast-run.ts';
import { BroadcastWriter } from '../../../services/proxy/src/broadcasts/broadcast-writer.ts';
import { MemoryStore } from '../../../services/proxy/src/broadcasts/store/memory-store.ts';
import { segmentName } from '../../../services/proxy/src/broadcasts/store/names.ts';
import { SourceError } from '../../../services/proxy/src/errors.ts';
import { FiniteSourceError } from '../../../services/proxy/src/feed/finite-source.ts';
import type { BroadcastOrder } from '../../../services/registry/broadcasts/broadcast.ts';
import { MemoryBroadcasts } from '../../../services/registry/memory/memory-broadcasts.ts';
import { type Clock, systemClock } from '../../../services/shared/clock.ts';
import { until } from '../../support/until.ts';
import { CutFeed } from './cut-feed.ts';
import { BEGIN_MS, order } from './support.ts';

const ID = 'news';
const log = pino({ level: 'silent' });
/** By how much the wall clock is ahead. */
let aheadMs = 0;
afterEach(() => {
  aheadMs = 0;
});
/** A thousand times as fast. */
const clock: Clock = {
  ...systemClock,
  wallMs: () => systemClock.wallMs() + aheadMs,
  monotonicMs: () => systemClock.monotonicMs() * 1_000,
  setTimeout: (callback, ms) => systemClock.setTimeout(callback, ms / 1_000),
};

async function ground(feeds: (CutFeed | Error)[], more: Partial<BroadcastOrder> = {}) {
  const spoken = new Map<string, number>();
  const store = new MemoryStore();
  const book = new MemoryBroadcasts(() => undefined);
  const asked = order(more);
  const programme = (await book.begin(ID, asked)) ?? 0;
  const writer = await BroadcastWriter.open(
    { book, store, clock },
    { id: ID, order: { ...asked, programme } },
    5,
    undefined,
  );
  const opened: CutFeed[] = [];
  const ended: string[] = [];
  const told: string[] = [];
  const followed: [number, number][] = [];
  /** The programmes that follow by themselves. */
  const following: ((before: BroadcastOrder) => BroadcastOrder)[] = [];
  const open = async () => {
    const feed = feeds.shift() ?? new SourceError('refused', 'The provider is gone.');
    if (feed instanceof Error) throw feed;
    opened.push(feed);
    return feed;
  };
  const run = new BroadcastRun({
    ...{ writer, open, clock, log },
    news: {
      began: ({ order }) => void told.push(`began ${order.programme}`),
      over: ({ order }, end, error = '') => void told.push(`${end} ${order.programme} ${error}`.trim()),
    },
    hasEnd: async (id) => void ended.push(id),
    subtitles: ({ url }) => {
      spoken.set(url, (spoken.get(url) ?? 0) + 1);
      return {
        of: async (bytes, positionOf, seconds) => `${url}: ${bytes} ${positionOf(0)}+${seconds}`,
        close: () => void spoken.set(url, (spoken.get(url) ?? 0) - 1),
      };
    },
    following: async ({ order }) => following.shift()?.(order),
    hasFollowed: (before, { pid }) => void followed.push([before.order.programme, pid]),
  });
  const media = async () => {
    const { segments } = run.index;
    return Promise.all(
      segments.map(
        async ({ n, discontinuity }) => `${discontinuity ? '!' : ''}${await store.read(ID, 5, segmentName(n))}`,
      ),
    );
  };
  return {
    run,
    book,
    opened,
    ended,
    told,
    following,
    followed,
    media,
    spoken,
    store,
    next: async () => ({ ...asked, programme: (await book.begin(ID, asked)) ?? 0 }),
  };
}

const segments = (run: BroadcastRun, count: number) =>
  until(() => run.index.segments.length >= count, { what: `segment ${count} of the broadcast` });

const running = (run: BroadcastRun) =>
  until(() => run.index.state === 'running', { everyMs: 1, what: 'the broadcast to run' });

it('begins with the newest segment, and writes groups of about segment_duration', async () => {
  const feed = new CutFeed().cut(4).cut(5);
  const { run, media } = await ground([feed]);
  const over = run.run();
  await running(run);
  for (let n = 6; n <= 11; n++) feed.cut(n);
  await segments(run, 2);
  expect(run.index.state).toBe('running');
  run.stop();
  expect(await over).toEqual({ kind: 'stopped' });
  expect(await media()).toEqual(['[5][6][7]', '[8][9][10]', '[11]']);
  expect(run.index.state).toBe('stopped');
  expect(feed.isReleased).toBe(true);
});

it('signals what the feed cannot give, and lists nothing for it', async () => {
  const feed = new CutFeed().cut(0);
  feed.lost.add(3);
  const { run, media } = await ground([feed]);
  const over = run.run();
  await running(run);
  for (let n = 1; n <= 9; n++) feed.cut(n, { gap: n === 7 });
  await segments(run, 2);
  feed.cut(10);
  await segments(run, 3);
  run.stop();
  await over;
  expect(await media()).toEqual(['[0][1][2]', '![4][5][6]', '![8][9][10]']);
});

it('plays a source that has an end to there, and has ended then', async () => {
  const live = new CutFeed();
  const film = new CutFeed().cut(1_000);
  const { run, media, ended } = await ground([live, film]);
  const over = run.run();
  live.end(new FiniteSourceError());
  await running(run);
  film.cut(1_001).cut(1_002).cut(1_003);
  film.isComplete = true;
  film.end();
  expect(await over).toEqual({ kind: 'ended' });
  expect(await media()).toEqual(['[1000][1001][1002]', '[1003]']);
  expect([ended, run.index.state]).toEqual([['a'.repeat(32)], 'stopped']);
});

it('goes on by itself with the programme that follows, and says so when that has media', async () => {
  const [first, second] = [new CutFeed().cut(0), new CutFeed()];
  const { run, media, following, followed, told } = await ground([first, second], { durationSeconds: 4 });
  following.push((before) => ({ ...before, programme: before.programme + 1, durationSeconds: 0 }));
  const over = run.run();
  await running(run);
  first.cut(1);
  await until(() => first.isReleased, { what: 'the first feed to be released' });
  expect(followed).toEqual([]);
  second.cut(50);
  await until(() => followed.length > 0, { what: 'the programme that follows' });
  expect(followed).toEqual([[1, run.index.pid]]);
  second.cut(51).cut(52);
  await segments(run, 2);
  run.stop();
  expect(await over).toEqual({ kind: 'stopped' });
  expect(await media()).toEqual(['[0][1]', '![50][51][52]']);
  expect(told).toEqual(['began 1', 'ended 1', 'began 2', 'stopped 2']);
});

it('goes on where it was when its feed has ended, without a discontinuity if nothing is missing', async () => {
  const [first, same, other] = [new CutFeed().cut(0), new CutFeed(), new CutFeed()];
  const { run, media, opened } = await ground([first, new SourceError('refused', 'Not yet.'), same, other]);
  const over = run.run();
  await running(run);
  first.cut(1).cut(2);
  await segments(run, 1);
  first.end();
  same.cut(1);
  for (let n = 2; n <= 5; n++) same.cut(n);
  await segments(run, 2);
  same.end();
  // It began anew: its numbers say nothing.
  for (let n = 0; n < 3; n++) other.cut(n, { pdtMs: BEGIN_MS + 60_000 + n * 2_000 });
  await segments(run, 3);
  run.stop();
  await over;
  expect(await media()).toEqual(['[0][1][2]', '[3][4][5]', '![0][1][2]']);
  expect(opened.map(({ isReleased }) => isReleased)).toEqual([true, true, true]);
});

it('fails at once when its source does not open, and says why', async () => {
  const { run, book } = await ground([]);
  expect(await run.run()).toMatchObject({ kind: 'failed', error: { message: 'The provider is gone.' } });
  expect((await book.find(ID))?.progress).toMatchObject({ state: 'failed', error: 'The provider is gone.' });
});

it('fails when its source stays away for 60 s, with what there is', async () => {
  const feed = new CutFeed().cut(0);
  const { run, media, told } = await ground([feed]);
  const beganMs = clock.monotonicMs();
  const over = run.run();
  await running(run);
  feed.cut(1);
  feed.end(new SourceError('stalled', 'It sends nothing.'));
  expect(await over).toMatchObject({ kind: 'failed', error: { message: 'The provider is gone.' } });
  expect(clock.monotonicMs() - beganMs).toBeGreaterThanOrEqual(60_000);
  expect(await media()).toEqual(['[0][1]']);
  expect(told).toEqual(['began 1', 'failed 1 The provider is gone.']);
});

it('ends when the time of its programme is over, and not before', async () => {
  const feed = new CutFeed().cut(0);
  const { run, media } = await ground([feed], { durationSeconds: 8 });
  const over = run.run();
  await running(run);
  for (let n = 1; n <= 6; n++) feed.cut(n);
  expect(await over).toEqual({ kind: 'ended' });
  expect(await media()).toEqual(['[0][1][2]', '[3]']);
});

it('goes on with the next programme under the next number, with a discontinuity', async () => {
  const [first, second] = [new CutFeed().cut(0), new CutFeed().cut(20)];
  const { run, media, next, told } = await ground([first, second]);
  const over = run.run();
  await running(run);
  first.cut(1).cut(2).cut(3);
  await segments(run, 1);
  run.next(await next());
  await until(() => run.index.order.programme === 2 && run.index.state === 'running', { what: 'the next programme' });
  second.cut(21).cut(22);
  await segments(run, 3);
  expect(run.index.order.programme).toBe(2);
  run.stop();
  await over;
  expect(await media()).toEqual(['[0][1][2]', '[3]', '![20][21][22]']);
  expect(told).toEqual(['began 1', 'next_programme 1', 'began 2', 'stopped 2']);
});

it('opens the feed of the programme that follows by itself before the one of now is over', async () => {
  const [first, second] = [new CutFeed().cut(0), new CutFeed().cut(20)];
  const asked = order({ durationSeconds: 0 });
  const { run, media, opened, following } = await ground([first, second], { durationSeconds: 16, following: asked });
  following.push(({ programme }) => ({ ...asked, programme: programme + 1, isAutomatic: true }));
  const over = run.run();
  await running(run);
  first.cut(1);
  expect(opened).toEqual([first]);
  first.cut(2).cut(3);
  await until(() => opened.length > 1, { what: 'the feed that is opened ahead' });
  expect(run.index.order.programme).toBe(1);
  // What it has had by then is its own beginning, and no part of the programme.
  second.cut(21);
  for (let n = 4; n <= 7; n++) first.cut(n);
  await until(() => run.index.order.programme === 2 && run.index.state === 'running', { what: 'the next programme' });
  second.cut(22).cut(23);
  await segments(run, 4);
  run.stop();
  await over;
  expect((await media()).join('')).toBe('[0][1][2][3][4][5][6][7]![21][22][23]');
  expect([opened, first.isReleased, second.isReleased]).toEqual([[first, second], true, true]);
});

it.each(['stop', 'leave'] as const)('has no use for a feed that was opened ahead after a %s', async (asked) => {
  const [first, second] = [new CutFeed().cut(0), new CutFeed().cut(20)];
  const { run, opened } = await ground([first, second], { durationSeconds: 8, following: order() });
  const over = run.run();
  await until(() => opened.length > 1, { what: 'the feed that is opened ahead' });
  run[asked]();
  await over;
  await until(() => second.isReleased, { what: 'the end of the feed that was opened ahead' });
  expect(first.isReleased).toBe(true);
});

it('gives another programme that is asked for its own feed, and not the one that was opened ahead', async () => {
  const [first, second, third] = [new CutFeed().cut(0), new CutFeed().cut(20), new CutFeed().cut(40)];
  const { run, opened, next } = await ground([first, second, third], { durationSeconds: 8, following: order() });
  const over = run.run();
  await until(() => opened.length > 1, { what: 'the feed that is opened ahead' });
  run.next(await next());
  await until(() => opened.length > 2, { what: 'the feed of the programme' });
  await until(() => second.isReleased, { what: 'the end of the feed that was opened ahead' });
  expect(third.isReleased).toBe(false);
  run.stop();
  await over;
});

it('tries the source of a programme that follows by itself again, as nobody waits for an answer', async () => {
  const gone = () => new SourceError('refused', 'The provider is gone.');
  const [first, second] = [new CutFeed().cut(0), new CutFeed().cut(20)];
  const asked = order();
  // The one that was to be opened ahead, and the one at the beginning.
  const feeds = [first, gone(), gone(), second];
  const { run, following, told } = await ground(feeds, { durationSeconds: 4, following: asked });
  following.push(({ programme }) => ({ ...asked, programme: programme + 1, isAutomatic: true }));
  const over = run.run();
  await running(run);
  first.cut(1).cut(2);
  await until(() => told.includes('began 2'), { what: 'the programme that follows' });
  run.stop();
  expect(await over).toEqual({ kind: 'stopped' });
});

it('does not make up for the time in which nobody recorded a live source', async () => {
  const feed = new CutFeed().cut(0);
  const { run } = await ground([feed], { durationSeconds: 600 });
  const over = run.run();
  await running(run);
  aheadMs = 661_000;
  feed.cut(1);
  expect(await over).toEqual({ kind: 'ended' });
  const film = new CutFeed().cut(0);
  film.isLive = false;
  const { run: ofFilm } = await ground([film], { durationSeconds: 4 });
  const filmOver = ofFilm.run();
  await running(ofFilm);
  aheadMs *= 2;
  film.cut(1);
  await until(() => ofFilm.index.state === 'running', { what: 'the film to go on' });
  film.cut(2).cut(3);
  expect(await filmOver).toEqual({ kind: 'ended' });
  expect(ofFilm.index.programmeSeconds).toBe(4);
});

it('is left to another worker without an end, with all that it has got', async () => {
  const feed = new CutFeed().cut(0);
  const { run, media, told } = await ground([feed]);
  const over = run.run();
  await running(run);
  feed.cut(1);
  run.leave();
  expect(await over).toEqual({ kind: 'left' });
  expect(told).toEqual(['began 1']);
  expect([run.index.state, run.index.endedAtMs]).toEqual(['running', undefined]);
  expect((await media()).join('')).toMatch(/^\[0\]/);
});

it('is lost when it was removed meanwhile', async () => {
  const feed = new CutFeed().cut(0);
  const { run, book } = await ground([feed]);
  const over = run.run();
  await running(run);
  await book.remove(ID);
  feed.cut(1).cut(2);
  expect(await over).toEqual({ kind: 'lost' });
});

it('writes the subtitles of each segment beside it, by where that is in its programme', async () => {
  const subtitles = (url: string) => ({ subtitles: { url, headers: {}, seekSeconds: 0 } });
  const { run, store, spoken, next } = await ground([new CutFeed().cut(0), new CutFeed().cut(7)], {
    ...{ segmentSeconds: 2, ...subtitles('one') },
  });
  const over = run.run();
  await segments(run, 1);
  run.next({ ...(await next()), ...subtitles('two') });
  await segments(run, 2);
  expect([...spoken]).toEqual([
    ['one', 0],
    ['two', 1],
  ]);
  run.stop();
  await over;
  const texts = run.index.segments.map(async ({ n, subtitled }) => [
    subtitled,
    String(await store.read(ID, 5, segmentName(n, 'vtt'))),
  ]);
  expect(await Promise.all(texts)).toEqual([
    [true, 'one: [0] 0+2'],
    [true, 'two: [7] 0+2'],
  ]);
  expect(spoken.get('two')).toBe(0);
});
