/** What comes in bursts leaves as it plays, on a clock that the test sets. */

import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { setPcr } from '../../../../services/proxy/src/mpegts/syntax/packet.ts';
import { TIMESTAMP_WRAP, wrapTicks } from '../../../../services/proxy/src/mpegts/syntax/timestamp.ts';
import { paced } from '../../../../services/proxy/src/processes/output/pacer.ts';
import { systemClock } from '../../../../services/shared/clock.ts';

const SECOND = 90_000;
const AHEAD_MS = 6_000;
const MB = 1024 * 1024;

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
afterEach(() => void vi.useRealTimers());

/** A packet with a clock; with more of them behind it, `bytes` in all. */
function withClock(seconds: number, bytes = 188): Buffer {
  const chunk = Buffer.alloc(bytes - (bytes % 188), 0xff);
  for (let at = 0; at < chunk.length; at += 188) chunk.set([0x47, 0x01, 0x00, 0x10], at);
  chunk.set([0x47, 0x01, 0x00, 0x20, 183, 0x10], 0);
  setPcr(chunk, 0, wrapTicks(Math.round(seconds * SECOND)));
  return chunk;
}

/** Half a second each. */
const burst = (from: number, seconds: number, bytes?: number): Buffer[] =>
  Array.from({ length: seconds * 2 }, (_, index) => withClock(from + index / 2, bytes));

function setUp() {
  const output = new PassThrough({ highWaterMark: 64 * MB });
  const startedMs = performance.now();
  const left: { atMs: number; bytes: Buffer }[] = [];
  const over = (async () => {
    for await (const bytes of paced(output, { aheadMs: AHEAD_MS, clock: systemClock })) {
      left.push({ atMs: performance.now() - startedMs, bytes });
    }
  })();
  over.catch(() => undefined);
  const send = async (chunks: readonly Buffer[]) => {
    for (const chunk of chunks) {
      output.write(chunk);
      await turn();
    }
  };
  const pass = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 50) await vi.advanceTimersByTimeAsync(50);
  };
  const seconds = () => left.length / 2;
  return { output, left, over, send, pass, seconds };
}

/** What is written is read. */
async function turn(): Promise<void> {
  for (let step = 0; step < 5; step++) await new Promise((resolve) => setImmediate(resolve));
}

describe('what FFmpeg hands on', () => {
  it('in bursts passes at once as far as it may, and then as it plays', async () => {
    const { left, send, pass, seconds } = setUp();
    // 18 s at once, and 6 s each 6 s.
    await send(burst(100, 18));
    expect(seconds()).toBe(6.5);
    for (let round = 0; round < 5; round++) {
      await pass(6_000);
      await send(burst(118 + round * 6, 6));
    }
    const behind = left.slice(13);
    expect(behind.length).toBeGreaterThan(40);
    for (const [index, { atMs }] of behind.entries()) {
      expect(Math.abs(atMs - (index + 1) * 500)).toBeLessThanOrEqual(50);
    }
  });

  it('passes unchanged and in order, wherever its pieces end', async () => {
    const { output, left, over, pass } = setUp();
    const whole = Buffer.concat(burst(100, 10, 188 * 7));
    for (let at = 0; at < whole.length; at += 501) output.write(whole.subarray(at, at + 501));
    await turn();
    const before = Buffer.concat(left.map(({ bytes }) => bytes));
    expect(before.length).toBeLessThan(whole.length * 0.7);
    await pass(10_000);
    output.end();
    await turn();
    await over;
    expect(Buffer.concat(left.map(({ bytes }) => bytes)).equals(whole)).toBe(true);
  });

  it('that is late passes at once, and no more behind it than at the beginning', async () => {
    const { send, pass, seconds } = setUp();
    await send(burst(100, 2));
    await pass(20_000);
    await send(burst(102, 18));
    expect(seconds()).toBe(2 + 6.5);
    await pass(3_000);
    expect(seconds()).toBe(2 + 9.5);
  });

  it('as it plays is never held', async () => {
    const { left, send, pass } = setUp();
    for (let index = 0; index < 60; index++) {
      await send([withClock(100 + index / 2)]);
      expect(left).toHaveLength(index + 1);
      await pass(500);
    }
  });

  it.each([
    ['back', 100 - 3_600],
    ['ahead', 100 + 3_600],
  ])('goes on as it plays where its clock jumps %s', async (_, to) => {
    const { left, send, pass, seconds } = setUp();
    await send([...burst(100, 10), ...burst(to, 10)]);
    expect(seconds()).toBe(6.5);
    await pass(9_000);
    // One step of an unknown length.
    expect(Math.abs(seconds() - 15.5)).toBeLessThanOrEqual(0.5);
    expect(left.at(-1)?.atMs).toBeLessThanOrEqual(9_000);
  });

  it('does not notice the 33-bit wrap', async () => {
    const { send, pass, seconds } = setUp();
    await send(burst(TIMESTAMP_WRAP / SECOND - 3, 18));
    expect(seconds()).toBe(6.5);
    await pass(5_000);
    expect(seconds()).toBe(11.5);
  });

  it('waits in FFmpeg beyond 4 MB, and comes faster while much waits', async () => {
    const output = new PassThrough({ highWaterMark: 1_000 });
    const reader = paced(output, { aheadMs: AHEAD_MS, clock: systemClock });
    const startedMs = performance.now();
    let passed = 0;
    let fortySecondsMs = 0;
    const over = (async () => {
      for await (const _ of reader) if (++passed === 81) fortySecondsMs = performance.now() - startedMs;
    })();
    let written = 0;
    const writing = (async () => {
      for (const chunk of burst(100, 60, MB / 4)) {
        written++;
        if (!output.write(chunk)) await new Promise((resolve) => output.once('drain', resolve));
      }
      output.end();
    })();
    await turn();
    // What may pass, what may wait, and what the pipe holds.
    expect(written).toBeLessThanOrEqual(13 + 16 + 3);
    for (let ms = 0; ms < 60_000; ms += 250) {
      await vi.advanceTimersByTimeAsync(250);
      await turn();
    }
    await Promise.all([over, writing]);
    expect(passed).toBe(120);
    expect(fortySecondsMs).toBeLessThan((40_000 - AHEAD_MS) / 1.03);
    expect(fortySecondsMs).toBeGreaterThan((40_000 - AHEAD_MS) / 1.06);
  });

  it('comes at once when it ends, and nothing is left behind when nobody takes it any more', async () => {
    const { output, over, send, seconds } = setUp();
    await send(burst(100, 18));
    output.end();
    await turn();
    await over;
    expect(seconds()).toBe(18);

    const other = new PassThrough({ highWaterMark: 64 * MB });
    other.write(withClock(1));
    for await (const _ of paced(other, { aheadMs: AHEAD_MS, clock: systemClock })) break;
    expect(other.destroyed).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is nothing when its FFmpeg has ended before', async () => {
    const output = new PassThrough();
    output.end();
    output.resume();
    await turn();
    expect(output.destroyed).toBe(true);
    for await (const _ of paced(output, { aheadMs: AHEAD_MS, clock: systemClock })) expect.fail('there was nothing');
  });

  it('says what broke it', async () => {
    const { output, over, send } = setUp();
    await send(burst(100, 18));
    output.destroy(new Error('the pipe broke'));
    await turn();
    await expect(over).rejects.toThrow('the pipe broke');
  });
});
