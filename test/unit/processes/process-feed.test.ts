/** A feed outlives its runs: whatever ends one, the next continues it, or viewers learn why none does. */

import { describe, expect, it, onTestFinished } from 'vitest';
import { deferred, pause } from '../../../services/proxy/src/async.ts';
import { SourceError, StreampoolError } from '../../../services/proxy/src/errors.ts';
import { FiniteSourceError } from '../../../services/proxy/src/feed/finite-source.ts';
import { MarkLog } from '../../../services/proxy/src/feed/marks/mark-log.ts';
import { type MarksFollowed, ProcessMarks } from '../../../services/proxy/src/processes/output/process-marks.ts';
import { ProcessFeed, type ProcessFeedDeps } from '../../../services/proxy/src/processes/process-feed.ts';
import type { Production } from '../../../services/proxy/src/processes/production.ts';
import type { Run } from '../../../services/proxy/src/processes/run.ts';
import { StreamSource } from '../../../services/proxy/src/streams/stream-source.ts';
import { accountOf } from '../../../services/proxy/src/upstream/provider/provider-connections.ts';
import { MemoryRegistry } from '../../../services/registry/memory/memory-registry.ts';
import { newStream } from '../../../services/registry/new-stream.ts';
import { systemClock } from '../../../services/shared/clock.ts';
import { failoverGroups } from '../../support/failover-groups.ts';
import { SEGMENT_SETTINGS } from '../../support/segment-settings.ts';
import { SPEC } from '../../support/stream-spec.ts';
import { until } from '../../support/until.ts';
import {
  AT_LIMIT,
  exitOf,
  FakeRun,
  type FakeSource,
  LOG,
  ME,
  type Opening,
  placeOf,
  plainOutput,
  textOf,
} from './support.ts';

const REFUSED = new SourceError('refused', 'The source refused the connection.');
const SILENT = new SourceError('stalled', 'The source sent nothing for 15 s.');
const FULL = new StreampoolError(503, 'All connections are in use.');
/** FFmpeg opens these itself. A source feed of live MPEG-TS goes on at the next source inside. */
const URLS = ['http://provider/1.m3u8', 'http://provider/2.m3u8', 'http://provider/3.m3u8'];

interface Setting extends Partial<ProcessFeedDeps> {
  /** How many sources the stream has besides its first. */
  readonly failovers?: number;
  readonly continuable?: boolean;
  readonly followed?: MarksFollowed;
  /** The stream is that of a web page, which has given the first URL until then and now gives the second. */
  readonly expiresAtMs?: number;
}

/** A feed whose runs are opened by the test, one after the other. */
function setUp({ failovers = 0, continuable = true, followed = 'own', expiresAtMs, ...deps }: Setting = {}) {
  const events: string[] = [];
  const openings: Opening[] = [];
  const [currentUrl = '', nextUrl = ''] = URLS;
  const spec = { ...SPEC, url: currentUrl, failoverUrls: URLS.slice(1, 1 + failovers) };
  const onPage = { index: 0, attempts: 1, lastAtMs: 2_000, currentUrl, expiresAtMs };
  const stream =
    expiresAtMs === undefined
      ? newStream(spec, 1_000)
      : { ...newStream({ ...spec, page: { resolver: 'ytdlp', args: 'best', key: 'k' } }, 1_000), failover: onPage };
  const registry = new MemoryRegistry(ME, 0);
  const askPage = async () => ({ url: nextUrl, headers: {}, userAgent: undefined });
  const source = new StreamSource(stream, failoverGroups({ registry, log: LOG, askPage }));
  const production: Production = {
    start: (request) => {
      const opening = { request, ...deferred<Run>() };
      openings.push(opening);
      events.push(`opens ${request.address.url.replace(/.*\//, '')}`);
      request.signal.addEventListener('abort', () =>
        opening.reject(new SourceError('stopped', 'The stream is no longer wanted.')),
      );
      return opening.promise;
    },
    leaseSource: () => Promise.reject(new Error('no handover in this test')),
    output: (feed) => plainOutput(feed, continuable),
    marks: () => new ProcessMarks(followed, 2_000),
    opaque: !continuable,
    samePictures: false,
    aheadMs: undefined,
    needsProcess: true,
  };
  const place = placeOf('p:a:0', { kind: 'own', epoch: 1 }, registry);
  const process = new ProcessFeed({
    log: LOG,
    ringLimits: () => ({ retainMs: 60_000, joinBufferMs: 0, maxBytes: 1_000_000 }),
    streamTimeoutMs: 60_000,
    streamTotalTimeoutMs: 0,
    retryAttempts: 0,
    retryDelayMs: 0,
    segments: SEGMENT_SETTINGS,
    onRestart: () => events.push('restarts'),
    ...deps,
    stream,
    slot: 0,
    source,
    production,
    place,
    isWatched: () => true,
    agree: async (_name, offered) => offered,
  });
  onTestFinished(() => process.stop());
  const { feed } = process;

  /** Waits until the feed has asked for its run number `nth`. */
  const asked = (nth: number) =>
    until(() => openings[nth], { what: () => `run ${nth} to be opened; so far: ${events.join(', ')}`, everyMs: 1 });
  const open = async (nth: number, run: FakeRun) => (await asked(nth)).resolve(run);
  const refuse = async (nth: number, error: unknown) => (await asked(nth)).reject(error);
  const has = (text: string) =>
    until(() => textOf(feed) === text, { what: () => `${text}; the feed has ${textOf(feed)}`, everyMs: 1 });
  const ends = () => until(() => feed.end, { what: () => `the end of the feed: ${events.join(', ')}`, everyMs: 1 });
  const run = (name: string, of?: FakeSource) => new FakeRun(name, events, of);
  return { process, place, source, registry, events, asked, open, refuse, has, ends, run, openings };
}

