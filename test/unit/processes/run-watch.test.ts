/** When the source of a run is left: what is wrong with it, and whether the stream may move. */

import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { Arrivals } from '../../../services/proxy/src/mpegts/splicing/arrivals.ts';
import type { Run } from '../../../services/proxy/src/processes/run.ts';
import { watchRun } from '../../../services/proxy/src/processes/run-watch.ts';
import { SourceWatch } from '../../../services/proxy/src/sources/source-watch.ts';
import type { SourceTrouble } from '../../../services/proxy/src/upstream/failover/source-trouble.ts';
import { systemClock } from '../../../services/shared/clock.ts';

const SECOND_MS = 1_000;

function addressOf(index: number) {
  return { url: `http://provider/${index}.ts`, headers: {}, userAgent: 'test', sticky: false };
}

/** A run that reads the source where the stream plays, and what is told of that. The stream has another source. */
function watched(trouble: SourceTrouble) {
  const source = { index: -1, address: addressOf(-1), canFailOver: true, movedAtMs: undefined as number | undefined };
  const read = {
    address: addressOf(-1),
    trouble: trouble as SourceTrouble | undefined,
    lost: undefined,
    arrivals: {},
    progressMs: undefined,
  };
  const told: string[] = [];
  const end = watchRun({ source: read } as unknown as Run, {
    source,
    address: addressOf(-1),
    output: { lastVideoMs: undefined, lastAudioMs: undefined },
    lastOutputMs: () => systemClock.monotonicMs(),
    streamTimeoutMs: 15_000,
    maxRunMs: undefined,
    onTrouble: ({ reason }) => told.push(`${source.index} ${reason}`),
    renewAtMs: () => undefined,
    onExpiring: () => undefined,
    onHung: (why) => told.push(why),
  });
  onTestFinished(end);
  return {
    source,
    read,
    told,
    /** The group moves; the source feed goes on there a second later. */
    move: (index: number) => {
      Object.assign(source, { index, address: addressOf(index), movedAtMs: Date.now() });
      vi.advanceTimersByTime(SECOND_MS);
      read.address = addressOf(index);
    },
  };
}

beforeEach(() => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
});

describe('a source in trouble', () => {
  it('is left once', () => {
    const { told } = watched('no_video');
    vi.advanceTimersByTime(60 * SECOND_MS);
    expect(told).toEqual(['-1 no_video']);
  });

  it('is left when the source feed has gone on there under the same run, too', () => {
    const { told, move } = watched('no_video');
    vi.advanceTimersByTime(SECOND_MS);
    move(0);
    vi.advanceTimersByTime(SECOND_MS);
    move(1);
    expect(told).toEqual(['-1 no_video', '0 no_video']);
  });

  it('is kept while the stream has no other one', () => {
    const { told, source } = watched('too_slow');
    source.canFailOver = false;
    vi.advanceTimersByTime(60 * SECOND_MS);
    expect(told).toEqual([]);
    source.canFailOver = true;
    vi.advanceTimersByTime(SECOND_MS);
    expect(told).toEqual(['-1 too_slow']);
  });

  it('is kept for 30 s after a failover if it is only too slow', () => {
    const { told, move } = watched('too_slow');
    vi.advanceTimersByTime(SECOND_MS);
    move(0);
    vi.advanceTimersByTime(28 * SECOND_MS);
    expect(told).toEqual(['-1 too_slow']);
    vi.advanceTimersByTime(2 * SECOND_MS);
    expect(told).toEqual(['-1 too_slow', '0 too_slow']);
  });

  it('is kept if it recovers before that', () => {
    const { told, read, move } = watched('too_slow');
    vi.advanceTimersByTime(SECOND_MS);
    move(0);
    read.trouble = undefined;
    vi.advanceTimersByTime(60 * SECOND_MS);
    expect(told).toEqual(['-1 too_slow']);
  });
});

it.each([
  [true, true, 'too_slow'],
  [true, false, undefined],
  [false, true, undefined],
])('with SLOW_DETECTION=%s, media that falls behind (%s) is %s', (slowDetection, isGrowing, trouble) => {
  const bitrate = {
    bitrateMonitoring: false,
    minBitrateBytesPerSecond: 0,
    bitrateCheckIntervalMs: 0,
    bitrateFailoverThreshold: 0,
    bitrateGraceMs: 0,
  };
  const settings = { streamTimeoutMs: 15_000, liveChunkTimeoutMs: 15_000, bitrate, slowDetection };
  const media = { arrivals: new Arrivals(), lag: { isGrowing } };
  expect(new SourceWatch('http://provider/1.ts', settings, media, systemClock).trouble).toBe(trouble);
});
