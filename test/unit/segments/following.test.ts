/** A worker that follows: for how long it asks the owner about segments, which keeps the feed there alive. */

import { EventEmitter } from 'node:events';
import { pino } from 'pino';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Feed } from '../../../services/proxy/src/feed/feed.ts';
import { FeedSegments } from '../../../services/proxy/src/segments/feed-segments.ts';
import { systemClock } from '../../../services/shared/clock.ts';

const OWNER = { workerId: 'other', incarnation: 'o', address: '127.0.0.1:9', epoch: 1 };

function follower() {
  /** Requests that nobody has given up. */
  const open: AbortSignal[] = [];
  const request = (_url: string, { signal }: { readonly signal: AbortSignal }) => {
    const call = Object.assign(new EventEmitter(), { end: () => undefined });
    open.push(signal);
    signal.addEventListener('abort', () => call.emit('error', new Error('aborted')));
    return call;
  };
  const place = {
    ...{ feed: 'p:a:0', current: { kind: 'relay', owner: OWNER, via: undefined }, secret: 's' },
    ...{ onOwner: () => () => undefined, wire: { clock: systemClock, request } },
  };
  const feed = new Feed({ retainMs: 1_000, joinBufferMs: 0, maxBytes: 1_000_000 });
  onTestFinished(() => feed.finish({ kind: 'ended' }));
  const segments = new FeedSegments({
    ...{ feed, place: place as never, marks: () => undefined, onFault: () => undefined, maxBytes: () => 1_000_000 },
    container: 'ts',
    list: { segmentSeconds: 2, size: { segments: 4 } },
    settings: { startSegments: 2, waitMs: 50, partMs: 330, maxClients: 0 },
    log: pino({ level: 'silent' }),
  });
  return { feed, segments, asking: () => open.filter(({ aborted }) => !aborted).length };
}

describe('a worker that follows asks the owner about segments', () => {
  it('over one connection for all its viewers, until the last of them has gone', () => {
    const { segments, asking } = follower();
    const [one, other] = [segments.want(), segments.want()];
    expect(asking()).toBe(1);
    one();
    one();
    expect(asking()).toBe(1);
    other();
    expect(asking()).toBe(0);
    segments.want();
    expect(asking()).toBe(1);
  });

  it('until the feed is over', () => {
    const { feed, segments, asking } = follower();
    segments.want();
    feed.finish({ kind: 'ended' });
    expect(asking()).toBe(0);
    segments.want();
    expect(asking()).toBe(0);
  });
});