const PRIMARY = { url: URLS[0] as string, headers: {}, userAgent: 'test', sticky: false };

/** A source that the run of a feed reads alone. */
function fakeSource(events: string[], change: Partial<FakeSource> = {}): FakeSource {
  return {
    account: accountOf(PRIMARY),
    address: PRIMARY,
    index: -1,
    feed: { readerCount: 1 },
    place: { feed: 's:a' },
    history: { current: { timeline: 't' } },
    trouble: undefined,
    lost: undefined,
    arrivals: { lastVideoMs: undefined, lastAudioMs: undefined, videoIntervalMs: undefined },
    holdRetries: () => {
      events.push('retries held');
      return () => void events.push('retries allowed');
    },
    ...change,
  };
}

describe('a run that ends by itself', () => {
  it('is replaced at once, and its source is freed when the next run is there', async () => {
    const { process, events, open, has, run } = setUp();
    const a = run('a').send('a1', 'a2');
    await open(0, a);
    await has('a1a2');
    a.end({ exit: exitOf('failed') });
    await open(1, run('b').send('b1'));
    await has('a1a2b1');
    expect(events).toEqual(['opens 1.m3u8', 'a killed', 'restarts', 'opens 1.m3u8', 'a released']);
    expect(process.restarts).toBe(1);
  });

  it('is replaced when it has no keyframe where a segment begins, once', async () => {
    const { process, events, open, has, run } = setUp({ followed: 'clock' });
    const of = fakeSource(events, { marks: new MarkLog() });
    await open(0, run('a', of).send('a1', 'a2'));
    await has('a1a2');
    process.segmentFault();
    process.segmentFault();
    await open(1, run('b', of).send('b1'));
    await has('a1a2b1');
    process.segmentFault();
    expect(events).toEqual(['opens 1.m3u8', 'a killed', 'restarts', 'opens 1.m3u8', 'a released']);
  });

  it('ends the feed when runs bring no media again and again', async () => {
    const { events, open, ends, run } = setUp({ retryAttempts: 1 });
    for (const nth of [0, 1]) {
      const barren = run(`${nth}`);
      await open(nth, barren);
      barren.end({ exit: exitOf('failed') });
    }
    expect(await ends()).toMatchObject({ kind: 'failed', error: { reason: 'ffmpeg' } });
    expect(events.filter((event) => event.startsWith('opens'))).toHaveLength(2);
    expect(events.at(-1)).toBe('1 released');
  });

  it('is not continued in a container that cannot be', async () => {
    const { events, open, has, ends, run } = setUp({ continuable: false });
    const a = run('a').send('a1', 'a2');
    await open(0, a);
    await has('a1a2');
    a.end({ exit: exitOf('failed') });
    expect(await ends()).toEqual({ kind: 'ended' });
    expect(events).toEqual(['opens 1.m3u8', 'a killed', 'a released']);
  });
});

