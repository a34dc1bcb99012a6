/** What a worker measures every 10 s. */

import { expect, it, onTestFinished } from 'vitest';
import { Sampler } from '../../../services/proxy/src/metrics/sampler.ts';
import type { JoinResult } from '../../../services/proxy/src/viewers/joins.ts';
import type { Sample } from '../../../services/registry/samples/sample.ts';
import { systemClock, type Timer } from '../../../services/shared/clock.ts';

/** A sampler on a clock that only this test moves. */
function stage() {
  let nowMs = 1_796_000_003_000;
  let due: { readonly atMs: number; readonly run: () => void } | undefined;
  const clock = {
    ...systemClock,
    wallMs: () => nowMs,
    monotonicMs: () => nowMs - 1_796_000_000_000,
    setTimeout: (run: () => void, ms: number) => {
      due = { atMs: nowMs + ms, run };
      return due as unknown as Timer;
    },
    clearTimeout: () => {
      due = undefined;
    },
  };
  const state = {
    ...{ receivedBytes: 5_000, egressBytes: 7_000, sentBytes: 0, p99Seconds: 0.004, processes: 0 },
    joins: {
      counts: new Map<JoinResult, number>([
        ['ok', 3],
        ['full', 1],
        ['refused', 1],
      ]),
    },
    counted: { viewers: 0, streamIds: new Set<string>() },
    own: [] as string[],
    relayed: [] as string[],
  };
  const kept: Sample[] = [];
  const told: number[] = [];
  const sampler = new Sampler({
    samples: { keep: (sample) => void kept.push(sample) },
    playback: state,
    processFeeds: { streams: (kind) => (kind === 'own' ? state.own : state.relayed) },
    processes: () => state.processes,
    relays: state,
    memories: state,
    eventLoop: state,
    onSample: (atMs) => void told.push(atMs),
    clock,
  });
  onTestFinished(() => sampler.stop());
  /** Lets time pass; timers fire late by `lateMs`. */
  const pass = (ms: number, lateMs = 0) => {
    const untilMs = nowMs + ms;
    while (due !== undefined && due.atMs + lateMs <= untilMs) {
      const { atMs, run } = due;
      nowMs = atMs + lateMs;
      due = undefined;
      run();
    }
    nowMs = untilMs;
  };
  const numbers = () => kept.map(({ n }) => n);
  return { sampler, state, kept, told, numbers, pass, isWaiting: () => due !== undefined };
}

it('takes one when each 10 s of the clock are over, on all workers at once', () => {
  const { sampler, kept, numbers, pass } = stage();
  sampler.start();
  pass(6_999);
  expect(kept).toEqual([]);
  pass(1);
  pass(25_000);
  expect(numbers()).toEqual([179_600_001, 179_600_002, 179_600_003]);
});

it('takes none twice when a timer fires early, and none late', () => {
  const { sampler, numbers, pass } = stage();
  sampler.start();
  pass(30_000, -3);
  pass(30_000, 40);
  expect(numbers()).toEqual([1, 2, 3, 4, 5, 6].map((n) => 179_600_000 + n));
});

it('counts what has come since the one before', () => {
  const { sampler, state, kept, pass } = stage();
  sampler.start();
  pass(7_000);
  Object.assign(state, { receivedBytes: 5_000 + 10_000_000, egressBytes: 7_000 + 30_000_000, sentBytes: 5_000_000 });
  state.processes = 2;
  for (const [result, count] of [
    ['ok', 8],
    ['full', 2],
    ['refused', 9],
    ['failed', 1],
  ] as const) {
    state.joins.counts.set(result, count);
  }
  pass(10_000);
  pass(10_000);
  expect(kept[0]).toMatchObject({ inBitsPerSecond: 0, outBitsPerSecond: 0, joins: 0, failedJoins: 0 });
  expect(kept[1]).toMatchObject({
    ...{ inBitsPerSecond: 8_000_000, outBitsPerSecond: 24_000_000, betweenBitsPerSecond: 4_000_000 },
    ...{ joins: 5, failedJoins: 2, processes: 2 },
  });
  expect(kept[2]).toMatchObject({ inBitsPerSecond: 0, joins: 0, failedJoins: 0, processes: 2 });
  expect(kept[2]?.residentBytes).toBeGreaterThan(10_000_000);
  for (const { cpu, eventLoopP99Ms } of kept) {
    expect(cpu).toBeGreaterThanOrEqual(0);
    expect(eventLoopP99Ms).toBe(4);
  }
});

it('counts a stream on the worker that makes it, or passes it on by itself', () => {
  const { sampler, state, kept, pass } = stage();
  sampler.start();
  state.counted = { viewers: 9, streamIds: new Set(['made', 'relayed', 'direct']) };
  // Viewers of another worker watch the second one.
  state.own = ['made', 'made for others'];
  state.relayed = ['relayed'];
  pass(7_000);
  expect(kept[0]).toMatchObject({ viewers: 9, streams: 3 });
});

it('says of each one when it was', () => {
  const { sampler, told, numbers, pass } = stage();
  sampler.start();
  pass(27_000, -3);
  expect(told).toEqual([1_796_000_010_000, 1_796_000_020_000, 1_796_000_030_000]);
  expect(told).toEqual(numbers().map((n) => n * 10_000));
});

it('takes none any more when it is stopped', () => {
  const { sampler, kept, pass, isWaiting } = stage();
  sampler.start();
  pass(7_000);
  sampler.stop();
  expect(isWaiting()).toBe(false);
  pass(60_000);
  expect(kept).toHaveLength(1);
});
