// A viewer that takes nothing: how long it is waited for.
import { Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ReplyWriter } from '../../../../services/proxy/src/upstream/messages/reply-writer.ts';
import { StallLimit } from '../../../../services/proxy/src/upstream/messages/stall-limit.ts';

/** Takes the first byte only when it is told to. */
function viewer() {
  let take: (() => void) | undefined;
  const reply = new Writable({
    highWaterMark: 1,
    write: (_chunk, _encoding, done) => {
      take = () => done();
    },
  });
  return { reply, take: () => take?.() };
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('the stall time', () => {
  it.each([
    // limit, lowered after, to; gone after (ms)
    [1_000, undefined, 0, 1_000],
    [60_000, 2_000, 10_000, 10_000],
    [60_000, 30_000, 10_000, 30_000],
    [0, 30_000, 10_000, 30_000],
    [5_000, 2_000, 10_000, 5_000],
  ])('of %i, after %j ms no more than %i, ends a write after %i ms', async (ms, lowerMs, lowerTo, goneMs) => {
    const stall = new StallLimit(ms);
    const writer = new ReplyWriter(viewer().reply, stall);
    const startMs = performance.now();
    const written = writer
      .write(Buffer.alloc(10))
      .then((isThere) => ({ isThere, afterMs: Math.round(performance.now() - startMs) }));
    if (lowerMs !== undefined) setTimeout(() => stall.lowerTo(lowerTo), lowerMs);
    await vi.advanceTimersByTimeAsync(70_000);
    const { isThere, afterMs } = await written;
    expect(isThere).toBe(false);
    expect(afterMs - goneMs).toBeOneOf([0, 1]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('counts from the write that is under way, and leaves nothing behind', async () => {
    const stall = new StallLimit(60_000);
    const { reply, take } = viewer();
    const writer = new ReplyWriter(reply, stall);
    for (let n = 0; n < 3; n++) {
      const written = writer.write(Buffer.alloc(10));
      await vi.advanceTimersByTimeAsync(900);
      stall.lowerTo(1_000);
      take();
      expect(await written).toBe(true);
    }
    expect(vi.getTimerCount()).toBe(0);
  });
});
