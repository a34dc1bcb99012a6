/** The next source beside one that is silent or broken: when it is opened, which of the two wins, and when the group moves. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { deferred } from '../../../../services/proxy/src/async.ts';
import { SourceError } from '../../../../services/proxy/src/errors.ts';
import { type Held, Standby } from '../../../../services/proxy/src/upstream/failover/standby.ts';
import { accountOf } from '../../../../services/proxy/src/upstream/provider/provider-connections.ts';
import { systemClock } from '../../../../services/shared/clock.ts';
import { LOG } from '../../processes/support.ts';

const REFUSED = new SourceError('http_status', 'The source answered 503.', { upstreamStatus: 503 });
const SILENT = { reason: 'chunk_timeout_after_retries', status: undefined };

interface Setting {
  readonly limitMs?: number;
  readonly account?: string;
  readonly hasResolver?: boolean;
  readonly mayMove?: boolean;
  /** Another worker reads the next source. */
  readonly isElsewhere?: boolean;
}

const NEXT = { url: 'http://provider/user/password/1.ts', headers: {}, userAgent: 'test' };

/** A source that has just played, and its standby. The clock stands at 0. */
function setUp({
  limitMs = 6_000,
  account = 'a',
  hasResolver = false,
  mayMove = true,
  isElsewhere = false,
}: Setting = {}) {
  const events: string[] = [];
  const causes: object[] = [];
  const source = {
    index: -1,
    following: hasResolver ? undefined : { address: NEXT, index: 0 },
  };
  const media = { progress: 1, progressMs: performance.now() };
  const origin = { isOwn: true, account, silence: { limitMs } };
  let staging = deferred<void>();
  const standby = new Standby({
    source,
    moves: {
      hold: async () => {
        events.push('opened');
        staging = deferred();
        const held: Held = { stage: async () => (isElsewhere ? undefined : staging.promise) };
        return held;
      },
      drop: () => void events.push('left'),
      on: async (cause) => {
        events.push('moved');
        causes.push(cause);
        source.index++;
        return true;
      },
    },
    current: () => origin,
    media,
    mayMove: () => mayMove,
    signal: new AbortController().signal,
    clock: systemClock,
    log: LOG,
  });
  return {
    standby,
    events,
    causes,
    origin,
    begins: () => staging.resolve(),
    fails: (error: Error) => staging.reject(error),
    plays: () => {
      media.progress++;
      media.progressMs = performance.now();
    },
  };
}

const passes = (ms: number) => vi.advanceTimersByTimeAsync(ms);

beforeEach(() => void vi.useFakeTimers({ now: 0 }));
afterEach(() => void vi.useRealTimers());

describe('a source that is silent', () => {
  it('is left when the next one has had a picture for half a second', async () => {
    const { standby, events, causes, begins } = setUp();
    await passes(3_000);
    standby.silent();
    await passes(1_000);
    begins();
    await passes(400);
    expect(events).toEqual(['opened']);
    await passes(200);
    expect(events).toEqual(['opened', 'moved', 'left']);
    expect(causes).toEqual([SILENT]);
  });

  it('wins when it has a picture within half a second after the next one', async () => {
    const { standby, events, begins, plays } = setUp();
    await passes(3_000);
    standby.silent();
    await passes(1_000);
    begins();
    await passes(400);
    plays();
    await passes(5_000);
    expect(events).toEqual(['opened', 'left']);
  });

  it('is not left before it has been silent for 3 s', async () => {
    const { standby, events, begins } = setUp({ limitMs: 3_000 });
    await passes(1_500);
    standby.silent();
    await passes(0);
    begins();
    await passes(1_400);
    expect(events).toEqual(['opened']);
    await passes(200);
    expect(events).toEqual(['opened', 'moved', 'left']);
  });

  it('is left for what another worker reads, without a connection to that', async () => {
    const { standby, events } = setUp({ isElsewhere: true });
    await passes(3_000);
    standby.silent();
    await passes(600);
    expect(events).toEqual(['opened', 'moved', 'left']);
  });

  it('stays when another worker takes it over meanwhile', async () => {
    const { standby, events, begins, origin } = setUp();
    await passes(3_000);
    standby.silent();
    await passes(0);
    begins();
    origin.isOwn = false;
    await passes(5_000);
    expect(events).toEqual(['opened', 'left']);
  });
});

describe('a source that has broken', () => {
  it('has the next one opened beside it when half of the time is over that it may be silent', async () => {
    const { standby, events, causes, begins } = setUp();
    await passes(500);
    standby.failed(REFUSED);
    await passes(2_400);
    expect(events).toEqual([]);
    await passes(200);
    expect(events).toEqual(['opened']);
    begins();
    await passes(600);
    expect(events).toEqual(['opened', 'moved', 'left']);
    expect(causes).toEqual([{ reason: 'stream_error_http_status_after_retries', status: 503 }]);
  });

  it('needs no other one when it plays before that', async () => {
    const { standby, events, plays } = setUp();
    standby.failed(REFUSED);
    await passes(2_000);
    plays();
    await passes(10_000);
    expect(events).toEqual([]);
  });
});

describe('a next source', () => {
  it('that has no picture within 5 s is left, and not tried again in the same outage', async () => {
    const { standby, events, plays } = setUp();
    await passes(3_000);
    standby.silent();
    const decided = standby.decided();
    await passes(4_900);
    expect(events).toEqual(['opened']);
    await passes(200);
    expect(await decided).toBe(false);
    expect(events).toEqual(['opened', 'left']);
    standby.silent();
    await passes(1_000);
    expect(events).toHaveLength(2);
    plays();
    standby.silent();
    await passes(1_000);
    expect(events).toEqual(['opened', 'left', 'opened']);
  });

  it('that a provider has refused beside the other is not opened beside it again', async () => {
    const { standby, events, fails, plays } = setUp();
    standby.silent();
    await passes(0);
    fails(new SourceError('http_status', 'The source answered 458.', { upstreamStatus: 458 }));
    await passes(100);
    expect(events).toEqual(['opened', 'left']);
    plays();
    standby.silent();
    await passes(1_000);
    expect(events).toHaveLength(2);
  });

  it.each<[string, Setting]>([
    ['when one provider account has both', { account: accountOf(NEXT) }],
    ['when only a resolver knows it', { hasResolver: true }],
    ['when it is not to be used in this outage', { mayMove: false }],
  ])('is not opened %s', async (_when, setting) => {
    const { standby, events } = setUp(setting);
    standby.silent();
    standby.failed(REFUSED);
    await passes(10_000);
    expect(events).toEqual([]);
    expect(await standby.decided()).toBe(false);
  });
});
