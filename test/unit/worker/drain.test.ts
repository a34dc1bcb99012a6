/** When a worker begins to drain, and how long it waits for its viewers. */

import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Drain } from '../../../services/proxy/src/worker/drain.ts';
import { createLogger } from '../../../services/shared/log.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

function draining() {
  const drain = new Drain(createLogger('fatal'));
  const begun: boolean[] = [];
  drain.onBegin(() => begun.push(drain.isBegun));
  return { drain, begun };
}

it('begins once, and is under way when it is announced', () => {
  const { drain, begun } = draining();
  expect(drain.isBegun).toBe(false);
  drain.begin();
  drain.begin();
  expect(begun).toEqual([true]);
});

it('begins by waiting, and ends when the last viewer has left', async () => {
  const { drain, begun } = draining();
  let viewers = 1;
  let isOver = false;
  const over = drain
    .until(() => viewers === 0, 60_000)
    .then(() => {
      isOver = true;
    });
  expect(begun).toEqual([true]);
  await vi.advanceTimersByTimeAsync(30_000);
  expect(isOver).toBe(false);
  viewers = 0;
  await vi.advanceTimersByTimeAsync(200);
  expect(isOver).toBe(true);
  await over;
});

it('ends after its time, however many viewers are left', async () => {
  const { drain } = draining();
  const over = drain.until(() => false, 1_000);
  await vi.advanceTimersByTimeAsync(1_000);
  await over;
  expect(drain.isBegun).toBe(true);
});
