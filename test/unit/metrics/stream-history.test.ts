/** The last ten minutes of a stream, on a worker that makes or relays it. */

import { pino } from 'pino';
import { expect, it } from 'vitest';
import { StreamHistory } from '../../../services/proxy/src/metrics/stream-history.ts';

const STEP_MS = 10_000;

function stage() {
  const state = {
    streams: new Map<string, number | undefined>(),
    viewers: new Map([
      ['a', 0],
      ['b', 0],
    ]),
    asked: 0,
    fails: false,
  };
  const totals = async () => {
    state.asked++;
    if (state.fails) throw new Error('no answer');
    return new Map([...state.viewers].map(([id, viewers]) => [id, { viewers }]));
  };
  const history = new StreamHistory({
    totals,
    streams: () => state.streams,
    log: pino({ level: 'silent' }),
  });
  return { state, history };
}

it('has a value of each stream for each sample, and asks once for all', async () => {
  const { state, history } = stage();
  state.streams = new Map([
    ['a', 4_000_000],
    ['b', undefined],
  ]);
  state.viewers.set('a', 3);
  await history.take(STEP_MS);
  state.viewers.set('a', 4);
  await history.take(2 * STEP_MS);
  expect(history.of('a')).toEqual([
    { atMs: STEP_MS, viewers: 3, bitsPerSecond: 4_000_000 },
    { atMs: 2 * STEP_MS, viewers: 4, bitsPerSecond: 4_000_000 },
  ]);
  expect(history.of('b')).toMatchObject([{ viewers: 0 }, { viewers: 0 }]);
  expect(state.asked).toBe(2);
});

it('keeps ten minutes, and nothing of a stream that is not here any more', async () => {
  const { state, history } = stage();
  state.streams = new Map([
    ['a', 1],
    ['b', 1],
  ]);
  for (let n = 1; n <= 70; n++) await history.take(n * STEP_MS);
  expect(history.of('a')).toHaveLength(60);
  expect(history.of('a')?.[0]?.atMs).toBe(11 * STEP_MS);
  state.streams.delete('b');
  await history.take(71 * STEP_MS);
  expect(history.of('b')).toBeUndefined();
  expect(history.of('a')).toHaveLength(60);
});

it('asks nobody while it has no stream', async () => {
  const { state, history } = stage();
  state.streams = new Map([['a', 1]]);
  await history.take(STEP_MS);
  state.streams = new Map();
  await history.take(2 * STEP_MS);
  expect([state.asked, history.of('a')]).toEqual([1, undefined]);
});

it('has a gap while nobody answers', async () => {
  const { state, history } = stage();
  state.streams = new Map([['a', 1]]);
  await history.take(STEP_MS);
  state.fails = true;
  await history.take(2 * STEP_MS);
  state.fails = false;
  const { viewers } = state;
  state.viewers = new Map();
  await history.take(3 * STEP_MS);
  state.viewers = viewers;
  await history.take(4 * STEP_MS);
  expect(history.of('a')?.map(({ atMs }) => atMs)).toEqual([STEP_MS, 4 * STEP_MS]);
});
