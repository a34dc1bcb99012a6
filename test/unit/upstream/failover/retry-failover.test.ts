import { describe, expect, it } from 'vitest';
import { SourceError } from '../../../../services/proxy/src/errors.ts';
import {
  advanceFailover,
  canFailOver,
  type FailoverPlan,
  mayMoveOn,
} from '../../../../services/proxy/src/upstream/failover/failover.ts';
import { askFailoverResolver } from '../../../../services/proxy/src/upstream/failover/failover-resolver.ts';
import {
  isRetryable,
  RetrySchedule,
  type RetrySettings,
} from '../../../../services/proxy/src/upstream/failover/retry.ts';
import { Silence } from '../../../../services/proxy/src/upstream/failover/silence.ts';
import { initialFailover } from '../../../../services/registry/new-stream.ts';
import { systemClock } from '../../../../services/shared/clock.ts';
import { openGuard, serve, streamSource } from '../support.ts';

const SETTINGS = { retryAttempts: 3, retryDelayMs: 1000, retryExponentialBackoff: false, streamTotalTimeoutMs: 30_000 };

function status(upstreamStatus: number, retryAfterSeconds?: number) {
  return new SourceError('http_status', 'x', {
    upstreamStatus,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  });
}
const refused = new SourceError('refused', 'x');

describe('retry', () => {
  it.each([400, 401, 403, 404, 410, 416, 451])('%i is not tried again', (code) =>
    expect(isRetryable(status(code))).toBe(false),
  );
  it.each([408, 425, 429, 456, 458, 500, 502, 503, 509])('%i is', (code) =>
    expect(isRetryable(status(code))).toBe(true),
  );
  it.each(['egress_refused', 'tls', 'not_media', 'stopped'] as const)('%s is not', (reason) => {
    expect(isRetryable(new SourceError(reason, 'x'))).toBe(false);
  });

  it('tries as often as the setting says, per URL', () => {
    const schedule = new RetrySchedule(SETTINGS, () => 0);
    const delays = () => [1, 2, 3, 4].map(() => schedule.next(refused));
    expect(delays()).toEqual([1000, 1000, 1000, undefined]);
    schedule.switched();
    expect(delays()).toEqual([1000, 1000, 1000, undefined]);
    expect(new RetrySchedule({ ...SETTINGS, retryAttempts: 0 }, () => 0).next(refused)).toBeUndefined();
  });

  it('doubles the delay, or keeps to what the provider asks for', () => {
    const schedule = new RetrySchedule({ ...SETTINGS, retryExponentialBackoff: true }, () => 0);
    expect([1, 2, 3].map(() => schedule.next(refused))).toEqual([1000, 2000, 4000]);
    const asked = new RetrySchedule(SETTINGS, () => 0);
    expect([asked.next(status(429, 4)), asked.next(status(503, 3600))]).toEqual([4000, 10_000]);
  });

  it('counts the total time of one outage, not of the session, and over all sources', () => {
    let now = 0;
    const schedule = new RetrySchedule({ ...SETTINGS, retryAttempts: 1000 }, () => now);
    now = 1_000_000;
    expect(schedule.next(refused)).toBe(1000);
    now += 28_999;
    expect(schedule.next(refused)).toBe(1000);
    schedule.switched();
    now += 1;
    expect(schedule.next(refused)).toBeUndefined();
    schedule.reset();
    expect(schedule.next(refused)).toBe(1000);
    const unlimited = new RetrySchedule({ ...SETTINGS, streamTotalTimeoutMs: 0 }, () => now);
    unlimited.next(refused);
    now += 1e9;
    expect(unlimited.next(refused)).toBe(1000);
  });
});

