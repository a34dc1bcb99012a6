/** The run that is prepared beside the current one: it takes over only when it has output, and is never left running. */

import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { deferred, pause } from '../../../services/proxy/src/async.ts';
import { SourceError } from '../../../services/proxy/src/errors.ts';
import type { Run } from '../../../services/proxy/src/processes/run.ts';
import { Succession } from '../../../services/proxy/src/processes/succession.ts';
import { AT_LIMIT, exitOf, FakeRun, type FakeSource, LOG } from './support.ts';

function setUp(timeoutMs = 60_000) {
  const events: string[] = [];
  const abort = new AbortController();
  let opening = deferred<Run>();
  const succession = new Succession({
    start: () => {
      opening = deferred<Run>();
      return opening.promise;
    },
    timeoutMs,
    signal: abort.signal,
    log: LOG,
  });
  const source: FakeSource = {
    account: 'account',
    address: { url: 'http://provider/1.ts', headers: {}, userAgent: 'test' },
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
  };
  const current = new FakeRun('current', events, source);
  const run = (name = 'next') => new FakeRun(name, events);
  return { succession, events, abort, current, run, opening: () => opening };
}

describe('a run that is prepared', () => {
  it('is ready when it has output, and the source it leaves makes no retries until that is closed', async () => {
    const { succession, events, current, run, opening } = setUp();
    const prepared = succession.prepare(current);
    expect(succession.isReady).toBe(false);
    const next = run().send('n');
    opening().resolve(next);
    expect(await prepared).toBe('ready');
    expect(succession.isReady).toBe(true);
    expect(succession.take()).toBe(next);
    expect([succession.isReady, succession.take()]).toEqual([false, undefined]);
    expect(events).toEqual(['retries held']);
    succession.letGo();
    succession.letGo();
    expect(events).toEqual(['retries held', 'retries allowed']);
    expect(next.output.read()?.toString()).toBe('n');
  });

  it('leaves nothing that waits for the end of its feed', async () => {
    const { succession, abort, current, run, opening } = setUp();
    for (const act of [(next: FakeRun) => next.send('n'), (next: FakeRun) => next.end({})]) {
      const prepared = succession.prepare(current);
      const next = run();
      opening().resolve(next);
      act(next);
      await prepared;
    }
    expect(getEventListeners(abort.signal, 'abort')).toEqual([]);
  });

  it.each([
    ['ends before its first output', 60_000, (next: FakeRun) => next.end({ exit: exitOf('source_ended') })],
    ['has no output in time', 10, () => undefined],
  ])('is ended when it %s', async (_, timeoutMs, act) => {
    const { succession, events, current, run, opening } = setUp(timeoutMs);
    const prepared = succession.prepare(current);
    const next = run();
    opening().resolve(next);
    act(next);
    expect(await prepared).toBe('failed');
    expect(succession.isReady).toBe(false);
    expect(events).toEqual(['retries held', 'next killed', 'next released', 'retries allowed']);
  });

  it.each([
    ['may open once the connection of the current one is closed', AT_LIMIT, 'limit'],
    ['failed when its source refuses', new SourceError('refused', 'The source refused.'), 'failed'],
    ['failed when the worker has a fault', new Error('a fault'), 'failed'],
  ] as const)('%s', async (_, error, answer) => {
    const { succession, events, current, opening } = setUp();
    const prepared = succession.prepare(current);
    opening().reject(error);
    expect(await prepared).toBe(answer);
    expect(succession.isReady).toBe(false);
    expect(events).toEqual(['retries held', 'retries allowed']);
  });

  it('is ended when nobody wants the feed any more by the time it opens', async () => {
    const { succession, events, abort, current, run, opening } = setUp();
    const prepared = succession.prepare(current);
    abort.abort();
    await pause(1);
    opening().resolve(run().send('n'));
    expect(await prepared).toBe('failed');
    expect(succession.isReady).toBe(false);
    expect(events.slice(0, 3)).toEqual(['retries held', 'next killed', 'next released']);
    expect(events.at(-1)).toBe('retries allowed');
  });

  it('is ended when another one is ready after it', async () => {
    const { succession, events, current, run, opening } = setUp();
    const first = succession.prepare(current);
    opening().resolve(run('first').send('1'));
    await first;
    const second = succession.prepare(current);
    const next = run('second').send('2');
    opening().resolve(next);
    expect(await second).toBe('ready');
    expect(succession.take()).toBe(next);
    expect(events).toEqual(['retries held', 'retries held', 'first killed', 'first released', 'retries allowed']);
  });

  it('is ended when it is dropped, and left alone once it was taken', async () => {
    const { succession, events, current, run, opening } = setUp();
    const prepared = succession.prepare(current);
    opening().resolve(run().send('n'));
    await prepared;
    succession.drop();
    succession.drop();
    expect(succession.isReady).toBe(false);
    expect(events).toEqual(['retries held', 'next killed', 'next released', 'retries allowed']);
    const again = succession.prepare(current);
    opening().resolve(run('taken').send('t'));
    await again;
    succession.take();
    succession.drop();
    expect(events.slice(4)).toEqual(['retries held', 'retries allowed']);
  });
});
