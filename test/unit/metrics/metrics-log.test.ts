/** The lines of metrics in the log: when they are written, what they hold, and that CloudWatch can read them. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MetricsLog } from '../../../services/proxy/src/metrics/metrics-log.ts';
import { type MetricsSources, workerMetrics } from '../../../services/proxy/src/metrics/worker-metrics.ts';
import { createLogger } from '../../../services/shared/log.ts';
import { METRICS, PUBLISHED } from '../../../services/shared/metric-names.ts';
import { metricsIn } from '../../support/emf.ts';

const NOW = Date.parse('2026-11-28T10:00:10Z');
const numbers = { clients: 0, processes: 0, bufferedBytes: 0 };
const counted = { restartCount: 0, egressBytes: 0, failures: 0, sentBytes: 0 };
let lines: string[];

function metricsLog(level: 'info' | 'fatal' = 'info'): MetricsLog {
  const sources = {
    numbers: () => numbers,
    clients: async () => numbers.clients,
    processFeeds: counted,
    playback: counted,
    lease: { state: 'held' },
    relays: { connections: 0, sentBytes: 0 },
  } as unknown as MetricsSources;
  const log = createLogger(level, { worker: 'w1' }, { write: (line: string) => lines.push(line) });
  return new MetricsLog({ stage: 'prod', metrics: workerMetrics(sources), log });
}

const valuesIn = (line: string | undefined): Record<string, number> =>
  Object.fromEntries(metricsIn(line ?? '').map(({ name, value }) => [name, value]));

beforeEach(() => {
  vi.useFakeTimers({ now: NOW });
  lines = [];
  Object.assign(numbers, { clients: 0, processes: 0, bufferedBytes: 0 });
  Object.assign(counted, { restartCount: 0, egressBytes: 0, failures: 0 });
});
afterEach(() => vi.useRealTimers());

describe('the metrics in the log', () => {
  it('are everything that is published, with its unit, under the stage', async () => {
    const log = metricsLog();
    await log.start();
    await log.stop();
    const metrics = metricsIn(lines[0] ?? '');
    expect(metrics.map(({ name, unit }) => [name, unit])).toEqual(
      Object.entries(PUBLISHED).map(([name, unit]) => [METRICS[name as keyof typeof PUBLISHED], unit]),
    );
    for (const { namespace, dimensions } of metrics)
      expect([namespace, dimensions]).toEqual(['Streampool', { Stage: 'prod' }]);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ worker: 'w1', _aws: { Timestamp: NOW } });
  });

  it('come once in the middle of each minute, on whatever second the worker has started', async () => {
    const log = metricsLog();
    await log.start();
    await vi.advanceTimersByTimeAsync(3 * 60_000);
    const seconds = lines.map((line) => new Date(JSON.parse(line)._aws.Timestamp).toISOString().slice(14, 19));
    expect(seconds).toEqual(['00:10', '00:30', '01:30', '02:30']);
    await log.stop();
    await vi.advanceTimersByTimeAsync(3 * 60_000);
    expect(lines).toHaveLength(5);
  });

  it('say gauges as they are, and of counters what came since the line before', async () => {
    const log = metricsLog();
    await log.start();
    Object.assign(numbers, { clients: 3, processes: 1, bufferedBytes: 48e6 });
    counted.egressBytes = 1000;
    await vi.advanceTimersByTimeAsync(20_000);
    Object.assign(counted, { egressBytes: 1700, restartCount: 2, failures: 1 });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(valuesIn(lines[1])).toMatchObject({ streampool_clients: 3, streampool_egress_bytes_total: 1000 });
    expect(valuesIn(lines[2])).toEqual({
      streampool_clients: 3,
      streampool_processes: 1,
      streampool_ring_bytes: 48e6,
      streampool_egress_bytes_total: 700,
      streampool_relay_bytes_total: 0,
      streampool_ffmpeg_restarts_total: 2,
      streampool_errors_total: 1,
    });
    counted.egressBytes = 2000;
    await log.stop();
    // No gauges: the sum over the workers would count these viewers twice in this minute.
    expect(valuesIn(lines[3])).toEqual({
      streampool_egress_bytes_total: 300,
      streampool_relay_bytes_total: 0,
      streampool_ffmpeg_restarts_total: 0,
      streampool_errors_total: 0,
    });
  });

  it('are written whatever LOG_LEVEL says', async () => {
    const log = metricsLog('fatal');
    await log.start();
    await log.stop();
    expect(lines.map((line) => metricsIn(line).length)).toEqual([7, 4]);
  });
});