describe('retries of a source that has played', () => {
  const stalled = new SourceError('stalled', 'x');
  const gone = new SourceError('http_status', 'x', { upstreamStatus: 404 });
  /** A schedule, its clock, and a source that has played for a while. */
  function playing(change: Partial<RetrySettings> = {}) {
    const clock = { ms: 0 };
    const schedule = new RetrySchedule({ ...SETTINGS, ...change }, () => clock.ms);
    schedule.played(20_000);
    /** Fails at once on every try; returns the delays. */
    const delays = (error: SourceError, elsewhere?: boolean) => {
      const made: number[] = [];
      for (;;) {
        const delayMs = schedule.next(error, elsewhere);
        if (delayMs === undefined) return made;
        made.push(delayMs);
        clock.ms += delayMs;
      }
    };
    return { clock, schedule, delays };
  }

  it('begin at once, and go on until STREAM_TOTAL_TIMEOUT, with a last one then', () => {
    const { clock, delays } = playing();
    expect(delays(refused)).toEqual([0, ...Array<number>(30).fill(1000)]);
    expect(clock.ms).toBe(30_000);
  });

  it('are STREAM_RETRY_ATTEMPTS while another source is there, or without a total limit', () => {
    expect(playing().delays(refused, true)).toEqual([0, 1000, 1000]);
    expect(playing({ streamTotalTimeoutMs: 0 }).delays(refused)).toEqual([0, 1000, 1000]);
    expect(playing({ retryAttempts: 0 }).delays(refused, true)).toEqual([]);
  });

  it('are one after a silence while another source is there', () => {
    expect(playing().delays(stalled, true)).toEqual([0]);
    const { schedule, delays } = playing();
    schedule.switched();
    expect(delays(stalled, true)).toEqual([1000, 1000, 1000]);
  });

  it('are none where only another source helps', () => {
    expect(playing().delays(gone)).toEqual([]);
  });

  it('double from the second on, and not beyond what the attempts would have come to', () => {
    const made = playing({ retryExponentialBackoff: true }).delays(refused);
    expect(made.slice(0, 6)).toEqual([0, 1000, 2000, 4000, 4000, 4000]);
  });

  it('wait for what the provider asks for, the first too', () => {
    expect(playing().schedule.next(status(503, 4))).toBe(4000);
  });

  it('are as rare as those of a source that has not played, if it ends again and again', () => {
    const { clock, schedule } = playing();
    expect(schedule.next(refused)).toBe(0);
    for (let n = 0; n < 5; n++) {
      schedule.played(4_000);
      clock.ms += 4_000;
      expect(schedule.next(refused)).toBe(1000);
    }
    schedule.played(5_000);
    expect(schedule.next(refused)).toBe(0);
  });

  it('are not delayed after a connection that stayed silent for longer than the delay', () => {
    const { clock, schedule } = playing();
    expect(schedule.next(stalled)).toBe(0);
    clock.ms += 3_000;
    expect(schedule.next(stalled)).toBe(0);
    clock.ms += 400;
    expect(schedule.next(stalled)).toBe(600);
    expect(schedule.next(refused)).toBe(1000);
  });

  it('do not end sooner because a silence was noticed sooner', () => {
    const { clock, schedule } = playing();
    clock.ms = 6_000;
    schedule.lost(9_000);
    clock.ms = 43_900;
    expect([schedule.next(refused), schedule.next(refused)]).toEqual([0, 1000]);
    clock.ms = 44_500;
    expect(schedule.next(refused)).toBe(500);
    clock.ms = 45_000;
    expect(schedule.next(stalled)).toBeUndefined();
  });

  it('go on with the last source when no other is left', () => {
    const { schedule } = playing();
    const source = { mayMoveOn: () => true };
    expect(schedule.mayMove(source)).toBe(true);
    schedule.stuck();
    expect([schedule.mayMove(source), schedule.next(refused, false)]).toEqual([false, 0]);
    schedule.reset();
    expect(schedule.mayMove(source)).toBe(true);
  });

  it('give a new connection as long as its source needs, and 5 s where time or others press', () => {
    const { clock, schedule } = playing();
    const played = new Silence(15_000);
    played.begin(50);
    played.note(10, 'media');
    const other = new Silence(15_000, true);
    const never = new RetrySchedule(SETTINGS, () => 0);
    expect(never.tryMs(other, true)).toBeUndefined();
    schedule.next(refused);
    expect([schedule.tryMs(played, true), schedule.tryMs(other, true)]).toEqual([3_000, 5_000]);
    expect(schedule.tryMs(other, false)).toBe(15_000);
    clock.ms = 30_000;
    expect(schedule.tryMs(other, false)).toBe(5_000);
    schedule.next(refused);
    expect(schedule.tryMs(played, false)).toBe(5_000);
  });

  it('gives each source 5 s after STREAM_TOTAL_TIMEOUT when none has played', () => {
    const clock = { ms: 0 };
    const schedule = new RetrySchedule(SETTINGS, () => clock.ms);
    const silence = new Silence(15_000, true);
    schedule.next(refused);
    clock.ms = 29_000;
    expect(schedule.tryMs(silence, true)).toBeUndefined();
    clock.ms = 30_000;
    expect(schedule.tryMs(silence, true)).toBe(5_000);
  });
});

