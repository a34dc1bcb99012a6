/** When a worker drains and why, when that is taken back, and how long it waits for its viewers. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Drain } from '../../../services/proxy/src/worker/drain.ts';
import type { DrainReason } from '../../../services/registry/types.ts';
import { systemClock } from '../../../services/shared/clock.ts';
import { createLogger } from '../../../services/shared/log.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

function draining() {
  const drain = new Drain(createLogger('fatal'), systemClock);
  const seen: (DrainReason | undefined)[] = [];
  drain.onChange((isBegun) => {
    expect(isBegun).toBe(drain.isBegun);
    seen.push(drain.reason);
  });
  return { drain, seen };
}

it('begins once, and is under way when it is announced', () => {
  const { drain, seen } = draining();
  expect(drain.isBegun).toBe(false);
  drain.begin('told');
  drain.begin('told');
  expect(seen).toEqual(['told']);
});

it('keeps its reason, unless the worker stops', () => {
  const { drain, seen } = draining();
  drain.begin('told');
  drain.begin('deployment');
  drain.begin('stopping');
  drain.begin('told');
  expect(seen).toEqual(['told', 'stopping']);
});

it('begins with one line in the log, which says how it ends', async () => {
  const lines: { msg: string }[] = [];
  const log = createLogger('info', {}, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const over = new Drain(log, systemClock).until(() => false, 500, { signal: 'SIGTERM', clients: 3 });
  expect(lines).toMatchObject([{ reason: 'stopping', signal: 'SIGTERM', drainMs: 500, clients: 3 }]);
  expect(lines[0]?.msg).toMatch(/^draining: .*; it ends without viewers, or after 0\.5 s$/);
  await vi.advanceTimersByTimeAsync(1_000);
  await over;
  expect(lines).toHaveLength(1);
});

it('is taken back for the reason that it has, and never when the worker stops', () => {
  const { drain, seen } = draining();
  drain.takeBack('told');
  drain.begin('deployment');
  drain.takeBack('told');
  drain.takeBack('deployment');
  drain.begin('told');
  drain.takeBack('told');
  drain.begin('stopping');
  drain.takeBack('told');
  drain.takeBack('deployment');
  expect(seen).toEqual(['deployment', undefined, 'told', undefined, 'stopping']);
});

describe('is made final', () => {
  it('only if somebody told the worker to drain', async () => {
    const { drain } = draining();
    const announce = async () => true;
    expect(await drain.close(announce)).toBe(false);
    drain.begin('deployment');
    expect(await drain.close(announce)).toBe(false);
    expect(drain.reason).toBe('deployment');
  });

  it('when the others know', async () => {
    const { drain } = draining();
    drain.begin('told');
    const closed = drain.close(async () => {
      expect(drain.reason).toBe('stopping');
      return true;
    });
    expect(await closed).toBe(true);
    drain.takeBack('told');
    expect(drain.reason).toBe('stopping');
  });

  it('not when they could not be told', async () => {
    const { drain } = draining();
    drain.begin('told');
    expect(await drain.close(async () => false)).toBe(false);
    expect(drain.reason).toBe('told');
    drain.takeBack('told');
    expect(drain.isBegun).toBe(false);
  });

  it('not when it is taken back until they know', async () => {
    const { drain, seen } = draining();
    drain.begin('told');
    const closed = drain.close(async () => {
      drain.takeBack('told');
      return true;
    });
    expect(await closed).toBe(false);
    expect(drain.reason).toBe(undefined);
    expect(seen.length).toBe(2);
  });
});

it('begins by waiting, and ends when the last viewer has left', async () => {
  const { drain, seen } = draining();
  let viewers = 1;
  let isOver = false;
  const over = drain
    .until(() => viewers === 0, 60_000)
    .then(() => {
      isOver = true;
    });
  expect(seen).toEqual(['stopping']);
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
