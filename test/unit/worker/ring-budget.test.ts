/** How the memory of a worker is shared among its rings. */

import { expect, it } from 'vitest';
import { RETAIN_MS } from '../../../services/proxy/src/timing.ts';
import { ringLimits } from '../../../services/proxy/src/worker/ring-budget.ts';

const MIB = 1024 * 1024;
const settings = { memoryLimitBytes: 1_000 * MIB, ringMaxBytes: 64 * MIB, joinBufferMs: 4_000 };

it.each([
  { feeds: 0, maxMib: 64, why: 'the setting, as for the first feed' },
  { feeds: 1, maxMib: 64, why: 'the setting' },
  { feeds: 10, maxMib: 40, why: 'a tenth of 40 % of the memory' },
  { feeds: 200, maxMib: 2, why: 'exactly what a ring needs' },
  { feeds: 5_000, maxMib: 2, why: 'never less than a ring needs' },
])('allows each of $feeds feeds $maxMib MiB: $why', ({ feeds, maxMib }) => {
  expect(ringLimits(settings, feeds)).toEqual({ retainMs: RETAIN_MS, joinBufferMs: 4_000, maxBytes: maxMib * MIB });
});

it('leaves the rings what the windows of network channels do not take', () => {
  expect(ringLimits(settings, 10, 100 * MIB).maxBytes).toBe(30 * MIB);
});

it('never allows more than the setting, which may be less than a ring needs', () => {
  expect(ringLimits({ ...settings, ringMaxBytes: MIB }, 1).maxBytes).toBe(MIB);
});