describe('failover', () => {
  it('goes on after STREAM_TOTAL_TIMEOUT until each source of the list has had its try', () => {
    const two: FailoverPlan = { url: 'p', failoverUrls: ['a', 'b'], hasResolver: false, maxAttempts: 0 };
    const may = (plan: FailoverPlan, isOver: boolean) => [0, 1, 2].map((moves) => mayMoveOn(plan, isOver, moves));
    expect(may(two, false)).toEqual([true, true, true]);
    expect(may(two, true)).toEqual([true, true, false]);
    expect(may({ ...two, failoverUrls: [], hasResolver: true }, true)).toEqual([true, false, false]);
    expect(may({ ...two, failoverUrls: [] }, false)).toEqual([false, false, false]);
  });

  const plan: FailoverPlan = { url: 'p', failoverUrls: ['a', 'b', 'c'], hasResolver: false, maxAttempts: 0 };
  const run = (which: FailoverPlan, steps: number, more = {}) => {
    let state = initialFailover('p');
    const seen: (string | undefined)[] = [];
    for (let i = 0; i < steps; i += 1) {
      const next = advanceFailover(which, state, { nowMs: 1000 + i, ...more });
      seen.push(next === undefined ? undefined : `${next.currentUrl}${next.index}/${next.attempts}`);
      state = next ?? state;
    }
    return seen;
  };

  it('goes through the list once', () => {
    expect(run(plan, 5)).toEqual(['a0/1', 'b1/2', 'c2/3', undefined, undefined]);
    expect(run(plan, 5, { manual: true })).toEqual(['a0/1', 'b1/2', 'c2/3', undefined, undefined]);
    expect(run({ ...plan, failoverUrls: [] }, 1)).toEqual([undefined]);
    expect(canFailOver({ ...plan, failoverUrls: [] })).toBe(false);
  });

  it('keeps to MAX_FAILOVER_ATTEMPTS, and goes round when that is more than the list', () => {
    expect(run({ ...plan, maxAttempts: 2 }, 3)).toEqual(['a0/1', 'b1/2', undefined]);
    expect(run({ ...plan, maxAttempts: 6 }, 7)).toEqual(['a0/1', 'b1/2', 'c2/3', 'p-1/4', 'a0/5', 'b1/6', undefined]);
  });

  it('begins again with the primary URL after it has played for a while, unless a person asks', () => {
    const used = { index: 2, attempts: 3, lastAtMs: 0, currentUrl: 'c' };
    expect(advanceFailover(plan, used, { nowMs: 60_000 })).toBeUndefined();
    expect(advanceFailover(plan, used, { nowMs: 60_001 })).toMatchObject({ index: -1, attempts: 0, currentUrl: 'p' });
    expect(advanceFailover(plan, used, { nowMs: 60_001, manual: true })).toBeUndefined();
  });

  it('tries the list again when it has played its primary URL for a while, because nothing else had delivered', () => {
    const back = { index: -1, attempts: 3, lastAtMs: 0, currentUrl: 'p' };
    const next = { index: 0, attempts: 1, currentUrl: 'a' };
    expect(advanceFailover(plan, back, { nowMs: 60_000 })).toBeUndefined();
    expect(advanceFailover(plan, back, { nowMs: 60_001 })).toMatchObject(next);
    expect(advanceFailover(plan, back, { nowMs: 60_001, manual: true })).toMatchObject(next);
  });

  it('follows a resolver, and stops where it names nothing', () => {
    const resolved = { ...plan, failoverUrls: [], hasResolver: true };
    expect(run(resolved, 2, { resolvedUrl: 'r' })).toEqual(['r0/1', 'r1/2']);
    expect(run(resolved, 1)).toEqual([undefined]);
    expect(run({ ...plan, hasResolver: true }, 1)).toEqual(['a0/1']);
  });

  it('never leads to a web page itself: a fresh list begins with what the page gives, or with the first of the list', () => {
    const page = { ...plan, hasResolver: true, isPage: true, maxAttempts: 2 };
    const used = { index: 7, attempts: 2, lastAtMs: 0, currentUrl: 'c' };
    const fresh = { index: 8, attempts: 1 };
    expect(advanceFailover(page, used, { nowMs: 60_000, resolvedUrl: 'm' })).toBeUndefined();
    expect(advanceFailover(page, used, { nowMs: 60_001, resolvedUrl: 'm' })).toMatchObject({
      ...fresh,
      currentUrl: 'm',
    });
    expect(advanceFailover(page, used, { nowMs: 60_001 })).toMatchObject({ ...fresh, currentUrl: 'a' });
    expect(run({ ...page, maxAttempts: 0 }, 4)).toEqual(['a0/1', 'b1/2', 'c2/3', undefined]);
  });
});

