/** What is measured as it happens: the same figures as in the record of events. */

import { setTimeout as sleep } from 'node:timers/promises';
import { Registry } from 'prom-client';
import { expect, it, onTestFinished } from 'vitest';
import { RedisTally } from '../../../services/proxy/src/cluster/redis-tally.ts';
import { EventLoopDelay } from '../../../services/proxy/src/metrics/event-loop.ts';
import { addMeasures } from '../../../services/proxy/src/metrics/measures.ts';
import { Joins } from '../../../services/proxy/src/viewers/joins.ts';
import { EventLog } from '../../../services/registry/events/event-log.ts';
import { MemoryRegistry } from '../../../services/registry/memory/memory-registry.ts';
import { systemClock } from '../../../services/shared/clock.ts';
import { samplesIn } from '../../support/metrics.ts';
import { until } from '../../support/until.ts';

function ground() {
  const me = { workerId: 'w', incarnation: 'i', address: '', zone: undefined };
  const registry = new MemoryRegistry(me, 0, systemClock, new EventLog(systemClock, 60_000));
  const metrics = new Registry();
  const [joins, redis] = [new Joins(), new RedisTally()];
  addMeasures(metrics, { registry, joins, redis });
  return { registry, joins, redis, samples: async () => samplesIn(await metrics.metrics()) };
}

it('begins at 0 with every label that can come', async () => {
  const samples = await ground().samples();
  expect([...samples.values()].every((value) => value === 0)).toBe(true);
  for (const name of [
    'streampool_join_seconds_count{start="warm"}',
    'streampool_join_seconds_count{start="relay"}',
    'streampool_join_seconds_count{start="cold"}',
    'streampool_join_seconds_bucket{le="0.005",start="warm"}',
    'streampool_join_seconds_bucket{le="10",start="warm"}',
    'streampool_takeovers_total',
    'streampool_takeover_gap_seconds_count',
    'streampool_handovers_total{exact="true"}',
    'streampool_handovers_total{exact="false"}',
    'streampool_handover_seconds_count',
    'streampool_ffmpeg_gap_seconds_count',
    'streampool_source_losses_total{reason="stalled"}',
    'streampool_redis_seconds_count',
  ]) {
    expect(samples.has(name), name).toBe(true);
  }
});

it('takes gaps, handovers and losses from the events that this worker tells', async () => {
  const { registry, samples } = ground();
  registry.tellEvent({ type: 'takeover', data: { gap_ms: 31 } });
  registry.tellEvent({ type: 'takeover', data: { gap_ms: undefined } });
  registry.tellEvent({ type: 'handover', data: { took_ms: 408, exact: true } });
  registry.tellEvent({ type: 'handover', data: { took_ms: 19, exact: false } });
  registry.tellEvent({ type: 'handover', data: { took_ms: 1 } });
  registry.tellEvent({ type: 'ffmpeg_restarted', data: { gap_ms: 2_000 } });
  registry.tellEvent({ type: 'source_lost', data: { reason: 'stalled' } });
  registry.tellEvent({ type: 'redis_lost', data: { reason: 'stalled' } });
  const now = await samples();
  const value = (name: string) => now.get(`streampool_${name}`);
  expect(value('takeovers_total')).toBe(2);
  expect(value('takeover_gap_seconds_count')).toBe(1);
  expect(value('takeover_gap_seconds_sum')).toBeCloseTo(0.031);
  expect(value('takeover_gap_seconds_bucket{le="0.025"}')).toBe(0);
  expect(value('takeover_gap_seconds_bucket{le="0.05"}')).toBe(1);
  expect(value('handovers_total{exact="true"}')).toBe(1);
  expect(value('handovers_total{exact="false"}')).toBe(1);
  expect(value('handovers_total{exact="unknown"}')).toBe(1);
  expect(value('handover_seconds_sum')).toBeCloseTo(0.428);
  expect(value('ffmpeg_gap_seconds_sum')).toBe(2);
  expect(value('source_losses_total{reason="stalled"}')).toBe(1);
  expect(await registry.eventCounts()).toEqual({
    takeover: 2,
    handover: 3,
    ffmpeg_restarted: 1,
    source_lost: 1,
    redis_lost: 1,
  });
});

it('takes the first bytes of viewers by where their media came from', async () => {
  const { joins, samples } = ground();
  for (const start of ['warm', 'relay', 'cold', 'cold'] as const) {
    const viewer = {};
    joins.asked(viewer);
    joins.firstByte(viewer, start);
  }
  const now = await samples();
  const counts = ['warm', 'relay', 'cold'].map((start) => now.get(`streampool_join_seconds_count{start="${start}"}`));
  expect(counts).toEqual([1, 1, 2]);
});

it('takes what Redis answers, and counts what it does not, but for scripts that it has to be sent', async () => {
  const { redis, samples } = ground();
  redis.sent(Promise.resolve('OK'));
  redis.sent(Promise.reject(new Error('NOSCRIPT No matching script.')));
  redis.sent(Promise.reject(new Error('Command timed out')));
  await until(() => redis.errors === 1, { what: 'the error to count' });
  expect((await samples()).get('streampool_redis_seconds_count')).toBe(1);
});

it('sees that the event loop was held up, and forgets it', async () => {
  const delay = new EventLoopDelay(500);
  onTestFinished(() => delay.stop());
  // The time before its first turn is not measured.
  await sleep(150);
  for (const began = performance.now(); performance.now() - began < 300; );
  await until(() => delay.p99Seconds > 0.1, { what: 'it to be seen' });
  await until(() => delay.p99Seconds < 0.1, { timeoutMs: 10_000, what: 'an interval in which nothing was late' });
});