describe('a run that hangs', () => {
  /** The watch looks four times a second. */
  const hangs = { streamTimeoutMs: 50 };

  it('is replaced', async () => {
    const { events, open, has, run } = setUp(hangs);
    await open(0, run('a').send('a1', 'a2'));
    await open(1, run('b').send('b1'));
    await has('a1a2b1');
    expect(events.slice(0, 4)).toEqual(['opens 1.m3u8', 'a killed', 'restarts', 'opens 1.m3u8']);
  });

  it('says nothing of its source: the feed fails although FFmpeg says that its input has ended', async () => {
    const { open, ends, run } = setUp(hangs);
    const a = run('a');
    a.kill = () => a.end({ exit: exitOf('source_ended') });
    await open(0, a);
    expect(await ends()).toMatchObject({ kind: 'failed' });
  });

  it('ends the feed without an error when its input has ended without that', async () => {
    const { open, ends, run } = setUp();
    const a = run('a');
    await open(0, a);
    a.end({ exit: exitOf('source_ended') });
    expect(await ends()).toEqual({ kind: 'ended' });
  });
});

describe('a source that does not open', () => {
  it('ends the feed with its error', async () => {
    const { refuse, ends } = setUp();
    await refuse(0, REFUSED);
    expect(await ends()).toEqual({ kind: 'failed', error: REFUSED });
  });

  it('is left for the next one, after the last run of it has been freed', async () => {
    const { process, events, open, refuse, has, ends, run } = setUp({ failovers: 1 });
    const a = run('a').send('a1', 'a2');
    await open(0, a);
    await has('a1a2');
    a.end({ sourceError: REFUSED });
    await refuse(1, REFUSED);
    expect(await ends()).toEqual({ kind: 'failed', error: REFUSED });
    expect(events).toEqual(['opens 1.m3u8', 'a killed', 'a released', 'restarts', 'opens 2.m3u8']);
    expect(process.restarts).toBe(1);
  });

  it('is left for each source of the list once, however long the outage has lasted', async () => {
    const { events, open, refuse, has, run } = setUp({ failovers: 2, streamTotalTimeoutMs: 20 });
    const a = run('a').send('a1', 'a2');
    await open(0, a);
    await has('a1a2');
    await pause(30);
    a.end({ sourceError: SILENT });
    await refuse(1, SILENT);
    await open(2, run('c').send('c1'));
    await has('a1a2c1');
    expect(events.filter((event) => event.startsWith('opens'))).toEqual([
      'opens 1.m3u8',
      'opens 2.m3u8',
      'opens 3.m3u8',
    ]);
  });

  it('is no excuse for a fault of the worker', async () => {
    const { refuse, ends } = setUp({ failovers: 1, retryAttempts: 5 });
    const fault = new TypeError('a fault');
    await refuse(0, fault);
    expect(await ends()).toEqual({ kind: 'failed', error: fault });
  });

  it('is not waited for when nobody wants the feed any more', async () => {
    const { process, events, asked, ends } = setUp({ failovers: 1 });
    await asked(0);
    await process.stop();
    expect(await ends()).toEqual({ kind: 'ended' });
    expect(events).toEqual(['opens 1.m3u8']);
  });

  it('frees what it opens too late', async () => {
    const { process, events, asked, ends, run } = setUp();
    const opening = await asked(0);
    opening.resolve(run('a').send('a1'));
    await process.stop();
    expect(await ends()).toEqual({ kind: 'ended' });
    expect(events).toEqual(['opens 1.m3u8', 'a killed', 'a released']);
  });
});

it('does not share a source that has an end', async () => {
  const { events, open, ends, run } = setUp();
  const a = run('a').send('a1');
  a.duration = Promise.resolve(60);
  await open(0, a);
  expect(await ends()).toMatchObject({ error: expect.any(FiniteSourceError) });
  expect(events).toEqual(['opens 1.m3u8', 'a killed', 'a released']);
});