describe('failover resolver', () => {
  const question = {
    currentUrl: 'http://tv.test/a',
    metadata: { id: '7' },
    failoverIndex: -1,
    status: 404,
    reason: 'manual',
  };
  async function ask(answer: (body: string) => [number, string], timeoutMs = 1000) {
    const bodies: string[] = [];
    const server = await serve(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      bodies.push(`${request.method} ${request.headers['content-type']} ${body}`);
      const [code, text] = answer(body);
      if (code !== 0) response.writeHead(code, code === 302 ? { location: '/' } : {}).end(text);
    });
    const deps = { guard: openGuard(), userAgent: 'Tester/1', clock: systemClock, timeoutMs };
    const next = await askFailoverResolver({ ...question, resolverUrl: `${server.origin}/r` }, deps);
    return { next, bodies };
  }

  it('asks as the contract says', async () => {
    const { next, bodies } = await ask(() => [200, '{"next_url":"http://tv.test/b"}']);
    expect(next).toBe('http://tv.test/b');
    const [method, type, ...body] = (bodies[0] ?? '').split(' ');
    expect([method, type]).toEqual(['POST', 'application/json']);
    expect(JSON.parse(body.join(' '))).toEqual({
      current_url: 'http://tv.test/a',
      metadata: { id: '7' },
      current_failover_index: -1,
      status_code: 404,
      reason: 'manual',
    });
  });

  it.each([
    ['nothing', 200, '{"next_url":null}'],
    ['an error', 500, '{"next_url":"http://tv.test/b"}'],
    ['a redirect', 302, ''],
    ['no JSON', 200, 'sorry'],
    ['another shape', 200, '["http://tv.test/b"]'],
    ['a file', 200, '{"next_url":"file:///etc/passwd"}'],
    ['metadata', 200, '{"next_url":"http://169.254.169.254/"}'],
    ['a URL that is too long', 200, `{"next_url":"http://tv.test/${'x'.repeat(8_200)}"}`],
    ['no answer', 0, ''],
  ])('takes %s for none', async (_what, code, text) => {
    expect((await ask(() => [code, text], 300)).next).toBeUndefined();
  });
});

describe('StreamSource', () => {
  it('moves once however many readers ask, and says so', async () => {
    const url = 'http://tv.test/p';
    const { source, failovers } = await streamSource({ url, failoverUrls: ['http://tv.test/a'] }, openGuard());
    const cause = { reason: 'low_bitrate' };
    expect(await Promise.all([source.advance(-1, cause), source.advance(-1, cause)])).toEqual([true, true]);
    expect(await source.advance(-1, cause)).toBe(true);
    expect(source.index).toBe(0);
    expect(await source.advance(0, cause)).toBe(false);
    expect(failovers).toEqual([{ ...cause, stream: 'stream', from: url, to: 'http://tv.test/a', index: 0 }]);
    expect(source.state.attempts).toBe(1);
  });
});
