/** When a drained worker on ECS ends by itself. */

import { expect, it } from 'vitest';
import { DrainEnd, EMPTY_MS, NOTICED_MS } from '../../../services/proxy/src/ecs/drain-end.ts';
import type { DrainReason } from '../../../services/registry/types.ts';

function watched() {
  const state: { reason: DrainReason | undefined; isUnused: boolean } = { reason: undefined, isUnused: true };
  const end = new DrainEnd({
    reason: () => state.reason,
    isUnused: () => state.isUnused,
    close: async () => true,
    onOver: () => undefined,
  });
  return { state, end };
}

it('when it has been empty for a while, and the load balancer knows', () => {
  const { state, end } = watched();
  expect(end.look(0)).toBe(false);
  state.reason = 'told';
  expect(end.look(1_000)).toBe(false);
  expect(end.look(1_000 + EMPTY_MS)).toBe(false);
  expect(end.look(1_000 + NOTICED_MS - 1)).toBe(false);
  expect(end.look(1_000 + NOTICED_MS)).toBe(true);
});

it('not before it has been empty for a while without a break', () => {
  const { state, end } = watched();
  state.reason = 'told';
  state.isUnused = false;
  expect(end.look(0)).toBe(false);
  state.isUnused = true;
  expect(end.look(100_000)).toBe(false);
  state.isUnused = false;
  expect(end.look(105_000)).toBe(false);
  state.isUnused = true;
  expect(end.look(106_000)).toBe(false);
  expect(end.look(106_000 + EMPTY_MS - 1)).toBe(false);
  expect(end.look(106_000 + EMPTY_MS)).toBe(true);
});

it.each<DrainReason>(['deployment', 'stopping'])('never when the reason is %s', (reason) => {
  const { state, end } = watched();
  state.reason = reason;
  for (let nowMs = 0; nowMs < 10 * NOTICED_MS; nowMs += 1_000) expect(end.look(nowMs)).toBe(false);
});

it('counts anew after it was taken back', () => {
  const { state, end } = watched();
  state.reason = 'told';
  end.look(0);
  state.reason = undefined;
  end.look(NOTICED_MS - 1);
  state.reason = 'told';
  expect(end.look(NOTICED_MS)).toBe(false);
  expect(end.look(2 * NOTICED_MS - 1)).toBe(false);
  expect(end.look(2 * NOTICED_MS)).toBe(true);
});