describe('a move to the next source', () => {
  it('opens it beside the current one, which ends when the next has output', async () => {
    const { process, events, asked, open, has, run, source } = setUp({ failovers: 1 });
    const a = run('a', fakeSource([]));
    await open(0, a.send('a1', 'a2'));
    await has('a1a2');
    await source.advance(-1, { reason: 'manual' });
    const moved = process.switchSource();
    await asked(1);
    a.send('a3');
    await has('a1a2a3');
    await open(1, run('b').send('b1'));
    expect(await moved).toBe(true);
    await has('a1a2a3b1');
    expect(events).toEqual(['opens 1.m3u8', 'opens 2.m3u8', 'a killed', 'a released']);
    expect(process.restarts).toBe(0);
  });

  it('uses the run that is ready, however the current one ends', async () => {
    const { process, open, has, run, source } = setUp({ failovers: 1 });
    const a = run('a').send('a1', 'a2');
    await open(0, a);
    await has('a1a2');
    await source.advance(-1, { reason: 'manual' });
    const moved = process.switchSource();
    a.closeOutput();
    await pause(5);
    await open(1, run('b').send('b1'));
    await moved;
    // These arguments are wrong on every source, and would end the feed.
    a.end({ exit: exitOf('bad_arguments') });
    await has('a1a2b1');
    expect(process.restarts).toBe(0);
  });

  it('closes the only connection that the provider allows, before it opens the next', async () => {
    const { process, events, open, refuse, has, run, source } = setUp({ failovers: 1 });
    const a = run('a', fakeSource(events)).send('a1');
    await open(0, a);
    await has('a1');
    await source.advance(-1, { reason: 'manual' });
    const moved = process.switchSource();
    await refuse(1, AT_LIMIT);
    expect(await moved).toBe(true);
    // Nothing failed: not even a first run without much media is counted.
    await open(2, run('b').send('b1'));
    await has('a1b1');
    expect(events).toEqual([
      'opens 1.m3u8',
      'retries held',
      'opens 2.m3u8',
      'retries allowed',
      'a killed',
      'a released',
      'opens 2.m3u8',
    ]);
    expect(process.restarts).toBe(0);
  });

  it('counts the end of the next run again, after it has closed a connection', async () => {
    const { process, events, open, refuse, has, ends, run, source } = setUp({ failovers: 1 });
    await open(0, run('a', fakeSource(events)).send('a1'));
    await has('a1');
    await source.advance(-1, { reason: 'manual' });
    const moved = process.switchSource();
    await refuse(1, AT_LIMIT);
    await moved;
    const b = run('b');
    await open(2, b);
    b.end({ exit: exitOf('failed') });
    expect(await ends()).toMatchObject({ kind: 'failed', error: { reason: 'ffmpeg' } });
  });

  it.each([
    ['others read it too', { feed: { readerCount: 2 } }],
    ['it is of another account', { account: 'another' }],
  ])('leaves the current connection alone when %s', async (_, change) => {
    const { process, events, open, refuse, has, run, source } = setUp({ failovers: 1 });
    const a = run('a', fakeSource([], change)).send('a1');
    await open(0, a);
    await has('a1');
    await source.advance(-1, { reason: 'manual' });
    const moved = process.switchSource();
    await refuse(1, AT_LIMIT);
    expect(await moved).toBe(false);
    a.send('a2');
    await has('a1a2');
    expect(events).toEqual(['opens 1.m3u8', 'opens 2.m3u8']);
  });

  it('follows the stream when that moves on once more meanwhile, whichever source is quicker', async () => {
    const { process, source, asked, open, run, events, has, openings } = setUp({ failovers: 2 });
    const [first, second, third] = ['first', 'second', 'third'].map((name) => run(name)) as [FakeRun, FakeRun, FakeRun];
    await open(0, first.send('1'));
    await has('1');
    const moveOn = async (index: number) => {
      await source.advance(index, { reason: 'manual' });
      return { moved: process.switchSource() };
    };
    const moves = [await moveOn(-1)];
    await asked(1);
    moves.push(await moveOn(0));
    // A run that has not been asked for cannot be quicker.
    for (const nth of openings.length > 2 ? [2, 1] : [1, 2]) {
      await open(nth, nth === 1 ? second.send('2') : third.send('3'));
      if (nth === 2) await has('13');
    }
    await Promise.all(moves.map(({ moved }) => moved));
    await pause(10);
    expect(textOf(process.feed)).toBe('13');
    expect(events).toEqual(expect.arrayContaining(['second killed', 'second released']));
    expect(events).not.toContain('third killed');
  });

  it('replaces a run that was still being opened on the old source', async () => {
    const { process, events, asked, open, has, run, source } = setUp({ failovers: 1 });
    const old = await asked(0);
    await source.advance(-1, { reason: 'manual' });
    const moved = process.switchSource();
    await open(1, run('b').send('b1'));
    expect(await moved).toBe(true);
    old.resolve(run('a'));
    await has('b1');
    expect(events).toEqual(['opens 1.m3u8', 'opens 2.m3u8', 'a killed', 'a released']);
  });

  it('opens nothing for a feed that has failed meanwhile, and moves the stream no further', async () => {
    const { process, events, asked, open, refuse, ends, run, source } = setUp({ failovers: 2 });
    await asked(0);
    await source.advance(-1, { reason: 'manual' });
    const moved = process.switchSource();
    // It is there, and has not sent anything yet.
    await open(1, run('b'));
    await refuse(0, FULL);
    expect(await ends()).toEqual({ kind: 'failed', error: FULL });
    expect(await moved).toBe(false);
    expect([events, source.index]).toEqual([['opens 1.m3u8', 'opens 2.m3u8', 'b killed', 'b released'], 0]);
  });

  it('moves the stream no further when nobody wants the feed any more', async () => {
    const { process, asked, open, has, run, source } = setUp({ failovers: 2 });
    await open(0, run('a').send('a1'));
    await has('a1');
    await source.advance(-1, { reason: 'manual' });
    const moved = process.switchSource();
    await asked(1);
    await process.stop();
    expect([await moved, source.index]).toEqual([false, 0]);
  });

  it('goes on at the next source when the one that was left does not open', async () => {
    const { process, asked, open, refuse, has, run, source } = setUp({ failovers: 1 });
    await asked(0);
    await source.advance(-1, { reason: 'manual' });
    const moved = process.switchSource();
    await refuse(0, REFUSED);
    await open(1, run('b').send('b1'));
    expect(await moved).toBe(true);
    await refuse(2, FULL);
    await has('b1');
    expect(process.restarts).toBe(1);
  });

  it('is made once for a source in trouble, however long the next one takes to open', async () => {
    const { events, asked, open, has, run, source } = setUp({ failovers: 2 });
    const a = run('a', fakeSource([], { trouble: 'scrambled' })).send('a1');
    await open(0, a);
    await has('a1');
    await asked(1);
    // The watch looks four times a second.
    await pause(600);
    expect([source.index, events]).toEqual([0, ['opens 1.m3u8', 'opens 2.m3u8']]);
    await open(1, run('b').send('b1'));
    await has('a1b1');
  });

  it('is made to another address of its web page before its own stops working', async () => {
    let [wallMs, expiresAtMs] = [100_000, 1_000_000];
    const { events, open, has, run, source } = setUp({ expiresAtMs, clock: { ...systemClock, wallMs: () => wallMs } });
    await open(0, run('a').send('a1'));
    await has('a1');
    await pause(300);
    expect(events).toEqual(['opens 1.m3u8']);
    wallMs = expiresAtMs - 60_000;
    await open(1, run('b').send('b1'));
    await has('a1b1');
    expect(events).toEqual(['opens 1.m3u8', 'opens 2.m3u8', 'a killed', 'a released']);
    expect(source.address.url).toBe(URLS[1]);
  });

  it('leaves a source in trouble on when the next one fails', async () => {
    const { events, open, refuse, has, run, source } = setUp({ failovers: 1 });
    const a = run('a', fakeSource([], { trouble: 'scrambled' })).send('a1');
    await open(0, a);
    await has('a1');
    await refuse(1, REFUSED);
    await pause(300);
    a.send('a2');
    await has('a1a2');
    expect(events).toEqual(['opens 1.m3u8', 'opens 2.m3u8']);
    expect(source.state).toMatchObject({ index: -1, attempts: 1, currentUrl: URLS[0] });
  });

  it('takes the group back to what it plays when no other source delivers', async () => {
    const { process, events, open, refuse, has, run, source } = setUp({ failovers: 2 });
    const a = run('a').send('a1');
    await open(0, a);
    await has('a1');
    await source.advance(-1, { reason: 'manual' });
    const moved = process.switchSource();
    await refuse(1, REFUSED);
    await refuse(2, REFUSED);
    expect(await moved).toBe(false);
    expect(source.state).toMatchObject({ index: -1, attempts: 2, currentUrl: URLS[0] });
    // The group tells its feeds that it has moved.
    expect(await process.switchSource()).toBe(false);
    a.send('a2');
    await has('a1a2');
    expect(events).toEqual(['opens 1.m3u8', 'opens 2.m3u8', 'opens 3.m3u8']);
  });
});

