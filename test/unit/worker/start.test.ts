/** When a worker counts as started, and what happens when it never does. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { limitStart, START_LIMIT_MS, startWaitsFor } from '../../../services/proxy/src/worker/start.ts';

describe('the start waits', () => {
  it.each([
    ['for Redis, on ECS', { isOnEcs: true, isKnown: false }, /^Redis has not answered this worker/],
    ['for nothing once Redis has answered', { isOnEcs: true, isKnown: true }, undefined],
    ['for nothing elsewhere: a worker alone is better than none', { isOnEcs: false, isKnown: false }, undefined],
  ])('%s', (_, situation, reason) => {
    const why = startWaitsFor(situation);
    if (reason === undefined) expect(why).toBeUndefined();
    else expect(why).toMatch(reason);
  });
});

describe('the limit of the start', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('is five minutes, and tells what is still missing then', () => {
    const late: string[] = [];
    limitStart(
      () => 'Redis.',
      (why) => late.push(why),
    );
    vi.advanceTimersByTime(5 * 60_000 - 1);
    expect(late).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(late).toEqual(['Redis.']);
  });

  it('is nothing to a worker that has started, whatever becomes of it later', () => {
    const late: string[] = [];
    let missing: string | undefined;
    limitStart(
      () => missing,
      (why) => late.push(why),
    );
    vi.advanceTimersByTime(START_LIMIT_MS);
    missing = 'Redis.';
    vi.advanceTimersByTime(10 * START_LIMIT_MS);
    expect(late).toEqual([]);
  });
});
