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

it('gives chunks that are there at once to the connection together, and waits until it has taken them', async () => {
  const taken: string[][] = [];
  let take = (): void => undefined;
  const reply = new Writable({
    highWaterMark: 1,
    writev: (chunks, done) => {
      taken.push(chunks.map(({ chunk }) => String(chunk)));
      take = () => done();
    },
  });
  const writer = new ReplyWriter(reply, new StallLimit(1_000));
  let isTaken: boolean | undefined;
  const written = writer.writeAll(['a', 'b', 'c'].map((text) => Buffer.from(text))).then((is) => {
    isTaken = is;
  });
  await vi.advanceTimersByTimeAsync(900);
  expect([taken, isTaken]).toEqual([[['a', 'b', 'c']], undefined]);
  take();
  await written;
  expect([isTaken, await writer.writeAll([])]).toEqual([true, true]);
  const late = writer.writeAll([Buffer.from('d'), Buffer.from('e')]);
  await vi.advanceTimersByTimeAsync(1_000);
  expect([await late, await writer.writeAll([Buffer.from('f')]), taken.length]).toEqual([false, false, 2]);
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