describe('another worker that takes the feed', () => {
  const OWNER = { workerId: 'o', incarnation: 'o', address: '127.0.0.1:1', epoch: 2 };

  it('ends the run here, and readers go on there when they have all that was made here', async () => {
    const { process, place, events, open, has, run } = setUp();
    await open(0, run('a').send('a1', 'a2'));
    await has('a1a2');
    place.onLeave(() => events.push(`readers leave after ${textOf(process.feed)}`));
    place.set({ kind: 'relay', owner: OWNER });
    await until(() => events.length > 3, { what: 'the readers to leave' });
    expect(events.slice(0, 4)).toEqual(['opens 1.m3u8', 'a killed', 'a released', 'readers leave after a1a2']);
    expect(process.feed.end).toBeUndefined();
  });

  it('gets all that is made after that: nothing of it is passed on here', async () => {
    const { process, place, events, open, has, run } = setUp();
    const a = run('a').send('a1');
    await open(0, a);
    await has('a1');
    // It does not end at once.
    a.kill = () => void events.push('a told to end');
    place.set({ kind: 'relay', owner: OWNER });
    a.send('a2');
    await until(() => events.length === 3, { what: () => `a to be told again: ${events.join(', ')}` });
    a.end({});
    await until(() => events.includes('a released'), { what: () => `a to be freed: ${events.join(', ')}` });
    expect(textOf(process.feed)).toBe('a1');
  });

  it('does not wait for a run that is being opened here to send something', async () => {
    const { place, events, asked, run } = setUp();
    const opening = await asked(0);
    place.onLeave(() => events.push('readers leave'));
    place.set({ kind: 'relay', owner: OWNER });
    opening.resolve(run('a'));
    await until(() => events.includes('readers leave'), { what: () => `the readers to leave: ${events.join(', ')}` });
    expect(events.slice(0, 4)).toEqual(['opens 1.m3u8', 'a killed', 'a released', 'readers leave']);
  });

  it('takes the readers along while this worker waits to try again', async () => {
    const { place, events, open, run } = setUp({ retryAttempts: 5, retryDelayMs: 100 });
    for (const nth of [0, 1]) {
      const barren = run(`${nth}`);
      await open(nth, barren);
      barren.end({ exit: exitOf('failed') });
    }
    await until(() => events.includes('1 killed'), { what: 'the end of the second run', everyMs: 1 });
    place.onLeave(() => events.push('readers leave'));
    place.set({ kind: 'relay', owner: OWNER });
    await until(() => events.includes('readers leave'), { what: () => `the readers to leave: ${events.join(', ')}` });
    const before = events.slice(0, events.indexOf('readers leave'));
    expect(before.filter((event) => event.startsWith('opens'))).toHaveLength(2);
    expect(before).toContain('1 released');
  });

  it('does not keep a run on the next source that is ready after that', async () => {
    const { process, place, events, open, asked, has, run, source } = setUp({ failovers: 1 });
    await open(0, run('a').send('a1'));
    await has('a1');
    await source.advance(-1, { reason: 'manual' });
    const moved = process.switchSource();
    const opening = await asked(1);
    place.set({ kind: 'relay', owner: OWNER });
    opening.resolve(run('b').send('b1'));
    expect(await moved).toBe(false);
    expect(events).toEqual(expect.arrayContaining(['b killed', 'b released']));
  });

  it.each([
    ['though the provider allows no second connection meanwhile', AT_LIMIT, true],
    ['unless its source does not open', REFUSED, false],
  ])('may get it back %s', async (_, error, isReady) => {
    const { process, place, open, refuse, has, run } = setUp();
    await open(0, run('a').send('a1'));
    await has('a1');
    place.set({ kind: 'relay', owner: OWNER });
    const ready = process.prepare();
    await refuse(1, error);
    expect(await ready).toBe(isReady);
  });

  it('ends the run that was ready here, too', async () => {
    const { process, place, events, open, has, run, source } = setUp({ failovers: 1 });
    const a = run('a').send('a1');
    await open(0, a);
    await has('a1');
    a.kill = () => void events.push('a told to end');
    await source.advance(-1, { reason: 'manual' });
    const moved = process.switchSource();
    await open(1, run('b').send('b1'));
    await moved;
    place.set({ kind: 'relay', owner: OWNER });
    a.end({});
    await until(() => events.includes('b released'), { what: () => `b to be freed: ${events.join(', ')}` });
    expect(textOf(process.feed)).toBe('a1');
  });
});
