/** The last hour of a stream, on the worker that makes it. */

import { pino } from 'pino';
import { expect, it } from 'vitest';
import { StreamHistory } from '../../../services/proxy/src/metrics/stream-history.ts';
import type { MadeStream, StreamTotals } from '../../../services/registry/types.ts';

function stage() {
  const state = {
    making: {} as Record<string, MadeStream>,
    viewers: new Map([
      ['a', 0],
      ['b', 0],
    ]),
    asked: 0,
    fails: false,
  };
  const streamTotals = async (): Promise<Map<string, StreamTotals>> => {
    state.asked++;
    if (state.fails) throw new Error('no answer');
    return new Map([...state.viewers].map(([id, viewers]) => [id, { viewers, bytesServed: 0 }]));
  };
  const history = new StreamHistory({
    registry: { streamTotals },
    making: () => state.making,
    log: pino({ level: 'silent' }),
  });
  return { state, history };
}

it('has a value a minute of each stream, and asks once for all', async () => {
  const { state, history } = stage();
  state.making = { a: { failures: 0, bitsPerSecond: 4_000_000 }, b: { failures: 0 } };
  state.viewers.set('a', 3);
  await history.take(60_000);
  state.viewers.set('a', 4);
  await history.take(120_000);
  expect(history.of('a')).toEqual([
    { atMs: 60_000, viewers: 3, bitsPerSecond: 4_000_000 },
    { atMs: 120_000, viewers: 4, bitsPerSecond: 4_000_000 },
  ]);
  expect(history.of('b')).toMatchObject([{ viewers: 0 }, { viewers: 0 }]);
  expect(state.asked).toBe(2);
});

it('keeps an hour, and nothing of a stream that is not made here any more', async () => {
  const { state, history } = stage();
  state.making = { a: { failures: 0 }, b: { failures: 0 } };
  for (let minute = 1; minute <= 70; minute++) await history.take(minute * 60_000);
  expect(history.of('a')).toHaveLength(60);
  expect(history.of('a')?.[0]?.atMs).toBe(11 * 60_000);
  state.making = { a: { failures: 0 } };
  await history.take(71 * 60_000);
  expect(history.of('b')).toBeUndefined();
  expect(history.of('a')).toHaveLength(60);
});

it('has a gap while nobody answers', async () => {
  const { state, history } = stage();
  state.making = { a: { failures: 0 } };
  await history.take(60_000);
  state.fails = true;
  await history.take(120_000);
  state.fails = false;
  const { viewers } = state;
  state.viewers = new Map();
  await history.take(180_000);
  state.viewers = viewers;
  await history.take(240_000);
  expect(history.of('a')?.map(({ atMs }) => atMs)).toEqual([60_000, 240_000]);
});
